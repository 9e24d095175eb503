//! The counters of living swapchains, where other processes read them.
//!
//! Each process has a file of its own in the folder `wayfence` of `$XDG_RUNTIME_DIR` and counts right into its
//! mapping: a frame pays nothing for that, and what was counted is still there when the process is killed.
//! `wayfence top` shows these files, and `wayfence report` finds in them what a killed process did not write.
//! Knows the counters and the report.

pub mod layout;
mod process;
mod publisher;
mod reader;
mod seal;

/// What orders memory. A model checker compiles the file that uses this with its own: see `model`.
mod sync {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use process::Identity;
pub use publisher::Counted;
pub use reader::{Process, State, Swapchain, folder, read, unwritten, watch};
