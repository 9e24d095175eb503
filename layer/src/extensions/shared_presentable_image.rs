//! `VK_KHR_shared_presentable_image`: on Wayland nobody can draw into a buffer that is shown.

use std::ffi::c_void;

use ash::{khr::shared_presentable_image::NAME, vk};

use super::extension::{Extension, Provider, SurfaceQuery};
use crate::p_next;

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Hidden,
    capabilities: Some(fill),
    ..Extension::device(&[(NAME, 1)])
};

unsafe fn fill(query: &SurfaceQuery<'_>, chain: *mut c_void) {
    // SAFETY: a valid chain, as `Extension::capabilities` says.
    let ours = unsafe { p_next::find_mut::<vk::SharedPresentSurfaceCapabilitiesKHR<'_>>(chain) };
    if let Some(ours) = ours.filter(|_| query.offer.is_some()) {
        ours.shared_present_supported_usage_flags = vk::ImageUsageFlags::empty();
    }
}
