//! What the doctor finds.

use serde::Serialize;

use super::{
    compositor::Compositor,
    kernel::Kernel,
    loader::{Link, Manifest},
    looked::Looked,
    verdict::Verdict,
    vulkan::Vulkan,
};

/// Everything that was found.
#[derive(Serialize)]
pub struct Findings {
    /// The command's version.
    pub version: &'static str,
    /// What the kernel can do.
    pub kernel: Kernel,
    /// What the compositor offers.
    pub compositor: Looked<Compositor>,
    /// The manifests of our layer.
    pub manifests: Vec<Manifest>,
    /// From the application down.
    pub chain: Vec<Link>,
    /// Why our layer is not in the chain, were it so.
    #[serde(skip)]
    pub why_not_loaded: String,
    /// What loader and drivers say.
    pub vulkan: Looked<Vulkan>,
    /// What the layer logged about each device's surface.
    #[serde(skip)]
    pub logs: Vec<String>,
    /// Whether the layer takes over.
    pub verdict: Verdict,
}
