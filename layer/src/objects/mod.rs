//! What the layer keeps for instances, physical devices, devices and surfaces, and the way from a handle to it.
//!
//! A frame's entry point finds its object here.

pub mod device;
pub mod instance;
pub mod next;
pub mod offer;
pub mod physical_device;
pub mod settings;
pub mod surface;
