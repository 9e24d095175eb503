//! What the registry has and `ash` has not yet, by the registry's own names.

use std::{ffi::CStr, marker::PhantomData, os::raw::c_void};

use ash::vk;

/// `VK_KHR_surface_maintenance1`, the `EXT` of this name with other names.
pub const KHR_SURFACE_MAINTENANCE1: &CStr = c"VK_KHR_surface_maintenance1";
/// `VK_KHR_swapchain_maintenance1`, the `EXT` of this name with other names.
pub const KHR_SWAPCHAIN_MAINTENANCE1: &CStr = c"VK_KHR_swapchain_maintenance1";
/// `VK_KHR_present_mode_fifo_latest_ready`.
pub const KHR_PRESENT_MODE_FIFO_LATEST_READY: &CStr = c"VK_KHR_present_mode_fifo_latest_ready";
/// `VK_EXT_present_mode_fifo_latest_ready`.
pub const EXT_PRESENT_MODE_FIFO_LATEST_READY: &CStr = c"VK_EXT_present_mode_fifo_latest_ready";

/// `VK_KHR_present_id2`.
pub const KHR_PRESENT_ID2: &CStr = c"VK_KHR_present_id2";
/// `VK_KHR_present_wait2`.
pub const KHR_PRESENT_WAIT2: &CStr = c"VK_KHR_present_wait2";

/// `VK_PRESENT_MODE_FIFO_LATEST_READY_KHR`.
pub const PRESENT_MODE_FIFO_LATEST_READY_KHR: vk::PresentModeKHR =
    vk::PresentModeKHR::from_raw(1_000_361_000);

/// `VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_MODE_FIFO_LATEST_READY_FEATURES_KHR`.
pub const PHYSICAL_DEVICE_PRESENT_MODE_FIFO_LATEST_READY_FEATURES_KHR: vk::StructureType =
    vk::StructureType::from_raw(1_000_361_000);

/// `VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_2_FEATURES_KHR`.
pub const PHYSICAL_DEVICE_PRESENT_ID_2_FEATURES_KHR: vk::StructureType =
    vk::StructureType::from_raw(1_000_479_002);
/// `VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_2_FEATURES_KHR`.
pub const PHYSICAL_DEVICE_PRESENT_WAIT_2_FEATURES_KHR: vk::StructureType =
    vk::StructureType::from_raw(1_000_480_001);

/// `VkSurfaceCapabilitiesPresentId2KHR`
#[repr(C)]
pub struct SurfaceCapabilitiesPresentId2KHR<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
    /// `presentId2Supported`
    pub present_id2_supported: vk::Bool32,
    _chain: PhantomData<&'a ()>,
}

// SAFETY: the registry gives this structure this type.
unsafe impl vk::TaggedStructure for SurfaceCapabilitiesPresentId2KHR<'_> {
    const STRUCTURE_TYPE: vk::StructureType = vk::StructureType::from_raw(1_000_479_000);
}

/// `VkSurfaceCapabilitiesPresentWait2KHR`
#[repr(C)]
pub struct SurfaceCapabilitiesPresentWait2KHR<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
    /// `presentWait2Supported`
    pub present_wait2_supported: vk::Bool32,
    _chain: PhantomData<&'a ()>,
}

// SAFETY: the registry gives this structure this type.
unsafe impl vk::TaggedStructure for SurfaceCapabilitiesPresentWait2KHR<'_> {
    const STRUCTURE_TYPE: vk::StructureType = vk::StructureType::from_raw(1_000_480_000);
}

/// `VkPresentId2KHR`
#[repr(C)]
pub struct PresentId2KHR<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *const c_void,
    /// `swapchainCount`
    pub swapchain_count: u32,
    /// `pPresentIds`
    pub p_present_ids: *const u64,
    _chain: PhantomData<&'a ()>,
}

// SAFETY: the registry gives this structure this type.
unsafe impl vk::TaggedStructure for PresentId2KHR<'_> {
    const STRUCTURE_TYPE: vk::StructureType = vk::StructureType::from_raw(1_000_479_001);
}

/// `VkPresentWait2InfoKHR`
#[repr(C)]
pub struct PresentWait2InfoKHR<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *const c_void,
    /// `presentId`
    pub present_id: u64,
    /// `timeout`
    pub timeout: u64,
    _chain: PhantomData<&'a ()>,
}

/// `PFN_vkWaitForPresent2KHR`
#[allow(non_camel_case_types, reason = "the registry's name")]
pub type PFN_vkWaitForPresent2KHR = unsafe extern "system" fn(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    info: *const PresentWait2InfoKHR<'_>,
) -> vk::Result;

/// What every structure of features begins with; after it come its `VkBool32`.
#[repr(C)]
pub struct FeaturesHead {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
}
