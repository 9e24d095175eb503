//! A play without a verdict, since the machine was too slow for it: it is played again.

use std::time::{Duration, Instant};

use crate::stalls::Stalls;

/// How often it is played at most.
const PLAYS: usize = 5;

/// A play has no verdict.
#[derive(Debug)]
pub struct TooSlow {
    took: Duration,
    stalled: Duration,
}

/// How long it is since `begun`. That tells nothing if it is `limit` only since the machine stood still.
///
/// # Errors
/// In that case.
pub fn took(stalls: &Stalls, begun: Instant, limit: Duration) -> Result<Duration, TooSlow> {
    let took = begun.elapsed();
    let stalled = stalls.since(begun);
    match took >= limit && took.saturating_sub(stalled) < limit {
        true => Err(TooSlow { took, stalled }),
        false => Ok(took),
    }
}

/// Plays until there is a verdict, and answers it.
///
/// # Panics
/// If the machine is too slow each of five times.
#[track_caller]
pub fn judged<T>(mut play: impl FnMut() -> Result<T, TooSlow>) -> T {
    for _ in 0..PLAYS {
        match play() {
            Ok(verdict) => return verdict,
            Err(TooSlow { took, stalled }) => {
                eprintln!("played again: the machine stood still for {stalled:?} of {took:?}");
            }
        }
    }
    panic!("no verdict in {PLAYS} plays");
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    /// A machine that has stood still for so long.
    fn too_slow() -> TooSlow {
        TooSlow {
            took: LIMIT,
            stalled: LIMIT,
        }
    }

    #[test]
    fn a_play_is_repeated_until_it_has_a_verdict() {
        let mut plays = 0;
        let verdict = judged(|| {
            plays += 1;
            match plays {
                3 => Ok("seen"),
                _ => Err(too_slow()),
            }
        });
        assert_eq!((verdict, plays), ("seen", 3));
    }

    #[test]
    #[should_panic(expected = "no verdict in 5 plays")]
    fn a_machine_that_is_always_too_slow_fails() {
        judged(|| Err::<(), _>(too_slow()));
    }

    #[test]
    fn what_takes_long_without_a_stall_is_told() {
        // This machine may stand still itself.
        judged(|| {
            let stalls = Stalls::watch();
            let begun = Instant::now();
            assert!(took(&stalls, begun, LIMIT)? < LIMIT);
            std::thread::sleep(LIMIT);
            assert!(took(&stalls, begun, LIMIT)? >= LIMIT);
            Ok(())
        });
    }
}
