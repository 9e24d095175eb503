//! `VK_KHR_surface`.

use ash::khr::surface::NAME;

use super::surface_queries;
use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Provider},
    },
    entry::surfaces,
};

const GIVEN: Given = Given::Instance(NAME);

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Everybody,
    commands: &[
        command!(
            c"vkDestroySurfaceKHR",
            Instance,
            GIVEN,
            surfaces::destroy_surface,
            PFN_vkDestroySurfaceKHR
        ),
        command!(
            c"vkGetPhysicalDeviceSurfaceSupportKHR",
            PhysicalDevice,
            GIVEN,
            surface_queries::get_surface_support,
            PFN_vkGetPhysicalDeviceSurfaceSupportKHR
        ),
        command!(
            c"vkGetPhysicalDeviceSurfaceCapabilitiesKHR",
            PhysicalDevice,
            GIVEN,
            surface_queries::get_surface_capabilities,
            PFN_vkGetPhysicalDeviceSurfaceCapabilitiesKHR
        ),
        command!(
            c"vkGetPhysicalDeviceSurfaceFormatsKHR",
            PhysicalDevice,
            GIVEN,
            surface_queries::get_surface_formats,
            PFN_vkGetPhysicalDeviceSurfaceFormatsKHR
        ),
        command!(
            c"vkGetPhysicalDeviceSurfacePresentModesKHR",
            PhysicalDevice,
            GIVEN,
            surface_queries::get_surface_present_modes,
            PFN_vkGetPhysicalDeviceSurfacePresentModesKHR
        ),
    ],
    ..Extension::instance(&[(NAME, 25)])
};
