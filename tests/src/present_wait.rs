//! Frames with numbers, and waits for them, in both generations of the extensions.

use std::ffi::CStr;

use ash::{khr, vk};

use crate::registry::{
    CREATE_PRESENT_ID_2, CREATE_PRESENT_WAIT_2, PRESENT_ID_2_FEATURES, PRESENT_ID2,
    PRESENT_WAIT_2_FEATURES, PRESENT_WAIT2, PresentId, PresentWait2Info, WaitForPresent2,
};
use crate::swapchain::Swapchain;

/// The extensions of both generations, the first one's before the second's.
pub const NAMES: [&CStr; 4] = [
    khr::present_id::NAME,
    khr::present_wait::NAME,
    PRESENT_ID2,
    PRESENT_WAIT2,
];
/// Their features, in the same order.
pub const FEATURES: [vk::StructureType; 4] = [
    vk::StructureType::PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
    vk::StructureType::PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
    PRESENT_ID_2_FEATURES,
    PRESENT_WAIT_2_FEATURES,
];

/// A structure with one feature, enabled: all of them have the same layout.
pub fn feature(s_type: vk::StructureType) -> vk::PhysicalDevicePresentIdFeaturesKHR<'static> {
    vk::PhysicalDevicePresentIdFeaturesKHR {
        s_type,
        present_id: vk::TRUE,
        ..Default::default()
    }
}

/// All of them in one chain, which is valid as long as they stay where they are.
pub fn chained(
    features: &mut [vk::PhysicalDevicePresentIdFeaturesKHR<'static>],
) -> vk::PhysicalDeviceFeatures2<'static> {
    let mut first = vk::PhysicalDeviceFeatures2::default();
    for feature in features {
        feature.p_next = first.p_next;
        first.p_next = (&raw mut *feature).cast();
    }
    first
}

/// The flags of a swapchain whose frames have numbers of the second generation.
pub const FLAGS: vk::SwapchainCreateFlagsKHR = vk::SwapchainCreateFlagsKHR::from_raw(
    CREATE_PRESENT_ID_2.as_raw() | CREATE_PRESENT_WAIT_2.as_raw(),
);

/// The two generations of the extensions.
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
        self.try_present(swapchain, index, id).expect("a present");
    }

    /// The same.
    ///
    /// # Errors
    /// What the present answers.
    pub fn try_present(self, swapchain: &Swapchain, index: u32, id: u64) -> Result<(), vk::Result> {
        let info = PresentId::of(&id, self == Two);
        swapchain.present_with(index, (&raw const info).cast())
    }

    /// Waits for a frame, for at most so many nanoseconds. Returns the result of the wait.
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
