//! Each call that the layer makes to somebody fails, one after the other, and what must hold whatever fails.
//!
//! The application makes instance and device, a surface and a swapchain, draws frames, makes another swapchain in its
//! place, draws more, and destroys everything. Whatever fails: the application is told so by a result of the
//! specification's, or nothing comes of it; no object of the driver's and no descriptor is left; nobody panics, hangs
//! or breaks the protocol; and afterwards the same application draws as if nothing had happened.

mod outcomes;
mod part;
mod story;

use std::{
    cell::Cell,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

use ash::vk;
use wayfence_test_compositor::{Behaviour, Compositor, Offer};

pub use outcomes::Outcomes;
pub use part::Part;
pub use story::{TIMEOUT, ask, present};

use crate::{footprint::descriptors, scripted::Way, stderr, watchdog::Watchdog};

/// What came of the story: the part that failed, if one did, and its result.
pub type Outcome = Result<(), (Part, vk::Result)>;

/// Whoever is called, and fails.
pub trait Fallible {
    /// How a call fails.
    type Fault: Copy;

    /// Runs a command of the application's as this part of the story.
    fn during<T>(&self, part: Part, command: impl FnOnce() -> T) -> T;

    /// Makes the call with this number fail, counted from 1 and from now on; 0: none.
    fn arm(&self, number: u64, fault: Self::Fault);

    /// Makes no further call fail. Answers what has failed: the part in which it was called, and its name.
    fn disarm(&self) -> Option<(Part, String)>;

    /// Makes no further call fail. What has failed remains to be told by [`disarm`](Self::disarm).
    fn relent(&self);

    /// The calls since the last [`arm`](Self::arm), in order.
    fn called(&self) -> Vec<(Part, String)>;

    /// How many objects of each kind live that the calls have made.
    fn living(&self) -> [i64; 5] {
        [0; 5]
    }
}

/// A compositor that shows and releases all by itself, in this way.
pub fn compositor(way: Way) -> Compositor {
    Compositor::new(Offer {
        behaviour: Behaviour::Automatic {
            refresh: Duration::from_millis(2),
        },
        ..way.offer()
    })
}

/// What is there when everybody has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    objects: [i64; 5],
    descriptors: usize,
}

impl Left {
    /// What is wrong with what is there, if it was this before.
    pub fn fault(self, before: Left) -> Option<String> {
        (self.objects != before.objects || self.descriptors > before.descriptors).then(|| {
            format!(
                "left: {self:?}, before: {before:?}, open: {:?}",
                descriptors()
            )
        })
    }
}

/// Which calls fail, and what must come of it.
pub struct Rules<'a, Fault> {
    /// The faults, and their names.
    pub faults: &'a [(&'static str, Fault)],
    /// Whether this fault, counted from 0, is played on the call of this occurrence in its part, counted from 1.
    pub plays: fn(usize, usize) -> bool,
    /// What a part may answer.
    pub may_answer: &'a dyn Fn(Part, vk::Result) -> bool,
    /// Whether nothing may come of this fault of this call, since whoever makes it tries again.
    pub is_tried_again: fn(&str, Fault) -> bool,
    /// Whether each error has a line in the log.
    pub logs: bool,
    /// Whether the layer may leave the surface to the driver, with a line in the log.
    pub steps_aside: bool,
    /// More calls than these have failed in the end, or the story was too short.
    pub failures: usize,
}

/// What is tried.
pub struct Trial<'a, F> {
    /// Whose calls fail.
    pub faulty: &'a F,
    /// The application's compositor.
    pub compositor: &'a Compositor,
    /// Whether the driver's own swapchains have shown a frame.
    is_drivers: Cell<bool>,
}

impl<'a, F: Fallible> Trial<'a, F> {
    /// A trial of calls of this kind, on this compositor.
    pub fn new(faulty: &'a F, compositor: &'a Compositor) -> Self {
        Self {
            faulty,
            compositor,
            is_drivers: Cell::new(false),
        }
    }

    /// What is there when the compositor has seen everybody go.
    pub fn settled(&self, before: Option<Left>) -> Left {
        let begin = Instant::now();
        loop {
            // The compositor is in this process: what it keeps for the test is open, too.
            drop(self.compositor.take_commits());
            let now = Left {
                objects: self.faulty.living(),
                descriptors: descriptors().len(),
            };
            let is_settled = before.is_none_or(|before| now.descriptors <= before.descriptors);
            if is_settled || begin.elapsed() > Duration::from_secs(2) {
                return now;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Plays it with each of these faults on each call, holds it to what must always hold, and prints a table.
    ///
    /// # Panics
    /// If anything does not hold.
    pub fn each_call_fails(
        &self,
        title: &str,
        rules: &Rules<'_, F::Fault>,
        play: impl Fn() -> Outcome,
    ) {
        let Rules { faults, .. } = *rules;
        for _ in 0..2 {
            play().expect("nothing fails yet");
        }
        let mut before = {
            thread::sleep(Duration::from_millis(200));
            self.settled(None)
        };
        self.faulty.arm(0, faults[0].1);
        play().expect("nothing fails yet");
        assert!(!self.is_drivers.get(), "the swapchain is the driver's");
        let numbers = numbers(self.faulty.called());
        let mut table = Outcomes::default();
        let mut wrong = Vec::new();
        let mut failures = 0;
        for (round, &(fault, how)) in faults.iter().enumerate() {
            for &(number, occurrence) in &numbers {
                if !(rules.plays)(round, occurrence) {
                    continue;
                }
                let _watchdog = Watchdog::new(Duration::from_secs(30), "a call that failed");
                self.faulty.arm(number, how);
                let (told, log) = stderr::captured(|| catch_unwind(AssertUnwindSafe(&play)));
                let is_drivers = self.is_drivers.take();
                let Some((part, call)) = self.faulty.disarm() else {
                    // This time it took fewer calls.
                    assert!(
                        matches!(told, Ok(Ok(()))),
                        "without a failure: {told:?}: {log}"
                    );
                    continue;
                };
                failures += 1;
                let what = format!("{title}: {}: {call} {fault}", part.name());
                let told = match told {
                    Err(_) => {
                        wrong.push(format!("{what}: the test fails: {log}"));
                        "the test fails".to_owned()
                    }
                    Ok(Ok(())) if is_drivers => {
                        if !rules.steps_aside || !log.contains("ERROR") {
                            wrong.push(format!("{what}: the swapchain is the driver's: {log}"));
                        }
                        "goes on, with the driver's".to_owned()
                    }
                    Ok(Ok(())) => "goes on".to_owned(),
                    Ok(Err((at, result))) => {
                        if (rules.is_tried_again)(&call, how) || !(rules.may_answer)(at, result) {
                            wrong.push(format!("{what}: {} answers {result:?}", at.name()));
                        }
                        if rules.logs && !log.contains("ERROR") {
                            wrong.push(format!("{what}: {result:?} without a line in the log"));
                        }
                        match at == part {
                            true => format!("{result:?}"),
                            false => format!("{result:?} from {}", at.name()),
                        }
                    }
                };
                if log.contains("panicked") || log.contains("a bug in Wayfence") {
                    wrong.push(format!("{what}: {log}"));
                }
                table.add(part, &call, fault, told);
                let after = self.settled(Some(before));
                if let Some(fault) = after.fault(before) {
                    wrong.push(format!("{what}: {fault}"));
                    before = after;
                }
                if let Err(error) = play() {
                    wrong.push(format!("{what}: and then {error:?}"));
                }
                if self.is_drivers.take() {
                    wrong.push(format!("{what}: and the next swapchain is the driver's"));
                }
            }
        }
        table.print(title);
        println!("{title}: {failures} failures, {} wrong", wrong.len());
        let protocol = self.compositor.protocol_errors();
        assert!(protocol.is_empty(), "{protocol:?}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let enough = failures > rules.failures;
        assert!(enough, "the story makes few calls: {failures}");
    }
}

/// The number of each call, and the how manieth of its kind in its part it is; both counted from 1.
fn numbers(called: Vec<(Part, String)>) -> Vec<(u64, usize)> {
    let mut seen: BTreeMap<(Part, String), usize> = BTreeMap::new();
    (1..)
        .zip(called)
        .map(|(number, call)| {
            let seen = seen.entry(call).or_default();
            *seen += 1;
            (number, *seen)
        })
        .collect()
}
