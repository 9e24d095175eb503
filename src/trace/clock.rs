//! The clock of the trace: `CLOCK_MONOTONIC`, which is also that of sync_files' timestamps.

use std::time::Duration;

use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime, clock_gettime_dynamic};

/// Now, in nanoseconds of `CLOCK_MONOTONIC`: the time of everything in a trace.
pub fn now() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// An instant of another clock, in nanoseconds of ours; `None` if there is no such clock. Clocks may
/// differ in pace: the nearer to now, the better.
pub(crate) fn monotonic(clock: u32, at: Duration) -> Option<u64> {
    let at = u64::try_from(at.as_nanos()).ok()?;
    let id = match i32::try_from(clock).ok()? {
        libc::CLOCK_MONOTONIC => return Some(at),
        libc::CLOCK_REALTIME => ClockId::Realtime,
        libc::CLOCK_MONOTONIC_RAW => ClockId::MonotonicRaw,
        libc::CLOCK_REALTIME_COARSE => ClockId::RealtimeCoarse,
        libc::CLOCK_MONOTONIC_COARSE => ClockId::MonotonicCoarse,
        libc::CLOCK_BOOTTIME => ClockId::Boottime,
        libc::CLOCK_TAI => {
            let there = clock_gettime_dynamic(DynamicClockId::Tai).ok()?;
            return shifted(at, nanoseconds(there));
        }
        _ => return None,
    };
    shifted(at, nanoseconds(clock_gettime(id)))
}

fn shifted(at: u64, there: u64) -> Option<u64> {
    now().checked_add(at)?.checked_sub(there)
}

fn nanoseconds(time: Timespec) -> u64 {
    // Neither clock runs before its zero.
    time.tv_sec.max(0) as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_of_another_clock_keeps_its_distance_from_now() {
        let there = clock_gettime(ClockId::Realtime);
        let past = Duration::from_nanos(nanoseconds(there)) - Duration::from_secs(1);
        let here = monotonic(libc::CLOCK_REALTIME as u32, past).unwrap();
        let away = now() - here;
        assert!((1_000_000_000..2_000_000_000).contains(&away), "{away}");
        let same = monotonic(libc::CLOCK_MONOTONIC as u32, Duration::from_nanos(7));
        assert_eq!(same, Some(7));
        assert_eq!(monotonic(12345, past), None);
    }
}
