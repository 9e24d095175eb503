//! `VK_KHR_shared_presentable_image`: on Wayland a buffer that is shown cannot be drawn into, so no surface
//! offers these present modes.

use std::ffi::c_void;

use ash::{
    khr::shared_presentable_image::NAME,
    vk::{self, PFN_vkGetSwapchainStatusKHR},
};

use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Provider, SurfaceQuery},
    },
    entry::answer::on_swapchain,
    vulkan::p_next,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Driver,
    commands: &[command!(
        c"vkGetSwapchainStatusKHR",
        Device,
        Given::Below,
        get_swapchain_status,
        PFN_vkGetSwapchainStatusKHR
    )],
    capabilities: Some(fill),
    ..Extension::device(&[(NAME, 1)])
};

unsafe fn fill(query: &SurfaceQuery<'_>, chain: *mut c_void) {
    // SAFETY: a valid chain, as `Extension::capabilities` says.
    let ours = unsafe { p_next::find_mut::<vk::SharedPresentSurfaceCapabilitiesKHR<'_>>(chain) };
    if let Some(ours) = ours.filter(|_| query.offer.is_some()) {
        ours.shared_present_supported_usage_flags = vk::ImageUsageFlags::empty();
    }
}

/// `vkGetSwapchainStatusKHR`: for ours, whether the swapchain is suboptimal.
unsafe extern "system" fn get_swapchain_status(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            "vkGetSwapchainStatusKHR",
            device,
            swapchain,
            |ours| Ok(ours.quality()),
            |object| {
                let next: PFN_vkGetSwapchainStatusKHR = object.below(c"vkGetSwapchainStatusKHR")?;
                Ok(next(device, swapchain))
            },
        )
    }
}
