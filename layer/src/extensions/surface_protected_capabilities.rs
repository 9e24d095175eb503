//! `VK_KHR_surface_protected_capabilities`: our surfaces show no protected images.

use std::ffi::c_void;

use ash::{khr::surface_protected_capabilities::NAME, vk};

use crate::{
    catalogue::extension::{Extension, SurfaceQuery},
    vulkan::p_next,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    capabilities: Some(fill),
    ..Extension::instance(&[(NAME, 1)])
};

unsafe fn fill(query: &SurfaceQuery<'_>, chain: *mut c_void) {
    // SAFETY: a valid chain, as `Extension::capabilities` says.
    let ours = unsafe { p_next::find_mut::<vk::SurfaceProtectedCapabilitiesKHR<'_>>(chain) };
    if let Some(ours) = ours.filter(|_| query.offer.is_some()) {
        ours.supports_protected = vk::FALSE;
    }
}
