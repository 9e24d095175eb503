//! What a compositor has said of itself.

use std::sync::Arc;

use super::{colour::Support, dmabuf::Formats, feedback::Feedback};

/// What a compositor can do, as it was when it was asked. Nothing here refers to the connection, which may
/// end at any time.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    /// The dma-bufs that it takes; none if it does not know `zwp_linux_dmabuf_v1` with modifiers.
    pub formats: Formats,
    /// The same with its preferences, as they are for any surface.
    pub feedback: Arc<Feedback>,
    /// Whether it keeps commits in order (`wp_fifo_v1`).
    pub queues: bool,
    /// Whether it may show commits with tearing (`wp_tearing_control_v1`).
    pub tears: bool,
    /// What it can do with colours (`wp_color_manager_v1`); `None` if it knows nothing of them.
    pub colours: Option<Support>,
    /// The clock of the times at which it shows frames (`wp_presentation`); `None` if it does not tell
    /// them, or if nobody else can read the clock.
    pub clock: Option<u32>,
    /// Whether it shows a commit at a time of that clock (`wp_commit_timing_v1`).
    pub schedules: bool,
}
