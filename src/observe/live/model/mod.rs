//! What a reader sees while a writer writes, in every order that the memory model allows: `seal`, compiled anew with the
//! atomics of `loom`, which tries all of them.

#![allow(clippy::duplicate_mod, reason = "that is how it gets other atomics")]

mod sync {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering, fence};
}

#[path = "../seal.rs"]
mod seal;

use std::sync::atomic::AtomicUsize;

use loom::sync::Arc;
use sync::{AtomicU64, Ordering};

const HIDDEN: u64 = 1;

/// A slot whose text is two words.
struct Slot {
    state: AtomicU64,
    text: [AtomicU64; 2],
}

impl Slot {
    fn write(&self, number: u64) {
        seal::hide(&self.state, HIDDEN);
        for word in &self.text {
            word.store(number, Ordering::Relaxed);
        }
        seal::show(&self.state, number);
    }

    /// As another process does, which has no atomics but its loads.
    fn read(&self) -> Option<(u64, [u64; 2])> {
        let state = || Some(self.state.load(Ordering::Relaxed));
        seal::read(state, |number| {
            let text = || [0, 1].map(|word: usize| self.text[word].load(Ordering::Relaxed));
            (number > HIDDEN).then(|| (number, text()))
        })
    }
}

/// One swapchain follows another in a slot, while somebody reads.
#[test]
fn what_is_read_is_of_one_swapchain() {
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    loom::model(|| {
        EXECUTIONS.fetch_add(1, Ordering::Relaxed);
        let slot = Arc::new(Slot {
            state: AtomicU64::new(0),
            text: [AtomicU64::new(0), AtomicU64::new(0)],
        });
        let writer = {
            let slot = Arc::clone(&slot);
            loom::thread::spawn(move || [2, 3].into_iter().for_each(|number| slot.write(number)))
        };
        if let Some((number, text)) = slot.read() {
            SEEN.fetch_add(1, Ordering::Relaxed);
            assert_eq!(text, [number; 2]);
        }
        writer.join().unwrap();
        assert_eq!(slot.read(), Some((3, [3; 2])));
    });
    let [executions, seen] = [&EXECUTIONS, &SEEN].map(|count| count.load(Ordering::Relaxed));
    println!("{executions} executions, {seen} of which saw a swapchain meanwhile");
    assert!(seen > 0, "nothing was looked at");
}
