//! Swapchain images: `VkImage`s whose memory is a dma-buf.

use std::sync::Arc;

use ash::vk;
use wayfence::{dma_buf::DmaBuf, swapchain::Memory, synchronisation::Inherited, wayland::Plane};

use super::{
    image_memory::{ImageMemory, Needs},
    image_recipe::ImageRecipe,
    spares::Spares,
};
use crate::{driver::physical_device::Layout, objects::device::Device};

/// An image with its memory, which is freed with the last image in it. The device must be done with both by
/// then.
pub struct Image {
    /// Its handle.
    pub handle: vk::Image,
    memory: Option<Arc<ImageMemory>>,
    device: Arc<Device>,
}

impl Image {
    /// Makes an image in spare memory, or else in new memory, and what the compositor needs to import it: the
    /// layout that the driver chose, and the memory as a dma-buf. New memory has some room if there was spare
    /// memory of another size.
    ///
    /// # Errors
    /// The driver's.
    pub fn new(
        device: &Arc<Device>,
        recipe: &ImageRecipe,
        spares: &mut Spares,
        resized: bool,
    ) -> Result<(Image, Layout, Memory), vk::Result> {
        let mut image = Image {
            handle: recipe.create(device, std::ptr::null())?,
            memory: None,
            device: Arc::clone(device),
        };
        let layout = image.layout(recipe)?;
        let planes = image.planes(layout)?;
        let needs = Needs::of(device, image.handle, recipe, layout)?;
        if let Some((spared, dma_buf, inherited)) =
            spares.take(|memory| memory.suits(device, &needs))
            && spared.bind(image.handle).is_ok()
        {
            image.memory = Some(spared);
            let memory = Memory {
                dma_buf,
                planes,
                inherited,
            };
            return Ok((image, layout, memory));
        }
        let needs = if resized { needs.with_room() } else { needs };
        let new = Arc::new(ImageMemory::new(device, image.handle, &needs)?);
        image.memory = Some(Arc::clone(&new));
        new.bind(image.handle)?;
        let memory = Memory {
            dma_buf: Arc::new(DmaBuf::from(new.export()?)),
            planes,
            inherited: Inherited::default(),
        };
        Ok((image, layout, memory))
    }

    /// Its memory.
    pub fn memory(&self) -> Option<&Arc<ImageMemory>> {
        self.memory.as_ref()
    }

    fn layout(&self, recipe: &ImageRecipe) -> Result<Layout, vk::Result> {
        let query = self
            .device
            .next
            .get_image_drm_format_modifier_properties
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        let mut chosen = vk::ImageDrmFormatModifierPropertiesEXT::default();
        // SAFETY: our image, made with a list of modifiers; a structure to fill.
        unsafe { query(self.device.handle, self.handle, &mut chosen) }.result()?;
        let modifier = chosen.drm_format_modifier;
        recipe
            .layouts
            .iter()
            .find(|layout| layout.modifier == modifier)
            .copied()
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)
    }

    fn planes(&self, layout: Layout) -> Result<Vec<Plane>, vk::Result> {
        let query = self
            .device
            .next
            .get_image_subresource_layout
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        [
            vk::ImageAspectFlags::MEMORY_PLANE_0_EXT,
            vk::ImageAspectFlags::MEMORY_PLANE_1_EXT,
            vk::ImageAspectFlags::MEMORY_PLANE_2_EXT,
            vk::ImageAspectFlags::MEMORY_PLANE_3_EXT,
        ]
        .iter()
        .take(layout.planes as usize)
        .map(|aspect| {
            let part = vk::ImageSubresource {
                aspect_mask: *aspect,
                mip_level: 0,
                array_layer: 0,
            };
            let mut place = vk::SubresourceLayout::default();
            // SAFETY: our image, one of its memory planes, a structure to fill.
            unsafe { query(self.device.handle, self.handle, &part, &mut place) };
            match (u32::try_from(place.offset), u32::try_from(place.row_pitch)) {
                // A stride of 0 is a protocol error.
                (Ok(offset), Ok(stride)) if stride > 0 => Ok(Plane { offset, stride }),
                _ => Err(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY),
            }
        })
        .collect()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if let Some(destroy) = self.device.next.destroy_image {
            // SAFETY: ours, made on this device; the application guarantees that it has done with the
            // swapchain's images when it destroys the swapchain.
            unsafe { destroy(self.device.handle, self.handle, std::ptr::null()) };
        }
    }
}
