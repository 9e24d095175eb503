//! `VK_KHR_present_id2`: on surfaces that say so.

use std::ffi::c_void;

use crate::{
    catalogue::{
        extension::{Extension, Features, SurfaceQuery},
        per_swapchain::{Frame, PerSwapchain, value_at},
    },
    vulkan::{
        p_next,
        registry::{
            KHR_PRESENT_ID2, PHYSICAL_DEVICE_PRESENT_ID_2_FEATURES_KHR, PresentId2KHR,
            SurfaceCapabilitiesPresentId2KHR,
        },
    },
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    features: Features::one(PHYSICAL_DEVICE_PRESENT_ID_2_FEATURES_KHR),
    capabilities: Some(fill),
    present: Some(read),
    // SAFETY: the structure is laid out so.
    per_swapchain: &[unsafe { PerSwapchain::of::<PresentId2KHR<'_>, u64>() }],
    ..Extension::device(&[(KHR_PRESENT_ID2, 1)])
};

unsafe fn fill(query: &SurfaceQuery<'_>, chain: *mut c_void) {
    // SAFETY: a valid chain, as `Extension::capabilities` says.
    let ours = unsafe { p_next::find_mut::<SurfaceCapabilitiesPresentId2KHR<'_>>(chain) };
    if let Some(ours) = ours {
        ours.present_id2_supported = query.offer.is_some().into();
    }
}

/// 0 means none; another value takes precedence over `VK_KHR_present_id`.
unsafe fn read(chain: *const c_void, at: usize, frame: &mut Frame) {
    // SAFETY: a valid chain, as `Extension::present` says, whose arrays have the lengths that they say.
    unsafe {
        if let Some(of) = p_next::find::<PresentId2KHR<'_>>(chain) {
            let id = value_at(of.p_present_ids, of.swapchain_count, at).copied();
            frame.id = id.filter(|id| *id != 0).or(frame.id);
        }
    }
}
