//! Names of extensions and commands.

use std::ffi::CStr;

use ash::{ext, khr, vk};

/// What a driver with everything has.
pub(crate) const INSTANCE_EXTENSIONS: &[&CStr] = &[
    khr::surface::NAME,
    khr::wayland_surface::NAME,
    khr::get_surface_capabilities2::NAME,
    khr::get_physical_device_properties2::NAME,
    khr::external_memory_capabilities::NAME,
    khr::external_semaphore_capabilities::NAME,
    khr::external_fence_capabilities::NAME,
    ext::debug_utils::NAME,
];

pub(crate) const DEVICE_EXTENSIONS: &[&CStr] = &[
    khr::swapchain::NAME,
    khr::maintenance1::NAME,
    khr::bind_memory2::NAME,
    khr::get_memory_requirements2::NAME,
    khr::dedicated_allocation::NAME,
    khr::sampler_ycbcr_conversion::NAME,
    khr::external_memory::NAME,
    khr::external_semaphore::NAME,
    khr::external_fence::NAME,
    khr::image_format_list::NAME,
    khr::external_memory_fd::NAME,
    khr::external_semaphore_fd::NAME,
    khr::external_fence_fd::NAME,
    ext::external_memory_dma_buf::NAME,
    ext::image_drm_format_modifier::NAME,
    ext::queue_family_foreign::NAME,
];

/// What the layer must add where the application's version is 1.2 or more.
pub(crate) const NEEDED_SINCE_1_2: &[&CStr] = &[
    khr::external_memory_fd::NAME,
    khr::external_semaphore_fd::NAME,
    khr::external_fence_fd::NAME,
    ext::external_memory_dma_buf::NAME,
    ext::image_drm_format_modifier::NAME,
    ext::queue_family_foreign::NAME,
];

pub(crate) const SWAPCHAIN_FUNCTIONS: &[&CStr] = &[
    c"vkCreateSwapchainKHR",
    c"vkDestroySwapchainKHR",
    c"vkGetSwapchainImagesKHR",
    c"vkAcquireNextImageKHR",
    c"vkAcquireNextImage2KHR",
    c"vkQueuePresentKHR",
];

pub(crate) const NO_INSTANCE: vk::Instance = vk::Instance::null();

pub(crate) const WAYFENCE: &CStr = c"VK_LAYER_WAYFENCE_wsi";
