//! Vulkan itself, for all files: chains of structures, definitions that `ash` lacks, results.
//!
//! Uses no other folder of the layer.

pub mod p_next;
pub mod present_mode;
pub mod registry;
pub mod result;
pub mod structures;
