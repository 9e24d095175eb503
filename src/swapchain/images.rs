//! The images of a swapchain: who holds each, and the fences that came back with it.
//!
//! A release that is an event arrives here ([`ReleaseListener::released`]), where its fences are taken at
//! once, also after the swapchain is gone. A release of timeline points is no event:
//! [`collect`](Images::collect) queries the points when an image is wanted.

use super::{
    parts::{Counted, Mutex, Synchronisation, lock},
    state::{Acquire, Holder, State},
};
use crate::{
    deadline::Deadline,
    error::Result,
    observe::trace::Trace,
    synchronisation::Release,
    wayland::{BufferRelease, ReleaseListener},
};

/// The images of one swapchain.
pub(super) struct Images {
    pub(super) synchronisation: Synchronisation,
    pub(super) state: Mutex<Held>,
    pub(super) counters: Counted,
    pub(super) trace: Trace,
}

/// Who holds the images, and whether the swapchain still lives.
pub(super) struct Held {
    pub(super) state: State<Release>,
    /// The swapchain is gone: what the compositor releases now is destroyed.
    pub(super) gone: bool,
}

impl Images {
    /// Images that are held as `state` says.
    pub(super) fn new(
        synchronisation: Synchronisation,
        state: State<Release>,
        trace: Trace,
    ) -> Self {
        Images {
            synchronisation,
            state: Mutex::new(Held { state, gone: false }),
            counters: Counted::new(),
            trace,
        }
    }

    /// The image that has been free longest, with what came back with it. If there is none, looks for releases
    /// without an event; for a call that will wait until the deadline, it arms the eventfd for those that have
    /// not come.
    pub(super) fn hand_out(
        &self,
        state: &mut State<Release>,
        deadline: Deadline,
    ) -> Result<Acquire<Release>> {
        if let answer @ (Acquire::Image(..) | Acquire::Retired) = self.take_ready(state)? {
            return Ok(answer);
        }
        self.collect(state, deadline)?;
        self.take_ready(state)
    }

    fn take_ready(&self, state: &mut State<Release>) -> Result<Acquire<Release>> {
        let mut failure = None;
        let answer = state.acquire(|index, release| {
            self.synchronisation
                .is_ready(index, release)
                .unwrap_or_else(|error| {
                    failure = Some(error);
                    false
                })
        });
        match (failure, answer) {
            (Some(error), Acquire::Busy) => Err(error),
            (_, answer) => Ok(answer),
        }
    }

    fn freed(&self, state: &mut State<Release>, index: u32, release: Release) {
        self.trace
            .released(index, &release, || self.synchronisation.fences(index));
        state.released(index, release);
    }

    /// Frees images whose release has no event. If there are none, arms the eventfd for the next release, for a
    /// call that waits until the deadline.
    pub(super) fn collect(&self, state: &mut State<Release>, deadline: Deadline) -> Result<()> {
        let is_held = |index| state.holder(index) == Some(Holder::Compositor);
        let found = self.synchronisation.look(is_held)?;
        if found.is_empty() && deadline != Deadline::Now {
            let images = 0..self.synchronisation.image_count();
            for index in images.filter(|index| is_held(*index)) {
                self.synchronisation.listen(index)?;
            }
        }
        for (index, release) in found {
            self.freed(state, index, release);
        }
        Ok(())
    }

    /// The swapchain goes. `each` gets its parts, in the order of the images, and whether the compositor holds
    /// the image: then its release finds the swapchain gone, and ends what is left of it.
    pub(super) fn leave<T>(
        &self,
        parts: impl IntoIterator<Item = T>,
        mut each: impl FnMut(u32, T, bool),
    ) {
        // One lock for all images: a release that another thread dispatches now is either seen here, or sees
        // that the swapchain is gone.
        let mut held = lock(&self.state);
        held.gone = true;
        for (index, part) in (0..).zip(parts) {
            let is_shown = held.state.holder(index) == Some(Holder::Compositor);
            each(index, part, is_shown);
        }
    }
}

impl ReleaseListener for Images {
    fn released(&self, index: u32, event: BufferRelease) -> bool {
        let mut held = lock(&self.state);
        if held.state.holder(index) == Some(Holder::Compositor) {
            if let Some(release) = self.synchronisation.released(index, event, &self.counters) {
                self.freed(&mut held.state, index, release);
            }
        } else if self.synchronisation.is_release(&event) {
            tracing::warn!(
                index,
                "the compositor released an image that it does not hold"
            );
        }
        !held.gone
    }
}
