//! Where report and trace go, and that they are complete when the process exits.
//!
//! A frame leaves its counters and times in the library; a swapchain brings them here when it ends. Knows `vulkan` only.

pub mod report;
pub mod trace;
