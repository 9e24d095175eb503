//! When the next frame in FIFO may be committed, and whether the surface is hidden.
//!
//! In FIFO the compositor must show every frame, and a commit replaces the one before it if that was not yet
//! latched. A compositor with `wp_fifo_v1` queues commits by itself. Elsewhere the next commit waits for the
//! frame callback of the last (`wl_surface.frame`). In both cases only a fixed number of commits may be ahead
//! of the callbacks.
//!
//! A hidden surface gets no callbacks, and its barriers may be ignored, or never be cleared: "clients must use
//! an additional mechanism such as frame callbacks or timestamps to ensure throttling occurs under all
//! conditions" (`fifo-v1.xml`). So commits to it keep the pace of the display that showed it last, or a slow
//! one if that is unknown, and wait for no barrier, so that the application does not freeze. Frames that are
//! lost then are not visible. Each commit waits for this interval since the one before. That needs no timing
//! from the compositor, and no schedule can run ahead of what is shown, which would freeze the surface when it
//! is visible again.
//!
//! # Who is seen
//! No event tells a layer whether a surface is visible: the state of its window and the outputs that it has
//! entered are events of the application's objects. A slow compositor and a hidden surface are both silent, but
//! the slow compositor answers in the end. So the rule is:
//!
//! 1. A surface is taken for seen until silence shows that it is not, and again from the next frame
//!    callback on. While it is seen, no commit goes before its turn, however long the callbacks take.
//! 2. There is silence when the compositor owes callbacks and has sent none. Half a second of it brings
//!    doubt, and the compositor is asked whether it is there (`wl_display.sync`). Requests and events are
//!    in order, so one that answers has read the commits. If no callback comes in another half a second,
//!    nobody sees the surface.
//! 3. One that does not answer is busy, or stopped, and its silence says nothing of the surface. But no
//!    call waits for good: after [five seconds](LONGEST_PATIENCE) of silence the surface counts as not seen.
//! 4. A callback that comes after the judgement, and within five seconds of silence, may be that of a
//!    display that is slower than a second. The next silence may last for four times as long as that one,
//!    and for five seconds at most, until the callbacks come faster. A longer silence was that of a hidden
//!    surface.
//!
//! A compositor that throttles the callbacks of hidden surfaces, instead of sending none, gets that pace.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The time from one commit to the next on a hidden surface if its display's refresh is unknown, and the
/// longest such time.
pub const UNSEEN_INTERVAL: Duration = Duration::from_millis(100);

/// The shortest time from one commit to the next on such a surface, however fast its display is.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(4);

/// The shortest silence after which a surface counts as hidden: half of it before the compositor is asked
/// whether it is alive, the other half after its answer.
pub const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);

/// The longest such silence, also of a compositor that does not answer.
pub const LONGEST_PATIENCE: Duration = Duration::from_secs(5);

/// How many times as long as the last silence the next one may last.
const LENIENCY: u32 = 4;

/// How many frames may be ahead of their callbacks where the compositor queues them: one is shown at the
/// next refresh, one waits for the refresh after it, and one is on the way.
const AHEAD_OF_QUEUE: usize = 3;

/// The frame callbacks of one surface. Pure: the caller passes the time.
#[derive(Debug)]
pub struct Pacing {
    /// The numbers of the last commits whose callback has not come, and when each of them is due; oldest
    /// first.
    awaited: VecDeque<(u64, Instant)>,
    /// When the last of them was committed.
    committed: Option<Instant>,
    /// Since when callbacks have been pending without one.
    silent_since: Option<Instant>,
    /// How long that may last before the surface counts as hidden.
    patience: Duration,
    /// Whether it has lasted longer.
    unseen: bool,
    /// How many frames were committed since then beyond those that are awaited.
    surplus: u32,
    serial: u64,
}

impl Default for Pacing {
    fn default() -> Self {
        Pacing {
            awaited: VecDeque::new(),
            committed: None,
            silent_since: None,
            patience: SHORTEST_PATIENCE,
            unseen: false,
            surplus: 0,
            serial: 0,
        }
    }
}

impl Pacing {
    /// `None` when the next frame may be committed, else the instant at which to look again: then it may be
    /// committed, or the surface [is in doubt](Self::is_in_doubt). `queued`: the compositor keeps the frames in
    /// order by itself. `unseen`: the time from one commit to the next while the surface is hidden.
    pub fn not_before(&self, queued: bool, unseen: Duration, now: Instant) -> Option<Instant> {
        if self.awaited.len() < ahead(queued) {
            return None;
        }
        if self.unseen {
            let due = self.committed? + unseen;
            return (due > now).then_some(due);
        }
        Some(self.silent_since? + self.half())
    }

    /// Whether callbacks have been pending for so long that the surface may be hidden: then the caller asks the
    /// compositor, gives it [half the patience](Self::half) after its answer, and then [judges](Self::judge).
    pub fn is_in_doubt(&self, now: Instant) -> bool {
        let silence = |since| now.saturating_duration_since(since);
        !self.unseen
            && self
                .silent_since
                .is_some_and(|since| silence(since) >= self.half())
    }

    /// Half as long as silence may last.
    pub fn half(&self) -> Duration {
        self.patience / 2
    }

    /// Until when the compositor has to answer a question of now: until its silence has lasted for
    /// [`LONGEST_PATIENCE`], and for [half the patience](Self::half) in any case, since the application may have
    /// paused for longer, and the compositor with it.
    pub fn answer_by(&self, now: Instant) -> Instant {
        let least = now + self.half();
        self.silent_since
            .map_or(least, |since| least.max(since + LONGEST_PATIENCE))
    }

    /// The compositor had its time: if the surface is still in doubt, it is hidden.
    pub fn judge(&mut self, now: Instant) {
        self.unseen |= self.is_in_doubt(now);
    }

    /// Whether the surface counts as hidden.
    pub fn is_unseen(&self) -> bool {
        self.unseen
    }

    /// Records a commit. A frame with a target time is `due` then, and the compositor owes no callback before.
    /// Answers the serial for [`frame_done`](Self::frame_done) if the commit is to have a frame callback.
    ///
    /// Of a hidden surface most have none: one that is owed already says when it is seen again, and the
    /// compositor sends all of them at once then, which may be more than its socket takes. It may also have lost
    /// the callbacks of a window that was unmapped, so the first, the second, the fourth, the eighth and so on
    /// have one.
    pub fn committed(&mut self, queued: bool, now: Instant, due: Instant) -> Option<u64> {
        self.committed = Some(now);
        if self.unseen && self.awaited.len() >= ahead(queued) {
            self.surplus = self.surplus.saturating_add(1);
            if !self.surplus.is_power_of_two() {
                return None;
            }
        }
        // Callbacks of overtaken commits no longer count.
        while self.awaited.len() >= ahead(queued) {
            self.awaited.pop_front();
        }
        self.serial += 1;
        self.awaited.push_back((self.serial, due));
        self.silent_since.get_or_insert(due);
        Some(self.serial)
    }

    /// The callback of that commit has come, so those before it have come or never will. That of an overtaken
    /// commit only shows that the surface is visible.
    pub fn frame_done(&mut self, serial: u64, now: Instant) {
        self.awaited.retain(|(awaited, _)| *awaited > serial);
        if let Some(since) = self.silent_since {
            let silence = now.saturating_duration_since(since);
            let next = (silence * LENIENCY).clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE);
            // The callback may have come before it was read: only if the surface was judged hidden was it
            // certainly too late.
            self.patience = match self.unseen {
                true if silence > LONGEST_PATIENCE => SHORTEST_PATIENCE,
                true => next,
                false => self.patience.min(next),
            };
        }
        self.silent_since = self.awaited.front().map(|(_, due)| now.max(*due));
        self.unseen = false;
        self.surplus = 0;
    }
}

fn ahead(queued: bool) -> usize {
    if queued { AHEAD_OF_QUEUE } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Nobody looks: the compositor was asked, and answered.
    fn unseen(queued: bool, at: Instant) -> Pacing {
        let mut pacing = Pacing::default();
        for _ in 0..ahead(queued) {
            pacing.committed(queued, at, at);
        }
        pacing.judge(at + SHORTEST_PATIENCE);
        assert!(pacing.is_unseen());
        pacing
    }

    #[test]
    fn a_commit_waits_for_the_callback_of_the_last() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        assert_eq!(pacing.not_before(false, UNSEEN_INTERVAL, start), None);
        let first = pacing.committed(false, start, start).unwrap();
        assert!(pacing.not_before(false, UNSEEN_INTERVAL, start).is_some());
        pacing.frame_done(first, start);
        assert_eq!(pacing.not_before(false, UNSEEN_INTERVAL, start), None);
    }

    #[test]
    fn a_compositor_that_does_not_answer_is_waited_for_until_it_was_silent_for_five_seconds() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        assert_eq!(pacing.answer_by(start), start + 500 * MS);
        pacing.committed(false, start, start);
        for asked in [500, 2000, 4500] {
            assert_eq!(pacing.answer_by(start + asked * MS), start + 5000 * MS);
        }
        // The application has paused.
        assert_eq!(pacing.answer_by(start + 60_000 * MS), start + 60_500 * MS);
    }

    #[test]
    fn no_commit_goes_before_its_turn_while_the_compositor_may_be_slow() {
        for queued in [false, true] {
            let start = Instant::now();
            let mut pacing = Pacing::default();
            for _ in 0..ahead(queued) {
                assert_eq!(pacing.not_before(queued, UNSEEN_INTERVAL, start), None);
                pacing.committed(queued, start, start);
            }
            // Nobody was asked.
            for ms in [0, 99, 101, 999, 1001, 100_000] {
                assert!(
                    pacing
                        .not_before(queued, UNSEEN_INTERVAL, start + ms * MS)
                        .is_some(),
                    "{ms}"
                );
            }
            assert!(!pacing.is_in_doubt(start + 499 * MS));
            assert!(pacing.is_in_doubt(start + 500 * MS));
        }
    }

    #[test]
    fn a_surface_that_nobody_sees_goes_on_at_its_own_interval() {
        for queued in [false, true] {
            let mut now = Instant::now();
            let mut pacing = unseen(queued, now);
            now += SHORTEST_PATIENCE;
            for _ in 0..10 {
                assert_eq!(pacing.not_before(queued, UNSEEN_INTERVAL, now), None);
                pacing.committed(queued, now, now);
                let due = now + UNSEEN_INTERVAL;
                assert_eq!(pacing.not_before(queued, UNSEEN_INTERVAL, now), Some(due));
                assert!(pacing.is_unseen() && !pacing.is_in_doubt(now + 10 * SHORTEST_PATIENCE));
                now = due;
            }
        }
    }

    /// However long that lasts, the compositor has few callbacks to send in the end; any of them ends it.
    #[test]
    fn a_surface_that_nobody_sees_is_owed_few_callbacks() {
        for queued in [false, true] {
            let start = Instant::now();
            let mut pacing = unseen(queued, start);
            let asked = (0..10_000).filter_map(|_| pacing.committed(queued, start, start));
            let asked: Vec<u64> = asked.collect();
            assert_eq!(asked.len(), 14, "{queued}");
            assert!(pacing.awaited.len() <= ahead(queued));
            pacing.frame_done(1, start);
            assert!(!pacing.is_unseen());
            assert!(pacing.committed(queued, start, start).is_some());
        }
    }

    #[test]
    fn a_frame_that_is_meant_for_later_is_owed_no_callback_before() {
        for queued in [false, true] {
            let start = Instant::now();
            let due = start + 10 * SHORTEST_PATIENCE;
            let mut pacing = Pacing::default();
            let first = pacing.committed(queued, start, start).unwrap();
            pacing.committed(queued, start, due);
            pacing.frame_done(first, start + 10 * MS);
            assert!(!pacing.is_in_doubt(due), "{queued}");
            assert!(pacing.is_in_doubt(due + SHORTEST_PATIENCE), "{queued}");
        }
    }

    #[test]
    fn a_late_callback_does_not_stand_for_a_later_commit() {
        let start = Instant::now();
        let mut pacing = unseen(false, start);
        let later = start + SHORTEST_PATIENCE;
        let shown = pacing.committed(false, later, later).unwrap();
        pacing.frame_done(shown - 1, later);
        assert!(!pacing.is_unseen());
        assert!(
            pacing
                .not_before(false, UNSEEN_INTERVAL, later + 10 * UNSEEN_INTERVAL)
                .is_some()
        );
        pacing.frame_done(shown, later);
        assert_eq!(pacing.not_before(false, UNSEEN_INTERVAL, later), None);
    }

    #[test]
    fn a_queue_takes_some_frames_and_no_more() {
        let now = Instant::now();
        let mut pacing = Pacing::default();
        let mut serials = Vec::new();
        for _ in 0..AHEAD_OF_QUEUE {
            assert_eq!(pacing.not_before(true, UNSEEN_INTERVAL, now), None);
            serials.push(pacing.committed(true, now, now).unwrap());
        }
        assert!(pacing.not_before(true, UNSEEN_INTERVAL, now).is_some());
        pacing.frame_done(serials[0], now);
        assert_eq!(pacing.not_before(true, UNSEEN_INTERVAL, now), None);
    }

    #[test]
    fn a_compositor_that_was_judged_too_early_is_given_more_time() {
        for (queued, refresh, spared) in [
            (false, 150 * MS, 0),
            (false, 900 * MS, 0),
            (false, 1500 * MS, 1),
            (true, 1500 * MS, 1),
            (true, 4000 * MS, 1),
        ] {
            let mut now = Instant::now();
            let mut pacing = Pacing::default();
            let mut serials: VecDeque<u64> = (0..ahead(queued))
                .map(|_| pacing.committed(queued, now, now).unwrap())
                .collect();
            for frame in 0..20 {
                // Asked, it answers at once.
                if refresh > pacing.patience {
                    pacing.judge(now + pacing.patience);
                }
                assert_eq!(pacing.is_unseen(), frame < spared, "{frame}, {refresh:?}");
                now += refresh;
                pacing.frame_done(serials.pop_front().unwrap(), now);
                assert_eq!(pacing.not_before(queued, UNSEEN_INTERVAL, now), None);
                serials.push_back(pacing.committed(queued, now, now).unwrap());
            }
        }
    }

    #[test]
    fn an_application_that_idles_is_in_doubt_only_if_callbacks_are_owed() {
        let start = Instant::now();
        let mut pacing = Pacing::default();
        let serial = pacing.committed(true, start, start).unwrap();
        assert!(pacing.is_in_doubt(start + 100 * SHORTEST_PATIENCE));
        pacing.frame_done(serial, start + 10 * MS);
        assert!(!pacing.is_in_doubt(start + 100 * SHORTEST_PATIENCE));
    }

    /// How long the next silence may last after one that ended after the judgement.
    #[test]
    fn the_patience_has_bounds_and_goes_back() {
        for (silence, patience) in [
            (1001, 4004),
            (2000, 5000),
            (5000, 5000),
            // A window that was hidden.
            (5001, 1000),
            (3_600_000, 1000),
        ] {
            let start = Instant::now();
            let mut pacing = unseen(false, start);
            let end = start + silence * MS;
            pacing.frame_done(1, end);
            assert_eq!(pacing.patience, patience * MS, "{silence}");
            // Longer than the compositor took: the application was away before it read that.
            let serial = pacing.committed(false, end, end).unwrap();
            pacing.frame_done(serial, end + 900 * MS);
            assert!(pacing.patience <= patience * MS, "{silence}");
            let serial = pacing.committed(false, end, end).unwrap();
            pacing.frame_done(serial, end + 16 * MS);
            assert_eq!(pacing.patience, SHORTEST_PATIENCE);
        }
    }
}
