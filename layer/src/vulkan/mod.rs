//! Vulkan itself: chains of structures, results, and definitions that `ash` lacks, the loader's among them.
//!
//! Uses no other folder of the layer.

pub mod contract;
pub mod p_next;
pub mod present_mode;
pub mod registry;
pub mod result;
pub mod structures;
