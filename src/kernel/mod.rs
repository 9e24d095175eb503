//! The kernel's objects: dma-bufs, sync_files and timeline syncobjs, by their ioctls.
//!
//! A frame's fences pass here: those of a released image leave its dma-buf as a sync_file, and the rendering's go
//! onto it. Uses nothing else of the library but its errors.

pub(crate) mod device;
pub mod dma_buf;
mod fence_info;
pub(crate) mod ioctl;
pub(crate) mod poll;
pub mod sync_file;
pub mod syncobj;
