//! `VK_EXT_debug_utils`: names and tags of our objects are not for the driver.

use ash::ext::debug_utils::NAME;

use super::extension::{Extension, Provider};
use crate::{
    entry::handles,
    extensions::command::{Given, command},
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Driver,
    commands: &[
        command!(
            c"vkSetDebugUtilsObjectNameEXT",
            Device,
            Given::Below,
            handles::set_debug_utils_object_name,
            PFN_vkSetDebugUtilsObjectNameEXT
        ),
        command!(
            c"vkSetDebugUtilsObjectTagEXT",
            Device,
            Given::Below,
            handles::set_debug_utils_object_tag,
            PFN_vkSetDebugUtilsObjectTagEXT
        ),
    ],
    ..Extension::instance(&[(NAME, 2)])
};
