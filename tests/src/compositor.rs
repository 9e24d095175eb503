//! The compositor of this session, as far as a test may touch it.

use std::env;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// The name under which `scripts/guest/session` started it, if it did (`WAYFENCE_COMPOSITOR`).
pub fn name() -> Option<String> {
    env::var("WAYFENCE_COMPOSITOR").ok()
}

/// The compositor's process (`WAYFENCE_COMPOSITOR_PID`).
#[derive(Clone, Copy)]
pub struct Compositor(Pid);

impl Compositor {
    /// # Panics
    /// If the session did not say which process it is.
    pub fn of_the_session() -> Self {
        let pid = env::var("WAYFENCE_COMPOSITOR_PID")
            .ok()
            .and_then(|pid| pid.parse().ok())
            .and_then(Pid::from_raw)
            .expect(
                "WAYFENCE_COMPOSITOR_PID must name the compositor's process, \
                 which this test kills: scripts/guest/session sets it",
            );
        Self(pid)
    }

    /// It does nothing any more, but its connections stay open.
    pub fn freeze(self) {
        kill_process(self.0, Signal::STOP).expect("the compositor runs");
    }

    /// It goes on where it was frozen.
    pub fn thaw(self) {
        kill_process(self.0, Signal::CONT).expect("the compositor runs");
    }

    /// It is gone, without a word.
    pub fn kill(self) {
        kill_process(self.0, Signal::KILL).expect("the compositor runs");
    }

    /// Whether the process exists.
    pub fn is_running(self) -> bool {
        test_kill_process(self.0).is_ok()
    }
}
