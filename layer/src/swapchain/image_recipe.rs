//! The properties with which a swapchain's images are made.

use ash::vk;

use super::memory::Role;
use crate::{
    driver::{
        compression::Compression,
        physical_device::{ImageKind, Layout},
    },
    objects::device::Device,
    vulkan::result,
};

/// The properties with which all images of a swapchain are made.
pub struct ImageRecipe {
    /// The format.
    pub format: vk::Format,
    /// The size in pixels.
    pub extent: vk::Extent2D,
    /// Their usage.
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
    /// Whether another device than the driver's reads them.
    pub foreign: bool,
    /// The row pitch in bytes; `None`: the driver chooses.
    pub pitch: Option<u64>,
}

impl ImageRecipe {
    /// The kind of image, for queries.
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
        // Unset members must be 0 (`VkImageDrmFormatModifierExplicitCreateInfoEXT`).
        let rows = [vk::SubresourceLayout {
            row_pitch: self.pitch.unwrap_or_default(),
            ..vk::SubresourceLayout::default()
        }];
        let mut by_pitch = vk::ImageDrmFormatModifierExplicitCreateInfoEXT::default()
            .drm_format_modifier(modifiers.first().copied().unwrap_or_default())
            .plane_layouts(&rows);
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
            .push_next(&mut external);
        info = match self.pitch {
            None => info.push_next(&mut by_modifier),
            Some(_) => info.push_next(&mut by_pitch),
        };
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
        unsafe { create(device.handle, &info, allocator, &mut image) }.result()?;
        result::given("vkCreateImage", image)
    }
}
