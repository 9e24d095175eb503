//! `VK_KHR_get_physical_device_properties2`, of Vulkan 1.1: among the features are those of the layer's
//! extensions.

use ash::khr::get_physical_device_properties2::NAME;

use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Provider},
    },
    entry::features,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Driver,
    commands: &[
        command!(
            c"vkGetPhysicalDeviceFeatures2",
            PhysicalDevice,
            Given::Below,
            features::get_physical_device_features2,
            PFN_vkGetPhysicalDeviceFeatures2
        ),
        command!(
            c"vkGetPhysicalDeviceFeatures2KHR",
            PhysicalDevice,
            Given::Below,
            features::get_physical_device_features2,
            PFN_vkGetPhysicalDeviceFeatures2
        ),
    ],
    ..Extension::instance(&[(NAME, 2)])
};
