//! Which frames of a swapchain the user has seen: what `vkWaitForPresentKHR` waits for.
//!
//! A frame is over when it was shown, or when it was replaced and never will be ("any wait of this type
//! associated with such an image must be signaled no later than a wait associated with the replacing
//! image would be signaled"). Of a hidden surface's last frame neither is ever said: it is over, too,
//! when nothing was heard of it for a while.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How long after its commit a frame is over of which nothing is heard: nobody sees it.
pub const BOUND: Duration = Duration::from_secs(1);

/// The frames of one swapchain that have a number, `presentId`: each is greater than those before it.
/// Pure; the caller brings the time.
#[derive(Debug, Default)]
pub struct Presentations {
    /// Those that are not over, oldest first.
    awaited: VecDeque<(u64, Instant)>,
    last_committed: u64,
    last_over: u64,
}

impl Presentations {
    /// The frame with this number is committed now.
    pub fn committed(&mut self, id: u64, now: Instant) {
        // Who never waits must not make it grow.
        self.expire(now);
        self.last_committed = self.last_committed.max(id);
        self.awaited.push_back((id, now));
    }

    /// The frame with this number could not be committed. Nothing will be heard of it, so that it is over
    /// when those before it are.
    pub fn refused(&mut self, id: u64, now: Instant) {
        self.committed(id, now);
        if self.awaited.len() == 1 {
            self.over(id);
        }
    }

    /// The frame was shown, or never will be. Then those before it are over, too.
    pub fn over(&mut self, id: u64) {
        self.last_over = self.last_over.max(id);
        self.awaited.retain(|(awaited, _)| *awaited > id);
    }

    /// Whether the frame with this number, or a later one, is over.
    pub fn is_over(&mut self, id: u64, now: Instant) -> bool {
        self.expire(now);
        self.last_over >= id
    }

    /// Those of which nothing was heard for too long are over.
    fn expire(&mut self, now: Instant) {
        while let Some((oldest, _)) = self
            .awaited
            .front()
            .copied()
            .filter(|(_, since)| *since + BOUND <= now)
        {
            self.over(oldest);
        }
    }

    /// When the frame is over at the latest; `None` if it was not committed yet.
    pub fn over_at(&self, id: u64) -> Option<Instant> {
        let (_, since) = self.awaited.iter().find(|(awaited, _)| *awaited >= id)?;
        Some(*since + BOUND)
    }

    /// Whether a frame with this number, or a later one, was committed.
    pub fn is_committed(&self, id: u64) -> bool {
        self.last_committed >= id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_over_when_it_or_a_later_one_was_shown() {
        let now = Instant::now();
        let mut presentations = Presentations::default();
        for id in [3, 4, 9] {
            presentations.committed(id, now);
        }
        assert!(!presentations.is_over(1, now));
        presentations.over(4);
        for (id, over) in [(1, true), (3, true), (4, true), (5, false), (9, false)] {
            assert_eq!(presentations.is_over(id, now), over, "{id}");
        }
        presentations.over(9);
        assert!(presentations.is_over(9, now));
        // Late news changes nothing.
        presentations.over(3);
        assert!(presentations.is_over(9, now));
    }

    #[test]
    fn a_frame_of_which_nothing_is_heard_is_over_at_the_bound() {
        let start = Instant::now();
        let later = start + BOUND / 2;
        let mut presentations = Presentations::default();
        presentations.committed(1, start);
        presentations.committed(2, later);
        assert_eq!(presentations.over_at(1), Some(start + BOUND));
        assert_eq!(presentations.over_at(2), Some(later + BOUND));
        assert!(!presentations.is_over(1, later));
        assert!(presentations.is_over(1, start + BOUND));
        assert!(!presentations.is_over(2, start + BOUND));
        assert!(presentations.is_over(2, later + BOUND));
    }

    #[test]
    fn frames_of_which_nothing_is_heard_do_not_pile_up() {
        let start = Instant::now();
        let mut presentations = Presentations::default();
        for id in 1..1000 {
            presentations.committed(id, start + BOUND / 4 * id as u32);
        }
        assert!(presentations.awaited.len() <= 4);
    }

    #[test]
    fn a_frame_that_could_not_be_committed_waits_for_none_but_those_before_it() {
        let now = Instant::now();
        let mut presentations = Presentations::default();
        presentations.refused(1, now);
        assert!(presentations.is_over(1, now));
        presentations.committed(2, now);
        presentations.refused(3, now);
        assert!(!presentations.is_over(2, now) && !presentations.is_over(3, now));
        assert!(presentations.is_over(3, now + BOUND));
    }

    #[test]
    fn a_frame_that_is_not_committed_is_not_over_at_any_time() {
        let now = Instant::now();
        let mut presentations = Presentations::default();
        presentations.committed(1, now);
        assert_eq!(presentations.over_at(2), None);
        assert!(!presentations.is_over(2, now + BOUND * 9));
        assert!(!presentations.is_committed(2) && presentations.is_committed(1));
    }
}
