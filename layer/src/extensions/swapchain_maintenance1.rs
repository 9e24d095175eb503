//! `VK_KHR_swapchain_maintenance1`: present modes that change, scaling, images that come back unpresented,
//! and fences of presents.

use std::ffi::{CStr, c_void};

use ash::{
    ext::swapchain_maintenance1::NAME as EXT,
    vk::{self, PFN_vkReleaseSwapchainImagesEXT},
};

use super::surface_maintenance1;
use crate::{
    catalogue::{
        command::{Given, command},
        creation::Asked,
        extension::{Extension, Features, SurfaceQuery},
        per_swapchain::{Frame, PerSwapchain, value_at},
    },
    entry::answer::on_swapchain,
    vulkan::{p_next, present_mode, registry::KHR_SWAPCHAIN_MAINTENANCE1 as KHR},
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    features: Features::one(
        vk::StructureType::PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT,
    ),
    commands: &[
        command!(
            c"vkReleaseSwapchainImagesKHR",
            Device,
            Given::Device(KHR),
            release_swapchain_images,
            PFN_vkReleaseSwapchainImagesEXT
        ),
        command!(
            c"vkReleaseSwapchainImagesEXT",
            Device,
            Given::Device(EXT),
            release_swapchain_images,
            PFN_vkReleaseSwapchainImagesEXT
        ),
    ],
    capabilities: Some(fill_below),
    creation: Some(read_creation),
    present: Some(read_present),
    per_swapchain: &[
        // SAFETY: the structure is laid out so.
        unsafe { PerSwapchain::of::<vk::SwapchainPresentFenceInfoEXT<'_>, vk::Fence>() },
        // SAFETY: as above.
        unsafe { PerSwapchain::of::<vk::SwapchainPresentModeInfoEXT<'_>, vk::PresentModeKHR>() },
    ],
    ..Extension::device(&[(KHR, 1), (EXT, 1)])
};

/// On surfaces of a driver without this extension, nothing that `VK_KHR_surface_maintenance1` reports is
/// possible.
unsafe fn fill_below(query: &SurfaceQuery<'_>, chain: *mut c_void) {
    if query.offer.is_none() {
        // SAFETY: valid chains, as `Extension::capabilities` says.
        unsafe { surface_maintenance1::fill(query, chain) };
    }
}

unsafe fn read_creation(
    info: &vk::SwapchainCreateInfoKHR<'_>,
    asked: &mut Asked,
) -> Result<(), &'static str> {
    // SAFETY: a valid chain, as `Extension::creation` says, whose arrays have the lengths that they say.
    unsafe {
        if let Some(modes) = p_next::find::<vk::SwapchainPresentModesCreateInfoEXT<'_>>(info.p_next)
        {
            asked.present_modes =
                p_next::slice(modes.p_present_modes, modes.present_mode_count).to_vec();
        }
    }
    // `VkSwapchainPresentScalingCreateInfoKHR` changes nothing: every scaling and gravity is what a surface
    // does anyway (`surface_maintenance1`).
    Ok(())
}

unsafe fn read_present(chain: *const c_void, at: usize, frame: &mut Frame) {
    // SAFETY: a valid chain, as `Extension::present` says, whose arrays have the lengths that they say.
    unsafe {
        if let Some(of) = p_next::find::<vk::SwapchainPresentModeInfoEXT<'_>>(chain) {
            let mode = value_at(of.p_present_modes, of.swapchain_count, at);
            frame.mode = mode.and_then(|mode| present_mode::from_vk(*mode));
        }
        if let Some(of) = p_next::find::<vk::SwapchainPresentFenceInfoEXT<'_>>(chain) {
            let fence = value_at(of.p_fences, of.swapchain_count, at).copied();
            frame.fence = fence.filter(|fence| *fence != vk::Fence::null());
        }
    }
}

/// `vkReleaseSwapchainImagesKHR` and `…EXT`: acquired images come back unpresented.
unsafe extern "system" fn release_swapchain_images(
    device: vk::Device,
    info: *const vk::ReleaseSwapchainImagesInfoEXT<'_>,
) -> vk::Result {
    let command = "vkReleaseSwapchainImagesKHR";
    // SAFETY: valid parameters by the specification.
    unsafe {
        let released = &*info;
        on_swapchain(
            command,
            device,
            released.swapchain,
            |ours| {
                for index in p_next::slice(released.p_image_indices, released.image_index_count) {
                    let back = ours.compositor.release(*index);
                    back.map_err(|error| ours.fail(command, &error))?;
                }
                Ok(vk::Result::SUCCESS)
            },
            |object| {
                let next: PFN_vkReleaseSwapchainImagesEXT = object
                    .below(c"vkReleaseSwapchainImagesKHR")
                    .or_else(|_| object.below(c"vkReleaseSwapchainImagesEXT"))?;
                Ok(next(device, info))
            },
        )
    }
}

/// Whether `VK_KHR_swapchain_maintenance1` is among these extensions, by either of its names.
pub fn maintains(has: impl Fn(&CStr) -> bool) -> bool {
    EXTENSION.is_had(has)
}
