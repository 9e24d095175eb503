//! Where records wait for the writer.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use crossbeam_queue::ArrayQueue;

use super::{
    event::{Event, Fences},
    watched::Watched,
};
use crate::kernel::sync_file::SyncFile;

/// How many records may wait: some hundred frames. The writer comes fifty times a second.
const CAPACITY: usize = 2048;

/// How many descriptors the trace may hold: an application may be allowed 1024, and use `select`.
const DESCRIPTORS: usize = 128;

/// Records in the order in which they came. Any thread may push, and none waits.
pub(super) struct Ring {
    events: ArrayQueue<Event>,
    dropped: AtomicU64,
    unwatched: AtomicU64,
    open: Arc<AtomicUsize>,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self::of(CAPACITY)
    }

    fn of(capacity: usize) -> Self {
        Ring {
            events: ArrayQueue::new(capacity),
            dropped: AtomicU64::new(0),
            unwatched: AtomicU64::new(0),
            open: Arc::default(),
        }
    }

    /// Adds a record, or drops and counts it.
    pub(super) fn push(&self, event: Event) {
        if self.events.push(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn pop(&self) -> Option<Event> {
        self.events.pop()
    }

    /// How many records were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many sync_files were not duplicated so far.
    pub(super) fn unwatched(&self) -> u64 {
        self.unwatched.load(Ordering::Relaxed)
    }

    /// A duplicate of the sync_file for the writer.
    pub(super) fn watch(&self, file: &SyncFile) -> Fences {
        if self.open.fetch_add(1, Ordering::Relaxed) < DESCRIPTORS
            && let Ok(file) = file.try_clone()
        {
            return Fences::Watched(Watched::new(file, Arc::clone(&self.open)));
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.unwatched.fetch_add(1, Ordering::Relaxed);
        Fences::Unwatched
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::super::event::What;
    use super::*;

    fn event(at: u64) -> Event {
        Event {
            swapchain: 1,
            image: 0,
            frame: at,
            at,
            what: What::Discarded,
        }
    }

    #[test]
    fn a_full_ring_keeps_what_it_has_and_counts_the_rest() {
        let ring = Ring::of(3);
        (0..5).for_each(|at| ring.push(event(at)));
        assert_eq!(ring.dropped(), 2);
        let kept: Vec<u64> = std::iter::from_fn(|| ring.pop()).map(|e| e.at).collect();
        assert_eq!(kept, [0, 1, 2]);
        ring.push(event(9));
        assert_eq!(ring.pop().unwrap().at, 9);
        assert_eq!(ring.dropped(), 2);
    }

    #[test]
    fn several_threads_lose_nothing_uncounted() {
        let ring = Ring::of(64);
        let popped = std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..10_000).for_each(|at| ring.push(event(at))));
            }
            let mut popped = 0;
            while popped + ring.dropped() < 30_000 {
                popped += u64::from(ring.pop().is_some());
            }
            popped
        });
        assert!(ring.pop().is_none());
        assert_eq!(popped + ring.dropped(), 30_000);
    }

    /// The descriptors are bounded, also those of records that were dropped, and come back.
    #[test]
    fn no_more_descriptors_are_held_than_allowed() {
        let ring = Ring::of(1);
        let (reader, _writer) = std::io::pipe().unwrap();
        let file = SyncFile::from(OwnedFd::from(reader));
        let all: Vec<Fences> = (0..DESCRIPTORS + 5).map(|_| ring.watch(&file)).collect();
        let watched = |fences: &Fences| matches!(fences, Fences::Watched(_));
        assert_eq!(all.iter().filter(|f| watched(f)).count(), DESCRIPTORS);
        assert_eq!(ring.unwatched(), 5);
        for fences in all {
            ring.push(Event {
                what: What::Released { fences },
                ..event(0)
            });
        }
        drop(ring.pop());
        assert_eq!(ring.open.load(Ordering::Relaxed), 0);
        assert!(watched(&ring.watch(&file)));
    }
}
