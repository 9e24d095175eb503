//! `VK_GOOGLE_display_timing`.

use ash::google::display_timing::NAME;

use super::extension::{Extension, Provider};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Hidden,
    ..Extension::device(&[(NAME, 1)])
};
