//! `VK_KHR_present_id`.

use std::ffi::c_void;

use ash::{khr::present_id::NAME, vk};

use crate::{
    catalogue::{
        extension::{Extension, Features},
        per_swapchain::{Frame, PerSwapchain, value_at},
    },
    vulkan::p_next,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    features: Features::one(vk::StructureType::PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR),
    present: Some(read),
    // SAFETY: the structure is laid out so.
    per_swapchain: &[unsafe { PerSwapchain::of::<vk::PresentIdKHR<'_>, u64>() }],
    ..Extension::device(&[(NAME, 1)])
};

/// 0 means none.
unsafe fn read(chain: *const c_void, at: usize, frame: &mut Frame) {
    // SAFETY: a valid chain, as `Extension::present` says, whose arrays have the lengths that they say.
    unsafe {
        if let Some(of) = p_next::find::<vk::PresentIdKHR<'_>>(chain) {
            let id = value_at(of.p_present_ids, of.swapchain_count, at).copied();
            frame.id = frame.id.or(id.filter(|id| *id != 0));
        }
    }
}
