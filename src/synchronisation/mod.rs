//! How a released image is waited for, and how a rendering is handed over: a file for each way.
//!
//! Each frame meets this twice: when its image is released, where the fences are taken, and before its commit.
//! The swapchain uses only [`Synchronisation`], never one of the ways. Knows kernel and Wayland.

mod cpu;
mod explicit;
mod implicit;
mod release;
mod syncobj;
mod way;

pub use release::{Found, Release, Wait};
pub use way::{Choice, Inherited, Synchronisation, Way};
