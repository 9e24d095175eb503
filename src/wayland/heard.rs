//! Who hears of a frame: its surface's pacing, the trace, and who waits for it to be shown.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use crate::{
    lock::lock,
    observe::trace::FrameTrace,
    swapchain::{pacing::Pacing, presentations::Presentations},
};

/// The callback of one commit.
pub(super) struct FrameCallback {
    pub(super) pacing: Arc<Mutex<Pacing>>,
    /// The commit's number in it.
    pub(super) serial: u64,
}

impl FrameCallback {
    pub(super) fn done(&self) {
        lock(&self.pacing).frame_done(self.serial, Instant::now());
    }
}

/// A frame of which somebody wants to know when it was shown, or replaced.
pub(crate) struct Watched {
    /// Who waits for it: the frames of its swapchain, and which of them it is.
    awaited: Option<(Arc<Mutex<Presentations>>, u64)>,
    traced: Option<FrameTrace>,
}

impl Watched {
    /// `None` if nobody wants to know.
    pub(crate) fn new(
        awaited: Option<(Arc<Mutex<Presentations>>, u64)>,
        traced: Option<FrameTrace>,
    ) -> Option<Self> {
        (awaited.is_some() || traced.is_some()).then_some(Self { awaited, traced })
    }

    /// Whether the application waits for it.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.is_some()
    }

    pub(super) fn committed(&self) {
        if let Some((presentations, id)) = &self.awaited {
            lock(presentations).committed(*id, Instant::now());
        }
    }

    /// Nobody will ever say more of it than that.
    pub(super) fn over(&self) {
        if let Some((presentations, id)) = &self.awaited {
            lock(presentations).over(*id);
        }
    }

    /// It was shown, at that time by `CLOCK_MONOTONIC` (see [`FrameTrace::shown`]).
    pub(super) fn shown(&self, at: Option<u64>, refresh: u32, sequence: u64) {
        if let (Some(traced), Some(at)) = (&self.traced, at) {
            traced.shown(at, refresh, sequence);
        }
        self.over();
    }

    /// It never will be.
    pub(super) fn discarded(&self) {
        if let Some(traced) = &self.traced {
            traced.discarded();
        }
        self.over();
    }
}
