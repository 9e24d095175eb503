//! Dma-bufs and fences on demand, from drivers of the kernel that have no hardware.

pub mod udmabuf;
pub mod vgem;
