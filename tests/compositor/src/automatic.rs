//! Commits on an automatic compositor.
//!
//! [`Behaviour::Automatic`] is a compositor with one display of a fixed refresh rate. Each refresh
//! latches what is in force: it answers frame callbacks and presentation feedback. A commit comes into
//! force when its constraints are met (its acquire fence, its fifo barrier, its target time) and those
//! before it are in force; then the buffer that it replaces is released.

use std::time::Duration;

use crate::behaviour::{Automatic, Behaviour};
use crate::clock::{Clock, Timestamp};
use crate::commit::{Fences, Synchronisation};
use crate::frame::Frame;
use crate::ids::SurfaceId;
use crate::presentation::Presented;
use crate::release::With;
use crate::state::State;
use crate::surface_state::Surface;

/// How many commits an automatic compositor keeps for the test: each holds descriptors.
const KEPT: usize = 16;

impl State {
    /// Handles a new commit.
    pub fn committed(&mut self, id: SurfaceId, serial: u64) {
        match self.behaviour {
            Behaviour::Manual => self.put_in_force(id, serial),
            Behaviour::Automatic { .. } => {
                while self.commits.len() > KEPT {
                    self.commits.pop_front();
                }
                if let Some(surface) = self.surfaces.get_mut(&id) {
                    surface.queue.push_back(serial);
                }
                self.apply_ready(id, Clock::Monotonic.now());
            }
        }
    }

    /// Sets how commits are answered from now on.
    pub fn behave(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
        let surfaces: Vec<SurfaceId> = self.surfaces.keys().copied().collect();
        match behaviour {
            // Waiting commits come into force at once, as every later one.
            Behaviour::Manual => {
                for id in surfaces {
                    while let Some(serial) = self
                        .surfaces
                        .get_mut(&id)
                        .and_then(|surface| surface.queue.pop_front())
                    {
                        self.put_in_force(id, serial);
                    }
                }
            }
            // Releases everything but the last, which stays shown.
            Behaviour::Automatic { .. } => {
                self.automatic = Automatic::new();
                while self.commits.len() > KEPT {
                    self.commits.pop_front();
                }
                for id in surfaces {
                    let frames: Vec<u64> = self.frames_of(id).collect();
                    for serial in frames {
                        self.replace_with(id, serial);
                    }
                }
            }
        }
    }

    /// When the display refreshes next, by `CLOCK_MONOTONIC`, if something waits for it.
    pub fn next_refresh(&self) -> Option<Timestamp> {
        let Behaviour::Automatic { refresh } = self.behaviour else {
            return None;
        };
        self.surfaces
            .values()
            .any(Surface::awaits_refresh)
            .then(|| {
                let since = Clock::Monotonic.now().saturating_sub(self.automatic.zero);
                let number = since.as_nanos() / refresh.as_nanos() + 1;
                self.automatic.zero + Duration::from_nanos((number * refresh.as_nanos()) as u64)
            })
    }

    /// The display refreshes now, at the time that [`next_refresh`](Self::next_refresh) named.
    pub fn refresh(&mut self, at: Timestamp) {
        let Behaviour::Automatic { refresh } = self.behaviour else {
            return;
        };
        let number = at.saturating_sub(self.automatic.zero).as_nanos() / refresh.as_nanos();
        self.automatic.refreshes = number as u64;
        self.automatic.remember(at);
        let clock = self.offer.presentation.unwrap_or(Clock::Monotonic);
        let on_clock = clock.at_monotonic(at);
        let surfaces: Vec<SurfaceId> = self.surfaces.keys().copied().collect();
        for id in surfaces {
            self.apply_ready(id, at);
            let surface = self.surfaces.get_mut(&id).expect("nothing removes it");
            if !surface.hidden {
                let latched = surface.unpresented.take();
                self.frame_done(id);
                if let Some(serial) = latched {
                    self.presented(
                        serial,
                        Presented {
                            at: on_clock,
                            refresh,
                            sequence: self.automatic.refreshes,
                            ..Presented::default()
                        },
                    );
                }
            }
            // "The condition is cleared immediately after the following latching deadline"
            // (fifo-v1.xml).
            if let Some(surface) = self.surfaces.get_mut(&id)
                && !surface.keeps_barriers()
            {
                surface.barrier = false;
            }
            self.apply_ready(id, at);
        }
    }

    /// Puts the commits of a surface in force, in order, up to the first whose constraints are not met.
    fn apply_ready(&mut self, id: SurfaceId, now: Timestamp) {
        loop {
            let Some(surface) = self.surfaces.get(&id) else {
                return;
            };
            let Some(serial) = surface.queue.front().copied() else {
                return;
            };
            if !self.is_ready(surface, serial, now) {
                return;
            }
            let surface = self.surfaces.get_mut(&id).expect("it was there");
            surface.queue.pop_front();
            self.replace_with(id, serial);
        }
    }

    fn is_ready(&self, surface: &Surface, serial: u64, now: Timestamp) -> bool {
        let Some(frame) = self.frames.get(&serial) else {
            return true;
        };
        // While a client's rendering never ends, its last content stays shown.
        if !frame.fences.are_signalled() {
            return false;
        }
        // "The constraint must be ignored if the surface is a subsurface in synchronized mode. If the
        // surface is not being updated by the compositor (off-screen, occluded) the compositor may
        // ignore the constraint" (fifo-v1.xml).
        let unconstrained =
            surface.is_synchronised() || surface.hidden && !surface.keeps_barriers();
        if frame.pacing.wait_barrier && surface.barrier && !unconstrained {
            return false;
        }
        match frame.pacing.target {
            Some(target) => {
                let clock = self.offer.presentation.unwrap_or(Clock::Monotonic);
                target <= clock.at_monotonic(now)
            }
            None => true,
        }
    }

    /// Puts a commit in force, and releases the buffer that it replaces.
    fn replace_with(&mut self, id: SurfaceId, serial: u64) {
        let Some(surface) = self.surfaces.get_mut(&id) else {
            return;
        };
        let replaces = self
            .frames
            .get(&serial)
            .is_some_and(|frame| frame.replaces_content);
        let replaced = if replaces {
            surface.showing.replace(serial)
        } else {
            None
        };
        let is_seen = !surface.hidden;
        if let Some(superseded) = surface.unpresented.replace(serial) {
            let had_content = |frame: &Frame| frame.replaces_content;
            if is_seen && replaces && self.frames.get(&superseded).is_some_and(had_content) {
                self.lost += 1;
            }
            self.discard(superseded);
        }
        self.put_in_force(id, serial);
        if let Some(replaced) = replaced {
            // A test that scripted it before may have released it.
            let _ = self.release(replaced, With::nothing());
        }
    }

    /// Makes the commit the current one.
    fn put_in_force(&mut self, id: SurfaceId, serial: u64) {
        if let (Some(surface), Some(frame)) =
            (self.surfaces.get_mut(&id), self.frames.get_mut(&serial))
        {
            surface.callbacks.append(&mut frame.callbacks);
            surface.barrier |= frame.pacing.set_barrier;
        }
        self.forget_settled(serial);
    }
}

impl Surface {
    /// Whether the barriers stay as they are: a surface without refreshes has no latching deadlines.
    fn keeps_barriers(&self) -> bool {
        self.hidden && self.barriers_stay
    }

    /// Whether it needs the next refresh.
    fn awaits_refresh(&self) -> bool {
        let visible = !self.hidden && (!self.callbacks.is_empty() || self.unpresented.is_some());
        let clears = self.barrier || !self.queue.is_empty();
        visible || clears && !self.keeps_barriers()
    }
}

impl Fences {
    /// Whether the buffer may be read without waiting, as it is now.
    fn are_signalled(&self) -> bool {
        match &self.synchronisation {
            Synchronisation::Syncobj {
                acquire,
                fence: None,
                ..
            } => acquire.is_signalled(),
            _ => self
                .acquire()
                .is_none_or(|fence| fence.is_signalled().expect("poll works")),
        }
    }
}
