//! The window as Vulkan has it.

use ash::vk;

use super::fault::Fault;
use super::gpu::Gpu;
use super::window::Window;

/// A surface; it goes with the process.
pub struct Surface {
    /// The window.
    pub window: Window,
    /// The surface.
    pub raw: vk::SurfaceKHR,
}

impl Surface {
    /// # Errors
    /// What `vkCreateWaylandSurfaceKHR` answers.
    pub fn new(gpu: &Gpu, window: Window) -> Result<Self, Fault> {
        let (display, surface) = window.handles()?;
        // SAFETY: instance, display and surface live as long as the process.
        let raw = unsafe {
            ash_window::create_surface(&gpu.entry, &gpu.instance, display, surface, None)
        }
        .map_err(Fault::of("vkCreateWaylandSurfaceKHR"))?;
        Ok(Self { window, raw })
    }
}
