//! The refresh of the compositor's outputs, for queries before a frame has reported one.
//!
//! They are queried on a second connection to the same socket. An output bound on the application's connection
//! would be named in the `wl_surface.enter` events of its surfaces, and a toolkit that takes it for its own
//! crashes.

use std::{
    os::fd::{BorrowedFd, IntoRawFd, OwnedFd},
    ptr::NonNull,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, getpeername, socket_with,
};
use wayland_client::{
    Connection, Dispatch, Proxy, QueueHandle, WEnum,
    backend::Backend,
    delegate_dispatch,
    protocol::{
        wl_callback::WlCallback,
        wl_output::{self, Mode, WlOutput},
        wl_registry::{self, WlRegistry},
    },
};

use wayland_sys::{
    client::{is_lib_available, wayland_client_handle, wl_display},
    ffi_dispatch,
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

/// A connection of our own. `Connection::from_socket` would also set libwayland's log handler, which the application
/// may have set for itself: there is one in a process.
struct Own(NonNull<wl_display>);

impl Own {
    /// Takes the socket. `None` without memory, or without libwayland.
    fn on(socket: OwnedFd) -> Option<Self> {
        if !is_lib_available() {
            return None;
        }
        // SAFETY: the library is there. It takes the descriptor, which is ours, and closes it also if it fails.
        let display = unsafe {
            ffi_dispatch!(
                wayland_client_handle(),
                wl_display_connect_to_fd,
                socket.into_raw_fd()
            )
        };
        NonNull::new(display).map(Own)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // SAFETY: `wl_display_connect_to_fd` has made it, nothing else disconnects it, and its queues and proxies are
        // gone: see `ask`.
        unsafe {
            ffi_dispatch!(
                wayland_client_handle(),
                wl_display_disconnect,
                self.0.as_ptr()
            )
        }
    }
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
    let display = Own::on(socket)?;
    // SAFETY: the display is valid until it is dropped, which is after all that is made from this: it was declared
    // before, and nothing of it leaves this function.
    let connection =
        Connection::from_backend(unsafe { Backend::from_foreign_display(display.0.as_ptr()) });
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
    use std::{
        ffi::{c_char, c_void},
        os::{
            fd::AsFd,
            unix::net::{UnixListener, UnixStream},
        },
        sync::atomic::AtomicU32,
    };

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
        assert_eq!(common_refresh(one.as_fd()), None);
    }

    /// How often libwayland has logged to the application.
    static LOGGED: AtomicU32 = AtomicU32::new(0);

    unsafe extern "C" fn log(_: *const c_char, _: *const c_void) {
        LOGGED.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn the_applications_log_of_libwayland_stays_its_own() {
        assert!(is_lib_available());
        // SAFETY: the handler has the type that is declared for it, and reads no argument.
        unsafe { ffi_dispatch!(wayland_client_handle(), wl_log_set_handler_client, log) };
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("compositor");
        let _mute = UnixListener::bind(&socket).unwrap();
        let client = UnixStream::connect(&socket).unwrap();
        assert_eq!(common_refresh(client.as_fd()), None);

        let display = Own::on(client.into()).unwrap();
        // SAFETY: the display is a proxy with a listener, for which this logs and changes nothing.
        let answer = unsafe {
            ffi_dispatch!(
                wayland_client_handle(),
                wl_proxy_add_listener,
                display.0.as_ptr().cast(),
                std::ptr::null_mut(),
                std::ptr::null_mut()
            )
        };
        assert_eq!((answer, LOGGED.load(Ordering::Relaxed)), (-1, 1));
    }
}
