//! Timeline syncobjs: the fences of explicit synchronisation, numbered by points.
//!
//! A point of a timeline is *available* (materialised) once somebody has given it a fence, and
//! *signalled* once that fence is. Both sides of a swapchain exchange points before their fences
//! exist; what an acquire waits for is that a point is available, never that it is signalled.
//!
//! Kernel documentation: "DRM Sync Objects" in `drivers/gpu/drm/drm_syncobj.c` (in the GPU driver developer's
//! guide, "Memory Management"); ioctls in `include/uapi/drm/drm.h`. Timelines came with Linux 5.2,
//! `DRM_IOCTL_SYNCOBJ_EVENTFD` with 6.6. Syncobjs are independent of hardware: the node of any device makes
//! them, and that of every other device accepts them.

mod calls;
mod node;
mod timeline;

pub use node::Node;
pub use timeline::{Reached, Reaches, Timeline};
