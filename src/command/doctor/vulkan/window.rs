//! A window for Vulkan's surface.

use std::ffi::c_void;

use wayland_client::globals::registry_queue_init;
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Proxy, delegate_noop};

use crate::command::doctor::compositor;
use crate::command::registry::ignore_registry;

/// A `wl_surface` that is never shown.
pub struct Window {
    connection: Connection,
    surface: WlSurface,
}

impl Window {
    /// # Errors
    /// Why there is no compositor.
    pub fn open() -> Result<Self, String> {
        let connection = compositor::connect()?;
        let (globals, queue) =
            registry_queue_init::<Nothing>(&connection).map_err(|error| error.to_string())?;
        let compositor: WlCompositor = globals
            .bind(&queue.handle(), 1..=6, ())
            .map_err(|error| error.to_string())?;
        let surface = compositor.create_surface(&queue.handle(), ());
        Ok(Self {
            connection,
            surface,
        })
    }

    /// The `wl_display`, alive as long as the window.
    pub fn display_ptr(&self) -> *mut c_void {
        self.connection.backend().display_ptr().cast()
    }

    /// The `wl_surface`, alive as long as the window.
    pub fn surface_ptr(&self) -> *mut c_void {
        self.surface.id().as_ptr().cast()
    }
}

struct Nothing;

ignore_registry!(Nothing);

delegate_noop!(Nothing: WlCompositor);
delegate_noop!(Nothing: ignore WlSurface);
