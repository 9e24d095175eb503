//! What is below the layer: commands of the next layer or the driver, and what driver and compositor can do together.
//!
//! A frame finds its commands here. Knows `vulkan` only.

pub mod compression;
pub mod needs;
pub mod next;
pub mod offer;
pub mod physical_device;
pub mod waits;
