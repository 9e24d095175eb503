//! A binary semaphore of a device.

use std::sync::Arc;

use ash::vk;

use crate::device::Device;

/// A semaphore. Destroyed on drop: nothing may use it then.
pub struct Semaphore {
    /// The handle.
    pub raw: vk::Semaphore,
    device: Arc<Device>,
}

impl Semaphore {
    /// A semaphore that is not signalled.
    ///
    /// # Errors
    /// What the driver answers.
    pub fn new(device: &Arc<Device>) -> Result<Self, vk::Result> {
        let create_info = vk::SemaphoreCreateInfo::default();
        // SAFETY: the device is alive.
        let raw = unsafe { device.raw.create_semaphore(&create_info, None) }?;
        Ok(Self {
            raw,
            device: Arc::clone(device),
        })
    }
}

impl Drop for Semaphore {
    fn drop(&mut self) {
        // SAFETY: the semaphore is the device's, and nothing uses it.
        unsafe { self.device.raw.destroy_semaphore(self.raw, None) };
    }
}
