//! `VK_EXT_layer_settings`: the application's settings for the layer
//! ([`Settings`](crate::objects::settings::Settings) reads it).

use ash::ext::layer_settings::NAME;

use crate::catalogue::extension::Extension;

/// The extension.
pub static EXTENSION: Extension = Extension::instance(&[(NAME, 2)]);
