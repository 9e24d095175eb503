//! How long a machine stands still: tests which bound what a call takes do not count that.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A thread that sleeps so long again and again.
const NAP: Duration = Duration::from_millis(5);
/// A nap that ends later than this was a stall. Below it is what a busy machine does to any thread.
const STALL: Duration = Duration::from_millis(30);

/// Measures when the machine stands still: when a thread that sleeps for 5 ms is late by more than 30 ms. A guest that
/// has one processor, and shares it with others, is.
///
/// The calls that are bounded sleep, too, so that what one of them waits for by itself is never a stall.
pub struct Stalls {
    met: Arc<Mutex<Met>>,
    _stop: Sender<()>,
}

struct Met {
    stalls: Vec<(Instant, Instant)>,
    /// When the nap that now lasts was to end.
    due: Instant,
}

impl Met {
    /// A nap ends now, or what it is late by is known until now.
    fn look(&mut self, now: Instant) {
        if now.saturating_duration_since(self.due) > STALL {
            self.stalls.push((self.due, now));
            self.due = now;
        }
    }
}

impl Stalls {
    /// Watches from now on, until it is dropped.
    pub fn watch() -> Self {
        let (stop, stopped) = mpsc::channel();
        let met = Arc::new(Mutex::new(Met {
            stalls: Vec::new(),
            due: Instant::now() + NAP,
        }));
        let theirs = Arc::clone(&met);
        thread::spawn(move || {
            while stopped.recv_timeout(NAP) == Err(RecvTimeoutError::Timeout) {
                let mut met = theirs.lock().expect("nobody panics with it");
                let now = Instant::now();
                met.look(now);
                met.due = now + NAP;
            }
        });
        Self { met, _stop: stop }
    }

    /// How much of the time since `begun` the machine has stood still.
    pub fn since(&self, begun: Instant) -> Duration {
        let mut met = self.met.lock().expect("nobody panics with it");
        // The thread may still sleep, although the stall is over.
        met.look(Instant::now());
        met.stalls
            .iter()
            .map(|(from, to)| to.saturating_duration_since(*from.max(&begun)))
            .sum()
    }

    /// How long it is since `begun`, without stalls.
    pub fn elapsed(&self, begun: Instant) -> Duration {
        begun.elapsed().saturating_sub(self.since(begun))
    }
}

/// One of so many attempts must be prompt, since the machine may be busy. A delay by design shows in each.
const ATTEMPTS: usize = 5;

/// Makes several attempts, each of which answers how long it took, until one has kept to `limit`.
///
/// # Panics
/// If none has.
pub fn promptly(limit: Duration, mut attempt: impl FnMut() -> Duration) {
    let mut late = Vec::new();
    for _ in 0..ATTEMPTS {
        let took = attempt();
        if took <= limit {
            return;
        }
        late.push(took);
    }
    panic!("never within {limit:?}: {late:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_sleeps_is_no_stall() {
        // On a machine that stands still itself one of several attempts does not.
        let slept = (0..5).any(|_| {
            let stalls = Stalls::watch();
            let begun = Instant::now();
            thread::sleep(Duration::from_millis(100));
            stalls.since(begun) == Duration::ZERO
        });
        assert!(slept);
    }

    #[test]
    fn a_thread_that_is_late_is_one_and_only_what_is_asked_for_counts() {
        let stalls = Stalls::watch();
        // It cannot wake up.
        let met = stalls.met.lock().unwrap();
        let begun = met.due;
        thread::sleep(Duration::from_millis(200));
        drop(met);
        let half = begun + Duration::from_millis(100);
        let (all, some) = (stalls.since(begun), stalls.since(half));
        assert!(all >= Duration::from_millis(190), "{all:?}");
        assert!(all > some && some > Duration::ZERO, "{all:?} {some:?}");
        assert!(all <= begun.elapsed());
    }
}
