//! Threads that wait for events of one display.

use std::collections::VecDeque;

use shuttle::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    check,
    sync::lock,
    turns::{Turn, Turns},
};
use crate::deadline::Deadline;

/// A display: its socket, what has been read of it for our queue, and what that has changed.
#[derive(Default)]
struct Display {
    turns: Turns,
    /// The numbers of threads whose event has come, but not been read.
    socket: Mutex<VecDeque<usize>>,
    readable: Condvar,
    /// The numbers of threads that have asked for their event, but not been heard by the compositor.
    requests: Mutex<Vec<usize>>,
    /// What somebody has read for us.
    queue: Mutex<VecDeque<usize>>,
    heard: [AtomicBool; 3],
    /// How many threads have their turn.
    taken: AtomicUsize,
}

impl Display {
    /// The compositor sends a thread's event.
    fn send(&self, to: usize) {
        lock(&self.socket).push_back(to);
        self.readable.notify_all();
    }

    /// As `Events::flush`: the compositor answers each request at once.
    fn flush(&self) {
        let requests = std::mem::take(&mut *lock(&self.requests));
        requests.into_iter().for_each(|from| self.send(from));
    }

    fn read(&self, socket: &mut VecDeque<usize>) {
        lock(&self.queue).extend(socket.drain(..));
    }

    fn dispatch(&self) -> bool {
        let events: Vec<usize> = lock(&self.queue).drain(..).collect();
        for event in &events {
            self.heard[*event].store(true, Ordering::SeqCst);
        }
        !events.is_empty()
    }

    /// As `Events::turn`: dispatches what has been read, or sends and waits until the socket can be read.
    fn turn(&self) -> Result<Turn, ()> {
        self.alone(|| {
            if self.dispatch() {
                return;
            }
            self.flush();
            let mut socket = lock(&self.socket);
            while socket.is_empty() {
                // Nobody else reads meanwhile: `wl_display_read_events` waits for whoever has prepared to.
                socket = self.readable.wait(socket).unwrap();
            }
            self.read(&mut socket);
            drop(socket);
            self.dispatch();
        });
        Ok(Turn::Events)
    }

    fn alone(&self, act: impl FnOnce()) {
        assert_eq!(
            self.taken.fetch_add(1, Ordering::SeqCst),
            0,
            "two turns at once"
        );
        act();
        self.taken.fetch_sub(1, Ordering::SeqCst);
    }

    /// As `Events::dispatch_pending`, of who presents.
    fn dispatch_pending(&self) {
        if let Some((_turn, _)) = self.turns.pass() {
            self.alone(|| {
                self.dispatch();
            });
        }
    }

    /// As `Events::look`, of who asks.
    fn look(&self) {
        if let Some(_turn) = self.turns.look() {
            self.alone(|| {
                self.dispatch();
                self.read(&mut lock(&self.socket));
                self.dispatch();
            });
        }
    }

    /// As `Events::wait`, of an acquire without timeout.
    fn wait(&self, own: usize) {
        self.dispatch_pending();
        let heard = || self.heard[own].load(Ordering::SeqCst).then_some(());
        let send = || {
            self.flush();
            Ok(true)
        };
        let answer = self
            .turns
            .wait(Deadline::Never, heard, || self.turn(), send);
        assert_eq!(answer, Ok(Some(())));
    }

    /// As `Display::roundtrip`.
    fn ask(&self, own: usize) {
        lock(&self.requests).push(own);
        self.wait(own);
    }
}

/// Threads acquire, others present and ask, and the compositor answers each of those that wait once: all of them come
/// back, and never have two of them a turn.
#[test]
fn who_waits_hears_what_another_has_read() {
    check(4000, || {
        let display = Arc::new(Display::default());
        let on = |act: fn(&Display, usize), number: usize| {
            let display = Arc::clone(&display);
            thread::spawn(move || act(&display, number))
        };
        let all = [
            on(Display::wait, 0),
            on(Display::wait, 1),
            on(Display::wait, 2),
            on(|display, _| display.dispatch_pending(), 0),
            on(|display, _| display.look(), 0),
            on(|display, _| (0..3).for_each(|to| display.send(to)), 0),
        ];
        for thread in all {
            thread.join().unwrap();
        }
        assert!(
            display
                .heard
                .iter()
                .all(|heard| heard.load(Ordering::SeqCst))
        );
    });
}

/// One thread acquires without timeout, and has its turn, while another asks: its question is sent, although nothing
/// else comes from the compositor.
#[test]
fn who_asks_is_answered_while_another_waits() {
    check(4000, || {
        let display = Arc::new(Display::default());
        let on = |act: fn(&Display, usize), number: usize| {
            let display = Arc::clone(&display);
            thread::spawn(move || act(&display, number))
        };
        let acquires = on(Display::wait, 0);
        for asks in [on(Display::ask, 1), on(Display::ask, 2)] {
            asks.join().unwrap();
        }
        display.send(0);
        acquires.join().unwrap();
    });
}
