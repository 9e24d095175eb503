//! A swapchain that shows whether the layer takes over.

use std::env;

use ash::{khr, vk};
use wayfence::report::{self, SwapchainReport};

use super::instance::Instance;
use crate::command::composite_alpha;

/// Makes a swapchain and destroys it. Answers the layer's report on it.
pub fn report(
    instance: &Instance,
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
    family: u32,
    format: vk::SurfaceFormatKHR,
) -> Result<Option<SwapchainReport>, String> {
    // SAFETY: a device and a surface of this instance.
    let capabilities = unsafe {
        instance
            .surfaces
            .get_physical_device_surface_capabilities(device, surface)
    }
    .map_err(|error| format!("vkGetPhysicalDeviceSurfaceCapabilitiesKHR: {error}"))?;
    let queues = [vk::DeviceQueueCreateInfo::default()
        .queue_family_index(family)
        .queue_priorities(&[1.0])];
    let names = [khr::swapchain::NAME.as_ptr()];
    let info = vk::DeviceCreateInfo::default()
        .queue_create_infos(&queues)
        .enabled_extension_names(&names);
    // SAFETY: everything that the create info points to is alive.
    let logical = unsafe { instance.raw.create_device(device, &info, None) }
        .map_err(|error| format!("vkCreateDevice: {error}"))?;
    let info = vk::SwapchainCreateInfoKHR::default()
        .surface(surface)
        .min_image_count(capabilities.min_image_count)
        .image_format(format.format)
        .image_color_space(format.color_space)
        .image_extent(vk::Extent2D {
            width: 64,
            height: 64,
        })
        .image_array_layers(1)
        .image_usage(vk::ImageUsageFlags::COLOR_ATTACHMENT)
        .pre_transform(capabilities.current_transform)
        .composite_alpha(composite_alpha::of(&capabilities))
        .present_mode(vk::PresentModeKHR::FIFO);
    let swapchains = khr::swapchain::Device::new(&instance.raw, &logical);
    let before = reports();
    // SAFETY: a device with the extension, and a surface without a swapchain; nothing is done with
    // the images, so both can be destroyed at once.
    let created = unsafe {
        let created = swapchains.create_swapchain(&info, None);
        if let Ok(swapchain) = created {
            swapchains.destroy_swapchain(swapchain, None);
        }
        logical.destroy_device(None);
        created
    };
    created.map_err(|error| format!("vkCreateSwapchainKHR: {error}"))?;
    Ok(reports().into_iter().nth(before.len()))
}

/// The layer's reports so far.
fn reports() -> Vec<SwapchainReport> {
    env::var_os("WAYFENCE_REPORT")
        .and_then(|file| report::read(file).ok())
        .unwrap_or_default()
}
