//! `VK_EXT_display_control`: there are no counters on Wayland.

use ash::ext::display_control::NAME;

use super::extension::{Extension, Provider};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Hidden,
    ..Extension::device(&[(NAME, 1)])
};
