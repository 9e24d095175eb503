//! What the test wants of the thread that reads the clients' requests.

use wayland_server::ListeningSocket;

/// What the test wants of the thread.
#[derive(Default)]
pub(crate) struct Control {
    pub stop: bool,
    pub frozen: bool,
    pub listener: Option<ListeningSocket>,
    /// How often somebody has asked for everything that was sent to be processed.
    pub asked: u64,
    /// The last of those askings that is answered.
    pub answered: u64,
    /// The thread is gone.
    pub gone: bool,
}
