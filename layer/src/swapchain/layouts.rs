//! The layouts of a swapchain's images: of those that the driver supports, the ones that the compositor
//! prefers; and whether it prefers others by now.

use std::sync::atomic::{AtomicU64, Ordering};

use ash::vk;
use wayfence::{
    error::Result,
    wayland::{self, Nodes, Preferred},
};

use crate::driver::physical_device::Layout;

/// The layouts for one swapchain's images.
pub struct Layouts {
    fourcc: u32,
    /// Those that the driver supports.
    able: Vec<u64>,
    nodes: Nodes,
    /// The last [`preference`](wayland::Surface::preference) that was compared, times two, plus one if the
    /// compositor prefers others.
    seen: AtomicU64,
}

impl Layouts {
    /// For images with this DRM format, of a driver that supports these layouts, on the device with these
    /// nodes.
    pub fn new(fourcc: u32, able: &[Layout], nodes: Nodes) -> Self {
        Layouts {
            fourcc,
            able: able.iter().map(|layout| layout.modifier).collect(),
            nodes,
            seen: AtomicU64::new(0),
        }
    }

    /// The best of them by the newest feedback; `None` if the compositor accepts none of them.
    ///
    /// # Errors
    /// If the compositor is gone.
    pub fn choose(&self, window: &wayland::Surface) -> Result<Option<Preferred>> {
        window.await_feedback()?;
        let preference = window.preference();
        let preferred = self.preferred(window);
        self.seen.store(preference << 1, Ordering::Relaxed);
        Ok(preferred)
    }

    /// `VK_SUBOPTIMAL_KHR` if the compositor now prefers other layouts that the driver supports; else
    /// `VK_SUCCESS`. Uses the feedback that has been dispatched.
    pub fn verdict(&self, window: &wayland::Surface, modifier: u64) -> vk::Result {
        let preference = window.preference();
        let seen = self.seen.load(Ordering::Relaxed);
        let suboptimal = if seen >> 1 == preference {
            seen & 1 != 0
        } else {
            let suboptimal = self
                .preferred(window)
                .is_some_and(|preferred| !preferred.modifiers.contains(&modifier));
            self.seen
                .store(preference << 1 | u64::from(suboptimal), Ordering::Relaxed);
            tracing::debug!(suboptimal, "the compositor prefers other dma-bufs");
            suboptimal
        };
        match suboptimal {
            true => vk::Result::SUBOPTIMAL_KHR,
            false => vk::Result::SUCCESS,
        }
    }

    fn preferred(&self, window: &wayland::Surface) -> Option<Preferred> {
        let of =
            |feedback: &wayland::Feedback| feedback.preferred(self.fourcc, &self.able, &self.nodes);
        // Every surface accepts the display's default.
        of(&window.feedback()).or_else(|| of(&window.display().capabilities().feedback))
    }
}
