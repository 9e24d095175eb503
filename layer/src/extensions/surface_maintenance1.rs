//! `VK_KHR_surface_maintenance1`: between which present modes a swapchain can change, and how an image
//! gets on a surface of another size.
//!
//! On Wayland the surface has the size of the image that is presented (`currentExtent` is 0xFFFFFFFF). So an
//! image is as large as its surface: one pixel of it is one of the surface
//! (`VK_PRESENT_SCALING_ONE_TO_ONE_BIT_KHR`), and stretched it is the same, with its aspect and without.
//! Gravity says where an image lies that does not fill its surface: there is none. All of it holds without a
//! request of ours.
//!
//! The application or its toolkit may give the surface another size with `wp_viewport.set_destination`. The
//! compositor then scales what the presentation engine has put together, as it does for a buffer's scale.

use std::ffi::c_void;

use ash::{ext, vk};
use smallvec::SmallVec;

use crate::{
    catalogue::extension::{Extension, SurfaceQuery},
    vulkan::{p_next, registry::KHR_SURFACE_MAINTENANCE1},
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    capabilities: Some(fill),
    ..Extension::instance(&[
        (KHR_SURFACE_MAINTENANCE1, 1),
        (ext::surface_maintenance1::NAME, 1),
    ])
};

/// What a surface of ours does with an image of another size: its size becomes that.
const SCALING: vk::PresentScalingFlagsEXT = vk::PresentScalingFlagsEXT::from_raw(
    vk::PresentScalingFlagsEXT::ONE_TO_ONE.as_raw()
        | vk::PresentScalingFlagsEXT::ASPECT_RATIO_STRETCH.as_raw()
        | vk::PresentScalingFlagsEXT::STRETCH.as_raw(),
);
/// Where an image lies that does not fill the surface: it does.
const GRAVITY: vk::PresentGravityFlagsEXT = vk::PresentGravityFlagsEXT::from_raw(
    vk::PresentGravityFlagsEXT::MIN.as_raw()
        | vk::PresentGravityFlagsEXT::MAX.as_raw()
        | vk::PresentGravityFlagsEXT::CENTERED.as_raw(),
);

/// The present mode that a question is about; `None` if it names none.
///
/// # Safety
/// The question is valid with its chain.
pub unsafe fn asked_mode(
    info: &vk::PhysicalDeviceSurfaceInfo2KHR<'_>,
) -> Option<vk::PresentModeKHR> {
    // SAFETY: the caller guarantees a valid chain.
    let mode = unsafe { p_next::find::<vk::SurfacePresentModeEXT<'_>>(info.p_next) };
    mode.map(|mode| mode.present_mode)
}

/// On a surface of ours: all modes go together. On one of a driver that does not know the extension each is
/// alone, and there is no scaling.
///
/// # Safety
/// Both chains are valid.
pub unsafe fn fill(query: &SurfaceQuery<'_>, chain: *mut c_void) {
    // SAFETY: the caller guarantees valid chains; one structure is looked at at a time.
    unsafe {
        if let Some(scaling) =
            p_next::find_mut::<vk::SurfacePresentScalingCapabilitiesEXT<'_>>(chain)
        {
            let (behaviour, gravity) = match query.offer {
                Some(_) => (SCALING, GRAVITY),
                None => Default::default(),
            };
            scaling.supported_present_scaling = behaviour;
            scaling.supported_present_gravity_x = gravity;
            scaling.supported_present_gravity_y = gravity;
            scaling.min_scaled_image_extent = query.capabilities.min_image_extent;
            scaling.max_scaled_image_extent = query.capabilities.max_image_extent;
        }
        if let Some(compatible) =
            p_next::find_mut::<vk::SurfacePresentModeCompatibilityEXT<'_>>(chain)
        {
            let asked = asked_mode(query.info).unwrap_or(vk::PresentModeKHR::FIFO);
            // Ours differ in what is committed with an image, and in nothing that it is made of. "The
            // implementation must include the present mode passed to VkSurfacePresentModeKHR": first, as
            // there may be room for one.
            let others = query.offer.map_or(&[][..], |offer| &offer.present_modes);
            let compatible_modes: SmallVec<[_; 8]> = std::iter::once(asked)
                .chain(others.iter().copied().filter(|mode| *mode != asked))
                .collect();
            // Too little room is no news here: the command has no success but VK_SUCCESS.
            let _ = p_next::enumerate(
                &compatible_modes,
                &mut compatible.present_mode_count,
                compatible.p_present_modes,
                |mode, to| *to = *mode,
            );
        }
    }
}
