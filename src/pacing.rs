//! When the next frame of a FIFO may be committed.
//!
//! In FIFO the compositor must show every frame, and a commit replaces the one before it if that was not
//! yet latched. A compositor with `wp_fifo_v1` queues commits by itself. Elsewhere the next commit waits
//! for the frame callback of the last (`wl_surface.frame`).
//!
//! A hidden surface gets no callbacks, and its barriers may be ignored, or never be cleared: "clients must
//! use an additional mechanism such as frame callbacks or timestamps to ensure throttling occurs under
//! all conditions" (`fifo-v1.xml`). So in both cases commits may be ahead of the callbacks by a fixed
//! number only; the wait for more is bounded, so that a hidden surface slows down instead of freezing.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The longest that a commit waits for a frame callback, since the commit before it.
pub const BOUND: Duration = Duration::from_millis(100);

/// How many frames may be ahead of their callbacks where the compositor queues them: one is shown at the
/// next refresh, one waits for the refresh after it, and one is on the way.
const AHEAD_OF_QUEUE: usize = 3;

/// The frame callbacks of one surface. Pure; the caller brings the time.
#[derive(Debug, Default)]
pub struct Pacing {
    /// The last commits whose callback has not come, oldest first.
    awaited: VecDeque<Awaited>,
    /// When the last callback came.
    heard: Option<Instant>,
    serial: u64,
}

#[derive(Debug)]
struct Awaited {
    serial: u64,
    since: Instant,
}

impl Pacing {
    /// `None` when the next frame may be committed, else the instant at which it may be without a
    /// callback. `queued`: the compositor keeps the frames in order by itself.
    pub fn not_before(&self, queued: bool, now: Instant) -> Option<Instant> {
        if self.awaited.len() < ahead(queued) {
            return None;
        }
        let due = self.awaited.back()?.since + BOUND;
        (due > now).then_some(due)
    }

    /// Whether frames are awaited, and none has been shown for longer than the [bound](BOUND): nobody
    /// looks at the surface.
    pub fn is_stalled(&self, now: Instant) -> bool {
        self.awaited.front().is_some_and(|oldest| {
            self.heard.unwrap_or(oldest.since).max(oldest.since) + BOUND <= now
        })
    }

    /// A frame is committed now and asks for a callback. Answers the serial to give to
    /// [`frame_done`](Self::frame_done).
    pub fn committed(&mut self, queued: bool, now: Instant) -> u64 {
        // Those that were overtaken at the bound are awaited no longer.
        while self.awaited.len() >= ahead(queued) {
            self.awaited.pop_front();
        }
        self.serial += 1;
        self.awaited.push_back(Awaited {
            serial: self.serial,
            since: now,
        });
        self.serial
    }

    /// The callback of that commit came, so those before it have come or never will. One of a commit that
    /// is awaited no longer changes nothing.
    pub fn frame_done(&mut self, serial: u64, now: Instant) {
        self.heard = Some(now);
        self.awaited.retain(|awaited| awaited.serial > serial);
    }
}

fn ahead(queued: bool) -> usize {
    if queued { AHEAD_OF_QUEUE } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(40);

    #[test]
    fn a_commit_waits_for_the_callback_of_the_last() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        assert_eq!(pacing.not_before(false, start), None);
        let first = pacing.committed(false, start);
        assert_eq!(pacing.not_before(false, start), Some(start + BOUND));
        pacing.frame_done(first, start);
        assert_eq!(pacing.not_before(false, start), None);
    }

    #[test]
    fn a_surface_without_callbacks_goes_on_at_the_bound() {
        for queued in [false, true] {
            let start = Instant::now();
            let mut pacing = Pacing::default();
            for frame in 0..10 {
                let now = start + BOUND * frame;
                assert_eq!(pacing.not_before(queued, now), None);
                pacing.committed(queued, now);
            }
        }
    }

    #[test]
    fn a_late_callback_does_not_stand_for_a_later_commit() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        let hidden = pacing.committed(false, start);
        let shown = pacing.committed(false, start + BOUND);
        pacing.frame_done(hidden, start + BOUND);
        assert!(pacing.not_before(false, start + BOUND).is_some());
        pacing.frame_done(shown, start + BOUND);
        assert_eq!(pacing.not_before(false, start + BOUND), None);
    }

    #[test]
    fn a_queue_takes_some_frames_and_no_more() {
        let now = Instant::now();
        let mut pacing = Pacing::default();
        let mut serials = Vec::new();
        for _ in 0..AHEAD_OF_QUEUE {
            assert_eq!(pacing.not_before(true, now), None);
            serials.push(pacing.committed(true, now));
        }
        assert_eq!(pacing.not_before(true, now), Some(now + BOUND));
        pacing.frame_done(serials[0], now);
        assert_eq!(pacing.not_before(true, now), None);
    }

    #[test]
    fn a_display_slower_than_the_queue_is_long_is_not_stalled() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        let mut serials: Vec<u64> = (0..3).map(|_| pacing.committed(true, start)).collect();
        for frame in 1..20 {
            let now = start + FRAME * frame;
            assert!(!pacing.is_stalled(now), "{frame}");
            pacing.frame_done(serials.remove(0), now);
            serials.push(pacing.committed(true, now));
        }
    }

    #[test]
    fn a_surface_that_nobody_sees_is_stalled_until_somebody_does() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        assert!(!pacing.is_stalled(start));
        let mut now = start;
        let mut last = pacing.committed(true, now);
        assert!(!pacing.is_stalled(now));
        for _ in 0..10 {
            now += BOUND;
            assert!(pacing.is_stalled(now));
            last = pacing.committed(true, now);
        }
        pacing.frame_done(last, now);
        assert!(!pacing.is_stalled(now + BOUND));
    }
}
