//! `VK_EXT_image_compression_control_swapchain`: passed on to the driver's `VK_EXT_image_compression_control`.

use std::ffi::c_void;

use ash::{ext::image_compression_control_swapchain::NAME, vk};

use crate::{
    catalogue::{
        creation::Asked,
        extension::{Extension, Features},
    },
    driver::{compression::Compression, offer::Offer},
    vulkan::p_next,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    needs: "of the driver: `VK_EXT_image_compression_control`",
    driver: |device| device.compresses,
    features: Features::one(
        vk::StructureType::PHYSICAL_DEVICE_IMAGE_COMPRESSION_CONTROL_SWAPCHAIN_FEATURES_EXT,
    ),
    format: Some(fill),
    creation: Some(read),
    ..Extension::device(&[(NAME, 1)])
};

unsafe fn fill(offer: &Offer, format: vk::Format, chain: *mut c_void) {
    // SAFETY: a valid chain, as `Extension::format` says.
    let ours = unsafe { p_next::find_mut::<vk::ImageCompressionPropertiesEXT<'_>>(chain) };
    if let Some(ours) = ours {
        let rates = offer.fixed_rates(format);
        ours.image_compression_fixed_rate_flags = rates;
        ours.image_compression_flags = match rates.is_empty() {
            true => vk::ImageCompressionFlagsEXT::DEFAULT,
            false => vk::ImageCompressionFlagsEXT::FIXED_RATE_EXPLICIT,
        };
    }
}

unsafe fn read(
    info: &vk::SwapchainCreateInfoKHR<'_>,
    asked: &mut Asked,
) -> Result<(), &'static str> {
    // SAFETY: a valid chain, as `Extension::creation` says.
    asked.compression = unsafe { Compression::asked(info.p_next) };
    Ok(())
}
