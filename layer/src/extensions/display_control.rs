//! `VK_EXT_display_control`: no swapchain on Wayland has counters.

use ash::{
    ext::display_control::NAME,
    vk::{self, PFN_vkGetSwapchainCounterEXT},
};

use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Provider},
    },
    entry::answer::on_swapchain,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Driver,
    commands: &[command!(
        c"vkGetSwapchainCounterEXT",
        Device,
        Given::Below,
        get_swapchain_counter,
        PFN_vkGetSwapchainCounterEXT
    )],
    ..Extension::device(&[(NAME, 1)])
};

/// `vkGetSwapchainCounterEXT`: our surfaces have no counters.
unsafe extern "system" fn get_swapchain_counter(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    counter: vk::SurfaceCounterFlagsEXT,
    value: *mut u64,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            "vkGetSwapchainCounterEXT",
            device,
            swapchain,
            |_| {
                *value = 0;
                Ok(vk::Result::SUCCESS)
            },
            |object| {
                let next: PFN_vkGetSwapchainCounterEXT =
                    object.below(c"vkGetSwapchainCounterEXT")?;
                Ok(next(device, swapchain, counter, value))
            },
        )
    }
}
