//! The compositor does what it is told, and ends whoever breaks a protocol.

mod automatic;
mod buffers;
mod client;
mod colour;
mod connections;
mod explicit;
mod extensions;
mod feedback;
mod fences;
mod frames;
mod points;
mod synchronisation;
mod windows;
