//! `VK_EXT_swapchain_colorspace`: the colour spaces in which a buffer can be handed over as it is.

use ash::{ext::swapchain_colorspace::NAME, vk};

use super::extension::{Extension, Provider};

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Driver,
    // "values ... are not interpreted": the compositor is told nothing, as of `SRGB_NONLINEAR`.
    color_spaces: Some(|_| vec![vk::ColorSpaceKHR::PASS_THROUGH_EXT]),
    ..Extension::instance(&[(NAME, 5)])
};
