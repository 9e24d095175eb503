//! The layer's event queue on a display that belongs to the application.
//!
//! The application may read the display's socket in any thread; libwayland's prepare-read protocol makes that
//! safe. One of our threads reads and dispatches at a time, and the others wait for it: acquires on two
//! swapchains in two threads are normal. No lock is held while waiting for the socket.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Mutex,
};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use wayland_client::{
    Connection, DispatchError, EventQueue, QueueHandle,
    backend::{ReadEventsGuard, WaylandError},
};

use super::turns::{Turn, Turns};
use crate::{
    deadline::Deadline,
    error::{Error, Result},
    lock::lock,
};

/// As often [`Events::catch_up`] reads: more than a full socket takes.
const MOST_READS: u32 = 128;

/// A queue, the state that its events change, and whose turn it is to read.
pub(super) struct Events<State> {
    connection: Connection,
    handle: QueueHandle<State>,
    queue: Mutex<(EventQueue<State>, State)>,
    turns: Turns,
    /// An eventfd that ends a wait as an event does.
    bell: Option<OwnedFd>,
}

impl<State: 'static> Events<State> {
    pub(super) fn new(connection: Connection, state: State) -> Self {
        let queue = connection.new_event_queue();
        Events {
            connection,
            handle: queue.handle(),
            queue: Mutex::new((queue, state)),
            turns: Turns::default(),
            bell: None,
        }
    }

    /// Makes the bell. To be called before any wait, which would not see it otherwise.
    pub(super) fn hang_bell(&mut self) -> Result<()> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(Error::kernel("eventfd"))?;
        self.bell = Some(bell);
        Ok(())
    }

    /// An eventfd: a write to it makes all calls in [`wait`](Self::wait) look again.
    pub(super) fn bell(&self) -> Option<BorrowedFd<'_>> {
        self.bell.as_ref().map(AsFd::as_fd)
    }

    pub(super) fn handle(&self) -> &QueueHandle<State> {
        &self.handle
    }

    /// Makes an object that may get events at once. No thread dispatches meanwhile: libwayland drops events to
    /// a proxy without a dispatcher.
    pub(super) fn undisturbed<T>(&self, make: impl FnOnce(&QueueHandle<State>) -> T) -> T {
        let _nobody_dispatches = lock(&self.queue);
        make(&self.handle)
    }

    /// Gives access to the state that events change.
    pub(super) fn with_state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut lock(&self.queue).1)
    }

    /// Dispatches events that others have read for our queue: the application's reads bring them, and they
    /// would pile up if no call ever waited. Makes no system call except when it is time to
    /// [read](Turns::pass). Does nothing while another thread has its turn: that thread dispatches, and might
    /// otherwise wait for an event that was dispatched here.
    pub(super) fn dispatch_pending(&self) {
        let Some((_turn, reads)) = self.turns.pass() else {
            return;
        };
        // Waiting calls report the end of the connection.
        let _ = match reads {
            true => self.turn(Deadline::Now).map(drop),
            false => self.dispatch().map(drop),
        };
    }

    /// Dispatches events until `ready` answers, or the deadline passes (`None`). `ready` is called after the
    /// events that others have read, after each further dispatch, and once more at the end; it must not wait.
    /// Requests made before are sent, also while another thread has its turn.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead, if `ready` does not answer first.
    pub(super) fn wait<T>(
        &self,
        deadline: Deadline,
        ready: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>> {
        self.dispatch_pending();
        self.turns
            .wait(deadline, ready, || self.turn(deadline), || self.flush())
    }

    /// Dispatches events that have come, without waiting and without sending: a request would only wake the
    /// compositor. Does nothing while another thread has its turn, which dispatches itself.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub(super) fn look(&self) -> Result<()> {
        self.read_at_most(1)
    }

    /// The same for all that has come, of which libwayland may read a part at a time: older ones read as much as fits
    /// into four kilobytes.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub(super) fn catch_up(&self) -> Result<()> {
        // Who sends without end is not waited for.
        self.read_at_most(MOST_READS)
    }

    fn read_at_most(&self, reads: u32) -> Result<()> {
        let Some(_turn) = self.turns.look() else {
            return Ok(());
        };
        self.dispatch()?;
        for _ in 0..reads {
            if let Turn::TimedOut = self.read(Deadline::Now, false)? {
                break;
            }
        }
        Ok(())
    }

    /// Sends queued requests, as far as the socket accepts them: libwayland keeps the rest for the next flush.
    /// Answers whether all was sent.
    pub(super) fn flush(&self) -> Result<bool> {
        match self.connection.flush() {
            Ok(()) => Ok(true),
            Err(error) => would_block_is_fine(error).map(|()| false),
        }
    }

    /// Dispatches events that have been read, or else reads once and dispatches.
    fn turn(&self, deadline: Deadline) -> Result<Turn> {
        if self.dispatch()? > 0 {
            return Ok(Turn::Events);
        }
        self.read(deadline, true)
    }

    /// Reads once and dispatches; with `sends`, sends queued requests before.
    fn read(&self, deadline: Deadline, sends: bool) -> Result<Turn> {
        let Some(guard) = self.connection.prepare_read() else {
            // Another thread has read events of ours in the meantime.
            self.dispatch()?;
            return Ok(Turn::Events);
        };
        // The compositor's answer may depend on these requests: while some do not fit into the socket, we also
        // wait for room.
        let mut wanted = PollFlags::IN | PollFlags::OUT;
        loop {
            if !sends || self.flush()? {
                wanted = PollFlags::IN;
            }
            match ready(&guard, wanted, self.bell(), deadline)? {
                Ready::Never => return Ok(Turn::TimedOut),
                Ready::Rung => return Ok(Turn::Events),
                Ready::Display(came) if came.intersects(!PollFlags::OUT) => break,
                Ready::Display(_) => {}
            }
        }
        match guard.read_without_dispatch() {
            Ok(()) => {}
            Err(error) => would_block_is_fine(error)?,
        }
        self.dispatch()?;
        Ok(Turn::Events)
    }

    /// Dispatches events that have been read, also those before the end of the connection.
    fn dispatch(&self) -> Result<usize> {
        let (queue, state) = &mut *lock(&self.queue);
        // `dispatch_pending` does not report this error, and a wait for events of a dead connection would never
        // end.
        let end = self.connection.backend().dispatch_inner_queue().err();
        let dispatched = queue.dispatch_pending(state).map_err(|error| match error {
            DispatchError::Backend(error) => gone(error),
            DispatchError::BadMessage { .. } => Error::CompositorGone(error.to_string()),
        })?;
        match end {
            Some(error) if dispatched == 0 => would_block_is_fine(error).map(|()| 0),
            _ => Ok(dispatched),
        }
    }
}

/// What ended the wait for the display's socket.
enum Ready {
    /// These events hold for it. A hang-up counts: the read then reports the error.
    Display(PollFlags),
    /// The bell rang, and is silent again.
    Rung,
    /// The deadline passed.
    Never,
}

/// Waits until one of these events holds for the display's socket, or the bell rings.
fn ready(
    guard: &ReadEventsGuard,
    flags: PollFlags,
    bell: Option<BorrowedFd<'_>>,
    deadline: Deadline,
) -> Result<Ready> {
    let display = guard.connection_fd();
    // The display twice is the display.
    let mut fds = [
        PollFd::new(&display, flags),
        PollFd::from_borrowed_fd(bell.unwrap_or(display), PollFlags::IN),
    ];
    let fds = &mut fds[..1 + usize::from(bell.is_some())];
    loop {
        let timeout = deadline.remaining().map(|left| Timespec {
            tv_sec: left.as_secs().min(i64::MAX as u64) as i64,
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(fds, timeout.as_ref()) {
            Ok(0) => return Ok(Ready::Never),
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => {
                return Err(Error::Kernel {
                    operation: "poll of the display",
                    errno,
                });
            }
        }
    }
    // The bell first: both may be ready, and it rings only once.
    match (bell, fds) {
        (Some(bell), [_, rung]) if !rung.revents().is_empty() => {
            // Nothing to read: another thread was first.
            let _ = rustix::io::read(bell, &mut [0; 8]);
            Ok(Ready::Rung)
        }
        (_, [display, ..]) => Ok(Ready::Display(display.revents())),
        (_, []) => Ok(Ready::Never),
    }
}

fn would_block_is_fine(error: WaylandError) -> Result<()> {
    match error {
        WaylandError::Io(io) if io.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
        error => Err(gone(error)),
    }
}

fn gone(error: WaylandError) -> Error {
    Error::CompositorGone(error.to_string())
}
