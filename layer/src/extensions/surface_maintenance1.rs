//! `VK_KHR_surface_maintenance1`: compatible present modes, and scaling.
//!
//! On Wayland the surface has the size of the presented image (`currentExtent` is 0xFFFFFFFF). So every image
//! fills its surface: one pixel of it is one of the surface (`VK_PRESENT_SCALING_ONE_TO_ONE_BIT_KHR`), and
//! stretching it, with its aspect or without, changes nothing. Gravity places an image that does not fill its
//! surface, which never happens. All of it holds without a request of ours.
//!
//! The application or its toolkit may give the surface another size with `wp_viewport.set_destination`. The
//! compositor then scales after presentation, as it does for a buffer's scale.

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

/// The scaling of our surfaces, which take the size of the image.
const SCALING: vk::PresentScalingFlagsEXT = vk::PresentScalingFlagsEXT::from_raw(
    vk::PresentScalingFlagsEXT::ONE_TO_ONE.as_raw()
        | vk::PresentScalingFlagsEXT::ASPECT_RATIO_STRETCH.as_raw()
        | vk::PresentScalingFlagsEXT::STRETCH.as_raw(),
);
/// The gravity of images, which fill the surface.
const GRAVITY: vk::PresentGravityFlagsEXT = vk::PresentGravityFlagsEXT::from_raw(
    vk::PresentGravityFlagsEXT::MIN.as_raw()
        | vk::PresentGravityFlagsEXT::MAX.as_raw()
        | vk::PresentGravityFlagsEXT::CENTERED.as_raw(),
);

/// The present mode of a query; `None` if it names none.
///
/// # Safety
/// The query is valid with its chain.
pub unsafe fn asked_mode(
    info: &vk::PhysicalDeviceSurfaceInfo2KHR<'_>,
) -> Option<vk::PresentModeKHR> {
    // SAFETY: the caller guarantees a valid chain.
    let mode = unsafe { p_next::find::<vk::SurfacePresentModeEXT<'_>>(info.p_next) };
    mode.map(|mode| mode.present_mode)
}

/// On our surfaces all modes are compatible. On those of a driver without the extension each is only compatible
/// with itself, and there is no scaling.
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
            // Our modes differ in the commit, not in the images. "The implementation must include the present
            // mode passed to VkSurfacePresentModeKHR": first, as there may be room for one.
            let others = query.offer.map_or(&[][..], |offer| &offer.present_modes);
            let compatible_modes: SmallVec<[_; 8]> = std::iter::once(asked)
                .chain(others.iter().copied().filter(|mode| *mode != asked))
                .collect();
            // Too little room is not reported: the only success of the command is VK_SUCCESS.
            let _ = p_next::enumerate(
                &compatible_modes,
                &mut compatible.present_mode_count,
                compatible.p_present_modes,
                |mode, to| *to = *mode,
            );
        }
    }
}
