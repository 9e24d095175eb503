//! A device with one queue.

use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use ash::{khr, vk};
use wayfence::sync_file::SyncFile;

use super::fault::Fault;
use super::gpu::Gpu;
use super::surface::Surface;

/// A device; it goes with the process.
pub struct Device {
    /// Its instance.
    pub gpu: Arc<Gpu>,
    /// The physical device.
    pub physical: vk::PhysicalDevice,
    /// The device.
    pub raw: ash::Device,
    /// Its queue.
    pub queue: vk::Queue,
    /// For command buffers of the queue.
    pub pool: vk::CommandPool,
    exports: Option<khr::external_semaphore_fd::Device>,
}

/// What a driver gives for the semaphore of work.
pub enum Exported {
    /// A fence.
    Fence(SyncFile),
    /// The word that the work is over.
    Over,
}

impl Device {
    /// A device that draws, and presents to the surface if there is one.
    ///
    /// # Errors
    /// If there is no such queue, or what the driver answers.
    pub fn new(
        gpu: &Arc<Gpu>,
        physical: vk::PhysicalDevice,
        surface: Option<&Surface>,
    ) -> Result<Arc<Self>, Fault> {
        // SAFETY: a device and a surface of this instance, and families that the device has.
        let family = unsafe {
            gpu.instance
                .get_physical_device_queue_family_properties(physical)
                .iter()
                .enumerate()
                .filter(|(_, family)| family.queue_flags.contains(vk::QueueFlags::GRAPHICS))
                .map(|(at, _)| at as u32)
                .find(|family| {
                    surface.is_none_or(|surface| {
                        gpu.surfaces
                            .get_physical_device_surface_support(physical, *family, surface.raw)
                            .unwrap_or(false)
                    })
                })
        };
        let family =
            family.ok_or_else(|| Fault("no queue draws and presents to the window".to_owned()))?;
        let queues = [vk::DeviceQueueCreateInfo::default()
            .queue_family_index(family)
            .queue_priorities(&[1.0])];
        let mut names = Vec::new();
        names.extend(surface.map(|_| khr::swapchain::NAME.as_ptr()));
        let exports = gpu.has(physical, khr::external_semaphore_fd::NAME);
        names.extend(exports.then_some(khr::external_semaphore_fd::NAME.as_ptr()));
        let info = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&names);
        // SAFETY: everything that the create infos point to outlives the calls; the device has one queue of
        // this family.
        unsafe {
            let raw = gpu
                .instance
                .create_device(physical, &info, None)
                .map_err(Fault::of("vkCreateDevice"))?;
            let pool = vk::CommandPoolCreateInfo::default().queue_family_index(family);
            Ok(Arc::new(Self {
                queue: raw.get_device_queue(family, 0),
                pool: raw
                    .create_command_pool(&pool, None)
                    .map_err(Fault::of("vkCreateCommandPool"))?,
                exports: exports
                    .then(|| khr::external_semaphore_fd::Device::new(&gpu.instance, &raw)),
                raw,
                gpu: Arc::clone(gpu),
                physical,
            }))
        }
    }

    /// Whether semaphores of the device can become sync_files.
    pub fn exports(&self) -> bool {
        self.exports.is_some()
    }

    /// A semaphore, which can become a sync_file where that can be.
    ///
    /// # Errors
    /// What the driver answers; so for all that follows.
    pub fn semaphore(&self, exported: bool) -> Result<vk::Semaphore, Fault> {
        let mut export = vk::ExportSemaphoreCreateInfo::default()
            .handle_types(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD);
        let mut info = vk::SemaphoreCreateInfo::default();
        if exported && self.exports() {
            info = info.push_next(&mut export);
        }
        // SAFETY: a device that is alive, and a chain that outlives the call.
        unsafe { self.raw.create_semaphore(&info, None) }.map_err(Fault::of("vkCreateSemaphore"))
    }

    /// A fence that has not signalled.
    pub fn fence(&self) -> Result<vk::Fence, Fault> {
        // SAFETY: a device that is alive.
        unsafe { self.raw.create_fence(&vk::FenceCreateInfo::default(), None) }
            .map_err(Fault::of("vkCreateFence"))
    }

    /// Whether the fence has signalled.
    pub fn is_signalled(&self, fence: vk::Fence) -> Result<bool, Fault> {
        // SAFETY: a fence of this device's.
        unsafe { self.raw.get_fence_status(fence) }.map_err(Fault::of("vkGetFenceStatus"))
    }

    /// Whether it does in this time.
    pub fn signals(&self, fence: vk::Fence, within: Duration) -> Result<bool, Fault> {
        let within = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
        // SAFETY: a fence of this device's.
        match unsafe { self.raw.wait_for_fences(&[fence], true, within) } {
            Ok(()) => Ok(true),
            Err(vk::Result::TIMEOUT) => Ok(false),
            Err(error) => Err(Fault::of("vkWaitForFences")(error)),
        }
    }

    /// Takes a semaphore's payload, of which a signal operation is pending.
    ///
    /// # Errors
    /// Also if the device has no such semaphores.
    pub fn export(&self, semaphore: vk::Semaphore) -> Result<Exported, Fault> {
        let exports = self
            .exports
            .as_ref()
            .ok_or_else(|| Fault("the driver lacks VK_KHR_external_semaphore_fd".to_owned()))?;
        let info = vk::SemaphoreGetFdInfoKHR::default()
            .semaphore(semaphore)
            .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD);
        // SAFETY: a semaphore that was made for it, with a signal operation pending; a descriptor that comes
        // back is new, and nobody else's.
        unsafe {
            match exports.get_semaphore_fd(&info) {
                Ok(-1) => Ok(Exported::Over),
                Ok(fd) => Ok(Exported::Fence(SyncFile::from(OwnedFd::from_raw_fd(fd)))),
                Err(error) => Err(Fault::of("vkGetSemaphoreFdKHR")(error)),
            }
        }
    }

    /// Hands work over.
    pub fn submit(
        &self,
        waits: &[vk::Semaphore],
        commands: &[vk::CommandBuffer],
        signals: &[vk::Semaphore],
        fence: vk::Fence,
    ) -> Result<(), Fault> {
        let stages = vec![vk::PipelineStageFlags::ALL_COMMANDS; waits.len()];
        let submit = vk::SubmitInfo::default()
            .wait_semaphores(waits)
            .wait_dst_stage_mask(&stages)
            .command_buffers(commands)
            .signal_semaphores(signals);
        // SAFETY: all is the device's and lives as long as it; one thread uses the queue.
        unsafe { self.raw.queue_submit(self.queue, &[submit], fence) }
            .map_err(Fault::of("vkQueueSubmit"))
    }

    /// Waits until all is done.
    pub fn idle(&self) {
        // SAFETY: one thread uses the device. What the answer is changes nothing.
        let _ = unsafe { self.raw.device_wait_idle() };
    }

    /// A command buffer with these commands, which may be pending more than once.
    pub fn commands(
        &self,
        record: impl FnOnce(vk::CommandBuffer),
    ) -> Result<vk::CommandBuffer, Fault> {
        let info = vk::CommandBufferAllocateInfo::default()
            .command_pool(self.pool)
            .command_buffer_count(1);
        let begin = vk::CommandBufferBeginInfo::default()
            .flags(vk::CommandBufferUsageFlags::SIMULTANEOUS_USE);
        // SAFETY: a pool that one thread uses; the commands are recorded between begin and end.
        unsafe {
            let commands = self
                .raw
                .allocate_command_buffers(&info)
                .map_err(Fault::of("vkAllocateCommandBuffers"))?[0];
            self.raw
                .begin_command_buffer(commands, &begin)
                .map_err(Fault::of("vkBeginCommandBuffer"))?;
            record(commands);
            self.raw
                .end_command_buffer(commands)
                .map_err(Fault::of("vkEndCommandBuffer"))?;
            Ok(commands)
        }
    }
}
