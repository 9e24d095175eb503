//! Vulkan itself, as far as every file needs it: chains of structures, definitions that `ash` lacks, results.
//!
//! Knows nobody in the layer.

pub mod p_next;
pub mod present_mode;
pub mod registry;
pub mod result;
pub mod structures;
