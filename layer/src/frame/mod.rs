//! A frame's way through the layer: [`acquire`], then [`present`].
//!
//! Knows `entry`, `swapchain` and `objects`.

pub mod acquire;
mod below;
pub mod per_swapchain;
pub mod present;
pub mod present_chain;
mod rendering;
mod results;
