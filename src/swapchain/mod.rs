//! The images of one swapchain and who holds each.
//!
//! A frame begins here, where an acquire takes the image that has been free longest, and ends here, where a
//! present commits it at the pace of its mode. Knows `synchronisation`, `wayland` and `observe`.

mod appearance;
mod cycle;
mod images;
pub mod pacing;
pub mod present_mode;
mod presentation;
pub mod presentations;
pub mod refresh;
mod schedule;
mod spare;
mod state;

/// What the images share, and with whom. A model checker compiles `images` with its own: see `model`.
mod parts {
    pub(super) use std::sync::Mutex;

    pub(super) use crate::{lock::lock, observe::live::Counted, synchronisation::Synchronisation};
}

#[cfg(test)]
mod model;

pub use cycle::{Acquired, Description, Memory, RefreshTiming, Swapchain};
pub use presentation::{Presentation, Timing};
pub use spare::Spare;
pub use state::Holder;
