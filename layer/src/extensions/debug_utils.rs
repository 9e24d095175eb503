//! `VK_EXT_debug_utils`: the driver does not get names and tags of the layer's objects.

use ash::ext::debug_utils::NAME;

use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Provider},
    },
    entry::handles,
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
