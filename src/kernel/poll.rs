//! `poll`: a bounded wait for one descriptor, and a look at several.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use smallvec::SmallVec;

use crate::error::{Error, Result};

/// Waits until `events` (`IN` or `OUT`) hold on `fd`, for `timeout` at most; `None` waits without limit,
/// `Duration::ZERO` only looks. Answers whether they hold.
///
/// A signal does not end the wait: `poll` is called again with the time that is left. With
/// `Duration::ZERO` there is exactly one `poll` unless a signal interrupts it.
///
/// # Errors
/// [`Error::Kernel`] if `poll` fails, or if the descriptor itself is in error.
pub(crate) fn until_ready(
    fd: BorrowedFd<'_>,
    events: PollFlags,
    timeout: Option<Duration>,
) -> Result<bool> {
    // A deadline beyond what the clock can express is no deadline.
    let deadline = match timeout {
        None | Some(Duration::ZERO) => None,
        Some(timeout) => Instant::now().checked_add(timeout),
    };
    loop {
        let left = match (timeout, deadline) {
            (Some(Duration::ZERO), _) => Some(Duration::ZERO),
            (_, Some(deadline)) => Some(deadline.saturating_duration_since(Instant::now())),
            (_, None) => None,
        };
        let left = left.map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut fds = [PollFd::from_borrowed_fd(fd, events)];
        match poll(&mut fds, left.as_ref()) {
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(Error::kernel("poll")(errno)),
            Ok(0) => return Ok(false),
            Ok(_) => {}
        }
        return hold(fds[0].revents(), events);
    }
}

/// Whether `events` (`IN` or `OUT`) hold on each of these, in their order. One call for all of them; none for
/// an empty list. Looks once and never waits.
///
/// # Errors
/// [`Error::Kernel`] if `poll` fails. An error of one descriptor is in its own place.
pub(crate) fn are_ready<'a>(
    fds: impl IntoIterator<Item = BorrowedFd<'a>>,
    events: PollFlags,
) -> Result<Readiness> {
    let mut fds: SmallVec<[_; USUAL]> = fds
        .into_iter()
        .map(|fd| PollFd::from_borrowed_fd(fd, events))
        .collect();
    while !fds.is_empty() {
        match poll(&mut fds, Some(&Timespec::default())) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::kernel("poll")(errno)),
            Ok(_) => break,
        }
    }
    Ok(fds.iter().map(|fd| hold(fd.revents(), events)).collect())
}

/// As many descriptors as are usually polled together, without allocation.
const USUAL: usize = 16;

/// For each of several descriptors, whether the events hold; an error if the descriptor itself is in error.
pub(crate) type Readiness = SmallVec<[Result<bool>; USUAL]>;

/// Whether the seen events contain these.
fn hold(seen: PollFlags, events: PollFlags) -> Result<bool> {
    if seen.intersects(events) || seen.is_empty() {
        return Ok(!seen.is_empty());
    }
    // POLLERR, POLLHUP or POLLNVAL alone: no later poll would answer differently.
    Err(Error::kernel("poll")(if seen.contains(PollFlags::NVAL) {
        Errno::BADF
    } else {
        Errno::IO
    }))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use std::io::{Write, pipe};

    use super::*;

    #[test]
    fn looking_does_not_wait() {
        let (reader, mut writer) = pipe().unwrap();
        assert!(!until_ready(reader.as_fd(), PollFlags::IN, Some(Duration::ZERO)).unwrap());
        writer.write_all(b"x").unwrap();
        assert!(until_ready(reader.as_fd(), PollFlags::IN, Some(Duration::ZERO)).unwrap());
    }

    #[test]
    fn a_finite_wait_lasts_its_timeout_and_no_longer() {
        let (reader, _writer) = pipe().unwrap();
        let timeout = Duration::from_millis(20);
        let start = Instant::now();
        assert!(!until_ready(reader.as_fd(), PollFlags::IN, Some(timeout)).unwrap());
        assert!(start.elapsed() >= timeout);
    }

    #[test]
    fn a_wait_ends_with_the_event() {
        let (reader, mut writer) = pipe().unwrap();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(10));
            writer.write_all(b"x").unwrap();
            writer
        });
        assert!(until_ready(reader.as_fd(), PollFlags::IN, None).unwrap());
        // The longest timeout there is must not overflow the clock.
        assert!(until_ready(reader.as_fd(), PollFlags::IN, Some(Duration::MAX)).unwrap());
        drop(thread.join().unwrap());
    }

    #[test]
    fn a_descriptor_in_error_is_an_error() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        // A pipe without a reader polls as POLLERR; POLLIN never comes.
        assert!(until_ready(writer.as_fd(), PollFlags::IN, Some(Duration::ZERO)).is_err());
        // The descriptors that are polled with it are unaffected.
        let (silent, _keeps_it_open) = pipe().unwrap();
        let fds = [silent.as_fd(), writer.as_fd(), silent.as_fd()];
        let seen = are_ready(fds, PollFlags::IN).unwrap();
        assert!(matches!(&seen[..], [Ok(false), Err(_), Ok(false)]));
    }
}
