//! `VK_EXT_display_surface_counter`: there are no counters on Wayland.

use ash::ext::display_surface_counter::NAME;

use super::surface_queries;
use crate::catalogue::{
    command::{Given, command},
    extension::{Extension, Provider},
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Driver,
    commands: &[command!(
        c"vkGetPhysicalDeviceSurfaceCapabilities2EXT",
        PhysicalDevice,
        Given::Instance(NAME),
        surface_queries::get_surface_capabilities2_ext,
        PFN_vkGetPhysicalDeviceSurfaceCapabilities2EXT
    )],
    ..Extension::instance(&[(NAME, 1)])
};
