//! Who gets the events of a committed frame: the surface's pacing, the trace, and the record of presents.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use crate::{
    lock::lock,
    observe::trace::FrameTrace,
    swapchain::{
        pacing::Pacing,
        presentations::Presentations,
        refresh::{Refresh, Shown},
    },
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

/// How many recorded frames of a surface may await a callback. All come at once when a hidden surface is seen
/// again, with their objects' ends: that many fit into the buffer from which a compositor sends.
const MOST_AWAITED: u32 = 64;

/// The recorded frames of a surface that await a callback.
#[derive(Default)]
pub(super) struct Unbegun {
    /// How many there are.
    awaited: u32,
    /// The last frame that was committed without a callback because there were too many.
    last: Option<Watched>,
}

/// The callback of a recorded frame, where the compositor does not tell when frames are shown.
pub(super) struct Begun {
    watched: Watched,
    unbegun: Arc<Mutex<Unbegun>>,
}

impl Begun {
    /// `None` if too many are awaited. The compositor has the frame's content when it sends one of those, unless it
    /// has only just been committed: then the frame is over with them.
    pub(super) fn new(watched: Watched, unbegun: &Arc<Mutex<Unbegun>>) -> Option<Self> {
        let mut all = lock(unbegun);
        if all.awaited == MOST_AWAITED {
            all.last = Some(watched);
            return None;
        }
        all.awaited += 1;
        Some(Begun {
            watched,
            unbegun: Arc::clone(unbegun),
        })
    }

    /// The compositor has begun to show the frame, or its replacement, and will not say more.
    pub(super) fn done(&self) {
        let last = {
            let mut all = lock(&self.unbegun);
            all.awaited -= 1;
            all.last.take()
        };
        for watched in [Some(&self.watched), last.as_ref()].into_iter().flatten() {
            watched.over(Presentations::over);
        }
    }
}

/// A frame whose presentation is of interest.
pub(crate) struct Watched {
    /// The record of its swapchain's frames, and which of them it is.
    pub(super) recorded: Option<(Arc<Mutex<Presentations>>, u64)>,
    pub(super) traced: Option<FrameTrace>,
    /// That of its surface.
    pub(super) refresh: Arc<Mutex<Refresh>>,
    /// The version of `wp_presentation`, 0 without. The feedback object does not have it any more: the event that
    /// destroys it finds it dead.
    pub(super) version: u32,
}

impl Watched {
    /// Whether its swapchain keeps a record of it.
    pub(super) fn is_recorded(&self) -> bool {
        self.recorded.is_some()
    }

    fn over(&self, tell: impl FnOnce(&mut Presentations, u64)) {
        if let Some((presentations, serial)) = &self.recorded {
            tell(&mut lock(presentations), *serial);
        }
    }

    /// It was shown.
    pub(super) fn shown(&self, shown: Shown) {
        lock(&self.refresh).shown(&shown);
        let recorded = self.recorded.as_ref();
        let latency =
            recorded.and_then(|(presentations, serial)| lock(presentations).shown(*serial, shown));
        if let (Some(traced), Some(at)) = (&self.traced, shown.at) {
            traced.shown(at, shown.refresh, shown.sequence, latency);
        }
    }

    /// It never will be shown.
    pub(super) fn discarded(&self) {
        if let Some(traced) = &self.traced {
            traced.discarded();
        }
        self.over(Presentations::discarded);
    }
}
