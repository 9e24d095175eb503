//! Exact synchronisation between Vulkan applications and Wayland compositors.

pub mod counters;
pub mod deadline;
pub mod dma_buf;
pub mod error;
pub mod format;
mod ioctl;
mod lock;
pub mod pacing;
mod poll;
pub mod present_mode;
pub mod presentations;
pub mod report;
pub mod swapchain;
pub mod sync_file;
pub mod synchronisation;
pub mod syncobj;
mod text;
pub mod trace;
pub mod wayland;
