//! Swapchain images: `VkImage`s whose memory is a dma-buf.

use std::sync::Arc;

use ash::vk;
use wayfence::{dma_buf::DmaBuf, swapchain::Memory, synchronisation::Wait, wayland::Plane};

use crate::{
    objects::{
        device::Device,
        physical_device::{ImageKind, Layout},
    },
    swapchain::{
        compression::Compression,
        image_memory::{ImageMemory, Needs},
        memory::Role,
        spares::Spares,
    },
};

/// What all images of a swapchain are made of.
pub struct ImageRecipe {
    /// Format, usage, flags, size.
    pub format: vk::Format,
    /// The size in pixels.
    pub extent: vk::Extent2D,
    /// What the application does with them.
    pub usage: vk::ImageUsageFlags,
    /// How they are created.
    pub flags: vk::ImageCreateFlags,
    /// The formats of their views, with `MUTABLE_FORMAT`.
    pub view_formats: Vec<vk::Format>,
    /// How far they may be compressed.
    pub compression: Option<Compression>,
    /// The queue families that share them; empty: exclusive.
    pub queue_families: Vec<u32>,
    /// The layouts that the driver may choose from.
    pub layouts: Vec<Layout>,
    /// What their memory is to the driver.
    pub role: Role,
}

/// An image, and its memory, unless another image has that, too: destroyed with it. The device must be done
/// with both by then.
pub struct Image {
    /// Its handle.
    pub handle: vk::Image,
    memory: Option<Arc<ImageMemory>>,
    device: Arc<Device>,
}

impl ImageRecipe {
    /// The kind of image, for questions about it.
    pub fn kind(&self) -> ImageKind<'_> {
        ImageKind {
            format: self.format,
            usage: self.usage,
            flags: self.flags,
            view_formats: &self.view_formats,
            compression: self.compression.as_ref(),
            queue_families: &self.queue_families,
            extent: self.extent,
        }
    }

    /// Makes an image without memory. The caller destroys it, with the same allocator.
    ///
    /// # Errors
    /// The driver's.
    pub fn create(
        &self,
        device: &Device,
        allocator: *const vk::AllocationCallbacks<'_>,
    ) -> Result<vk::Image, vk::Result> {
        let create = device
            .next
            .create_image
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        let modifiers: Vec<u64> = self.layouts.iter().map(|layout| layout.modifier).collect();
        let mut by_modifier =
            vk::ImageDrmFormatModifierListCreateInfoEXT::default().drm_format_modifiers(&modifiers);
        let mut external = vk::ExternalMemoryImageCreateInfo::default()
            .handle_types(vk::ExternalMemoryHandleTypeFlags::DMA_BUF_EXT);
        let mut views = vk::ImageFormatListCreateInfo::default().view_formats(&self.view_formats);
        let mut info = vk::ImageCreateInfo::default()
            .flags(self.flags)
            .image_type(vk::ImageType::TYPE_2D)
            .format(self.format)
            .extent(vk::Extent3D {
                width: self.extent.width,
                height: self.extent.height,
                depth: 1,
            })
            .mip_levels(1)
            .array_layers(1)
            .samples(vk::SampleCountFlags::TYPE_1)
            .tiling(vk::ImageTiling::DRM_FORMAT_MODIFIER_EXT)
            .usage(self.usage)
            .initial_layout(vk::ImageLayout::UNDEFINED)
            .push_next(&mut by_modifier)
            .push_next(&mut external);
        if !self.view_formats.is_empty() {
            info = info.push_next(&mut views);
        }
        let mut compression = self.compression.as_ref().map(Compression::control);
        if let Some(compression) = &mut compression {
            info = info.push_next(compression);
        }
        if !self.queue_families.is_empty() {
            info = info
                .sharing_mode(vk::SharingMode::CONCURRENT)
                .queue_family_indices(&self.queue_families);
        }
        let mut image = vk::Image::null();
        // SAFETY: our device, a valid structure and chain, room for a handle.
        unsafe { create(device.handle, &info, allocator, &mut image) }.result_with_success(image)
    }
}

impl Image {
    /// Makes an image in memory that was spared, or else in new memory, and what the compositor needs to read
    /// it: the layout that the driver chose, and the memory as a dma-buf. New memory has some room where
    /// others of another size were spared.
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
        if let Some((memory, dma_buf, wait)) = spares.take(|memory| memory.suits(device, &needs))
            && memory.bind(image.handle).is_ok()
        {
            image.memory = Some(memory);
            let memory = Memory {
                dma_buf,
                planes,
                wait,
            };
            return Ok((image, layout, memory));
        }
        let needs = if resized { needs.with_room() } else { needs };
        let memory = ImageMemory::new(device, image.handle, &needs)?;
        memory.bind(image.handle)?;
        let memory_of_image = Memory {
            dma_buf: Arc::new(DmaBuf::from(memory.export()?)),
            planes,
            wait: Wait::Signalled,
        };
        image.memory = Some(Arc::new(memory));
        Ok((image, layout, memory_of_image))
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
                (Ok(offset), Ok(stride)) => Ok(Plane { offset, stride }),
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
