//! A Vulkan device with one queue.

use std::ffi::CStr;
use std::sync::{Arc, Mutex, PoisonError};

use ash::{khr, vk};

use crate::instance::Instance;

/// A device that draws and presents. Destroyed on drop, after everything made from it: that holds
/// an `Arc` of it.
pub struct Device {
    /// The instance that it comes from.
    pub instance: Arc<Instance>,
    /// The physical device.
    pub physical: vk::PhysicalDevice,
    /// The device.
    pub raw: ash::Device,
    /// `VK_KHR_swapchain`.
    pub swapchain: khr::swapchain::Device,
    /// The family of the queue.
    pub queue_family: u32,
    /// Its only queue, which one thread may use at a time.
    queue: Mutex<vk::Queue>,
}

impl Device {
    /// A device with `VK_KHR_swapchain`.
    pub fn new(instance: &Arc<Instance>) -> Arc<Self> {
        Self::with_extensions(instance, &[khr::swapchain::NAME])
    }

    /// A device with these extensions.
    ///
    /// # Panics
    /// If the driver refuses.
    pub fn with_extensions(instance: &Arc<Instance>, extensions: &[&CStr]) -> Arc<Self> {
        // An instance of Vulkan 1.0 has no chain of features.
        Self::made(instance, extensions, None)
            .unwrap_or_else(|error| panic!("vkCreateDevice: {error}"))
    }

    /// A device with `VK_KHR_swapchain`.
    ///
    /// # Errors
    /// What `vkCreateDevice` answers.
    pub fn try_new(instance: &Arc<Instance>) -> Result<Arc<Self>, vk::Result> {
        Self::made(instance, &[khr::swapchain::NAME], None)
    }

    /// A device with these extensions and features.
    ///
    /// # Panics
    /// If the driver refuses.
    pub fn with_features(
        instance: &Arc<Instance>,
        extensions: &[&CStr],
        features: &mut vk::PhysicalDeviceFeatures2<'_>,
    ) -> Arc<Self> {
        Self::made(instance, extensions, Some(features))
            .unwrap_or_else(|error| panic!("vkCreateDevice: {error}"))
    }

    fn made(
        instance: &Arc<Instance>,
        extensions: &[&CStr],
        features: Option<&mut vk::PhysicalDeviceFeatures2<'_>>,
    ) -> Result<Arc<Self>, vk::Result> {
        let physical = instance.physical_device();
        // SAFETY: the physical device is the instance's, which is alive.
        let families = unsafe {
            instance
                .raw
                .get_physical_device_queue_family_properties(physical)
        };
        let queue_family = families
            .iter()
            .position(|family| family.queue_flags.contains(vk::QueueFlags::GRAPHICS))
            .expect("the device draws") as u32;
        let queues = [vk::DeviceQueueCreateInfo::default()
            .queue_family_index(queue_family)
            .queue_priorities(&[1.0])];
        let extensions: Vec<_> = extensions.iter().map(|name| name.as_ptr()).collect();
        let mut create_info = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions);
        if let Some(features) = features {
            create_info.p_next = (&raw const *features).cast();
        }
        // SAFETY: everything that the create info points to outlives the call.
        let raw = unsafe { instance.raw.create_device(physical, &create_info, None) }?;
        // SAFETY: the device was made with one queue of this family.
        let queue = unsafe { raw.get_device_queue(queue_family, 0) };
        Ok(Arc::new(Self {
            swapchain: khr::swapchain::Device::new(&instance.raw, &raw),
            instance: Arc::clone(instance),
            physical,
            raw,
            queue_family,
            queue: Mutex::new(queue),
        }))
    }

    /// Uses the queue, while nobody else does.
    pub fn with_queue<T>(&self, work: impl FnOnce(vk::Queue) -> T) -> T {
        work(*self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the queue has nothing to do.
    ///
    /// # Errors
    /// What the driver answers.
    pub fn wait_idle(&self) -> Result<(), vk::Result> {
        // SAFETY: the queue is the device's and is not used by others meanwhile.
        self.with_queue(|queue| unsafe { self.raw.queue_wait_idle(queue) })
    }

    /// Submits an empty batch that waits for the semaphore and then signals the fence, unless that is null.
    ///
    /// # Panics
    /// If the driver refuses.
    pub fn submit_after(&self, semaphore: vk::Semaphore, fence: vk::Fence) {
        let wait = [semaphore];
        let stages = [vk::PipelineStageFlags::ALL_COMMANDS];
        let submit = vk::SubmitInfo::default()
            .wait_semaphores(&wait)
            .wait_dst_stage_mask(&stages);
        // SAFETY: both are the device's, the semaphore has a signal pending and the fence has none, by the
        // caller's word.
        self.with_queue(|queue| unsafe { self.raw.queue_submit(queue, &[submit], fence) })
            .expect("a submit");
    }

    /// The address of a device-level function, or `None`.
    pub fn function(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the device is alive; the name ends with a NUL.
        unsafe {
            self.instance
                .raw
                .get_device_proc_addr(self.raw.handle(), name.as_ptr())
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: everything made from the device held an `Arc` of it, so it is gone, and has
        // waited for its work.
        unsafe { self.raw.destroy_device(None) };
    }
}
