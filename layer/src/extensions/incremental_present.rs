//! `VK_KHR_incremental_present`: the changed regions become damage of the buffer.

use std::ffi::c_void;

use ash::{khr::incremental_present::NAME, vk};
use wayfence::wayland::Rectangle;

use crate::{
    catalogue::{
        extension::Extension,
        per_swapchain::{Frame, PerSwapchain, value_at},
    },
    vulkan::p_next,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    present: Some(read),
    per_swapchain: &[
        // SAFETY: the structure is laid out so.
        unsafe { PerSwapchain::of::<vk::PresentRegionsKHR<'_>, vk::PresentRegionKHR<'_>>() },
    ],
    ..Extension::device(&[(NAME, 2)])
};

unsafe fn read(chain: *const c_void, at: usize, frame: &mut Frame) {
    // SAFETY: a valid chain, as `Extension::present` says, whose arrays have the lengths that they say.
    let rectangles = unsafe {
        p_next::find::<vk::PresentRegionsKHR<'_>>(chain)
            .and_then(|of| value_at(of.p_regions, of.swapchain_count, at))
            .map_or(&[][..], |region| {
                p_next::slice(region.p_rectangles, region.rectangle_count)
            })
    };
    frame.damage = rectangles
        .iter()
        .map(|rectangle| Rectangle {
            x: rectangle.offset.x,
            y: rectangle.offset.y,
            width: rectangle.extent.width.try_into().unwrap_or(i32::MAX),
            height: rectangle.extent.height.try_into().unwrap_or(i32::MAX),
        })
        .collect();
}
