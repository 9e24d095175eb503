//! A thread for what a real kernel would do itself.
//!
//! A test may forbid ioctls to threads of the application (`seccomp(2)`), and the driver submits in one of
//! these. The filter must not apply to what this library does there in the kernel's place.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

type Work = Box<dyn FnOnce() + Send>;

static THREAD: OnceLock<Mutex<Sender<Work>>> = OnceLock::new();

/// Starts the thread, which inherits the filter of the calling thread.
pub fn start() {
    THREAD.get_or_init(|| {
        let (sender, receiver) = channel::<Work>();
        thread::Builder::new()
            .name("wayfence-kernel".to_owned())
            .spawn(move || receiver.into_iter().for_each(|work| work()))
            .expect("a thread");
        Mutex::new(sender)
    });
}

/// Runs this there, and waits for it.
///
/// # Panics
/// If it panics.
pub fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    start();
    let (answer, answered) = channel();
    let thread = THREAD.get().expect("it was started");
    thread
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send(Box::new(move || {
            let _ = answer.send(work());
        }))
        .expect("the kernel's thread runs");
    answered
        .recv()
        .expect("the kernel's thread has not panicked")
}
