//! The extensions under test, and their features.

use std::ffi::{CStr, c_void};

use ash::{ext, google, khr, vk};

pub use wayfence_tests::registry::*;

/// Either name of `VK_KHR_swapchain_maintenance1`.
pub const MAINTENANCE1: &[&CStr] = &[
    KHR_SWAPCHAIN_MAINTENANCE1,
    ext::swapchain_maintenance1::NAME,
];
/// Either name of `VK_KHR_present_mode_fifo_latest_ready`.
pub const LATEST_READY: &[&CStr] = &[KHR_FIFO_LATEST_READY, EXT_FIFO_LATEST_READY];

/// What the device of the cases enables if it is there.
pub const DEVICE: &[&CStr] = &[
    khr::swapchain::NAME,
    KHR_SWAPCHAIN_MAINTENANCE1,
    ext::swapchain_maintenance1::NAME,
    khr::present_id::NAME,
    khr::present_wait::NAME,
    PRESENT_ID2,
    PRESENT_WAIT2,
    khr::calibrated_timestamps::NAME,
    PRESENT_TIMING,
    google::display_timing::NAME,
    KHR_FIFO_LATEST_READY,
    EXT_FIFO_LATEST_READY,
    khr::incremental_present::NAME,
    khr::swapchain_mutable_format::NAME,
    ext::hdr_metadata::NAME,
    ext::host_image_copy::NAME,
    ext::attachment_feedback_loop_layout::NAME,
];

/// The extensions that add a usage of images.
pub const USAGES: &[(vk::ImageUsageFlags, &CStr)] = &[
    (
        vk::ImageUsageFlags::HOST_TRANSFER_EXT,
        ext::host_image_copy::NAME,
    ),
    (
        vk::ImageUsageFlags::ATTACHMENT_FEEDBACK_LOOP_EXT,
        ext::attachment_feedback_loop_layout::NAME,
    ),
];

/// The feature structures of extensions with one feature, or whose mandatory feature comes first.
pub const FEATURES: &[(vk::StructureType, &[&CStr])] = &[
    (
        vk::StructureType::PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT,
        MAINTENANCE1,
    ),
    (FIFO_LATEST_READY_FEATURES, LATEST_READY),
    (
        vk::StructureType::PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
        &[khr::present_id::NAME],
    ),
    (
        vk::StructureType::PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
        &[khr::present_wait::NAME],
    ),
    (PRESENT_ID_2_FEATURES, &[PRESENT_ID2]),
    (PRESENT_WAIT_2_FEATURES, &[PRESENT_WAIT2]),
    (PRESENT_TIMING_FEATURES, &[PRESENT_TIMING]),
    (
        vk::StructureType::PHYSICAL_DEVICE_HOST_IMAGE_COPY_FEATURES_EXT,
        &[ext::host_image_copy::NAME],
    ),
    (
        vk::StructureType::PHYSICAL_DEVICE_ATTACHMENT_FEEDBACK_LOOP_LAYOUT_FEATURES_EXT,
        &[ext::attachment_feedback_loop_layout::NAME],
    ),
];

/// A structure of one feature or capability, or of a few: all have the same layout.
#[repr(C)]
pub struct Feature {
    pub s_type: vk::StructureType,
    pub p_next: *mut c_void,
    pub feature: vk::Bool32,
    /// For structures with more than one.
    more: [vk::Bool32; 3],
}

impl Feature {
    /// A structure of this type, with everything false.
    pub fn of(s_type: vk::StructureType) -> Self {
        Self {
            s_type,
            p_next: std::ptr::null_mut(),
            feature: vk::FALSE,
            more: [vk::FALSE; 3],
        }
    }
}
