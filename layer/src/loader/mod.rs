//! The contract with the loader: its structures, and the commands that the layer gives out.
//!
//! Every call of a frame's was looked up here once. Knows the whole layer; nobody knows it.

pub mod commands;
pub mod contract;
pub mod device;
pub mod enabled;
pub mod instance;
pub mod physical_device;
