//! Frames with numbers, and waits for them, in both generations of the extensions.

use ash::vk;

use crate::registry::{
    CREATE_PRESENT_ID_2, CREATE_PRESENT_WAIT_2, PresentId, PresentWait2Info, WaitForPresent2,
};
use crate::swapchain::Swapchain;

/// The flags of a swapchain whose frames have numbers of the second generation.
pub const FLAGS: vk::SwapchainCreateFlagsKHR = vk::SwapchainCreateFlagsKHR::from_raw(
    CREATE_PRESENT_ID_2.as_raw() | CREATE_PRESENT_WAIT_2.as_raw(),
);

/// The extensions come in two generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// `VK_KHR_present_id`, `VK_KHR_present_wait`
    One,
    /// `VK_KHR_present_id2`, `VK_KHR_present_wait2`
    Two,
}
use Generation::{One, Two};

impl Generation {
    /// Presents an image that was drawn, as the frame with this number.
    ///
    /// # Panics
    /// If that fails.
    pub fn present(self, swapchain: &Swapchain, index: u32, id: u64) {
        let info = PresentId::of(&id, self == Two);
        swapchain
            .present_with(index, (&raw const info).cast())
            .expect("a present");
    }

    /// Waits for a frame, for so many nanoseconds at the most. Answers what the wait answers.
    ///
    /// # Panics
    /// If the device does not have the extension enabled.
    pub fn wait(self, swapchain: &Swapchain, id: u64, timeout: u64) -> vk::Result {
        let device = &swapchain.device;
        let name = match self {
            One => c"vkWaitForPresentKHR",
            Two => c"vkWaitForPresent2KHR",
        };
        let function = device.function(name).expect("the extension is enabled");
        let raw = device.raw.handle();
        // SAFETY: the functions of these names have these types; device and swapchain are alive.
        unsafe {
            match self {
                One => std::mem::transmute::<
                    unsafe extern "system" fn(),
                    vk::PFN_vkWaitForPresentKHR,
                >(function)(raw, swapchain.raw, id, timeout),
                Two => {
                    let info = PresentWait2Info::of(id, timeout);
                    std::mem::transmute::<unsafe extern "system" fn(), WaitForPresent2>(function)(
                        raw,
                        swapchain.raw,
                        &info,
                    )
                }
            }
        }
    }
}
