//! The compositor and the kernel, as far as images see them.

use std::collections::VecDeque;

use shuttle::sync::{Arc, Condvar, Mutex, Weak};

use super::{
    images::Images,
    sync::lock,
    turns::{Turn, Turns},
};
use crate::{
    error::Result,
    kernel::sync_file::SyncFile,
    synchronisation::{Found, Release},
    wayland::{BufferRelease, ReleaseListener},
};

/// Nobody counts here.
pub(super) struct Counted;

impl Counted {
    pub(super) fn new() -> Self {
        Counted
    }
}

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
        match points.is_used {
            true => points.signal(buffer.index, self),
            false => {
                let event = (Arc::clone(buffer), listener.clone());
                lock(&self.socket).releases.push_back(event);
                self.readable.notify_all();
            }
        }
    }

    fn ring(&self) {
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
        let deadline = crate::deadline::Deadline::Never;
        match self.turns.wait(deadline, ready, turn) {
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

/// Release points of a swapchain's images, if it has any.
#[derive(Default)]
pub(super) struct Points {
    is_used: bool,
    of: Mutex<Vec<Point>>,
}

#[derive(Default, Clone)]
struct Point {
    has_signalled: bool,
    /// The bell rings when it signals.
    is_heard: bool,
}

impl Points {
    pub(super) fn new(is_used: bool, images: u32) -> Arc<Self> {
        Arc::new(Points {
            is_used,
            of: Mutex::new(vec![Point::default(); images as usize]),
        })
    }

    fn signal(&self, index: u32, display: &Display) {
        let is_heard = {
            let point = &mut lock(&self.of)[index as usize];
            point.has_signalled = true;
            std::mem::take(&mut point.is_heard)
        };
        if is_heard {
            display.ring();
        }
    }
}

/// As that of the library, without fences.
pub(super) struct Synchronisation {
    points: Arc<Points>,
    display: Arc<Display>,
}

impl Synchronisation {
    pub(super) fn new(points: &Arc<Points>, display: &Arc<Display>) -> Self {
        Synchronisation {
            points: Arc::clone(points),
            display: Arc::clone(display),
        }
    }

    pub(super) fn image_count(&self) -> u32 {
        lock(&self.points.of).len() as u32
    }

    pub(super) fn is_release(&self, _: &BufferRelease) -> bool {
        !self.points.is_used
    }

    pub(super) fn released(&self, _: u32, _: BufferRelease, _: &Counted) -> Option<Release> {
        (!self.points.is_used).then_some(Release::Signalled)
    }

    pub(super) fn look(&self, is_held: impl Fn(u32) -> bool) -> Result<Found> {
        let mut points = lock(&self.points.of);
        let found = (0..).zip(&mut *points).filter_map(|(index, point)| {
            let is_found = is_held(index) && std::mem::take(&mut point.has_signalled);
            is_found.then_some((index, Release::Untaken))
        });
        Ok(found.collect())
    }

    /// Rings at once, if it has signalled.
    pub(super) fn listen(&self, index: u32) -> Result<()> {
        let is_now = {
            let point = &mut lock(&self.points.of)[index as usize];
            point.is_heard = !point.has_signalled && self.points.is_used;
            point.has_signalled
        };
        if is_now {
            self.display.ring();
        }
        Ok(())
    }

    pub(super) fn is_ready(&self, _: u32, _: Option<&Release>) -> Result<bool> {
        Ok(true)
    }

    pub(super) fn fences(&self, _: u32) -> Option<SyncFile> {
        None
    }
}
