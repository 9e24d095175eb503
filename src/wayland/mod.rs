//! The Wayland side of a surface: the application's display seen through a queue of our own, what the
//! compositor offers, the surface that frames are committed to, and the buffers.
//!
//! All of it lives as long as a swapchain that needs it, or as one query: "Applications must ensure that both
//! the wl_display and the wl_surface remain valid for the lifetime of any VkSwapchainKHR objects" (Vulkan,
//! "Wayland Platform"), and of nothing else. A compositor's [`Capabilities`] may be kept.

mod bound;
mod capabilities;
mod color_management;
pub mod colour;
mod colour_surface;
mod display;
mod dmabuf;
mod events;
mod explicit;
mod feedback;
mod fifo;
pub mod format;
mod globals;
mod heard;
mod image_description;
mod leftovers;
mod outputs;
mod peer;
mod registry;
mod room;
mod round_trip;
mod shared;
mod surface;
mod tearing;
mod timing;
mod trial;
mod turns;

/// What threads share. A model checker compiles the files that use this with its own: see `model`.
mod sync {
    pub(super) use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

    pub(super) use crate::lock::lock;
}

#[cfg(test)]
pub(crate) mod model;

pub use capabilities::Capabilities;
pub(crate) use colour_surface::ColourSurface;
pub use display::Display;
pub use dmabuf::{Formats, Plane};
pub(crate) use explicit::{FenceSurface, PointSurface, SharedTimeline};
pub use feedback::{Feedback, Nodes, Preferred, Tranche};
pub(crate) use fifo::FifoSurface;
pub use globals::{BufferRelease, ReleaseListener};
pub(crate) use heard::Watched;
pub(crate) use image_description::ImageDescription;
pub(crate) use shared::Lease;
pub use surface::{Claim, Rectangle, Surface};
pub(crate) use surface::{Frame, Meant, Pace};
pub(crate) use tearing::TearingSurface;
pub(crate) use timing::TimerSurface;
pub use trial::Import;
pub use wayland_client::protocol::wl_buffer::WlBuffer;
