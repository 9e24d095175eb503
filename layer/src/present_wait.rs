//! Waiting until a frame is shown.

use ash::vk;
use wayfence::deadline::Deadline;

use crate::{
    dispatch,
    registry::{PFN_vkWaitForPresent2KHR, PresentWait2InfoKHR},
    result::{self, PANICKED},
    swapchain::Swapchain,
};

/// `vkWaitForPresentKHR`.
pub unsafe extern "system" fn wait_for_present(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    id: u64,
    timeout: u64,
) -> vk::Result {
    result::guard("vkWaitForPresentKHR", PANICKED, || {
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::device(device) }) else {
            return vk::Result::ERROR_DEVICE_LOST;
        };
        match object.swapchain(swapchain) {
            Some(ours) => wait(&ours, "vkWaitForPresentKHR", id, timeout),
            None => match object.next.wait_for_present {
                // SAFETY: the application's own parameters.
                Some(next) => unsafe { next(device, swapchain, id, timeout) },
                None => untold(),
            },
        }
    })
}

/// `vkWaitForPresent2KHR`.
pub unsafe extern "system" fn wait_for_present2(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    info: *const PresentWait2InfoKHR<'_>,
) -> vk::Result {
    result::guard("vkWaitForPresent2KHR", PANICKED, || {
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::device(device) }) else {
            return vk::Result::ERROR_DEVICE_LOST;
        };
        // SAFETY: valid by the specification.
        let wanted = unsafe { &*info };
        match object.swapchain(swapchain) {
            Some(ours) => wait(
                &ours,
                "vkWaitForPresent2KHR",
                wanted.present_id,
                wanted.timeout,
            ),
            None => match object.next_proc_addr(c"vkWaitForPresent2KHR") {
                // SAFETY: the command of this name has this type; the application's own parameters.
                Some(next) => unsafe {
                    std::mem::transmute::<unsafe extern "system" fn(), PFN_vkWaitForPresent2KHR>(
                        next,
                    )(device, swapchain, info)
                },
                None => untold(),
            },
        }
    })
}

/// The swapchain is the driver's, which does not know of waits: nobody will ever tell.
fn untold() -> vk::Result {
    vk::Result::SUCCESS
}

fn wait(swapchain: &Swapchain, command: &str, id: u64, timeout: u64) -> vk::Result {
    let deadline = Deadline::from_timeout(timeout);
    match swapchain.compositor.wait_for_present(id, deadline) {
        Ok(true) => vk::Result::SUCCESS,
        Ok(false) => vk::Result::TIMEOUT,
        Err(error) => swapchain.fail(command, &error),
    }
}
