//! How a released image is waited for, and how a rendering is handed over: a file for each way.
//!
//! A frame comes by twice: when its image is released, which is where the fences are taken, and before its commit.
//! The swapchain knows [`Synchronisation`] alone, and none of the ways. Knows kernel and Wayland.

mod cpu;
mod explicit;
mod implicit;
mod release;
mod syncobj;
mod way;

pub use release::{Found, Release, Wait};
pub use way::{Choice, Inherited, Synchronisation, Way};
