//! What is recorded of a frame.

use serde::{Deserialize, Serialize};

use super::watched::Watched;
use crate::{observe::latency::Latency, wayland::colour::Volume};

/// Why an acquire did not return at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Every image is held by the compositor, or by the application.
    NoImage,
    /// Images are free, but still in use, and the kernel cannot give a fence for that.
    Busy,
}

/// How long an acquire waited, for each cause, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waited {
    /// [`Cause::NoImage`].
    pub no_image_ns: u64,
    /// [`Cause::Busy`].
    pub busy_ns: u64,
}

impl Waited {
    pub(super) fn add(&mut self, cause: Cause, ns: u64) {
        *match cause {
            Cause::NoImage => &mut self.no_image_ns,
            Cause::Busy => &mut self.busy_ns,
        } += ns;
    }
}

/// One record. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug)]
pub(super) struct Event {
    /// The swapchain's number in the process.
    pub swapchain: u32,
    /// The image's number in the swapchain.
    pub image: u32,
    /// The frame's number in the swapchain, from its acquire on.
    pub frame: u64,
    /// When.
    pub at: u64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug)]
pub(super) enum What {
    /// A swapchain was made.
    Created(Box<Made>),
    /// An acquire returned with an image.
    Acquired {
        called: u64,
        waited: Waited,
        /// Its fences had not signalled.
        pending: bool,
        cpu_waits: u64,
    },
    /// An acquire returned without one.
    NotAcquired { called: u64, waited: Waited },
    /// An image was given back without having been presented.
    GivenBack,
    /// The compositor has taken this HDR metadata for the frames that follow.
    Metadata(Box<Volume>),
    /// An image was committed.
    Committed {
        rendering: Fences,
        /// When the driver handed it over.
        handed: u64,
        /// How long the commit waited for the compositor's pace.
        paced: u64,
    },
    /// A present returned.
    Presented { called: u64, cpu_waits: u64 },
    /// The compositor's release was dispatched.
    Released { fences: Fences },
    /// The frame was shown.
    Shown {
        refresh: u32,
        sequence: u64,
        latency: Option<Latency>,
    },
    /// The frame was never shown, and will not be.
    Discarded,
}

/// A swapchain, as the trace knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    /// The way of synchronisation.
    pub synchronisation: String,
    pub compositor: String,
    pub extent: [u32; 2],
    pub images: u32,
    /// The first present mode.
    pub mode: String,
    /// The colour space.
    #[serde(default)]
    pub color_space: String,
}

/// Fences that changed hands.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "no frame allocates, not even a box"
)]
pub(super) enum Fences {
    /// There are none, or they had signalled.
    None,
    /// These.
    Watched(Watched),
    /// Some, but too many descriptors are open already.
    Unwatched,
}
