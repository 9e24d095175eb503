//! The memory of a swapchain's image: exportable, and freed with the last image in it.

use std::{
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd},
    sync::Arc,
};

use ash::vk;

use super::{image_recipe::ImageRecipe, memory::Role};
use crate::{driver::physical_device::Layout, objects::device::Device, vulkan::result};

/// Memory of a swapchain's image. The device must be done with it when the last image goes.
pub struct ImageMemory {
    handle: vk::DeviceMemory,
    /// In bytes.
    size: u64,
    memory_type: u32,
    is_dedicated: bool,
    role: Role,
    foreign: bool,
    device: Arc<Device>,
}

/// What the memory of an image must be.
pub struct Needs {
    /// In bytes.
    size: u64,
    /// One bit for each possible memory type.
    types: u32,
    is_dedicated: bool,
    role: Role,
    /// Whether another device reads it.
    foreign: bool,
}

const DMA_BUF: vk::ExternalMemoryHandleTypeFlags = vk::ExternalMemoryHandleTypeFlags::DMA_BUF_EXT;

impl Needs {
    /// What the driver requires for this image. Dedicated only if the driver requires that: some drivers add
    /// implicit synchronisation to shared dedicated memory.
    ///
    /// # Errors
    /// The driver's.
    pub fn of(
        device: &Device,
        image: vk::Image,
        recipe: &ImageRecipe,
        layout: Layout,
    ) -> Result<Self, vk::Result> {
        let query = device
            .next
            .get_image_memory_requirements2
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        let mut dedication = vk::MemoryDedicatedRequirements::default();
        let mut requirements = vk::MemoryRequirements2::default().push_next(&mut dedication);
        let about = vk::ImageMemoryRequirementsInfo2::default().image(image);
        // SAFETY: our image, and structures to fill that every such device knows.
        unsafe { query(device.handle, &about, &mut requirements) };
        let requirements = requirements.memory_requirements;
        let physical = device.instance.physical_device(device.physical);
        Ok(Needs {
            size: requirements.size,
            types: requirements.memory_type_bits,
            is_dedicated: dedication.requires_dedicated_allocation == vk::TRUE
                || physical.dedicates(&recipe.kind(), layout.modifier),
            role: recipe.role,
            foreign: recipe.foreign,
        })
    }

    /// The same with room for a slightly larger image, where the driver leaves the size to us: one of some
    /// eight sizes between a power of two and the next.
    pub fn with_room(self) -> Self {
        let step = (self.size.next_power_of_two() / 16).max(1);
        match self.is_dedicated {
            true => self,
            false => Needs {
                size: self.size.next_multiple_of(step),
                ..self
            },
        }
    }
}

impl ImageMemory {
    /// New memory for an image.
    ///
    /// # Errors
    /// The driver's.
    pub fn new(device: &Arc<Device>, image: vk::Image, needs: &Needs) -> Result<Self, vk::Result> {
        let memory_type =
            memory_type(device, needs).ok_or(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY)?;
        let mut export = vk::ExportMemoryAllocateInfo::default().handle_types(DMA_BUF);
        let info = vk::MemoryAllocateInfo::default()
            .memory_type_index(memory_type)
            .push_next(&mut export);
        Ok(ImageMemory {
            handle: allocate(device, image, needs, info)?,
            size: needs.size,
            memory_type,
            is_dedicated: needs.is_dedicated,
            role: needs.role,
            foreign: needs.foreign,
            device: Arc::clone(device),
        })
    }

    /// Whether it fits these needs, and is not much too large.
    pub fn suits(&self, device: &Arc<Device>, needs: &Needs) -> bool {
        Arc::ptr_eq(&self.device, device)
            && !self.is_dedicated
            && !needs.is_dedicated
            && self.role == needs.role
            && self.foreign == needs.foreign
            && needs.types & (1 << self.memory_type) != 0
            && (needs.size..=needs.size.saturating_mul(2)).contains(&self.size)
    }

    /// Whether another image can use it at all.
    pub fn can_move(&self) -> bool {
        !self.is_dedicated
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Binds it to an image.
    ///
    /// # Errors
    /// The driver's.
    pub fn bind(&self, image: vk::Image) -> Result<(), vk::Result> {
        bind(&self.device, image, self.handle)
    }

    /// A dma-buf of it.
    ///
    /// # Errors
    /// The driver's.
    pub fn export(&self) -> Result<OwnedFd, vk::Result> {
        let export = self
            .device
            .next
            .get_memory_fd
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        let info = vk::MemoryGetFdInfoKHR::default()
            .memory(self.handle)
            .handle_type(DMA_BUF);
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

impl Drop for ImageMemory {
    fn drop(&mut self) {
        if let Some(free) = self.device.next.free_memory {
            // SAFETY: ours; the images in it are destroyed, and the device has done with them.
            unsafe { free(self.device.handle, self.handle, std::ptr::null()) };
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
    let mut needs = Needs::of(device, alias, recipe, layout)?;
    let query = device
        .next
        .get_memory_fd_properties
        .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
    let mut properties = vk::MemoryFdPropertiesKHR::default();
    // SAFETY: a dma-buf, which stays ours.
    unsafe { query(device.handle, DMA_BUF, fd.as_raw_fd(), &mut properties) }.result()?;
    needs.types &= properties.memory_type_bits;
    let memory_type = memory_type(device, &needs).ok_or(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY)?;
    let mut import = vk::ImportMemoryFdInfoKHR::default()
        .handle_type(DMA_BUF)
        .fd(fd.as_raw_fd());
    let info = vk::MemoryAllocateInfo::default()
        .memory_type_index(memory_type)
        .push_next(&mut import);
    let memory = allocate(device, alias, &needs, info)?;
    // A successful import has taken the descriptor.
    let _ = fd.into_raw_fd();
    bind(device, alias, memory).inspect_err(|_| {
        if let Some(free) = device.next.free_memory {
            // SAFETY: ours, bound to nothing.
            unsafe { free(device.handle, memory, std::ptr::null()) };
        }
    })?;
    Ok(memory)
}

fn allocate(
    device: &Device,
    image: vk::Image,
    needs: &Needs,
    info: vk::MemoryAllocateInfo<'_>,
) -> Result<vk::DeviceMemory, vk::Result> {
    let allocate = device
        .next
        .allocate_memory
        .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
    let mut info = info.allocation_size(needs.size);
    let mut dedicated = vk::MemoryDedicatedAllocateInfo::default().image(image);
    if needs.is_dedicated {
        info = info.push_next(&mut dedicated);
    }
    let mut told = needs.role.structure();
    if let Some(told) = &mut told {
        info = info.push_next(told);
    }
    let mut memory = vk::DeviceMemory::null();
    // SAFETY: our device, a valid structure and chain, room for a handle.
    unsafe { allocate(device.handle, &info, std::ptr::null(), &mut memory) }.result()?;
    result::given("vkAllocateMemory", memory)
}

fn bind(device: &Device, image: vk::Image, memory: vk::DeviceMemory) -> Result<(), vk::Result> {
    let bind = device
        .next
        .bind_image_memory
        .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
    // SAFETY: an image without memory, and memory that suits it.
    unsafe { bind(device.handle, image, memory, 0) }.result()
}

/// The first allowed type that is device-local, else the first of them. For images that another device reads,
/// the first that is not: the other device may not reach device-local memory.
fn memory_type(device: &Device, needs: &Needs) -> Option<u32> {
    let query = device.instance.next.get_physical_device_memory_properties?;
    let mut properties = vk::PhysicalDeviceMemoryProperties::default();
    // SAFETY: a valid handle and a structure to fill.
    unsafe { query(device.physical, &mut properties) };
    let flags = |index: u32| properties.memory_types[index as usize].property_flags;
    // Types that need a feature which the application has not enabled.
    let special = vk::MemoryPropertyFlags::PROTECTED | vk::MemoryPropertyFlags::DEVICE_COHERENT_AMD;
    let mut allowed = (0..properties.memory_type_count)
        .filter(|index| needs.types & (1 << index) != 0 && !flags(*index).intersects(special));
    let first = allowed.clone().next();
    let is_local = |index: u32| flags(index).contains(vk::MemoryPropertyFlags::DEVICE_LOCAL);
    allowed
        .find(|index| is_local(*index) != needs.foreign)
        .or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(size: u64, is_dedicated: bool) -> Needs {
        Needs {
            size,
            types: 1,
            is_dedicated,
            role: Role::Shared,
            foreign: false,
        }
    }

    #[test]
    fn room_is_an_eighth_at_most_and_none_where_the_driver_says_the_size() {
        for (size, expected) in [(1, 1), (262_144, 262_144), (307_200, 327_680)] {
            assert_eq!(needs(size, false).with_room().size, expected);
            assert_eq!(needs(size, true).with_room().size, size);
        }
        for size in (1..10_000_000).step_by(4_099) {
            let room = needs(size, false).with_room().size;
            assert!(room >= size && room - size <= size / 8, "{size}: {room}");
        }
    }
}
