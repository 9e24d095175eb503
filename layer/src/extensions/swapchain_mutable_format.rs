//! `VK_KHR_swapchain_mutable_format`: views of images in other formats.

use ash::{khr::swapchain_mutable_format::NAME, vk};

use crate::{
    catalogue::{creation::Asked, extension::Extension},
    vulkan::p_next,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    creation: Some(read),
    ..Extension::device(&[(NAME, 1)])
};

unsafe fn read(
    info: &vk::SwapchainCreateInfoKHR<'_>,
    asked: &mut Asked,
) -> Result<(), &'static str> {
    if !info
        .flags
        .contains(vk::SwapchainCreateFlagsKHR::MUTABLE_FORMAT)
    {
        return Ok(());
    }
    asked.image_flags |=
        vk::ImageCreateFlags::MUTABLE_FORMAT | vk::ImageCreateFlags::EXTENDED_USAGE;
    // SAFETY: a valid chain, as `Extension::creation` says, whose arrays have the lengths that they say.
    unsafe {
        if let Some(list) = p_next::find::<vk::ImageFormatListCreateInfo<'_>>(info.p_next) {
            asked.view_formats =
                p_next::slice(list.p_view_formats, list.view_format_count).to_vec();
        }
    }
    // An image with a DRM format modifier needs a list: whoever gives none gets views of the format itself.
    if asked.view_formats.is_empty() {
        asked.view_formats.push(info.image_format);
    }
    Ok(())
}
