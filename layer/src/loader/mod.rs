//! The contract with the loader: the commands that the layer gives out, and instances and devices, made and ended.
//!
//! No frame passes here: the loader has looked up the frame's commands before. Knows all other folders.

pub mod commands;
pub mod device;
pub mod enabled;
pub mod instance;
pub mod physical_device;
