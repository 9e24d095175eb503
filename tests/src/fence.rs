//! A fence of a device.

use std::sync::Arc;

use ash::vk;

use crate::device::Device;

/// A fence. Destroyed on drop: nothing may use it then.
pub struct Fence {
    /// The handle.
    pub raw: vk::Fence,
    device: Arc<Device>,
}

impl Fence {
    /// A fence that is not signalled.
    ///
    /// # Errors
    /// What the driver answers.
    pub fn new(device: &Arc<Device>) -> Result<Self, vk::Result> {
        Self::with(device, vk::FenceCreateFlags::empty())
    }

    /// A fence that is signalled.
    ///
    /// # Errors
    /// What the driver answers.
    pub fn signalled(device: &Arc<Device>) -> Result<Self, vk::Result> {
        Self::with(device, vk::FenceCreateFlags::SIGNALED)
    }

    fn with(device: &Arc<Device>, flags: vk::FenceCreateFlags) -> Result<Self, vk::Result> {
        let create_info = vk::FenceCreateInfo::default().flags(flags);
        // SAFETY: the device is alive.
        let raw = unsafe { device.raw.create_fence(&create_info, None) }?;
        Ok(Self {
            raw,
            device: Arc::clone(device),
        })
    }

    /// Whether it has signalled.
    ///
    /// # Panics
    /// If the device is lost.
    pub fn is_signalled(&self) -> bool {
        // SAFETY: the fence is the device's.
        unsafe { self.device.raw.get_fence_status(self.raw) }.expect("a status")
    }

    /// Waits until it signals, for at most so many nanoseconds.
    ///
    /// # Errors
    /// What `vkWaitForFences` answers, `TIMEOUT` included.
    pub fn wait(&self, timeout: u64) -> Result<(), vk::Result> {
        // SAFETY: the fence is the device's.
        unsafe { self.device.raw.wait_for_fences(&[self.raw], true, timeout) }
    }

    /// Resets it. No signal operation may be pending.
    ///
    /// # Panics
    /// If the driver refuses.
    pub fn reset(&self) {
        // SAFETY: the fence is the device's, and nothing uses it, by the caller's word.
        unsafe { self.device.raw.reset_fences(&[self.raw]) }.expect("a reset");
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        // SAFETY: the fence is the device's, and nothing uses it.
        unsafe { self.device.raw.destroy_fence(self.raw, None) };
    }
}
