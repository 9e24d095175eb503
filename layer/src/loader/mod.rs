//! The contract with the loader: its structures, the commands that the layer gives out, instances and devices.
//!
//! No frame passes here: the loader has looked up the frame's commands before. Uses the whole layer; other folders use
//! its structures only.

pub mod commands;
pub mod contract;
pub mod device;
pub mod enabled;
pub mod instance;
pub mod physical_device;
