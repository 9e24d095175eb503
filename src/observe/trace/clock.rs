//! The clock of the trace: `CLOCK_MONOTONIC`, which is also that of sync_files' timestamps.

use std::time::Duration;

/// Now, in nanoseconds of `CLOCK_MONOTONIC`: the time of everything in a trace.
pub fn now() -> u64 {
    // Every Linux has it.
    read(libc::CLOCK_MONOTONIC).unwrap_or_default()
}

/// An instant of another clock, in nanoseconds of ours; `None` if there is no such clock. Clocks may
/// differ in pace: the nearer to now, the better.
pub fn monotonic(clock: u32, at: Duration) -> Option<u64> {
    let at = u64::try_from(at.as_nanos()).ok()?;
    shifted(of_system(clock)?, libc::CLOCK_MONOTONIC, at)
}

/// An instant of ours on another clock, both in nanoseconds; `None` if there is no such clock. The nearer
/// to now, the better.
pub fn on_clock(clock: u32, at: u64) -> Option<u64> {
    shifted(libc::CLOCK_MONOTONIC, of_system(clock)?, at)
}

/// The clock with this number, if it is one of the system's; those of a process or a thread are no
/// compositor's.
pub(crate) fn of_system(clock: u32) -> Option<libc::clockid_t> {
    match libc::clockid_t::try_from(clock).ok()? {
        id @ (libc::CLOCK_MONOTONIC
        | libc::CLOCK_REALTIME
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_REALTIME_COARSE
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME
        | libc::CLOCK_TAI) => Some(id),
        _ => None,
    }
}

fn shifted(from: libc::clockid_t, to: libc::clockid_t, at: u64) -> Option<u64> {
    if from == to {
        return Some(at);
    }
    let there = read(from)?;
    read(to)?.checked_add(at)?.checked_sub(there)
}

/// The time of a clock in nanoseconds; `None` if the kernel has no such clock.
///
/// By libc: rustix looks up all that it uses of the vDSO at the first call, and panics if the kernel has
/// not put all of it there.
fn read(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a structure to fill.
    let read = unsafe { libc::clock_gettime(clock, &mut time) };
    // None of them runs before its zero.
    (read == 0).then(|| time.tv_sec.max(0) as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_of_another_clock_keeps_its_distance_from_now() {
        let there = read(libc::CLOCK_REALTIME).unwrap();
        let past = Duration::from_nanos(there) - Duration::from_secs(1);
        let here = monotonic(libc::CLOCK_REALTIME as u32, past).unwrap();
        let away = now() - here;
        assert!((1_000_000_000..2_000_000_000).contains(&away), "{away}");
        let back = on_clock(libc::CLOCK_REALTIME as u32, here).unwrap();
        assert!(back.abs_diff(past.as_nanos() as u64) < 1_000_000_000);
        let same = monotonic(libc::CLOCK_MONOTONIC as u32, Duration::from_nanos(7));
        assert_eq!(same, Some(7));
        assert_eq!(monotonic(12345, past), None);
    }

    /// As User-mode Linux has it, for one: its vDSO has clocks and nothing else.
    #[test]
    fn there_is_a_clock_where_the_vdso_has_no_getcpu() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let Some(line) = maps.lines().find(|line| line.ends_with("[vdso]")) else {
            return;
        };
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let address = |text| usize::from_str_radix(text, 16).unwrap();
        let (from, to) = (address(from), address(to));
        let vdso = std::ptr::with_exposed_provenance_mut::<u8>(from);
        // SAFETY: this process's own copy of the vDSO, which stays mapped and executable. What is
        // overwritten is a name in its symbol table: whoever has looked it up already has the address.
        unsafe {
            let all = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
            assert_eq!(libc::mprotect(vdso.cast(), to - from, all), 0);
            let bytes = std::slice::from_raw_parts_mut(vdso, to - from);
            let name = c"__vdso_getcpu".to_bytes_with_nul();
            let place = bytes.windows(name.len()).position(|part| part == name);
            if let Some(place) = place {
                bytes[place] = b'?';
            }
        }
        assert_ne!(now(), 0);
    }
}
