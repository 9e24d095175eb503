//! Extensions, structures and commands, those among them that `ash` does not have yet by the registry's
//! names.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;

use ash::{ext, khr, vk};

pub const KHR_SURFACE_MAINTENANCE1: &CStr = c"VK_KHR_surface_maintenance1";
pub const KHR_SWAPCHAIN_MAINTENANCE1: &CStr = c"VK_KHR_swapchain_maintenance1";
pub const KHR_FIFO_LATEST_READY: &CStr = c"VK_KHR_present_mode_fifo_latest_ready";
pub const EXT_FIFO_LATEST_READY: &CStr = c"VK_EXT_present_mode_fifo_latest_ready";
pub const PRESENT_ID2: &CStr = c"VK_KHR_present_id2";
pub const PRESENT_WAIT2: &CStr = c"VK_KHR_present_wait2";

/// Either name of `VK_KHR_swapchain_maintenance1`.
pub const MAINTENANCE1: &[&CStr] = &[
    KHR_SWAPCHAIN_MAINTENANCE1,
    ext::swapchain_maintenance1::NAME,
];
/// Either name of `VK_KHR_present_mode_fifo_latest_ready`.
pub const LATEST_READY: &[&CStr] = &[KHR_FIFO_LATEST_READY, EXT_FIFO_LATEST_READY];

/// What the device of the cases enables where it can.
pub const DEVICE: &[&CStr] = &[
    khr::swapchain::NAME,
    KHR_SWAPCHAIN_MAINTENANCE1,
    ext::swapchain_maintenance1::NAME,
    khr::present_id::NAME,
    khr::present_wait::NAME,
    PRESENT_ID2,
    PRESENT_WAIT2,
    KHR_FIFO_LATEST_READY,
    EXT_FIFO_LATEST_READY,
    khr::incremental_present::NAME,
    khr::swapchain_mutable_format::NAME,
];

/// The structures that tell of an extension's only feature.
pub const FEATURES: &[(vk::StructureType, &[&CStr])] = &[
    (
        vk::StructureType::PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT,
        MAINTENANCE1,
    ),
    (vk::StructureType::from_raw(1_000_361_000), LATEST_READY),
    (
        vk::StructureType::PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
        &[khr::present_id::NAME],
    ),
    (
        vk::StructureType::PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
        &[khr::present_wait::NAME],
    ),
    (vk::StructureType::from_raw(1_000_479_002), &[PRESENT_ID2]),
    (vk::StructureType::from_raw(1_000_480_001), &[PRESENT_WAIT2]),
];

/// A structure that tells of one feature, or of one capability: all are laid out alike.
#[repr(C)]
pub struct Feature {
    pub s_type: vk::StructureType,
    pub p_next: *mut c_void,
    pub feature: vk::Bool32,
}

impl Feature {
    /// Of this type, not yet answered.
    pub fn of(s_type: vk::StructureType) -> Self {
        Self {
            s_type,
            p_next: std::ptr::null_mut(),
            feature: vk::FALSE,
        }
    }
}

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
pub const FIFO_LATEST_READY: vk::PresentModeKHR = vk::PresentModeKHR::from_raw(1_000_361_000);

/// `VkPresentId2KHR`, and `VkPresentIdKHR`, which is laid out like it.
#[repr(C)]
pub struct PresentId<'a> {
    pub s_type: vk::StructureType,
    pub p_next: *const c_void,
    pub swapchain_count: u32,
    pub p_present_ids: *const u64,
    pub ids: PhantomData<&'a u64>,
}

/// `VkPresentWait2InfoKHR`
#[repr(C)]
pub struct PresentWait2Info {
    pub s_type: vk::StructureType,
    pub p_next: *const c_void,
    pub present_id: u64,
    pub timeout: u64,
}

/// `PFN_vkWaitForPresent2KHR`
pub type WaitForPresent2 =
    unsafe extern "system" fn(vk::Device, vk::SwapchainKHR, *const PresentWait2Info) -> vk::Result;
