//! A surface that may be shown with tearing (`wp_tearing_control_v1`).

use std::sync::Mutex;

use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_v1::{
    PresentationHint, WpTearingControlV1,
};

use super::display::Display;
use crate::{
    error::{Error, Result},
    lock::lock,
};

/// The one `wp_tearing_control_v1` that a surface may have. It lives as long as a swapchain that needs
/// it.
pub(crate) struct TearingSurface {
    control: WpTearingControlV1,
    /// What the compositor was told last.
    tears: Mutex<bool>,
}

impl TearingSurface {
    /// # Errors
    /// [`Error::Unsupported`] if the compositor does not know the protocol.
    pub(super) fn new(display: &Display, surface: &WlSurface) -> Result<Self> {
        let manager = display.tearing().ok_or_else(|| {
            Error::Unsupported("the compositor does not offer wp_tearing_control_v1".to_owned())
        })?;
        Ok(TearingSurface {
            control: manager.get_tearing_control(surface, display.handle(), ()),
            tears: Mutex::new(false),
        })
    }

    /// Whether the commit that follows may tear, and those after it.
    pub(super) fn allow(&self, tears: bool) {
        let mut known = lock(&self.tears);
        if *known != tears {
            *known = tears;
            self.control.set_presentation_hint(match tears {
                true => PresentationHint::Async,
                false => PresentationHint::Vsync,
            });
        }
    }
}

impl Drop for TearingSurface {
    fn drop(&mut self) {
        // "Destroy this surface tearing object and revert the presentation hint to vsync."
        self.control.destroy();
    }
}
