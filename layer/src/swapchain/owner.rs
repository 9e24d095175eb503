//! A device with the swapchains that the layer owns on it.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};

use ash::vk;

use super::owned::Swapchain;
use crate::objects::device::Device;

/// A device and its swapchains, which keep the device.
pub struct Owner {
    device: Arc<Device>,
    swapchains: RwLock<HashMap<vk::SwapchainKHR, Arc<Swapchain>>>,
}

impl Deref for Owner {
    type Target = Arc<Device>;

    fn deref(&self) -> &Arc<Device> {
        &self.device
    }
}

impl Owner {
    /// A device without swapchains.
    pub fn new(device: Device) -> Self {
        Owner {
            device: Arc::new(device),
            swapchains: RwLock::default(),
        }
    }

    /// The swapchain with this handle, if it is ours.
    pub fn swapchain(&self, handle: vk::SwapchainKHR) -> Option<Arc<Swapchain>> {
        self.swapchains
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&handle)
            .cloned()
    }

    /// Remembers a swapchain.
    pub fn add_swapchain(&self, swapchain: Arc<Swapchain>) {
        let mut swapchains = self
            .swapchains
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        swapchains.insert(swapchain.handle(), swapchain);
    }

    /// Forgets a swapchain.
    pub fn remove_swapchain(&self, handle: vk::SwapchainKHR) -> Option<Arc<Swapchain>> {
        self.swapchains
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&handle)
    }

    /// Destroys the swapchains that the application has not destroyed: they and the device keep each other
    /// alive, and their objects on the `wl_surface` would be in the way of its next user.
    pub fn clear_swapchains(&self) {
        let swapchains = std::mem::take(
            &mut *self
                .swapchains
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if swapchains.is_empty() {
            return;
        }
        tracing::warn!(
            swapchains = swapchains.len(),
            "vkDestroyDevice: the device still has swapchains"
        );
        if let Some(wait) = self.device.next.device_wait_idle {
            // SAFETY: our device; the application guarantees that nobody uses its queues.
            let _ = unsafe { wait(self.device.handle) };
        }
    }
}
