//! What happened in the life of one swapchain, counted.
//!
//! Each frame counts its acquire, its present, and each sync file taken or given. The numbers go to the
//! [report](crate::observe::report) and show at a glance whether anything waited on the CPU.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The counters of one swapchain, all zero at first.
///
/// Any thread may count at any time without waiting for another. All accesses are relaxed: no
/// counter guards any other data, each is right by itself because the operations are atomic, and
/// nobody draws conclusions from the order of two of them. A snapshot that is taken while frames
/// pass may therefore hold an acquire whose export it lacks; one that is taken after the last
/// frame (with the application's external synchronisation of the swapchain, which orders the two)
/// is exact.
///
/// They are words without anything between them, so that they can lie in memory that other processes read
/// ([`live`](crate::observe::live)).
#[derive(Debug, Default)]
#[repr(C)]
pub struct Counters {
    acquires_pending: AtomicU64,
    acquires_signalled: AtomicU64,
    acquires_held: AtomicU64,
    presents: AtomicU64,
    sync_files_exported: AtomicU64,
    sync_files_imported: AtomicU64,
    cpu_waits: AtomicU64,
    acquire: Stopwatch,
    present: Stopwatch,
}

impl Counters {
    /// Their number.
    pub(crate) const WORDS: usize = size_of::<Self>() / size_of::<AtomicU64>();

    /// Counters with the values that lie in memory as these words.
    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        let [
            acquires_pending,
            acquires_signalled,
            acquires_held,
            presents,
            sync_files_exported,
            sync_files_imported,
            cpu_waits,
            acquire_total_ns,
            acquire_max_ns,
            present_total_ns,
            present_max_ns,
        ] = words.map(AtomicU64::new);
        Self {
            acquires_pending,
            acquires_signalled,
            acquires_held,
            presents,
            sync_files_exported,
            sync_files_imported,
            cpu_waits,
            acquire: Stopwatch {
                total_ns: acquire_total_ns,
                max_ns: acquire_max_ns,
            },
            present: Stopwatch {
                total_ns: present_total_ns,
                max_ns: present_max_ns,
            },
        }
    }

    /// An image was handed out with a fence that had not signalled yet; the call took `took`, if it was timed.
    pub fn acquired_pending(&self, took: Option<Duration>) {
        increment(&self.acquires_pending);
        self.acquire.add(took);
    }

    /// An image was handed out with nothing to wait for: its fences had signalled, or it was never used; the
    /// call took `took`, if it was timed.
    pub fn acquired_signalled(&self, took: Option<Duration>) {
        increment(&self.acquires_signalled);
        self.acquire.add(took);
    }

    /// An acquire found no image free: the compositor had all those that the application did not hold.
    pub fn acquire_held(&self) {
        increment(&self.acquires_held);
    }

    /// An image was committed to the compositor; the call took `took`, if it was timed.
    pub fn presented(&self, took: Option<Duration>) {
        increment(&self.presents);
        self.present.add(took);
    }

    /// A released image's fences were taken as a sync file.
    pub fn sync_file_exported(&self) {
        increment(&self.sync_files_exported);
    }

    /// A rendering's sync file was put on its image.
    pub fn sync_file_imported(&self) {
        increment(&self.sync_files_imported);
    }

    /// The CPU had to wait for a fence.
    pub fn cpu_wait(&self) {
        increment(&self.cpu_waits);
    }

    /// How often the CPU had to wait for a fence so far.
    pub fn cpu_waits(&self) -> u64 {
        self.cpu_waits.load(Ordering::Relaxed)
    }

    /// The numbers so far.
    pub fn snapshot(&self) -> Snapshot {
        let (acquire_total_ns, acquire_max_ns) = self.acquire.read();
        let (present_total_ns, present_max_ns) = self.present.read();
        Snapshot {
            acquires_pending: self.acquires_pending.load(Ordering::Relaxed),
            acquires_signalled: self.acquires_signalled.load(Ordering::Relaxed),
            acquires_held: self.acquires_held.load(Ordering::Relaxed),
            presents: self.presents.load(Ordering::Relaxed),
            sync_files_exported: self.sync_files_exported.load(Ordering::Relaxed),
            sync_files_imported: self.sync_files_imported.load(Ordering::Relaxed),
            cpu_waits: self.cpu_waits(),
            acquire_total_ns,
            acquire_max_ns,
            present_total_ns,
            present_max_ns,
        }
    }
}

/// The value of all counters of a swapchain, or the sum over several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Images handed out with a fence that had not signalled.
    pub acquires_pending: u64,
    /// Images handed out with nothing to wait for.
    pub acquires_signalled: u64,
    /// Acquires that found no image free, since the compositor had them.
    #[serde(default)]
    pub acquires_held: u64,
    /// Images committed to the compositor.
    pub presents: u64,
    /// Sync files taken from released images.
    pub sync_files_exported: u64,
    /// Sync files put on presented images.
    pub sync_files_imported: u64,
    /// Waits for a fence on the CPU.
    pub cpu_waits: u64,
    /// Time spent in successful acquires, in nanoseconds; waiting for an image counts.
    pub acquire_total_ns: u64,
    /// The longest of them, in nanoseconds.
    pub acquire_max_ns: u64,
    /// Time spent in successful presents, in nanoseconds; waiting for the compositor's pace counts.
    pub present_total_ns: u64,
    /// The longest of them, in nanoseconds.
    pub present_max_ns: u64,
}

impl Snapshot {
    /// Images handed out to the application.
    pub fn acquires(&self) -> u64 {
        self.acquires_pending
            .saturating_add(self.acquires_signalled)
    }

    /// The mean time in an acquire, or `None` without one.
    pub fn acquire_mean(&self) -> Option<Duration> {
        mean(self.acquire_total_ns, self.acquires())
    }

    /// The mean time in a present, or `None` without one.
    pub fn present_mean(&self) -> Option<Duration> {
        mean(self.present_total_ns, self.presents)
    }

    /// Both together: numbers and times add up, the longest stays the longest. Saturates.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            acquires_pending: self.acquires_pending.saturating_add(other.acquires_pending),
            acquires_signalled: self
                .acquires_signalled
                .saturating_add(other.acquires_signalled),
            acquires_held: self.acquires_held.saturating_add(other.acquires_held),
            presents: self.presents.saturating_add(other.presents),
            sync_files_exported: self
                .sync_files_exported
                .saturating_add(other.sync_files_exported),
            sync_files_imported: self
                .sync_files_imported
                .saturating_add(other.sync_files_imported),
            cpu_waits: self.cpu_waits.saturating_add(other.cpu_waits),
            acquire_total_ns: self.acquire_total_ns.saturating_add(other.acquire_total_ns),
            acquire_max_ns: self.acquire_max_ns.max(other.acquire_max_ns),
            present_total_ns: self.present_total_ns.saturating_add(other.present_total_ns),
            present_max_ns: self.present_max_ns.max(other.present_max_ns),
        }
    }
}

/// The sum and the maximum of durations, in nanoseconds. 64 bits of them last 584 years.
#[derive(Debug, Default)]
#[repr(C)]
struct Stopwatch {
    total_ns: AtomicU64,
    max_ns: AtomicU64,
}

impl Stopwatch {
    fn add(&self, took: Option<Duration>) {
        let Some(took) = took else { return };
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.total_ns.fetch_add(ns, Ordering::Relaxed);
        self.max_ns.fetch_max(ns, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64) {
        (
            self.total_ns.load(Ordering::Relaxed),
            self.max_ns.load(Ordering::Relaxed),
        )
    }
}

fn increment(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn mean(total_ns: u64, count: u64) -> Option<Duration> {
    total_ns.checked_div(count).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_acquire_is_pending_or_signalled() {
        let counters = Counters::default();
        counters.acquired_signalled(Some(Duration::from_nanos(10)));
        counters.acquired_pending(Some(Duration::from_nanos(30)));
        counters.acquired_pending(Some(Duration::from_nanos(20)));
        let snapshot = counters.snapshot();
        assert_eq!(snapshot.acquires(), 3);
        assert_eq!(snapshot.acquires_pending, 2);
        assert_eq!(snapshot.acquires_signalled, 1);
        assert_eq!(snapshot.acquire_mean(), Some(Duration::from_nanos(20)));
        assert_eq!(snapshot.acquire_max_ns, 30);
    }

    #[test]
    fn words_are_counters_in_the_order_of_memory() {
        let mut number = 0;
        let words = [0; Counters::WORDS].map(|_| {
            number += 1;
            number
        });
        let counters = Counters::from_words(words);
        // SAFETY: as many atomics as it has, without padding, all of them initialised.
        let memory: [u64; Counters::WORDS] = unsafe { std::mem::transmute(counters) };
        assert_eq!(memory, words);
    }

    #[test]
    fn without_a_frame_there_is_no_mean() {
        let snapshot = Counters::default().snapshot();
        assert_eq!(snapshot, Snapshot::default());
        assert_eq!(snapshot.acquire_mean(), None);
        assert_eq!(snapshot.present_mean(), None);
    }

    #[test]
    fn nothing_counted_by_several_threads_is_lost() {
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for thread in 1..=4 {
                let counters = &counters;
                scope.spawn(move || {
                    for _ in 0..1000 {
                        counters.presented(Some(Duration::from_nanos(thread)));
                        counters.sync_file_exported();
                        counters.sync_file_imported();
                        counters.cpu_wait();
                    }
                });
            }
        });
        let snapshot = counters.snapshot();
        assert_eq!(snapshot.presents, 4000);
        assert_eq!(snapshot.sync_files_exported, 4000);
        assert_eq!(snapshot.sync_files_imported, 4000);
        assert_eq!(snapshot.cpu_waits, 4000);
        assert_eq!(snapshot.present_total_ns, 10_000);
        assert_eq!(snapshot.present_max_ns, 4);
    }

    #[test]
    fn a_sum_keeps_the_longest_and_never_overflows() {
        let one = Snapshot {
            presents: 1,
            present_total_ns: 5,
            present_max_ns: 5,
            ..Snapshot::default()
        };
        let other = Snapshot {
            presents: u64::MAX,
            present_total_ns: 7,
            present_max_ns: 7,
            ..Snapshot::default()
        };
        let sum = one.plus(other);
        assert_eq!(sum.presents, u64::MAX);
        assert_eq!(sum.present_total_ns, 12);
        assert_eq!(sum.present_max_ns, 7);
        assert_eq!(sum, other.plus(one));
    }
}
