//! Swapchain images: `VkImage`s whose memory is a dma-buf.

use std::{
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd},
    sync::Arc,
};

use ash::vk;
use wayfence::{dma_buf::DmaBuf, swapchain::Memory, wayland::Plane};

use crate::{
    objects::{
        device::Device,
        physical_device::{ImageKind, Layout},
    },
    swapchain::{compression::Compression, memory::Role},
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
    /// Whether another device than the driver's reads them.
    pub foreign: bool,
    /// How many bytes from row to row; none: as the driver likes.
    pub pitch: Option<u64>,
}

/// An image and its memory, destroyed with it. The device must be done with both by then.
pub struct Image {
    /// Its handle.
    pub handle: vk::Image,
    memory: vk::DeviceMemory,
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
        // What is not said must be 0 (`VkImageDrmFormatModifierExplicitCreateInfoEXT`).
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
        unsafe { create(device.handle, &info, allocator, &mut image) }.result_with_success(image)
    }
}

impl Image {
    /// Makes an image with memory of its own, and what the compositor needs to read it: the layout that
    /// the driver chose, and the memory as a dma-buf.
    ///
    /// # Errors
    /// The driver's.
    pub fn new(
        device: &Arc<Device>,
        recipe: &ImageRecipe,
    ) -> Result<(Image, Layout, Memory), vk::Result> {
        let mut image = Image {
            handle: recipe.create(device, std::ptr::null())?,
            memory: vk::DeviceMemory::null(),
            device: Arc::clone(device),
        };
        let layout = image.layout(recipe)?;
        image.memory = allocate(device, image.handle, Source::Exported, recipe, layout)?;
        bind(device, image.handle, image.memory)?;
        let planes = image.planes(layout)?;
        let dma_buf = DmaBuf::from(image.export()?);
        Ok((image, layout, Memory { dma_buf, planes }))
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

    fn export(&self) -> Result<OwnedFd, vk::Result> {
        let export = self
            .device
            .next
            .get_memory_fd
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        let info = vk::MemoryGetFdInfoKHR::default()
            .memory(self.memory)
            .handle_type(vk::ExternalMemoryHandleTypeFlags::DMA_BUF_EXT);
        let mut fd = -1;
        // SAFETY: our memory, allocated to be exported so.
        unsafe { export(self.device.handle, &info, &mut fd) }.result()?;
        if fd < 0 {
            // Mesa's Honeykrisp does so where the kernel refuses.
            tracing::error!("vkGetMemoryFdKHR: success, and no descriptor");
            return Err(vk::Result::ERROR_INITIALIZATION_FAILED);
        }
        // SAFETY: each export gives a new descriptor to the caller.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let Device { handle, next, .. } = &*self.device;
        // SAFETY: ours, made on this device; the application guarantees that it has done with the
        // swapchain's images when it destroys the swapchain.
        unsafe {
            if let Some(destroy) = next.destroy_image {
                destroy(*handle, self.handle, std::ptr::null());
            }
            if let Some(free) = next.free_memory {
                free(*handle, self.memory, std::ptr::null());
            }
        }
    }
}

/// Gives an alias of a swapchain image (`VkImageSwapchainCreateInfoKHR`) the memory of that image: the
/// dma-buf, imported once more, because memory dedicated to one image cannot be bound to another. The
/// caller frees the memory. Recipe and layout are those of the swapchain's image.
///
/// # Errors
/// The driver's.
pub fn bind_alias(
    device: &Device,
    alias: vk::Image,
    dma_buf: BorrowedFd<'_>,
    recipe: &ImageRecipe,
    layout: Layout,
) -> Result<vk::DeviceMemory, vk::Result> {
    let fd = dma_buf
        .try_clone_to_owned()
        .map_err(|_| vk::Result::ERROR_OUT_OF_HOST_MEMORY)?;
    let memory = allocate(device, alias, Source::Imported(fd), recipe, layout)?;
    bind(device, alias, memory).inspect_err(|_| {
        if let Some(free) = device.next.free_memory {
            // SAFETY: ours, bound to nothing.
            unsafe { free(device.handle, memory, std::ptr::null()) };
        }
    })?;
    Ok(memory)
}

enum Source {
    Exported,
    Imported(OwnedFd),
}

/// Allocates memory for the image: dedicated to it only where the driver wants that, as some of them take
/// dedicated memory that others know for something that they must synchronise themselves.
fn allocate(
    device: &Device,
    image: vk::Image,
    source: Source,
    recipe: &ImageRecipe,
    layout: Layout,
) -> Result<vk::DeviceMemory, vk::Result> {
    let missing = vk::Result::ERROR_INITIALIZATION_FAILED;
    let allocate = device.next.allocate_memory.ok_or(missing)?;
    let query = device.next.get_image_memory_requirements2.ok_or(missing)?;
    let mut dedication = vk::MemoryDedicatedRequirements::default();
    let mut requirements = vk::MemoryRequirements2::default().push_next(&mut dedication);
    let about = vk::ImageMemoryRequirementsInfo2::default().image(image);
    // SAFETY: our image, and structures to fill that every such device knows.
    unsafe { query(device.handle, &about, &mut requirements) };
    let requirements = requirements.memory_requirements;
    let physical = device.instance.physical_device(device.physical);
    let is_dedicated = dedication.requires_dedicated_allocation == vk::TRUE
        || physical.dedicates(&recipe.kind(), layout.modifier);
    let dma_buf = vk::ExternalMemoryHandleTypeFlags::DMA_BUF_EXT;
    let mut types = requirements.memory_type_bits;
    if let Source::Imported(fd) = &source {
        let query = device.next.get_memory_fd_properties.ok_or(missing)?;
        let mut properties = vk::MemoryFdPropertiesKHR::default();
        // SAFETY: a dma-buf, which stays ours.
        unsafe { query(device.handle, dma_buf, fd.as_raw_fd(), &mut properties) }.result()?;
        types &= properties.memory_type_bits;
    }
    let memory_type =
        memory_type(device, types, recipe.foreign).ok_or(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY)?;
    let mut dedicated = vk::MemoryDedicatedAllocateInfo::default().image(image);
    let mut export = vk::ExportMemoryAllocateInfo::default().handle_types(dma_buf);
    let mut import = vk::ImportMemoryFdInfoKHR::default().handle_type(dma_buf);
    let mut info = vk::MemoryAllocateInfo::default()
        .allocation_size(requirements.size)
        .memory_type_index(memory_type);
    if is_dedicated {
        info = info.push_next(&mut dedicated);
    }
    let mut told = recipe.role.structure();
    if let Some(told) = &mut told {
        info = info.push_next(told);
    }
    match &source {
        Source::Exported => info = info.push_next(&mut export),
        Source::Imported(fd) => {
            import = import.fd(fd.as_raw_fd());
            info = info.push_next(&mut import);
        }
    }
    let mut memory = vk::DeviceMemory::null();
    // SAFETY: our device, a valid structure and chain, room for a handle.
    unsafe { allocate(device.handle, &info, std::ptr::null(), &mut memory) }.result()?;
    if let Source::Imported(fd) = source {
        // A successful import has taken the descriptor.
        let _ = fd.into_raw_fd();
    }
    Ok(memory)
}

fn bind(device: &Device, image: vk::Image, memory: vk::DeviceMemory) -> Result<(), vk::Result> {
    let bind = device
        .next
        .bind_image_memory
        .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
    // SAFETY: an image without memory, and memory made for it.
    unsafe { bind(device.handle, image, memory, 0) }.result()
}

/// The first of the allowed types on the device itself, else the first of them. Images that another device
/// reads are better off where that needs no way into this one's own memory, which it may not have.
fn memory_type(device: &Device, allowed: u32, foreign: bool) -> Option<u32> {
    let query = device.instance.next.get_physical_device_memory_properties?;
    let mut properties = vk::PhysicalDeviceMemoryProperties::default();
    // SAFETY: a valid handle and a structure to fill.
    unsafe { query(device.physical, &mut properties) };
    let flags = |index: u32| properties.memory_types[index as usize].property_flags;
    // Of these the application has not asked for the feature.
    let special = vk::MemoryPropertyFlags::PROTECTED | vk::MemoryPropertyFlags::DEVICE_COHERENT_AMD;
    let mut allowed = (0..properties.memory_type_count)
        .filter(|index| allowed & (1 << index) != 0 && !flags(*index).intersects(special));
    let first = allowed.clone().next();
    allowed
        .find(|index| flags(*index).contains(vk::MemoryPropertyFlags::DEVICE_LOCAL) != foreign)
        .or(first)
}
