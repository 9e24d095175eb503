//! How far the images of a swapchain may be compressed (`VK_EXT_image_compression_control_swapchain`): passed
//! on to the driver (`VK_EXT_image_compression_control`).

use std::ffi::c_void;

use ash::vk;

use crate::vulkan::p_next;

/// What a swapchain's creator asked for.
pub struct Compression {
    flags: vk::ImageCompressionFlagsEXT,
    fixed_rates: Vec<vk::ImageCompressionFixedRateFlagsEXT>,
}

impl Compression {
    /// The driver's choice of a fixed rate.
    pub fn fixed_rate() -> Self {
        Compression {
            flags: vk::ImageCompressionFlagsEXT::FIXED_RATE_DEFAULT,
            fixed_rates: Vec::new(),
        }
    }

    /// What the chain of a `VkSwapchainCreateInfoKHR` asks for; `None` if nothing.
    ///
    /// # Safety
    /// `chain` is null or a valid chain.
    pub unsafe fn asked(chain: *const c_void) -> Option<Self> {
        // SAFETY: the caller guarantees a valid chain, whose arrays have the lengths that they say.
        unsafe {
            let control = p_next::find::<vk::ImageCompressionControlEXT<'_>>(chain)?;
            let count = control.compression_control_plane_count;
            Some(Compression {
                flags: control.flags,
                fixed_rates: p_next::slice(control.p_fixed_rate_flags, count).to_vec(),
            })
        }
    }

    /// The structure for an image's creation, or for a query about one. It lives no longer than this.
    pub fn control(&self) -> vk::ImageCompressionControlEXT<'_> {
        vk::ImageCompressionControlEXT {
            flags: self.flags,
            compression_control_plane_count: self.fixed_rates.len() as u32,
            // Nobody writes to it: the structure is an input.
            p_fixed_rate_flags: self.fixed_rates.as_ptr().cast_mut(),
            ..Default::default()
        }
    }
}
