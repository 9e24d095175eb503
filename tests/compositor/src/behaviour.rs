//! Who answers commits: the test, or a display.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};

/// Who answers commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// The test, by calling methods. A commit is in force at once. All commits are kept until the test takes
    /// them.
    Manual,
    /// The compositor itself, as a real one does. Of the commits that the test does not take only the
    /// newest 16 are kept.
    Automatic {
        /// The time from one refresh of the display to the next.
        refresh: Duration,
    },
}

/// The display of an automatic compositor.
pub(crate) struct Automatic {
    /// The time of one refresh, by `CLOCK_MONOTONIC`: all others are whole intervals away.
    pub zero: Timestamp,
    /// The number of the last refresh.
    pub refreshes: u64,
    /// The times of the last refreshes, by `CLOCK_MONOTONIC`.
    pub made: VecDeque<Timestamp>,
}

/// How many refreshes are remembered.
const REMEMBERED: usize = 4096;

impl Automatic {
    pub fn new() -> Self {
        Self {
            zero: Clock::Monotonic.now(),
            refreshes: 0,
            made: VecDeque::new(),
        }
    }

    /// Records a refresh at this time.
    pub fn remember(&mut self, at: Timestamp) {
        if self.made.len() == REMEMBERED {
            self.made.pop_front();
        }
        self.made.push_back(at);
    }
}
