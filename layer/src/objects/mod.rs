//! What the layer keeps for instances, physical devices, devices and surfaces, and the way from a handle to it.
//!
//! A frame's entry point finds its object here.

pub mod device;
pub mod dispatch;
pub mod entry;
pub mod features;
pub mod handles;
pub mod instance;
pub mod next;
pub mod physical_device;
pub mod settings;
pub mod surface;
pub mod surface_queries;
