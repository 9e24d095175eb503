//! `VK_GOOGLE_surfaceless_query`: surface queries without a surface.
//!
//! The driver answers for present modes and protected images: the only modes allowed are FIFO, which every
//! surface has, and those of shared images. Formats are those that our surfaces have.

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

/// Whether a query without a surface must answer for our surfaces.
pub fn concerns(instance: &Instance, device: &PhysicalDevice, surface: vk::SurfaceKHR) -> bool {
    surface == vk::SurfaceKHR::null() && instance.can_own(device)
}

/// Whether our surfaces have the driver's format in that colour space.
pub fn has(instance: &Instance, device: &PhysicalDevice, format: &vk::SurfaceFormatKHR) -> bool {
    let is_space_known = format.color_space == vk::ColorSpaceKHR::SRGB_NONLINEAR
        || (format.color_space == vk::ColorSpaceKHR::PASS_THROUGH_EXT
            && instance.has(ash::ext::swapchain_colorspace::NAME));
    is_space_known && offer::can_hand_over(device, format.format)
}
