//! The refresh of the compositor's outputs, for queries before a frame has reported one.
//!
//! They are queried on a second connection to the same socket. An output bound on the application's connection
//! would be named in the `wl_surface.enter` events of its surfaces, and a toolkit that takes it for its own
//! crashes.

use std::{
    os::{fd::BorrowedFd, unix::net::UnixStream},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, getpeername, socket_with,
};
use wayland_client::{
    Connection, Dispatch, Proxy, QueueHandle, WEnum, delegate_dispatch,
    protocol::{
        wl_callback::WlCallback,
        wl_output::{self, Mode, WlOutput},
        wl_registry::{self, WlRegistry},
    },
};

use super::{events::Events, round_trip::RoundTrip};
use crate::deadline::Deadline;

/// How long the compositor has to answer.
const PATIENCE: Duration = Duration::from_millis(250);

/// The events of outputs.
#[derive(Default)]
struct Outputs {
    names: Vec<u32>,
    /// The refresh of each in thousandths of a hertz, once known.
    refreshes: Vec<Option<i32>>,
}

/// The time from one refresh to the next, in nanoseconds, if all outputs of the compositor at the other end of
/// this socket have the same: which of them a surface is on is unknown here.
pub(super) fn common_refresh(display: BorrowedFd<'_>) -> Option<u64> {
    common(&ask(display)?)
}

fn common(refreshes: &[Option<i32>]) -> Option<u64> {
    let first = u64::try_from((*refreshes.first()?)?).ok()?;
    let all = refreshes.iter().all(|other| *other == refreshes[0]);
    1_000_000_000_000u64.checked_div(first).filter(|_| all)
}

/// `None` if the compositor cannot be reached, or does not answer in time.
fn ask(display: BorrowedFd<'_>) -> Option<Vec<Option<i32>>> {
    let address = SocketAddrUnix::try_from(getpeername(display).ok()??).ok()?;
    // Nobody listens where the application was given one socket of a pair.
    if address.is_unnamed() {
        return None;
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).ok()?;
    connect(&socket, &address).ok()?;
    let connection = Connection::from_socket(UnixStream::from(socket)).ok()?;
    let events = Events::new(connection.clone(), Outputs::default());
    let deadline = Deadline::At(Instant::now() + PATIENCE);
    let roundtrip = || {
        let done = RoundTrip::ask(&events, &connection);
        let is_done = || done.load(Ordering::Acquire).then_some(());
        events.wait(deadline, is_done).ok()?
    };
    let registry = connection.display().get_registry(events.handle(), ());
    roundtrip()?;
    let names = events.with_state(|outputs| std::mem::take(&mut outputs.names));
    events.with_state(|outputs| outputs.refreshes = vec![None; names.len()]);
    for (at, name) in names.into_iter().enumerate() {
        let _: WlOutput = registry.bind(name, 1, events.handle(), at);
    }
    roundtrip()?;
    Some(events.with_state(|outputs| std::mem::take(&mut outputs.refreshes)))
}

delegate_dispatch!(Outputs: [WlCallback: RoundTrip] => RoundTrip);

impl Dispatch<WlRegistry, ()> for Outputs {
    fn event(
        outputs: &mut Self,
        _: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_registry::Event::Global {
            name, interface, ..
        } = event
            && interface == WlOutput::interface().name
        {
            outputs.names.push(name);
        }
    }
}

impl Dispatch<WlOutput, usize> for Outputs {
    fn event(
        outputs: &mut Self,
        _: &WlOutput,
        event: wl_output::Event,
        at: &usize,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_output::Event::Mode { flags, refresh, .. } = event
            && let WEnum::Value(flags) = flags
            && flags.contains(Mode::Current)
        {
            outputs.refreshes[*at] = Some(refresh);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_is_known_if_all_outputs_have_it() {
        for (refreshes, known) in [
            (&[] as &[_], None),
            (&[Some(60_000)], Some(16_666_666)),
            (&[Some(75_000), Some(75_000)], Some(13_333_333)),
            (&[Some(60_000), Some(75_000)], None),
            (&[Some(60_000), None], None),
            (&[None], None),
            (&[Some(0)], None),
            (&[Some(-1)], None),
        ] {
            assert_eq!(common(refreshes), known, "{refreshes:?}");
        }
    }

    #[test]
    fn who_cannot_be_asked_is_not() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(common_refresh(std::os::fd::AsFd::as_fd(&one)), None);
    }
}
