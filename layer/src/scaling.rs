//! How an image gets on a surface of another size (`VK_KHR_surface_maintenance1`,
//! `VK_KHR_swapchain_maintenance1`).
//!
//! On Wayland a surface has the size of the buffer that is attached to it, unless somebody gives it a
//! size of its own with `wp_viewport.set_destination`; then the compositor stretches every buffer to
//! that size, whatever its aspect. In both cases an image fills the surface: that is
//! `VK_PRESENT_SCALING_STRETCH_BIT_KHR`, and it holds without a request of ours.
//!
//! The others need a size that we do not know. A surface has one `wp_viewport` ("the given surface already
//! has a viewport object associated", `viewport_exists`, which ends the connection), and toolkits make it
//! themselves wherever a scale is fractional: it is theirs, and there is no way to ask whether it exists.
//! Its destination is in surface coordinates, and the scale and transform between those and pixels are
//! the application's requests, too. So nobody here can keep pixels one to one
//! (`VK_PRESENT_SCALING_ONE_TO_ONE_BIT_KHR`), or add borders (`…_ASPECT_RATIO_STRETCH_BIT_KHR`: a viewport
//! has none); and gravity, which says where an image lies that does not fill its surface, has no meaning.

use std::ffi::c_void;

use ash::vk;

use crate::p_next;

/// What a surface of ours does with an image of another size.
pub const SUPPORTED: vk::PresentScalingFlagsEXT = vk::PresentScalingFlagsEXT::STRETCH;
/// Where an image lies that does not fill the surface: there is none.
pub const GRAVITY: vk::PresentGravityFlagsEXT = vk::PresentGravityFlagsEXT::empty();

/// Whether the surface does what the chain of a `VkSwapchainCreateInfoKHR` asks for.
///
/// # Safety
/// `chain` is null or a valid chain.
pub unsafe fn is_offered(chain: *const c_void) -> bool {
    // SAFETY: the caller guarantees it.
    let asked = unsafe { p_next::find::<vk::SwapchainPresentScalingCreateInfoEXT<'_>>(chain) };
    asked.is_none_or(|asked| {
        SUPPORTED.contains(asked.scaling_behavior)
            && GRAVITY.contains(asked.present_gravity_x)
            && GRAVITY.contains(asked.present_gravity_y)
    })
}
