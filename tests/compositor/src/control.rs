//! Messages from the test to the thread that reads the clients' requests.

use wayland_server::ListeningSocket;

/// Messages to the thread.
#[derive(Default)]
pub(crate) struct Control {
    pub stop: bool,
    pub frozen: bool,
    pub listener: Option<ListeningSocket>,
    /// How often the test has asked for all requests to be processed.
    pub asked: u64,
    /// The last such request that is answered.
    pub answered: u64,
    /// The thread is gone.
    pub gone: bool,
}
