//! `VK_EXT_present_timing`.

use super::extension::{Extension, Provider};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Hidden,
    ..Extension::device(&[(c"VK_EXT_present_timing", 3)])
};
