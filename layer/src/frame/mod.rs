//! A frame's way through the layer: its present.

pub mod acquire;
pub mod per_swapchain;
pub mod present;
pub mod present_chain;
