//! What hears of a committed frame: the surface's pacing, the trace, and a wait for its presentation.

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

/// A frame whose presentation the trace records or the application waits for.
pub(crate) struct Watched {
    /// The swapchain's frames that the application can wait for, and this frame's number among them.
    awaited: Option<(Arc<Mutex<Presentations>>, u64)>,
    traced: Option<FrameTrace>,
}

impl Watched {
    /// `None` if it is neither traced nor waited for.
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

    /// It is shown or discarded, as far as the compositor tells.
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

    /// It will never be shown.
    pub(super) fn discarded(&self) {
        if let Some(traced) = &self.traced {
            traced.discarded();
        }
        self.over();
    }
}
