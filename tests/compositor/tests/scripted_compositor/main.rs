//! The compositor does what it is told, and ends whoever breaks a protocol.

mod client;
mod frames;
mod synchronisation;
mod windows;
