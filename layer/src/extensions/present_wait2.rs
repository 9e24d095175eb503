//! `VK_KHR_present_wait2`: waiting until a frame is shown, on surfaces that say so.

use std::ffi::c_void;

use ash::vk;

use super::present_wait::wait;
use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Features, SurfaceQuery},
    },
    entry::answer::on_swapchain,
    vulkan::{
        p_next,
        registry::{
            KHR_PRESENT_WAIT2, PFN_vkWaitForPresent2KHR,
            PHYSICAL_DEVICE_PRESENT_WAIT_2_FEATURES_KHR, PresentWait2InfoKHR,
            SurfaceCapabilitiesPresentWait2KHR,
        },
    },
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    features: Features::one(PHYSICAL_DEVICE_PRESENT_WAIT_2_FEATURES_KHR),
    commands: &[command!(
        c"vkWaitForPresent2KHR",
        Device,
        Given::Device(KHR_PRESENT_WAIT2),
        wait_for_present2,
        crate::vulkan::registry::PFN_vkWaitForPresent2KHR
    )],
    capabilities: Some(fill),
    ..Extension::device(&[(KHR_PRESENT_WAIT2, 1)])
};

unsafe fn fill(query: &SurfaceQuery<'_>, chain: *mut c_void) {
    // SAFETY: a valid chain, as `Extension::capabilities` says.
    let ours = unsafe { p_next::find_mut::<SurfaceCapabilitiesPresentWait2KHR<'_>>(chain) };
    if let Some(ours) = ours {
        ours.present_wait2_supported = query.offer.is_some().into();
    }
}

/// `vkWaitForPresent2KHR`.
unsafe extern "system" fn wait_for_present2(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    info: *const PresentWait2InfoKHR<'_>,
) -> vk::Result {
    let command = "vkWaitForPresent2KHR";
    // SAFETY: valid parameters by the specification.
    unsafe {
        let wanted = &*info;
        on_swapchain(
            command,
            device,
            swapchain,
            |ours| wait(ours, command, wanted.present_id, wanted.timeout),
            |object| match object.below::<PFN_vkWaitForPresent2KHR>(c"vkWaitForPresent2KHR") {
                Ok(next) => Ok(next(device, swapchain, info)),
                // A driver without the extension has no answer.
                Err(_) => Ok(vk::Result::SUCCESS),
            },
        )
    }
}
