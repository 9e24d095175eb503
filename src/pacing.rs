//! When the next frame may be committed, where the compositor offers no queue of its own.
//!
//! In FIFO the compositor must show every frame, and a commit replaces the one before it if that was not
//! yet latched. So the next commit waits for the frame callback of the last (`wl_surface.frame`). A
//! hidden surface gets no callbacks; the wait is bounded, so that it slows down instead of freezing.

use std::time::{Duration, Instant};

/// The longest that a commit waits for the frame callback of the commit before it, since that commit.
pub const BOUND: Duration = Duration::from_millis(100);

/// The frame callbacks of one surface. Pure; the caller brings the time.
#[derive(Debug, Default)]
pub struct Pacing {
    /// The last commit that asked for a callback, if it has not come.
    awaited: Option<Awaited>,
    serial: u64,
}

#[derive(Debug)]
struct Awaited {
    serial: u64,
    since: Instant,
}

impl Pacing {
    /// `None` when the next frame may be committed, else the instant at which it may be without a
    /// callback.
    pub fn not_before(&self, now: Instant) -> Option<Instant> {
        let due = self.awaited.as_ref()?.since + BOUND;
        (due > now).then_some(due)
    }

    /// A frame is committed now and asks for a callback. Answers the serial to give to
    /// [`frame_done`](Self::frame_done).
    pub fn committed(&mut self, now: Instant) -> u64 {
        self.serial += 1;
        self.awaited = Some(Awaited {
            serial: self.serial,
            since: now,
        });
        self.serial
    }

    /// The callback of that commit came. One of an earlier commit, overtaken at the bound, changes
    /// nothing.
    pub fn frame_done(&mut self, serial: u64) {
        if self
            .awaited
            .as_ref()
            .is_some_and(|awaited| awaited.serial == serial)
        {
            self.awaited = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_the_callback_of_the_last() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        assert_eq!(pacing.not_before(start), None);
        let first = pacing.committed(start);
        assert_eq!(pacing.not_before(start), Some(start + BOUND));
        pacing.frame_done(first);
        assert_eq!(pacing.not_before(start), None);
    }

    #[test]
    fn a_surface_without_callbacks_goes_on_at_the_bound() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        pacing.committed(start);
        assert_eq!(pacing.not_before(start + BOUND), None);
    }

    #[test]
    fn a_late_callback_does_not_stand_for_a_later_commit() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        let hidden = pacing.committed(start);
        let shown = pacing.committed(start + BOUND);
        pacing.frame_done(hidden);
        assert!(pacing.not_before(start + BOUND).is_some());
        pacing.frame_done(shown);
        assert_eq!(pacing.not_before(start + BOUND), None);
    }
}
