//! A frame's way through the layer: [`acquire`], then [`present`].
//!
//! Knows `entry`, `swapchain` and `objects`.

pub mod acquire;
pub mod per_swapchain;
pub mod present;
pub mod present_chain;
