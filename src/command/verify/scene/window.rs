//! A window of the session's, small and not in the way: it asks for no place, no size and no focus.

use std::os::unix::net::UnixStream;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use raw_window_handle::{
    RawDisplayHandle, RawWindowHandle, WaylandDisplayHandle, WaylandWindowHandle,
};
use wayland_client::globals::registry_queue_init;
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle, delegate_noop};
use wayland_protocols::wp::presentation_time::client::wp_presentation::WpPresentation;
use wayland_protocols::wp::presentation_time::client::wp_presentation_feedback::WpPresentationFeedback;
use wayland_protocols::xdg::shell::client::xdg_surface::{self, XdgSurface};
use wayland_protocols::xdg::shell::client::xdg_toplevel::{self, XdgToplevel};
use wayland_protocols::xdg::shell::client::xdg_wm_base::{self, XdgWmBase};

use super::fault::Fault;
use crate::command::registry::ignore_registry;

/// It is shown with the first frame, and goes with the process.
pub struct Window {
    connection: Connection,
    surface: WlSurface,
    presentation: Option<WpPresentation>,
    events: Mutex<(EventQueue<State>, State)>,
}

#[derive(Default)]
struct State {
    is_configured: bool,
    is_closed: bool,
}

impl Window {
    /// At the other end of this socket there is a compositor.
    ///
    /// # Errors
    /// If it knows no windows.
    pub fn open(socket: UnixStream) -> Result<Self, Fault> {
        let connection = Connection::from_socket(socket)
            .map_err(|error| Fault(format!("the compositor's socket: {error}")))?;
        let (globals, mut queue) = registry_queue_init::<State>(&connection)
            .map_err(|error| Fault(format!("the compositor does not answer: {error}")))?;
        let handle = queue.handle();
        let compositor: WlCompositor = globals
            .bind(&handle, 4..=6, ())
            .map_err(|error| Fault(format!("wl_compositor: {error}")))?;
        let shell: XdgWmBase = globals
            .bind(&handle, 1..=5, ())
            .map_err(|error| Fault(format!("xdg_wm_base: {error}")))?;
        // Only to be told whether frames are copied.
        let presentation = globals.bind(&handle, 1..=1, ()).ok();
        let surface = compositor.create_surface(&handle, ());
        let xdg_surface = shell.get_xdg_surface(&surface, &handle, ());
        let toplevel = xdg_surface.get_toplevel(&handle, ());
        toplevel.set_title("wayfence verify".to_owned());
        toplevel.set_app_id("wayfence-verify".to_owned());
        surface.commit();
        let mut state = State::default();
        while !state.is_configured {
            queue
                .blocking_dispatch(&mut state)
                .map_err(|error| Fault(format!("the compositor configures no window: {error}")))?;
        }
        Ok(Self {
            connection,
            surface,
            presentation,
            events: Mutex::new((queue, state)),
        })
    }

    /// For `ash-window`. Both live as long as the window.
    pub fn handles(&self) -> Result<(RawDisplayHandle, RawWindowHandle), Fault> {
        let display = NonNull::new(self.connection.backend().display_ptr());
        let surface = NonNull::new(self.surface.id().as_ptr());
        let (Some(display), Some(surface)) = (display, surface) else {
            return Err(Fault("the compositor has ended the connection".to_owned()));
        };
        Ok((
            WaylandDisplayHandle::new(display.cast()).into(),
            WaylandWindowHandle::new(surface.cast()).into(),
        ))
    }

    /// The `wl_display`, which lives as long as the window.
    pub fn display(&self) -> *mut std::ffi::c_void {
        self.connection.backend().display_ptr().cast()
    }

    /// Has the compositor say how the next frame is shown: it passes by.
    pub fn ask_how_it_is_shown(&self) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(presentation) = &self.presentation {
            presentation.feedback(&self.surface, &events.0.handle(), ());
        }
    }

    /// Answers what the compositor has asked.
    ///
    /// # Errors
    /// If it is gone, or if the window was closed.
    pub fn answer(&self) -> Result<(), Fault> {
        let (queue, state) = &mut *self.events.lock().unwrap_or_else(PoisonError::into_inner);
        queue
            .roundtrip(state)
            .map_err(|error| Fault(format!("the compositor is gone: {error}")))?;
        match state.is_closed {
            true => Err(Fault("the window was closed".to_owned())),
            false => Ok(()),
        }
    }
}

impl Dispatch<XdgWmBase, ()> for State {
    fn event(
        _: &mut Self,
        shell: &XdgWmBase,
        event: xdg_wm_base::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_wm_base::Event::Ping { serial } = event {
            shell.pong(serial);
        }
    }
}

impl Dispatch<XdgSurface, ()> for State {
    fn event(
        state: &mut Self,
        surface: &XdgSurface,
        event: xdg_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_surface::Event::Configure { serial } = event {
            surface.ack_configure(serial);
            state.is_configured = true;
        }
    }
}

impl Dispatch<XdgToplevel, ()> for State {
    fn event(
        state: &mut Self,
        _: &XdgToplevel,
        event: xdg_toplevel::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        state.is_closed |= matches!(event, xdg_toplevel::Event::Close);
    }
}

ignore_registry!(State);

delegate_noop!(State: WlCompositor);
delegate_noop!(State: ignore WpPresentation);
delegate_noop!(State: ignore WpPresentationFeedback);
delegate_noop!(State: ignore WlSurface);
