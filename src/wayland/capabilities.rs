//! The capabilities of a compositor.

use std::sync::Arc;

use super::{colour::Support, dmabuf::Formats, feedback::Feedback};

/// What a compositor supported when it was asked. Nothing here refers to the connection, which may end at any
/// time.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    /// The dma-bufs that it accepts; none without `zwp_linux_dmabuf_v1` with modifiers.
    pub formats: Formats,
    /// The same with its default preferences.
    pub feedback: Arc<Feedback>,
    /// Whether it keeps commits in order (`wp_fifo_v1`).
    pub queues: bool,
    /// Whether it may show commits with tearing (`wp_tearing_control_v1`).
    pub tears: bool,
    /// Its colour management (`wp_color_manager_v1`), if it has any.
    pub colours: Option<Support>,
    /// The clock of the times at which it shows frames (`wp_presentation`); `None` if it has none, or if this
    /// process cannot read the clock.
    pub clock: Option<u32>,
    /// Whether it shows a commit at a time of that clock (`wp_commit_timing_v1`).
    pub schedules: bool,
}
