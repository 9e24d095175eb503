//! `VK_KHR_wayland_surface`.

use ash::khr::wayland_surface::NAME;

use super::surface_queries;
use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Provider},
    },
    entry::surfaces,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Everybody,
    commands: &[
        command!(
            c"vkCreateWaylandSurfaceKHR",
            Instance,
            Given::Instance(NAME),
            surfaces::create_wayland_surface,
            PFN_vkCreateWaylandSurfaceKHR
        ),
        command!(
            c"vkGetPhysicalDeviceWaylandPresentationSupportKHR",
            PhysicalDevice,
            Given::Instance(NAME),
            surface_queries::get_wayland_presentation_support,
            PFN_vkGetPhysicalDeviceWaylandPresentationSupportKHR
        ),
    ],
    ..Extension::instance(&[(NAME, 6)])
};
