//! Time in which the machine did not stand still: a processor that a virtual machine shares may, for longer than what
//! is measured here. Whoever is measured stands still then, too.

use std::time::Duration;

use ash::vk;

use crate::command::verify::scene::{Device, Fault};

/// Two looks, or the ends of a wait, are no further apart where nothing stands still.
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

/// Whether the fence signals in this time awake.
///
/// # Errors
/// What the driver answers.
pub fn signals(device: &Device, fence: vk::Fence, within: Duration) -> Result<bool, Fault> {
    in_steps(within, |step| device.signals(fence, step))
}

/// Whether one of the waits, which last so long together, answers `true`. A stall ends one of them and not all.
fn in_steps(
    within: Duration,
    mut wait: impl FnMut(Duration) -> Result<bool, Fault>,
) -> Result<bool, Fault> {
    let mut left = within;
    while !left.is_zero() {
        let step = left.min(STEP);
        if wait(step)? {
            return Ok(true);
        }
        left -= step;
    }
    Ok(false)
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

    #[test]
    fn a_stall_does_not_end_a_wait_and_all_of_it_is_waited() {
        // The first wait ends with a stall, and what is waited for comes 50 ms later.
        let mut waited = Duration::ZERO;
        let comes = in_steps(Duration::from_millis(100), |step| {
            let stalls = waited.is_zero();
            waited += step;
            Ok(!stalls && waited >= Duration::from_millis(50))
        });
        assert!(comes.unwrap());
        let mut waited = Duration::ZERO;
        let comes = in_steps(Duration::from_millis(90), |step| {
            waited += step;
            Ok(false)
        });
        assert!(!comes.unwrap());
        assert_eq!(waited, Duration::from_millis(90));
    }
}
