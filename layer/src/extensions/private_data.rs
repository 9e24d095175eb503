//! `VK_EXT_private_data`, of Vulkan 1.3: the layer keeps the data of its own objects.

use ash::ext::private_data::NAME;

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
            c"vkDestroyPrivateDataSlot",
            Device,
            Given::Below,
            handles::destroy_private_data_slot,
            PFN_vkDestroyPrivateDataSlot
        ),
        command!(
            c"vkDestroyPrivateDataSlotEXT",
            Device,
            Given::Below,
            handles::destroy_private_data_slot,
            PFN_vkDestroyPrivateDataSlot
        ),
        command!(
            c"vkSetPrivateData",
            Device,
            Given::Below,
            handles::set_private_data,
            PFN_vkSetPrivateData
        ),
        command!(
            c"vkSetPrivateDataEXT",
            Device,
            Given::Below,
            handles::set_private_data,
            PFN_vkSetPrivateData
        ),
        command!(
            c"vkGetPrivateData",
            Device,
            Given::Below,
            handles::get_private_data,
            PFN_vkGetPrivateData
        ),
        command!(
            c"vkGetPrivateDataEXT",
            Device,
            Given::Below,
            handles::get_private_data,
            PFN_vkGetPrivateData
        ),
    ],
    ..Extension::device(&[(NAME, 1)])
};
