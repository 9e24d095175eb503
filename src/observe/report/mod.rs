//! The report: what a swapchain leaves when it is destroyed.
//!
//! The layer appends one line of JSON for each swapchain to a file ([`SwapchainReport`]); `wayfence report
//! FILE` prints the [`Summary`] of them.

mod summary;
mod swapchain;
#[cfg(test)]
pub(super) mod tests;

pub use summary::Summary;
pub use swapchain::{Creation, SwapchainReport, read};
