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

/// `VK_PRESENT_MODE_FIFO_LATEST_READY_KHR`.
pub const PRESENT_MODE_FIFO_LATEST_READY_KHR: vk::PresentModeKHR =
    vk::PresentModeKHR::from_raw(1_000_361_000);

/// `VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_MODE_FIFO_LATEST_READY_FEATURES_KHR`.
pub const PHYSICAL_DEVICE_PRESENT_MODE_FIFO_LATEST_READY_FEATURES_KHR: vk::StructureType =
    vk::StructureType::from_raw(1_000_361_000);

/// A structure of an extension's only feature, as all of them are laid out:
/// `VkPhysicalDeviceSwapchainMaintenance1FeaturesKHR`, say.
#[repr(C)]
pub struct Feature<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
    /// The feature.
    pub feature: vk::Bool32,
    _chain: PhantomData<&'a ()>,
}
