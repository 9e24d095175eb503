//! Definitions that the registry has and `ash` lacks, by the registry's names.

use std::{ffi::CStr, marker::PhantomData, os::raw::c_void};

use ash::vk;

/// `VK_KHR_surface_maintenance1`: the same as `EXT`, under new names.
pub const KHR_SURFACE_MAINTENANCE1: &CStr = c"VK_KHR_surface_maintenance1";
/// `VK_KHR_swapchain_maintenance1`: the same as `EXT`, under new names.
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

/// `VK_EXT_present_timing`.
pub const EXT_PRESENT_TIMING: &CStr = c"VK_EXT_present_timing";

/// `VK_SWAPCHAIN_CREATE_PRESENT_TIMING_BIT_EXT`
pub const SWAPCHAIN_CREATE_PRESENT_TIMING_BIT_EXT: vk::SwapchainCreateFlagsKHR =
    vk::SwapchainCreateFlagsKHR::from_raw(0x200);
/// `VK_ERROR_PRESENT_TIMING_QUEUE_FULL_EXT`
pub const ERROR_PRESENT_TIMING_QUEUE_FULL_EXT: vk::Result = vk::Result::from_raw(-1_000_208_000);
/// `VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_TIMING_FEATURES_EXT`
pub const PHYSICAL_DEVICE_PRESENT_TIMING_FEATURES_EXT: vk::StructureType =
    vk::StructureType::from_raw(1_000_208_000);
/// `VK_TIME_DOMAIN_PRESENT_STAGE_LOCAL_EXT`
pub const TIME_DOMAIN_PRESENT_STAGE_LOCAL_EXT: vk::TimeDomainKHR =
    vk::TimeDomainKHR::from_raw(1_000_208_000);
/// `VK_TIME_DOMAIN_SWAPCHAIN_LOCAL_EXT`
pub const TIME_DOMAIN_SWAPCHAIN_LOCAL_EXT: vk::TimeDomainKHR =
    vk::TimeDomainKHR::from_raw(1_000_208_001);
/// `VK_PRESENT_STAGE_QUEUE_OPERATIONS_END_BIT_EXT`
pub const PRESENT_STAGE_QUEUE_OPERATIONS_END_BIT_EXT: vk::Flags = 1;
/// `VK_PRESENT_STAGE_REQUEST_DEQUEUED_BIT_EXT`
pub const PRESENT_STAGE_REQUEST_DEQUEUED_BIT_EXT: vk::Flags = 2;
/// `VK_PRESENT_STAGE_IMAGE_FIRST_PIXEL_OUT_BIT_EXT`
pub const PRESENT_STAGE_IMAGE_FIRST_PIXEL_OUT_BIT_EXT: vk::Flags = 4;
/// `VK_PRESENT_STAGE_IMAGE_FIRST_PIXEL_VISIBLE_BIT_EXT`
pub const PRESENT_STAGE_IMAGE_FIRST_PIXEL_VISIBLE_BIT_EXT: vk::Flags = 8;
/// `VK_PAST_PRESENTATION_TIMING_ALLOW_PARTIAL_RESULTS_BIT_EXT`
pub const PAST_PRESENTATION_TIMING_ALLOW_PARTIAL_RESULTS_BIT_EXT: vk::Flags = 1;
/// `VK_PAST_PRESENTATION_TIMING_ALLOW_OUT_OF_ORDER_RESULTS_BIT_EXT`
pub const PAST_PRESENTATION_TIMING_ALLOW_OUT_OF_ORDER_RESULTS_BIT_EXT: vk::Flags = 2;
/// `VK_PRESENT_TIMING_INFO_PRESENT_AT_RELATIVE_TIME_BIT_EXT`
pub const PRESENT_TIMING_INFO_PRESENT_AT_RELATIVE_TIME_BIT_EXT: vk::Flags = 1;
/// `VK_PRESENT_TIMING_INFO_PRESENT_AT_NEAREST_REFRESH_CYCLE_BIT_EXT`
pub const PRESENT_TIMING_INFO_PRESENT_AT_NEAREST_REFRESH_CYCLE_BIT_EXT: vk::Flags = 2;

/// `VkPresentTimingSurfaceCapabilitiesEXT`
#[repr(C)]
pub struct PresentTimingSurfaceCapabilitiesEXT<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
    /// `presentTimingSupported`
    pub present_timing_supported: vk::Bool32,
    /// `presentAtAbsoluteTimeSupported`
    pub present_at_absolute_time_supported: vk::Bool32,
    /// `presentAtRelativeTimeSupported`
    pub present_at_relative_time_supported: vk::Bool32,
    /// `presentStageQueries`
    pub present_stage_queries: vk::Flags,
    _chain: PhantomData<&'a ()>,
}

// SAFETY: the registry gives this structure this type.
unsafe impl vk::TaggedStructure for PresentTimingSurfaceCapabilitiesEXT<'_> {
    const STRUCTURE_TYPE: vk::StructureType = vk::StructureType::from_raw(1_000_208_008);
}

/// `VkSwapchainTimingPropertiesEXT`
#[repr(C)]
pub struct SwapchainTimingPropertiesEXT<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
    /// `refreshDuration`
    pub refresh_duration: u64,
    /// `refreshInterval`
    pub refresh_interval: u64,
    _chain: PhantomData<&'a ()>,
}

/// `VkSwapchainTimeDomainPropertiesEXT`
#[repr(C)]
pub struct SwapchainTimeDomainPropertiesEXT<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
    /// `timeDomainCount`
    pub time_domain_count: u32,
    /// `pTimeDomains`
    pub p_time_domains: *mut vk::TimeDomainKHR,
    /// `pTimeDomainIds`
    pub p_time_domain_ids: *mut u64,
    _chain: PhantomData<&'a ()>,
}

/// `VkPresentStageTimeEXT`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct PresentStageTimeEXT {
    /// `stage`
    pub stage: vk::Flags,
    /// `time`
    pub time: u64,
}

/// `VkPastPresentationTimingInfoEXT`
#[repr(C)]
pub struct PastPresentationTimingInfoEXT<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *const c_void,
    /// `flags`
    pub flags: vk::Flags,
    /// `swapchain`
    pub swapchain: vk::SwapchainKHR,
    _chain: PhantomData<&'a ()>,
}

/// `VkPastPresentationTimingEXT`
#[repr(C)]
pub struct PastPresentationTimingEXT<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
    /// `presentId`
    pub present_id: u64,
    /// `targetTime`
    pub target_time: u64,
    /// `presentStageCount`
    pub present_stage_count: u32,
    /// `pPresentStages`
    pub p_present_stages: *mut PresentStageTimeEXT,
    /// `timeDomain`
    pub time_domain: vk::TimeDomainKHR,
    /// `timeDomainId`
    pub time_domain_id: u64,
    /// `reportComplete`
    pub report_complete: vk::Bool32,
    _chain: PhantomData<&'a ()>,
}

/// `VkPastPresentationTimingPropertiesEXT`
#[repr(C)]
pub struct PastPresentationTimingPropertiesEXT<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
    /// `timingPropertiesCounter`
    pub timing_properties_counter: u64,
    /// `timeDomainsCounter`
    pub time_domains_counter: u64,
    /// `presentationTimingCount`
    pub presentation_timing_count: u32,
    /// `pPresentationTimings`
    pub p_presentation_timings: *mut PastPresentationTimingEXT<'a>,
    _chain: PhantomData<&'a ()>,
}

/// `VkPresentTimingInfoEXT`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PresentTimingInfoEXT<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *const c_void,
    /// `flags`
    pub flags: vk::Flags,
    /// `targetTime`
    pub target_time: u64,
    /// `timeDomainId`
    pub time_domain_id: u64,
    /// `presentStageQueries`
    pub present_stage_queries: vk::Flags,
    /// `targetTimeDomainPresentStage`
    pub target_time_domain_present_stage: vk::Flags,
    _chain: PhantomData<&'a ()>,
}

/// `VkPresentTimingsInfoEXT`
#[repr(C)]
pub struct PresentTimingsInfoEXT<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *const c_void,
    /// `swapchainCount`
    pub swapchain_count: u32,
    /// `pTimingInfos`
    pub p_timing_infos: *const PresentTimingInfoEXT<'a>,
    _chain: PhantomData<&'a ()>,
}

// SAFETY: the registry gives this structure this type.
unsafe impl vk::TaggedStructure for PresentTimingsInfoEXT<'_> {
    const STRUCTURE_TYPE: vk::StructureType = vk::StructureType::from_raw(1_000_208_003);
}

/// `VkSwapchainCalibratedTimestampInfoEXT`
#[repr(C)]
pub struct SwapchainCalibratedTimestampInfoEXT<'a> {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *const c_void,
    /// `swapchain`
    pub swapchain: vk::SwapchainKHR,
    /// `presentStage`
    pub present_stage: vk::Flags,
    /// `timeDomainId`
    pub time_domain_id: u64,
    _chain: PhantomData<&'a ()>,
}

// SAFETY: the registry gives this structure this type.
unsafe impl vk::TaggedStructure for SwapchainCalibratedTimestampInfoEXT<'_> {
    const STRUCTURE_TYPE: vk::StructureType = vk::StructureType::from_raw(1_000_208_009);
}

/// `PFN_vkSetSwapchainPresentTimingQueueSizeEXT`
#[allow(non_camel_case_types, reason = "the registry's name")]
pub type PFN_vkSetSwapchainPresentTimingQueueSizeEXT = unsafe extern "system" fn(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    size: u32,
) -> vk::Result;

/// `PFN_vkGetSwapchainTimingPropertiesEXT`
#[allow(non_camel_case_types, reason = "the registry's name")]
pub type PFN_vkGetSwapchainTimingPropertiesEXT = unsafe extern "system" fn(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    properties: *mut SwapchainTimingPropertiesEXT<'_>,
    counter: *mut u64,
) -> vk::Result;

/// `PFN_vkGetSwapchainTimeDomainPropertiesEXT`
#[allow(non_camel_case_types, reason = "the registry's name")]
pub type PFN_vkGetSwapchainTimeDomainPropertiesEXT = unsafe extern "system" fn(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    properties: *mut SwapchainTimeDomainPropertiesEXT<'_>,
    counter: *mut u64,
) -> vk::Result;

/// `PFN_vkGetPastPresentationTimingEXT`
#[allow(non_camel_case_types, reason = "the registry's name")]
pub type PFN_vkGetPastPresentationTimingEXT = unsafe extern "system" fn(
    device: vk::Device,
    info: *const PastPresentationTimingInfoEXT<'_>,
    properties: *mut PastPresentationTimingPropertiesEXT<'_>,
) -> vk::Result;

/// What every structure of features begins with; after it come its `VkBool32`.
#[repr(C)]
pub struct FeaturesHead {
    /// `sType`
    pub s_type: vk::StructureType,
    /// `pNext`
    pub p_next: *mut c_void,
}
