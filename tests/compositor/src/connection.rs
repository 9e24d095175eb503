//! The clients' connections.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use wayland_server::backend::{ClientData, DisconnectReason};

use crate::disconnection::{Disconnection, ProtocolError, Reason};
use crate::ids::ClientId;

/// Ended connections that the state does not know of yet.
#[derive(Default)]
pub(crate) struct News(pub Mutex<VecDeque<Disconnection>>);

/// One client's connection, as wayland-server keeps it.
pub(crate) struct Connection {
    pub client: ClientId,
    pub news: Arc<News>,
}

impl ClientData for Connection {
    fn initialized(&self, _: wayland_server::backend::ClientId) {}

    fn disconnected(&self, _: wayland_server::backend::ClientId, reason: DisconnectReason) {
        // Called with the display's lock held: nothing else may be locked here.
        self.news
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(Disconnection {
                client: self.client,
                reason: match reason {
                    DisconnectReason::ConnectionClosed => Reason::Closed,
                    DisconnectReason::ProtocolError(error) => Reason::Error(ProtocolError {
                        interface: error.object_interface,
                        code: error.code,
                        message: error.message,
                    }),
                },
            });
    }
}
