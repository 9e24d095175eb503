//! Exact synchronisation between Vulkan applications and Wayland compositors.

pub mod counters;
pub mod dma_buf;
pub mod error;
pub mod format;
mod ioctl;
mod poll;
pub mod report;
pub mod sync_file;
