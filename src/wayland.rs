//! The Wayland side of a surface: the application's display seen through a queue of our own, what the
//! compositor offers, the surface that frames are committed to, and the buffers.

mod display;
mod dmabuf;
mod events;
mod explicit;
mod feedback;
mod fifo;
mod globals;
mod shared;
mod surface;
mod tearing;

pub use display::Display;
pub use dmabuf::{Formats, Plane};
pub(crate) use explicit::{FenceSurface, PointSurface, SharedTimeline};
pub use feedback::{Feedback, Nodes, Preferred, Tranche};
pub(crate) use fifo::FifoSurface;
pub use globals::{BufferRelease, ReleaseListener};
pub(crate) use surface::{Frame, Pace, Watched};
pub use surface::{Rectangle, Surface};
pub(crate) use tearing::TearingSurface;
pub use wayland_client::protocol::wl_buffer::WlBuffer;
