//! The window, and the device that draws on it.

mod device;
mod fault;
mod gpu;
mod readers;
mod surface;
mod sw_sync;
mod swapchain;
mod vgem;
mod window;
mod work;

pub use device::{Device, Exported};
pub use fault::Fault;
pub use gpu::Gpu;
pub use readers::{Reader, Readers};
pub use surface::Surface;
pub use swapchain::{Frame, Swapchain};
pub use window::Window;
pub use work::{Work, little};
