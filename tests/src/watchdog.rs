//! The end of a test that hangs.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Ends the process with a message unless it is dropped in time.
pub struct Watchdog {
    _stop: Sender<()>,
}

impl Watchdog {
    /// Allows `limit`. `what` names what hangs otherwise.
    pub fn new(limit: Duration, what: &'static str) -> Self {
        let (stop, stopped) = mpsc::channel();
        thread::spawn(move || {
            if stopped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                eprintln!("hangs for {limit:?}: {what}");
                std::process::abort();
            }
        });
        Self { _stop: stop }
    }
}
