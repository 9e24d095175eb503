//! The thread that reads the clients' requests.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{Errno, read, write};
use wayland_server::{Display, ListeningSocket};

use crate::clock::{Clock, Timestamp};
use crate::connection::{Connection, News};
use crate::ids::ClientId;
use crate::state::State;

/// What the thread and the test share.
///
/// The order of locks: the state, then (inside of wayland-server) the display, then the news.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Notified when the state has changed.
    pub changed: Condvar,
    wake: OwnedFd,
    news: Arc<News>,
}

impl Shared {
    pub fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).expect("eventfd"),
            news: Arc::default(),
        }
    }

    /// The state, locked; a panic of the thread or the test leaves it usable.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Makes the thread look at what has changed.
    pub fn wake(&self) {
        match write(&self.wake, &1_u64.to_ne_bytes()) {
            // The counter is full: the thread will wake anyway.
            Ok(_) | Err(Errno::AGAIN) => {}
            Err(errno) => panic!("eventfd: {errno}"),
        }
    }

    /// Adds a client to the state.
    pub fn insert_client(&self, state: &mut State, socket: UnixStream) -> ClientId {
        let id = ClientId(state.new_id());
        let connection = Connection {
            client: id,
            news: Arc::clone(&self.news),
        };
        let client = state
            .display
            .insert_client(socket, Arc::new(connection))
            .expect("a new client");
        state.clients.insert(id, client);
        id
    }
}

/// Starts the thread.
pub(crate) fn start(shared: Arc<Shared>, display: Display<State>) -> JoinHandle<()> {
    thread::Builder::new()
        .name("compositor".to_owned())
        .spawn(move || {
            // A waiting test must learn that the thread has ended.
            let _gone = Gone(Arc::clone(&shared));
            run(&shared, display);
        })
        .expect("a thread")
}

struct Gone(Arc<Shared>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.state().control.gone = true;
        self.0.changed.notify_all();
    }
}

fn run(shared: &Shared, mut display: Display<State>) {
    loop {
        let due = sleep_until_something(shared, &mut display);

        let mut state = shared.state();
        let state = &mut *state;
        if state.control.stop {
            return;
        }
        if state.control.frozen {
            continue;
        }
        let asked = state.control.asked;
        // Before the requests are read, which may be newer than the refresh: it shows none of those.
        if let Some(due) = due
            && due <= Clock::Monotonic.now()
        {
            state.refresh(due);
        }
        accept(shared, state);
        // A client with a malformed request is gone already; the others continue.
        let _ = display.dispatch_clients(state);
        state.inform();
        bury(&mut display, state, &shared.news);
        // A client that does not read gets the rest when it has read something.
        let _ = display.flush_clients();
        state.control.answered = asked;
        shared.changed.notify_all();
    }
}

/// Sleeps until a client sends something, the test wants something, or the display refreshes. Answers
/// when it refreshes next.
fn sleep_until_something(shared: &Shared, display: &mut Display<State>) -> Option<Timestamp> {
    let state = shared.state();
    let frozen = state.control.frozen;
    let due = state.next_refresh().filter(|_| !frozen);
    let listener = state.control.listener.as_ref().map(|listener| {
        let listener = listener.as_fd();
        listener.try_clone_to_owned().expect("a descriptor is left")
    });
    drop(state);
    let timeout = due.map(|due| {
        let left = due.saturating_sub(Clock::Monotonic.now());
        Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        }
    });
    let clients = display.as_fd();
    let mut fds = vec![PollFd::new(&shared.wake, PollFlags::IN)];
    if !frozen {
        fds.push(PollFd::new(&clients, PollFlags::IN));
        if let Some(listener) = &listener {
            fds.push(PollFd::new(listener, PollFlags::IN));
        }
    }
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => panic!("poll: {errno}"),
    }
    match read(&shared.wake, &mut [0; 8]) {
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
        Err(errno) => panic!("eventfd: {errno}"),
    }
    due
}

/// Accepts new clients.
fn accept(shared: &Shared, state: &mut State) {
    while let Some(Ok(Some(socket))) = state.control.listener.as_ref().map(ListeningSocket::accept)
    {
        shared.insert_client(state, socket);
    }
}

/// Removes the state of clients that are gone.
fn bury(display: &mut Display<State>, state: &mut State, news: &News) {
    loop {
        let Some(end) = lock(&news.0).pop_front() else {
            return;
        };
        if let Some(client) = state.clients.remove(&end.client) {
            // A client that is killed outside of a dispatch keeps its socket until the next one.
            let _ = display.backend().dispatch_single_client(state, client.id());
        }
        state.disconnections.push_back(end);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a test waits for something that must happen. Emulated machines are slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
