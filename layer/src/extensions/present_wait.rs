//! `VK_KHR_present_wait`: waiting until a frame is shown.

use ash::{
    khr::present_wait::NAME,
    vk::{self, PFN_vkWaitForPresentKHR},
};
use wayfence::deadline::Deadline;

use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Features},
    },
    entry::answer::{Answer, on_swapchain},
    swapchain::owned::Swapchain,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    features: Features::one(vk::StructureType::PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR),
    commands: &[command!(
        c"vkWaitForPresentKHR",
        Device,
        Given::Device(NAME),
        wait_for_present,
        PFN_vkWaitForPresentKHR
    )],
    ..Extension::device(&[(NAME, 1)])
};

/// `vkWaitForPresentKHR`.
unsafe extern "system" fn wait_for_present(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    id: u64,
    timeout: u64,
) -> vk::Result {
    let command = "vkWaitForPresentKHR";
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            command,
            device,
            swapchain,
            |ours| wait(ours, command, id, timeout),
            |object| match object.below::<PFN_vkWaitForPresentKHR>(c"vkWaitForPresentKHR") {
                Ok(next) => Ok(next(device, swapchain, id, timeout)),
                // A driver without the extension has no answer.
                Err(_) => Ok(vk::Result::SUCCESS),
            },
        )
    }
}

/// Waits for the frame with this number, so many nanoseconds at most.
pub fn wait(swapchain: &Swapchain, command: &str, id: u64, timeout: u64) -> Answer {
    let deadline = Deadline::from_timeout(timeout);
    match swapchain.compositor.wait_for_present(id, deadline) {
        Ok(true) => Ok(vk::Result::SUCCESS),
        Ok(false) => Err(vk::Result::TIMEOUT),
        Err(error) => Err(swapchain.fail(command, &error)),
    }
}
