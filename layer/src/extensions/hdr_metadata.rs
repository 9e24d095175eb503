//! `VK_EXT_hdr_metadata`: which colours an application really uses.

use ash::{
    ext::hdr_metadata::NAME,
    vk::{self, PFN_vkSetHdrMetadataEXT},
};
use wayfence::colour::{Chromaticity, Metadata};

use crate::{
    catalogue::{
        command::{Given, command},
        extension::Extension,
    },
    entry::answer::on_device,
    vulkan::p_next,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    needs: "to be of use: `wp_color_manager_v1`",
    commands: &[command!(
        c"vkSetHdrMetadataEXT",
        Device,
        Given::Device(NAME),
        set_hdr_metadata,
        PFN_vkSetHdrMetadataEXT
    )],
    ..Extension::device(&[(NAME, 3)])
};

/// `vkSetHdrMetadataEXT`: each swapchain gets its own.
unsafe extern "system" fn set_hdr_metadata(
    device: vk::Device,
    count: u32,
    swapchains: *const vk::SwapchainKHR,
    metadata: *const vk::HdrMetadataEXT<'_>,
) {
    let command = "vkSetHdrMetadataEXT";
    // SAFETY: valid parameters by the specification: two arrays of this length.
    unsafe {
        // The command has no answer.
        let _ = on_device(command, device, |object| {
            let all = p_next::slice(swapchains, count)
                .iter()
                .zip(p_next::slice(metadata, count));
            for (swapchain, metadata) in all {
                match object.swapchain(*swapchain) {
                    Some(ours) => {
                        if let Err(error) = ours.compositor.set_metadata(&of_vk(metadata)) {
                            // It is logged; the command has no answer.
                            let _ = ours.fail(command, &error);
                        }
                    }
                    None => {
                        let next: PFN_vkSetHdrMetadataEXT = object.below(c"vkSetHdrMetadataEXT")?;
                        next(device, 1, swapchain, metadata);
                    }
                }
            }
            Ok(vk::Result::SUCCESS)
        });
    }
}

fn of_vk(metadata: &vk::HdrMetadataEXT<'_>) -> Metadata {
    let colour = |of: vk::XYColorEXT| Chromaticity { x: of.x, y: of.y };
    Metadata {
        red: colour(metadata.display_primary_red),
        green: colour(metadata.display_primary_green),
        blue: colour(metadata.display_primary_blue),
        white: colour(metadata.white_point),
        max_luminance: metadata.max_luminance,
        min_luminance: metadata.min_luminance,
        max_cll: metadata.max_content_light_level,
        max_fall: metadata.max_frame_average_light_level,
    }
}
