//! How long a call may wait.

use std::time::{Duration, Instant};

/// The end of a wait, in the terms of `vkAcquireNextImageKHR`'s `timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// Do not wait: look once.
    Now,
    /// Wait until this instant of `CLOCK_MONOTONIC`.
    At(Instant),
    /// Wait for as long as it takes.
    Never,
}

impl Deadline {
    /// From a Vulkan timeout in nanoseconds: 0 is [`Now`](Self::Now), `UINT64_MAX` is
    /// [`Never`](Self::Never), as is one that the clock cannot count.
    pub fn from_timeout(nanoseconds: u64) -> Self {
        match nanoseconds {
            0 => Deadline::Now,
            u64::MAX => Deadline::Never,
            _ => match Instant::now().checked_add(Duration::from_nanos(nanoseconds)) {
                Some(instant) => Deadline::At(instant),
                None => Deadline::Never,
            },
        }
    }

    /// The time left: `None` is without end, zero is over.
    pub fn remaining(self) -> Option<Duration> {
        match self {
            Deadline::Now => Some(Duration::ZERO),
            Deadline::At(instant) => Some(instant.saturating_duration_since(Instant::now())),
            Deadline::Never => None,
        }
    }

    /// Whether there is no time left.
    pub fn is_over(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// The earlier of this deadline and an instant.
    pub fn or_at(self, instant: Instant) -> Self {
        match self {
            Deadline::Now => Deadline::Now,
            Deadline::At(own) => Deadline::At(own.min(instant)),
            Deadline::Never => Deadline::At(instant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extremes_of_a_vulkan_timeout_are_poll_and_forever() {
        assert_eq!(Deadline::from_timeout(0), Deadline::Now);
        assert_eq!(Deadline::from_timeout(u64::MAX), Deadline::Never);
        assert!(Deadline::Now.is_over());
        assert!(!Deadline::Never.is_over());
    }

    #[test]
    fn a_finite_timeout_ends() {
        assert!(!Deadline::from_timeout(1_000_000_000).is_over());
        let soon = Deadline::from_timeout(1);
        while !soon.is_over() {}
    }

    #[test]
    fn the_earlier_end_counts() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        assert_eq!(Deadline::Never.or_at(later), Deadline::At(later));
        assert_eq!(Deadline::At(now).or_at(later), Deadline::At(now));
        assert_eq!(Deadline::Now.or_at(later), Deadline::Now);
    }
}
