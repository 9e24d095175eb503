//! A frame's way through the layer: [`acquire`], then [`present`].
//!
//! Knows `entry` and what that knows.

pub mod acquire;
mod below;
pub mod present;
pub mod present_chain;
mod rendering;
mod results;
