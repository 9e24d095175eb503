//! Aliases of a swapchain's images.

use std::{os::fd::AsFd, sync::Arc};

use ash::vk;

use super::{image_memory, owned::Swapchain};
use crate::objects::device::Alias;

impl Swapchain {
    /// Binds an image of the application's to the memory of the swapchain's image with that index.
    ///
    /// # Errors
    /// The driver's.
    pub fn bind_alias(self: &Arc<Self>, alias: vk::Image, index: u32) -> Result<(), vk::Result> {
        let dma_buf = self
            .compositor
            .dma_buf(index)
            .ok_or(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY)?;
        let memory = image_memory::bind_alias(
            &self.device,
            alias,
            dma_buf.as_fd(),
            &self.recipe,
            self.layout,
        )?;
        let swapchain = self.handle();
        self.device.add_alias(alias, Alias { swapchain, memory });
        Ok(())
    }
}
