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

/// All findings.
#[derive(Serialize)]
pub struct Findings {
    /// The command's version.
    pub version: &'static str,
    /// What the kernel can do.
    pub kernel: Kernel,
    /// What the compositor offers.
    pub compositor: Looked<Compositor>,
    /// The manifests of the layer.
    pub manifests: Vec<Manifest>,
    /// The chain of layers, from the application down.
    pub chain: Vec<Link>,
    /// The reason, if the layer is not in the chain.
    #[serde(skip)]
    pub why_not_loaded: String,
    /// The answers of loader and drivers.
    pub vulkan: Looked<Vulkan>,
    /// The layer's log on each device's surface.
    #[serde(skip)]
    pub logs: Vec<String>,
    /// Whether the layer takes over.
    pub verdict: Verdict,
}
