//! `VK_EXT_swapchain_colorspace`: colour spaces other than sRGB.
//!
//! `PASS_THROUGH` is there on every surface: "values ... are not interpreted", so that the compositor is told
//! nothing, and an application that describes its surface itself is not disturbed. The others are what the
//! compositor can show ([`wayfence::colour`]).

use ash::{ext::swapchain_colorspace::NAME, vk};
use wayfence::{colour, wayland::Capabilities};

use crate::catalogue::extension::Extension;

/// The extension.
pub static EXTENSION: Extension = Extension {
    needs: "colour spaces beside `PASS_THROUGH`: `wp_color_manager_v1`",
    color_spaces: Some(color_spaces),
    ..Extension::instance(&[(NAME, 5)])
};

fn color_spaces(compositor: &Capabilities) -> Vec<vk::ColorSpaceKHR> {
    colour::all()
        .iter()
        .filter(|space| space.is_offered(compositor.colours.as_ref()))
        .map(|space| space.vk)
        // It is offered without the extension as well.
        .filter(|space| *space != vk::ColorSpaceKHR::SRGB_NONLINEAR)
        .collect()
}
