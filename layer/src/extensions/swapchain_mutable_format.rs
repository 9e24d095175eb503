//! `VK_KHR_swapchain_mutable_format`: views of images in other formats.

use ash::{khr::swapchain_mutable_format::NAME, vk};

use super::extension::Extension;
use crate::{creation::Asked, p_next};

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
        let list = p_next::find::<vk::ImageFormatListCreateInfo<'_>>(info.p_next)
            .ok_or("a mutable format without the list of view formats")?;
        asked.view_formats = p_next::slice(list.p_view_formats, list.view_format_count).to_vec();
    }
    Ok(())
}
