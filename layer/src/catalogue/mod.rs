//! The description of an extension, and lists of extensions.
//!
//! A frame's chain is read here, by the functions of the extensions that have a structure in it. Knows `driver` and
//! `vulkan`: the extensions themselves are in `extensions`, and an instance hands their list down.

pub mod command;
pub mod creation;
pub mod extension;
pub mod list;
pub mod per_swapchain;
pub mod properties;
