//! What was examined.

use serde::{Deserialize, Serialize};

/// Kernel, compositor, driver. Nothing of the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Name and release.
    pub kernel: String,
    /// The name of its process.
    pub compositor: String,
    /// The device that it prefers buffers from, if it tells.
    pub main_device: Option<String>,
    /// Its protocols, with their versions.
    pub protocols: Vec<String>,
    /// The Vulkan devices; the first was examined.
    pub devices: Vec<String>,
    /// Where the fences came from that stood for a compositor's reading.
    pub readers: String,
}
