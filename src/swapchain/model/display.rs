//! The display's socket, and the buffers that its compositor reads.

use std::collections::VecDeque;

use shuttle::sync::{Arc, Condvar, Mutex, Weak};

use super::{
    images::Images,
    kernel::Points,
    lock::lock,
    turns::{Turn, Turns},
};
use crate::{
    deadline::Deadline,
    wayland::{BufferRelease, ReleaseListener},
};

/// A display: what has come for it, and whose turn it is to dispatch.
#[derive(Default)]
pub(super) struct Display {
    turns: Turns,
    socket: Mutex<Socket>,
    readable: Condvar,
}

#[derive(Default)]
struct Socket {
    /// Releases of buffers.
    releases: VecDeque<(Arc<Buffer>, Weak<Images>)>,
    /// The bell has rung, and nobody has heard it.
    is_rung: bool,
}

/// A `wl_buffer`.
pub(super) struct Buffer {
    index: u32,
    state: Mutex<BufferState>,
}

#[derive(Default)]
struct BufferState {
    /// The compositor reads it.
    is_shown: bool,
    is_destroyed: bool,
}

impl Buffer {
    pub(super) fn new(index: u32) -> Arc<Self> {
        Arc::new(Buffer {
            index,
            state: Mutex::default(),
        })
    }

    pub(super) fn index(&self) -> u32 {
        self.index
    }

    pub(super) fn show(&self) {
        let mut state = lock(&self.state);
        assert!(!state.is_destroyed, "a buffer is shown that is destroyed");
        assert!(!state.is_shown, "an image is shown that the compositor has");
        state.is_shown = true;
    }

    pub(super) fn is_shown(&self) -> bool {
        lock(&self.state).is_shown
    }

    pub(super) fn destroy(&self) {
        let mut state = lock(&self.state);
        assert!(!state.is_destroyed, "a buffer is destroyed twice");
        assert!(!state.is_shown, "a buffer on screen is destroyed");
        state.is_destroyed = true;
    }

    pub(super) fn is_destroyed(&self) -> bool {
        lock(&self.state).is_destroyed
    }
}

impl Display {
    /// The compositor has done with a buffer, and says so to whoever listens.
    pub(super) fn release(&self, buffer: &Arc<Buffer>, listener: &Weak<Images>, points: &Points) {
        lock(&buffer.state).is_shown = false;
        match points.are_used() {
            true if points.signal(buffer.index) => self.ring(),
            true => {}
            false => {
                let event = (Arc::clone(buffer), listener.clone());
                lock(&self.socket).releases.push_back(event);
                self.readable.notify_all();
            }
        }
    }

    /// Wakes who waits.
    pub(super) fn ring(&self) {
        lock(&self.socket).is_rung = true;
        self.readable.notify_all();
    }

    /// As `Events::wait` without a deadline.
    pub(super) fn wait<T>(&self, ready: impl FnMut() -> Option<T>) -> T {
        let turn = || {
            let mut socket = lock(&self.socket);
            while socket.releases.is_empty() && !socket.is_rung {
                socket = self.readable.wait(socket).unwrap();
            }
            self.dispatch(socket);
            Ok::<_, ()>(Turn::Events)
        };
        // Nobody asks anything of this compositor.
        let send = || Ok(true);
        match self.turns.wait(Deadline::Never, ready, turn, send) {
            Ok(Some(answer)) => answer,
            _ => unreachable!("a wait without a deadline ends with an answer"),
        }
    }

    /// As `Events::look`.
    pub(super) fn look(&self) {
        if let Some(_turn) = self.turns.look() {
            self.dispatch(lock(&self.socket));
        }
    }

    fn dispatch(&self, mut socket: shuttle::sync::MutexGuard<'_, Socket>) {
        socket.is_rung = false;
        let releases = std::mem::take(&mut socket.releases);
        drop(socket);
        for (buffer, listener) in releases {
            let listener = listener.upgrade();
            let is_of_use =
                |images: Arc<Images>| images.released(buffer.index, BufferRelease::Implicit);
            if !listener.is_some_and(is_of_use) {
                buffer.destroy();
            }
        }
    }
}
