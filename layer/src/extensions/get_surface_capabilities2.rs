//! `VK_KHR_get_surface_capabilities2`.

use ash::khr::get_surface_capabilities2::NAME;

use super::surface_queries;
use crate::catalogue::{
    command::{Given, command},
    extension::{Extension, Provider},
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Everybody,
    commands: &[
        command!(
            c"vkGetPhysicalDeviceSurfaceCapabilities2KHR",
            PhysicalDevice,
            Given::Instance(NAME),
            surface_queries::get_surface_capabilities2,
            PFN_vkGetPhysicalDeviceSurfaceCapabilities2KHR
        ),
        command!(
            c"vkGetPhysicalDeviceSurfaceFormats2KHR",
            PhysicalDevice,
            Given::Instance(NAME),
            surface_queries::get_surface_formats2,
            PFN_vkGetPhysicalDeviceSurfaceFormats2KHR
        ),
    ],
    ..Extension::instance(&[(NAME, 1)])
};
