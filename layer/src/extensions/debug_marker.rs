//! `VK_EXT_debug_marker`: the driver does not get names and tags of the layer's objects.

use ash::ext::debug_marker::NAME;

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
            c"vkDebugMarkerSetObjectNameEXT",
            Device,
            Given::Below,
            handles::debug_marker_set_object_name,
            PFN_vkDebugMarkerSetObjectNameEXT
        ),
        command!(
            c"vkDebugMarkerSetObjectTagEXT",
            Device,
            Given::Below,
            handles::debug_marker_set_object_tag,
            PFN_vkDebugMarkerSetObjectTagEXT
        ),
    ],
    ..Extension::device(&[(NAME, 4)])
};
