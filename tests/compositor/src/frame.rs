//! What the compositor owes for one commit.

use std::sync::Arc;

use wayland_protocols::wp::linux_explicit_synchronization::zv1::server::zwp_linux_buffer_release_v1::ZwpLinuxBufferReleaseV1;
use wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::WpPresentationFeedback;
use wayland_server::protocol::wl_buffer::WlBuffer;
use wayland_server::protocol::wl_callback::WlCallback;

use crate::buffer::Buffer;
use crate::commit::{Fences, Pacing, Point};
use crate::ids::SurfaceId;

/// What the compositor owes for one commit.
#[derive(Debug)]
pub(crate) struct Frame {
    pub surface: SurfaceId,
    pub buffer: Option<(Arc<Buffer>, WlBuffer)>,
    pub release: ReleaseBy,
    pub released: bool,
    /// Whether it attached a buffer, or none.
    pub replaces_content: bool,
    pub feedbacks: Vec<WpPresentationFeedback>,
    /// Frame callbacks, until the commit is in force.
    pub callbacks: Vec<WlCallback>,
    pub pacing: Pacing,
    pub fences: Arc<Fences>,
}

/// How the client learns of the buffer's release, apart from `wl_buffer.release`.
#[derive(Debug)]
pub(crate) enum ReleaseBy {
    /// By the dma-buf's own fences.
    Implicit,
    Explicit(ZwpLinuxBufferReleaseV1),
    Syncobj(Point),
}

impl Frame {
    /// Whether nothing is owed any more.
    pub fn is_settled(&self) -> bool {
        (self.released || self.buffer.is_none())
            && self.feedbacks.is_empty()
            && self.callbacks.is_empty()
    }
}
