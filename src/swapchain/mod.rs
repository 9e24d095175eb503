//! The images of one swapchain and who holds each.
//!
//! A frame begins here, where an acquire takes the image that has been free longest, and ends here, where
//! a present commits it at the pace of its mode. Knows the synchronisation, the Wayland side and what is observed.

mod appearance;
mod cycle;
pub mod pacing;
pub mod present_mode;
pub mod presentations;
pub mod refresh;
mod spare;
mod state;

pub use cycle::{Acquired, Description, Memory, Presentation, RefreshTiming, Swapchain, Timing};
pub use spare::Spare;
pub use state::Holder;
