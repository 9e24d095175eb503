//! A surface whose commits are queued (`wp_fifo_v1`).

use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::fifo::v1::client::wp_fifo_v1::WpFifoV1;

use super::display::Display;
use crate::error::{Error, Result};

/// The one `wp_fifo_v1` that a surface may have. It lives as long as a swapchain that needs it.
pub(crate) struct FifoSurface(WpFifoV1);

impl FifoSurface {
    /// # Errors
    /// [`Error::Unsupported`] if the compositor does not know the protocol.
    pub(super) fn new(display: &Display, surface: &WlSurface) -> Result<Self> {
        let manager = display.fifo().ok_or_else(|| {
            Error::Unsupported("the compositor does not offer wp_fifo_v1".to_owned())
        })?;
        Ok(FifoSurface(manager.get_fifo(surface, display.handle(), ())))
    }

    /// The next commit stays for one refresh, as far as commits after it wait for that.
    pub(super) fn set_barrier(&self) {
        self.0.set_barrier();
    }

    /// The next commit waits until the refresh that shows the last one with a barrier has begun.
    pub(super) fn wait_barrier(&self) {
        self.0.wait_barrier();
    }
}

impl Drop for FifoSurface {
    fn drop(&mut self) {
        // "Surface state changes previously made by this protocol are unaffected".
        self.0.destroy();
    }
}
