//! Definitions that the registry has and `ash` lacks, by the registry's names. They are not the layer's on
//! purpose, so that a wrong number there shows here.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;

use ash::vk;

/// `VK_KHR_surface_maintenance1`
pub const KHR_SURFACE_MAINTENANCE1: &CStr = c"VK_KHR_surface_maintenance1";
/// `VK_KHR_swapchain_maintenance1`
pub const KHR_SWAPCHAIN_MAINTENANCE1: &CStr = c"VK_KHR_swapchain_maintenance1";
/// `VK_KHR_present_mode_fifo_latest_ready`
pub const KHR_FIFO_LATEST_READY: &CStr = c"VK_KHR_present_mode_fifo_latest_ready";
/// `VK_EXT_present_mode_fifo_latest_ready`
pub const EXT_FIFO_LATEST_READY: &CStr = c"VK_EXT_present_mode_fifo_latest_ready";
/// `VK_KHR_present_id2`
pub const PRESENT_ID2: &CStr = c"VK_KHR_present_id2";
/// `VK_KHR_present_wait2`
pub const PRESENT_WAIT2: &CStr = c"VK_KHR_present_wait2";

/// `VK_PRESENT_MODE_FIFO_LATEST_READY_KHR`
pub const FIFO_LATEST_READY: vk::PresentModeKHR = vk::PresentModeKHR::from_raw(1_000_361_000);
/// `VkPhysicalDevicePresentModeFifoLatestReadyFeaturesKHR`
pub const FIFO_LATEST_READY_FEATURES: vk::StructureType =
    vk::StructureType::from_raw(1_000_361_000);
/// `VkPhysicalDevicePresentId2FeaturesKHR`
pub const PRESENT_ID_2_FEATURES: vk::StructureType = vk::StructureType::from_raw(1_000_479_002);
/// `VkPhysicalDevicePresentWait2FeaturesKHR`
pub const PRESENT_WAIT_2_FEATURES: vk::StructureType = vk::StructureType::from_raw(1_000_480_001);
/// `VkSurfaceCapabilitiesPresentId2KHR`
pub const SURFACE_CAPABILITIES_PRESENT_ID_2: vk::StructureType =
    vk::StructureType::from_raw(1_000_479_000);
/// `VkSurfaceCapabilitiesPresentWait2KHR`
pub const SURFACE_CAPABILITIES_PRESENT_WAIT_2: vk::StructureType =
    vk::StructureType::from_raw(1_000_480_000);
/// `VK_SWAPCHAIN_CREATE_PRESENT_ID_2_BIT_KHR`
pub const CREATE_PRESENT_ID_2: vk::SwapchainCreateFlagsKHR =
    vk::SwapchainCreateFlagsKHR::from_raw(0x40);
/// `VK_SWAPCHAIN_CREATE_PRESENT_WAIT_2_BIT_KHR`
pub const CREATE_PRESENT_WAIT_2: vk::SwapchainCreateFlagsKHR =
    vk::SwapchainCreateFlagsKHR::from_raw(0x80);

/// `VK_EXT_present_timing`
pub const PRESENT_TIMING: &CStr = c"VK_EXT_present_timing";
/// `VkPhysicalDevicePresentTimingFeaturesEXT`
pub const PRESENT_TIMING_FEATURES: vk::StructureType = vk::StructureType::from_raw(1_000_208_000);
/// `VK_SWAPCHAIN_CREATE_PRESENT_TIMING_BIT_EXT`
pub const CREATE_PRESENT_TIMING: vk::SwapchainCreateFlagsKHR =
    vk::SwapchainCreateFlagsKHR::from_raw(0x200);
/// `VK_ERROR_PRESENT_TIMING_QUEUE_FULL_EXT`
pub const PRESENT_TIMING_QUEUE_FULL: vk::Result = vk::Result::from_raw(-1_000_208_000);
/// `VK_TIME_DOMAIN_PRESENT_STAGE_LOCAL_EXT`
pub const PRESENT_STAGE_LOCAL: vk::TimeDomainKHR = vk::TimeDomainKHR::from_raw(1_000_208_000);
/// `VK_TIME_DOMAIN_SWAPCHAIN_LOCAL_EXT`
pub const SWAPCHAIN_LOCAL: vk::TimeDomainKHR = vk::TimeDomainKHR::from_raw(1_000_208_001);

const PRESENT_ID_2: vk::StructureType = vk::StructureType::from_raw(1_000_479_001);
const PRESENT_WAIT_2_INFO: vk::StructureType = vk::StructureType::from_raw(1_000_480_002);

/// `VkPresentId2KHR`, and `VkPresentIdKHR`, which is laid out like it.
#[repr(C)]
pub struct PresentId<'a> {
    s_type: vk::StructureType,
    p_next: *const c_void,
    swapchain_count: u32,
    p_present_ids: *const u64,
    ids: PhantomData<&'a u64>,
}

impl<'a> PresentId<'a> {
    /// For one swapchain, in the first or the second generation.
    pub fn of(id: &'a u64, second: bool) -> Self {
        Self {
            s_type: match second {
                false => vk::StructureType::PRESENT_ID_KHR,
                true => PRESENT_ID_2,
            },
            p_next: std::ptr::null(),
            swapchain_count: 1,
            p_present_ids: id,
            ids: PhantomData,
        }
    }
}

/// `VkPresentWait2InfoKHR`
#[repr(C)]
pub struct PresentWait2Info {
    s_type: vk::StructureType,
    p_next: *const c_void,
    present_id: u64,
    timeout: u64,
}

impl PresentWait2Info {
    /// A wait for this frame, for at most so many nanoseconds.
    pub fn of(present_id: u64, timeout: u64) -> Self {
        Self {
            s_type: PRESENT_WAIT_2_INFO,
            p_next: std::ptr::null(),
            present_id,
            timeout,
        }
    }
}

/// `PFN_vkWaitForPresent2KHR`
pub type WaitForPresent2 =
    unsafe extern "system" fn(vk::Device, vk::SwapchainKHR, *const PresentWait2Info) -> vk::Result;
