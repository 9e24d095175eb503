//! A frame's way through the layer: its present.

pub mod present;
pub mod present_chain;
