//! `VK_GOOGLE_surfaceless_query`: what surfaces offer, asked without one.
//!
//! Present modes and protected images are the driver's to tell: of modes, only FIFO and those of shared
//! images can be told of, and every surface has FIFO. A format is told of where surfaces of ours have it.

use ash::vk;

use crate::{
    catalogue::extension::{Extension, Provider},
    driver::{offer, physical_device::PhysicalDevice},
    objects::instance::Instance,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Driver,
    ..Extension::instance(&[(c"VK_GOOGLE_surfaceless_query", 2)])
};

/// Whether an application that asks without a surface must hear what ours have.
pub fn concerns(instance: &Instance, device: &PhysicalDevice, surface: vk::SurfaceKHR) -> bool {
    surface == vk::SurfaceKHR::null() && instance.can_own(device)
}

/// Whether surfaces of ours have the format in that colour space, which the driver tells of.
pub fn has(instance: &Instance, device: &PhysicalDevice, format: &vk::SurfaceFormatKHR) -> bool {
    let is_space_known = format.color_space == vk::ColorSpaceKHR::SRGB_NONLINEAR
        || (format.color_space == vk::ColorSpaceKHR::PASS_THROUGH_EXT
            && instance.has(ash::ext::swapchain_colorspace::NAME));
    is_space_known && offer::can_hand_over(device, format.format)
}
