//! Exact synchronisation between Vulkan applications and Wayland compositors.

pub mod deadline;
pub mod error;
mod kernel;
mod lock;
mod observe;
pub mod swapchain;
pub mod synchronisation;
mod text;
pub mod wayland;

pub use kernel::{dma_buf, sync_file, syncobj};
pub use observe::{counters, latency, live, report, trace};
pub use swapchain::{pacing, present_mode, presentations, refresh};
pub use wayland::{colour, format};
