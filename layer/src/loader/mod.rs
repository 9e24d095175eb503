//! The contract with the loader: its structures, the commands that the layer gives out, instances and devices.
//!
//! No frame comes by: its commands were looked up here before. Knows the whole layer, and is known for its structures
//! only.

pub mod commands;
pub mod contract;
pub mod device;
pub mod enabled;
pub mod instance;
pub mod physical_device;
