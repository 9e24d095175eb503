//! Present modes, and what they need of the compositor.

use crate::wayland::Capabilities;

/// When a presented image is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentMode {
    /// Every image, one after the other, each for at least one refresh (`VK_PRESENT_MODE_FIFO_KHR`).
    Fifo,
    /// The newest image at the next refresh; one that is replaced before it is shown comes back
    /// (`VK_PRESENT_MODE_MAILBOX_KHR`).
    Mailbox,
    /// As FIFO; an image that misses its refresh is shown at once, in the middle of the next one
    /// (`VK_PRESENT_MODE_FIFO_RELAXED_KHR`).
    FifoRelaxed,
    /// The newest image, at once (`VK_PRESENT_MODE_IMMEDIATE_KHR`).
    Immediate,
    /// In order, and at each refresh the last of those that are rendered
    /// (`VK_PRESENT_MODE_FIFO_LATEST_READY_KHR`).
    FifoLatestReady,
}

impl PresentMode {
    /// All of them.
    pub const ALL: [PresentMode; 5] = [
        PresentMode::Fifo,
        PresentMode::Mailbox,
        PresentMode::FifoRelaxed,
        PresentMode::Immediate,
        PresentMode::FifoLatestReady,
    ];

    /// The Vulkan mode, without its prefix.
    pub fn name(self) -> &'static str {
        match self {
            PresentMode::Fifo => "FIFO",
            PresentMode::Mailbox => "MAILBOX",
            PresentMode::FifoRelaxed => "FIFO_RELAXED",
            PresentMode::Immediate => "IMMEDIATE",
            PresentMode::FifoLatestReady => "FIFO_LATEST_READY",
        }
    }

    /// Whether the compositor can show images so.
    ///
    /// FIFO_RELAXED is what `wp_fifo_v1` makes of commits that may tear: "a content update which is allowed to
    /// tear might become active after a latching deadline if no content update became active at the deadline".
    /// FIFO_LATEST_READY is the behaviour of a compositor with "readiness constraints (fences, etc)" that keeps
    /// the order of commits, which `wp_fifo_v1` promises.
    pub fn is_offered(self, compositor: &Capabilities) -> bool {
        let Capabilities { queues, tears, .. } = *compositor;
        match self {
            PresentMode::Fifo | PresentMode::Mailbox => true,
            PresentMode::FifoRelaxed => queues && tears,
            PresentMode::Immediate => tears,
            PresentMode::FifoLatestReady => queues,
        }
    }

    /// Whether every image is shown for a refresh, so that the next one waits.
    pub(crate) fn is_paced(self) -> bool {
        matches!(self, PresentMode::Fifo | PresentMode::FifoRelaxed)
    }

    /// Whether images may tear.
    pub(crate) fn tears(self) -> bool {
        matches!(self, PresentMode::Immediate | PresentMode::FifoRelaxed)
    }

    /// Whether commits may have to wait in the compositor's queue.
    pub(crate) fn is_queued(self) -> bool {
        self.is_paced() || self == PresentMode::FifoLatestReady
    }
}
