//! What passes between a window and its compositor, seen on the way.
//!
//! The window's connection is one end of a pair of sockets, and this passes on what it says to the
//! session's compositor, and back. So every buffer and every commit is seen as the compositor sees it, and
//! before it does, whatever made it; and what comes back can bear the fence of a reader who is not there.

mod address;
mod message;
mod mirror;
mod objects;
mod pending;
mod relay;
mod seen;
mod socket;

pub use relay::open;
pub use seen::{Commit, Seen, Way};
