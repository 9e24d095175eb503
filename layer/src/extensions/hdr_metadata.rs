//! `VK_EXT_hdr_metadata`: our swapchains are sRGB, and have no use for it.

use ash::{
    ext::hdr_metadata::NAME,
    vk::{self, PFN_vkSetHdrMetadataEXT},
};

use super::extension::{Extension, Provider};
use crate::{
    entry::answer::on_device,
    extensions::command::{Given, command},
    vulkan::p_next,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Driver,
    commands: &[command!(
        c"vkSetHdrMetadataEXT",
        Device,
        Given::Below,
        set_hdr_metadata,
        PFN_vkSetHdrMetadataEXT
    )],
    ..Extension::device(&[(NAME, 3)])
};

/// `vkSetHdrMetadataEXT`.
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
            let next: PFN_vkSetHdrMetadataEXT = object.below(c"vkSetHdrMetadataEXT")?;
            let all = p_next::slice(swapchains, count)
                .iter()
                .zip(p_next::slice(metadata, count));
            for (swapchain, metadata) in all {
                if object.swapchain(*swapchain).is_none() {
                    next(device, 1, swapchain, metadata);
                }
            }
            Ok(vk::Result::SUCCESS)
        });
    }
}
