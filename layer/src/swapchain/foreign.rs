//! Images for a compositor that composes on another device than the driver's.
//!
//! Two devices may not read each other's layouts, whatever their names, so such images are linear where both
//! support it ([`Feedback::preferred`](wayfence::wayland::Feedback::preferred)). Not even that is enough: AMD's
//! display and texture units read rows that begin at multiples of 256 bytes (`WSI_PRIME_LINEAR_STRIDE_ALIGN` in
//! Mesa's `wsi_common.h`), where Intel's lay them out at multiples of 64. And device-local memory cannot be
//! read by other devices on every machine. So the compositor is asked to import such an image before anything
//! depends on it.

use std::os::fd::AsFd;

use ash::vk;
use wayfence::{
    error::Error,
    swapchain::Memory,
    wayland::{Display, Import, Nodes},
};

use super::image_recipe::ImageRecipe;
use crate::objects::device::Device;

/// Bytes of which a row's length is a multiple for every device to read it.
const PITCH: u64 = 256;

/// `DRM_FORMAT_MOD_LINEAR`.
const LINEAR: u64 = 0;

impl ImageRecipe {
    /// Makes images of this recipe readable by another device, as far as the driver supports it. To be called
    /// when the layouts are chosen.
    ///
    /// # Errors
    /// The driver's, if it makes no image of this recipe at all.
    pub fn suit_others(&mut self, device: &Device) -> Result<(), vk::Result> {
        let [layout] = &self.layouts[..] else {
            return Ok(());
        };
        if layout.modifier != LINEAR || layout.planes != 1 {
            return Ok(());
        }
        self.foreign = true;
        let drivers = self.row_pitch(device)?;
        if drivers.is_multiple_of(PITCH) {
            return Ok(());
        }
        self.pitch = Some(drivers.next_multiple_of(PITCH));
        match self.row_pitch(device) {
            Ok(pitch) if Some(pitch) == self.pitch => {}
            outcome => {
                // The driver's own pitch may still work.
                tracing::debug!(drivers, ?outcome, "the driver takes no other pitch");
                self.pitch = None;
            }
        }
        Ok(())
    }

    /// The row pitch of an image of this recipe, in bytes.
    fn row_pitch(&self, device: &Device) -> Result<u64, vk::Result> {
        let missing = vk::Result::ERROR_INITIALIZATION_FAILED;
        let query = device.next.get_image_subresource_layout.ok_or(missing)?;
        let destroy = device.next.destroy_image.ok_or(missing)?;
        let image = self.create(device, std::ptr::null())?;
        let part = vk::ImageSubresource {
            aspect_mask: vk::ImageAspectFlags::MEMORY_PLANE_0_EXT,
            mip_level: 0,
            array_layer: 0,
        };
        let mut place = vk::SubresourceLayout::default();
        // SAFETY: our image, its first memory plane, a structure to fill; nobody else knows the image.
        unsafe {
            query(device.handle, image, &part, &mut place);
            destroy(device.handle, image, std::ptr::null());
        }
        Ok(place.row_pitch)
    }
}

/// Whether the compositor can read such an image of the device with these nodes: `None` if it can, else why
/// not.
///
/// # Errors
/// If the compositor is gone.
pub fn refusal(
    display: &Display,
    memory: &Memory,
    extent: vk::Extent2D,
    fourcc: u32,
    modifier: u64,
    nodes: Nodes,
) -> Result<Option<String>, Error> {
    let import = display.can_import(
        memory.dma_buf.as_fd(),
        (extent.width, extent.height),
        fourcc,
        modifier,
        &memory.planes,
        nodes,
    )?;
    let pitch = memory.planes.first().map_or(0, |plane| plane.stride);
    Ok(match import {
        Import::Taken => None,
        Import::Refused => Some(format!(
            "the compositor, on another device than the driver's, cannot read its images \
             ({pitch} bytes a row, modifier {modifier:#x})"
        )),
        Import::Unanswered => Some(
            "the compositor, on another device than the driver's, does not say whether it can read its \
             images"
                .to_owned(),
        ),
    })
}
