//! Clocks and points in time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A clock of presentation times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// `CLOCK_MONOTONIC`.
    Monotonic,
    /// `CLOCK_MONOTONIC_RAW`.
    MonotonicRaw,
    /// `CLOCK_REALTIME`.
    Realtime,
}

/// A reading of a clock: the time since its zero.
pub type Timestamp = Duration;

impl Clock {
    /// The time on this clock.
    pub fn now(self) -> Timestamp {
        let time = clock_gettime(self.id());
        // These clocks show no time before their zero.
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// This clock's reading at `time` of `CLOCK_MONOTONIC`, as far as it is known.
    pub(crate) fn at_monotonic(self, time: Timestamp) -> Timestamp {
        match self {
            Self::Monotonic => time,
            _ => (self.now() + time).saturating_sub(Self::Monotonic.now()),
        }
    }

    pub(crate) fn id(self) -> ClockId {
        match self {
            Self::Monotonic => ClockId::Monotonic,
            Self::MonotonicRaw => ClockId::MonotonicRaw,
            Self::Realtime => ClockId::Realtime,
        }
    }
}

/// As the protocols carry a timestamp: high and low half of the seconds, and the nanoseconds.
pub(crate) fn to_wire(time: Timestamp) -> (u32, u32, u32) {
    let seconds = time.as_secs();
    ((seconds >> 32) as u32, seconds as u32, time.subsec_nanos())
}

/// The opposite of [`to_wire`]; `None` for a fraction of a second or more nanoseconds than one has.
pub(crate) fn from_wire(high: u32, low: u32, nanoseconds: u32) -> Option<Timestamp> {
    let seconds = u64::from(high) << 32 | u64::from(low);
    (nanoseconds < 1_000_000_000).then(|| Duration::new(seconds, nanoseconds))
}
