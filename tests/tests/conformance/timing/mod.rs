//! Times of frames: VK_EXT_present_timing, VK_GOOGLE_display_timing, and VK_KHR_calibrated_timestamps for the
//! time domains of swapchains.

pub mod domains;
mod frame;
pub mod google;
pub mod past;
pub mod targets;
