//! Dma-bufs and fences on demand, from drivers of the kernel that have no hardware.

pub mod kernel;
pub mod udmabuf;
pub mod vgem;
