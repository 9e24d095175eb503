//! The test's handle on the compositor.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wayfence::error::Result;
use wayland_server::backend::{DisconnectReason, Handle, ObjectId};
use wayland_server::{Display, ListeningSocket, Resource};

use crate::behaviour::Behaviour;
use crate::buffer::Buffer;
use crate::colour::{Cause, ImageDescription, Parameters, Verdict};
use crate::commit::{Attached, Commit};
use crate::disconnection::{Disconnection, ProtocolError, Reason};
use crate::event_loop::{self, PATIENCE, Shared};
use crate::feedback::Feedback;
use crate::ids::{ClientId, SurfaceId};
use crate::imports::Imports;
use crate::offer::Offer;
use crate::presentation::Presented;
use crate::release::With;
use crate::state::State;

use crate::global;

/// A running compositor. Every method may be called from any thread; its events are sent when it returns.
/// Dropping it ends all connections.
///
/// A method that waits panics after half a minute, with the compositor's state.
pub struct Compositor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Life.
impl Compositor {
    /// A compositor that offers this, and has no clients yet.
    pub fn new(offer: Offer) -> Self {
        let display = Display::<State>::new().expect("a display of plain Rust");
        let color_manager = global::create(&display.handle(), &offer);
        let mut state = State::new(display.handle(), offer);
        state.color_manager = color_manager;
        let shared = Arc::new(Shared::new(state));
        let thread = event_loop::start(Arc::clone(&shared), display);
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// A new client: its end of the connection.
    pub fn connect(&self) -> UnixStream {
        self.connect_as().1
    }

    /// A new client, by its number and its end of the connection.
    pub fn connect_as(&self) -> (ClientId, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("socketpair");
        let id = self.act(|state| self.shared.insert_client(state, ours));
        (id, theirs)
    }

    /// The absolute path of a socket for clients, also of other processes: a value for their `WAYLAND_DISPLAY`.
    /// It is removed with the compositor.
    pub fn listen(&self) -> PathBuf {
        static SOCKETS: AtomicU32 = AtomicU32::new(0);
        let number = SOCKETS.fetch_add(1, Ordering::Relaxed);
        let name = format!("wayfence-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = ListeningSocket::bind_absolute(path.clone()).expect("a socket to listen at");
        self.act(|state| state.control.listener = Some(listener));
        path
    }

    /// Ends a client's connection without an error. The client can still read what was sent before.
    pub fn disconnect(&self, client: ClientId) {
        self.end(client, |display, client| {
            display.kill_client(client, DisconnectReason::ConnectionClosed);
        });
    }

    /// Ends a client's connection with an error on its `wl_display`: `code` is one of
    /// `wl_display.error`: 3 for `implementation`, or 2 for `no_memory`, which libwayland turns from a
    /// protocol error (`EPROTO`) into `ENOMEM`.
    pub fn disconnect_with_error(&self, client: ClientId, code: u32, message: &str) {
        let message = CString::new(message).expect("a message without NUL");
        self.end(client, |display, client| {
            let mut object = None;
            let _ = display.with_all_objects_for(client, |id| {
                // wl_display is object 1, always.
                if id.protocol_id() == 1 {
                    object = Some(id);
                }
            });
            if let Some(object) = object {
                display.post_error(object, code, message);
            }
        });
    }

    /// Stops reading and refreshing until the answer is dropped; the test's methods still work.
    pub fn freeze(&self) -> Frozen<'_> {
        self.act(|state| state.control.frozen = true);
        Frozen(self)
    }

    fn end(&self, client: ClientId, end: impl FnOnce(Handle, wayland_server::backend::ClientId)) {
        self.act(|state| {
            if let Some(client) = state.clients.get(&client) {
                end(state.display.backend_handle(), client.id());
            }
        });
        // The thread closes the socket.
        self.wait_for("a client's end", |state| {
            (!state.clients.contains_key(&client)).then_some(())
        });
    }
}

/// What clients do.
impl Compositor {
    /// Takes the next commit that attaches a buffer, of whatever surface. Those that attach none stay.
    ///
    /// # Panics
    /// If there is none for half a minute.
    #[track_caller]
    pub fn next_commit(&self) -> Commit {
        self.next_commit_that("attaches a buffer", Commit::has_buffer)
    }

    /// Takes the next commit of this surface that attaches a buffer.
    ///
    /// # Panics
    /// If there is none for half a minute.
    #[track_caller]
    pub fn next_commit_of(&self, surface: SurfaceId) -> Commit {
        self.next_commit_that("is of that surface, with a buffer", |commit| {
            commit.surface == surface && commit.has_buffer()
        })
    }

    /// Takes the next commit of this client that attaches a buffer.
    ///
    /// # Panics
    /// If there is none for half a minute.
    #[track_caller]
    pub fn next_commit_of_client(&self, client: ClientId) -> Commit {
        self.next_commit_that("is of that client, with a buffer", |commit| {
            commit.client == client && commit.has_buffer()
        })
    }

    /// Takes the next commit that fits. `what` completes "a commit that …".
    ///
    /// # Panics
    /// If there is none for half a minute.
    #[track_caller]
    pub fn next_commit_that(&self, what: &str, fits: impl Fn(&Commit) -> bool) -> Commit {
        self.wait_for(&format!("a commit that {what}"), |state| {
            state.take_commit(&fits)
        })
    }

    /// Takes the next commit that fits if it is there or comes `within` this time.
    pub fn commit_within(
        &self,
        within: Duration,
        fits: impl Fn(&Commit) -> bool,
    ) -> Option<Commit> {
        self.wait(within, |state| state.take_commit(&fits))
    }

    /// Takes all commits that there are.
    pub fn take_commits(&self) -> Vec<Commit> {
        self.shared.state().commits.drain(..).collect()
    }

    /// How many commits there were, of all surfaces, taken or not.
    pub fn commit_count(&self) -> u64 {
        self.shared.state().committed
    }

    /// How many frames an automatic compositor has not shown because another one came into force before the
    /// next refresh, on visible surfaces.
    pub fn lost_count(&self) -> u64 {
        self.shared.state().lost
    }

    /// When the display of an automatic compositor made its last refreshes, by `CLOCK_MONOTONIC`. On a loaded
    /// machine it misses some.
    pub fn refreshes(&self) -> Vec<crate::clock::Timestamp> {
        let state = self.shared.state();
        state.automatic.made.iter().copied().collect()
    }

    /// Takes the next end of a connection.
    ///
    /// # Panics
    /// If there is none for half a minute.
    #[track_caller]
    pub fn next_disconnection(&self) -> Disconnection {
        self.wait_for("the end of a connection", |state| {
            state.disconnections.pop_front()
        })
    }

    /// The errors with which clients were ended, oldest first, except those that
    /// [`next_disconnection`](Self::next_disconnection) has taken.
    pub fn protocol_errors(&self) -> Vec<ProtocolError> {
        let state = self.shared.state();
        let reasons = state.disconnections.iter().map(|end| &end.reason);
        reasons
            .filter_map(|reason| match reason {
                Reason::Error(error) => Some(error.clone()),
                Reason::Closed => None,
            })
            .collect()
    }

    /// Waits until everything that clients have sent is processed, and all events are sent.
    #[track_caller]
    pub fn settled(&self) {
        let number = self.act(|state| {
            state.control.asked += 1;
            state.control.asked
        });
        self.wait_for("the compositor's thread", |state| {
            (state.control.answered >= number).then_some(())
        });
    }

    /// The clients that are connected.
    pub fn clients(&self) -> Vec<ClientId> {
        self.shared.state().clients.keys().copied().collect()
    }

    /// The surfaces of a client, oldest first.
    pub fn surfaces(&self, client: ClientId) -> Vec<SurfaceId> {
        let state = self.shared.state();
        let surfaces = state.surfaces.values();
        surfaces
            .filter(|surface| surface.client == client)
            .map(|surface| surface.id)
            .collect()
    }

    /// How many objects of each interface a client has, including those that the compositor has made.
    pub fn objects(&self, client: ClientId) -> BTreeMap<String, usize> {
        let state = self.shared.state();
        let mut objects = BTreeMap::new();
        if let Some(client) = state.clients.get(&client) {
            let count = |id: ObjectId| {
                *objects.entry(id.interface().name.to_owned()).or_default() += 1;
            };
            // It is connected.
            let _ = state
                .display
                .backend_handle()
                .with_all_objects_for(client.id(), count);
        }
        objects
    }

    /// The buffers of a client whose `wl_buffer` exists, oldest first.
    pub fn buffers(&self, client: ClientId) -> Vec<Arc<Buffer>> {
        let state = self.shared.state();
        let buffers = state.buffers.values();
        buffers
            .filter_map(|resource| resource.data::<Arc<Buffer>>())
            .filter(|buffer| buffer.client == client)
            .map(Arc::clone)
            .collect()
    }

    /// How many buffers the compositor holds: those committed and not released.
    pub fn held_count(&self) -> usize {
        let state = self.shared.state();
        let held: BTreeSet<_> = state
            .frames
            .values()
            .filter(|frame| !frame.released)
            .filter_map(|frame| Some(frame.buffer.as_ref()?.0.id))
            .collect();
        held.len()
    }
}

/// What the compositor does.
impl Compositor {
    /// Gives the buffer of a commit back, in the way that the commit asked for:
    ///
    /// - implicitly: the fences go onto the dma-buf, each as its kind, then `wl_buffer.release`;
    /// - `zwp_linux_buffer_release_v1`: `fenced_release` with all of them in one, or
    ///   `immediate_release`, then `wl_buffer.release`;
    /// - a release point: it gets all of them in one, or is signalled, then `wl_buffer.release`
    ///   (if [`Offer::release_event_with_syncobj`]).
    ///
    /// # Panics
    /// If the commit holds no buffer any more, or a fence cannot be passed on.
    #[track_caller]
    pub fn release(&self, commit: &Commit, with: With<'_>) {
        if let Err(error) = self.try_release(commit, with) {
            panic!("release of commit {}: {error}", commit.serial);
        }
    }

    /// The same as [`release`](Self::release), for tests that expect an error.
    ///
    /// # Errors
    /// What the kernel answered to a fence, `ENOTTY` for one where the client's descriptor is no
    /// dma-buf; or that the commit holds no buffer any more. Nothing is sent then, and the compositor
    /// holds what it held; of several fences the first may be on the dma-buf.
    pub fn try_release(&self, commit: &Commit, with: With<'_>) -> Result<()> {
        self.act(|state| state.release(commit.serial, with))
    }

    /// Answers the frame callbacks of all commits of a surface.
    pub fn frame_done(&self, surface: SurfaceId) {
        self.act(|state| state.frame_done(surface));
    }

    /// Answers a commit's presentation feedbacks: it was shown.
    ///
    /// # Panics
    /// If the commit asked for none, or they are answered.
    #[track_caller]
    pub fn presented(&self, commit: &Commit, presented: Presented) {
        let answered = self.act(|state| state.presented(commit.serial, presented));
        assert_ne!(answered, 0, "nobody asks when {} is shown", commit.serial);
    }

    /// Answers a commit's presentation feedbacks: it was never shown.
    ///
    /// # Panics
    /// If the commit asked for none, or they are answered.
    #[track_caller]
    pub fn discarded(&self, commit: &Commit) {
        let answered = self.act(|state| state.discard(commit.serial));
        assert_ne!(answered, 0, "nobody asks when {} is shown", commit.serial);
    }

    /// Asks a window for a size (0 by 0: for any). Answers the configure's serial, which
    /// [`Commit::configured`] names when the client has followed it.
    ///
    /// # Panics
    /// If the surface is no window.
    #[track_caller]
    pub fn configure(&self, surface: SurfaceId, width: i32, height: i32) -> u32 {
        let serial = self.act(|state| state.configure(surface, width, height));
        serial.expect("a surface with an xdg_toplevel or xdg_popup")
    }

    /// Asks a window to close.
    ///
    /// # Panics
    /// If the surface is no window.
    #[track_caller]
    pub fn close(&self, surface: SurfaceId) {
        let window = self.act(|state| state.close(surface));
        assert!(window, "a surface with an xdg_toplevel or xdg_popup");
    }

    /// Hides the surface: an automatic compositor answers neither its frame callbacks nor its presentation
    /// feedback.
    pub fn hide(&self, surface: SurfaceId) {
        self.set_hidden(surface, true);
    }

    /// Shows the surface again.
    pub fn show(&self, surface: SurfaceId) {
        self.set_hidden(surface, false);
    }

    fn set_hidden(&self, surface: SurfaceId, hidden: bool) {
        self.act(|state| {
            if let Some(surface) = state.surfaces.get_mut(&surface) {
                surface.hidden = hidden;
            }
        });
    }

    /// Sends other dma-buf feedback to all feedback objects, and to new ones.
    pub fn send_feedback(&self, feedback: Feedback) {
        self.act(|state| state.send_feedback(None, feedback));
    }

    /// Sends other dma-buf feedback for one surface.
    ///
    /// # Panics
    /// If the surface has no feedback object.
    #[track_caller]
    pub fn send_surface_feedback(&self, surface: SurfaceId, feedback: Feedback) {
        let told = self.act(|state| state.send_feedback(Some(surface), feedback));
        assert_ne!(told, 0, "nobody wants to know about that surface");
    }

    /// Sets how clients' image descriptions are answered from now on.
    pub fn judge_descriptions(&self, verdict: Verdict) {
        self.act(|state| state.verdict = verdict);
    }

    /// Waits for an undecided image description ([`Verdict::Later`]), and decides on the oldest: it can be
    /// used, or it cannot for this reason.
    ///
    /// # Panics
    /// If there is none for half a minute.
    #[track_caller]
    pub fn decide(&self, failure: Option<Cause>) -> Arc<ImageDescription> {
        let decided = self.wait_for("an undecided image description", |state| {
            state.decide(failure)
        });
        self.act(|_| ());
        decided
    }

    /// How many image descriptions wait for [`decide`](Self::decide).
    pub fn undecided_count(&self) -> usize {
        let state = self.shared.state();
        let undecided = state.undecided.iter();
        undecided.filter(|resource| resource.is_alive()).count()
    }

    /// Every image description that clients have asked for, and those that the compositor has shown
    /// them, oldest first. Each is there once.
    pub fn descriptions(&self) -> Vec<Arc<ImageDescription>> {
        self.shared.state().descriptions.clone()
    }

    /// Sets the preferred colours of a surface, and notifies its feedback objects. Answers how many there are.
    pub fn prefer(&self, surface: SurfaceId, colours: Parameters) -> usize {
        self.act(|state| state.prefer(surface, colours))
    }

    /// Sets how dma-bufs are imported from now on.
    pub fn import(&self, imports: Imports) {
        self.act(|state| state.imports = imports);
    }

    /// Answers the imports that were to be answered [later](Imports::Later). Answers how many there were.
    pub fn answer_imports(&self) -> usize {
        self.act(State::answer_imports)
    }

    /// Sets how commits are answered from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.act(|state| state.behave(behaviour));
    }
}

impl Compositor {
    /// Changes the state, and sends the resulting events.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.shared.state();
        let result = act(&mut state);
        // Removes clients that are gone.
        let _ = state.display.flush_clients();
        drop(state);
        // Something may be due now.
        self.shared.wake();
        self.shared.changed.notify_all();
        result
    }

    #[track_caller]
    fn wait_for<T>(&self, what: &str, look: impl FnMut(&mut State) -> Option<T>) -> T {
        match self.wait(PATIENCE, look) {
            Some(found) => found,
            None => panic!("{what}: not for {PATIENCE:?}; {}", self.describe()),
        }
    }

    fn wait<T>(
        &self,
        within: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + within;
        let mut state = self.shared.state();
        loop {
            if let Some(found) = look(&mut state) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.control.gone {
                return None;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .0;
        }
    }

    /// The state, for the message of a failed wait.
    fn describe(&self) -> String {
        let state = self.shared.state();
        let commits: Vec<String> = state
            .commits
            .iter()
            .map(|commit| {
                let attached = match &commit.attached {
                    Attached::Nothing => "nothing",
                    Attached::Null => "null",
                    Attached::Buffer(_) => "a buffer",
                };
                format!("{} of {:?} with {attached}", commit.serial, commit.surface)
            })
            .collect();
        format!(
            "thread {}, clients {:?}, ended {:?}, {} commits so far, not taken: [{}]",
            if state.control.gone { "gone" } else { "runs" },
            state.clients.keys().collect::<Vec<_>>(),
            state.disconnections,
            state.committed,
            commits.join(", ")
        )
    }
}

impl State {
    fn take_commit(&mut self, fits: impl Fn(&Commit) -> bool) -> Option<Commit> {
        let index = self.commits.iter().position(fits)?;
        self.commits.remove(index)
    }
}

impl Drop for Compositor {
    fn drop(&mut self) {
        self.shared.state().control.stop = true;
        self.shared.wake();
        if let Some(thread) = self.thread.take() {
            // Its panic is printed already.
            let _ = thread.join();
        }
    }
}

/// A stopped compositor, which continues when this is dropped.
#[must_use]
pub struct Frozen<'a>(&'a Compositor);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.act(|state| state.control.frozen = false);
    }
}
