//! Time in which the machine did not stand still: a processor that a virtual machine shares may, for longer than what
//! is measured here. Whoever is measured stands still then, too.

use std::time::Duration;

/// Two looks are no further apart where nothing stands still.
const STEP: Duration = Duration::from_millis(20);

/// A clock that somebody looks at again and again, and that counts no more than a step from look to look.
#[derive(Default)]
pub struct Clock {
    last: Duration,
    awake: Duration,
}

impl Clock {
    /// The time awake, at this time since the first look.
    pub fn at(&mut self, now: Duration) -> Duration {
        self.awake += now.saturating_sub(self.last).min(STEP);
        self.last = now;
        self.awake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_counts_what_passes_between_looks_but_no_stall() {
        let mut clock = Clock::default();
        let mut at = |milliseconds| clock.at(Duration::from_millis(milliseconds));
        assert_eq!(at(0), Duration::ZERO);
        assert_eq!(at(5), Duration::from_millis(5));
        assert_eq!(at(15), Duration::from_millis(15));
        assert_eq!(at(515), Duration::from_millis(35));
        assert_eq!(at(516), Duration::from_millis(36));
    }
}
