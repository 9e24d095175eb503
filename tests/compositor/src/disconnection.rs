//! How connections end.

use std::fmt;

use crate::ids::ClientId;

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnection {
    /// Whose.
    pub client: ClientId,
    /// Why.
    pub reason: Reason,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// One side closed it.
    Closed,
    /// The compositor ended it with this error.
    Error(ProtocolError),
}

/// A `wl_display.error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// The interface of the object whose rules were broken.
    pub interface: String,
    /// The code, one of the interface's `error` enum.
    pub code: u32,
    /// For people.
    pub message: String,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} error {}: {}",
            self.interface, self.code, self.message
        )
    }
}
