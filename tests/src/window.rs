//! A toplevel window of xdg-shell on a connection and an event queue of its own.

use std::ffi::c_void;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wayland_client::backend::WaylandError;
use wayland_client::globals::{GlobalList, GlobalListContents, registry_queue_init};
use wayland_client::protocol::{wl_callback, wl_compositor, wl_output, wl_registry, wl_surface};
use wayland_client::{
    Connection, Dispatch, DispatchError, EventQueue, Proxy, QueueHandle, delegate_noop,
};
use wayland_protocols::wp::color_management::v1::client::wp_color_management_surface_v1::WpColorManagementSurfaceV1;
use wayland_protocols::wp::color_management::v1::client::wp_color_manager_v1::{
    Primaries, RenderIntent, TransferFunction, WpColorManagerV1,
};
use wayland_protocols::wp::color_management::v1::client::wp_image_description_creator_params_v1::WpImageDescriptionCreatorParamsV1;
use wayland_protocols::wp::color_management::v1::client::wp_image_description_v1::{
    self, WpImageDescriptionV1,
};
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timer_v1::WpCommitTimerV1;
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timing_manager_v1::WpCommitTimingManagerV1;
use wayland_protocols::wp::fifo::v1::client::wp_fifo_manager_v1::WpFifoManagerV1;
use wayland_protocols::wp::fifo::v1::client::wp_fifo_v1::WpFifoV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_surface_v1::WpLinuxDrmSyncobjSurfaceV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_explicit_synchronization_v1::ZwpLinuxExplicitSynchronizationV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_surface_synchronization_v1::ZwpLinuxSurfaceSynchronizationV1;
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_manager_v1::WpTearingControlManagerV1;
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_v1::WpTearingControlV1;
use wayland_protocols::wp::viewporter::client::{wp_viewport, wp_viewporter};
use wayland_protocols::xdg::shell::client::{xdg_surface, xdg_toplevel, xdg_wm_base};

use crate::layers;
use crate::watch::Watch;

/// A window, mapped as soon as something is presented to it. Closed on drop.
pub struct Window {
    connection: Connection,
    events: Mutex<(EventQueue<Shell>, Shell)>,
    toplevel: xdg_toplevel::XdgToplevel,
    xdg_surface: xdg_surface::XdgSurface,
    surface: wl_surface::WlSurface,
}

/// What the compositor asked of the window.
#[derive(Default)]
struct Shell {
    configured: bool,
    /// The size of its last configure; 0: any.
    size: (u32, u32),
    /// Whether a frame callback has come.
    seen: bool,
    /// Whether the image description is ready.
    described: bool,
}

impl Window {
    /// A window on a new connection to the session's compositor.
    ///
    /// # Panics
    /// If there is no compositor, or none with xdg-shell.
    pub fn open() -> Self {
        layers::set_up();
        let connection = Connection::connect_to_env().unwrap_or_else(|error| {
            panic!(
                "no Wayland compositor ({error}): WAYLAND_DISPLAY must name one; \
                 scripts/test runs these tests where there is one"
            )
        });
        Self::open_on(connection)
    }

    /// A window on the test's own compositor, at the other end of this socket.
    ///
    /// # Panics
    /// If the compositor does not answer, or has no xdg-shell.
    pub fn open_at(socket: UnixStream) -> Self {
        layers::set_up();
        Self::open_on(Connection::from_socket(socket).expect("a socket to a compositor"))
    }

    /// Another window on the same connection.
    pub fn open_beside(&self) -> Self {
        Self::open_on(self.connection.clone())
    }

    fn open_on(connection: Connection) -> Self {
        let (globals, mut queue) =
            registry_queue_init::<Shell>(&connection).expect("the compositor lists its globals");
        let handle = queue.handle();
        let compositor: wl_compositor::WlCompositor = globals
            .bind(&handle, 1..=6, ())
            .expect("the compositor has wl_compositor");
        let shell: xdg_wm_base::XdgWmBase = globals
            .bind(&handle, 1..=6, ())
            .expect("the compositor has xdg-shell");
        // Bound as most applications do, so that events may name it.
        let _: Result<wl_output::WlOutput, _> = globals.bind(&handle, 1..=4, ());
        let surface = compositor.create_surface(&handle, ());
        let xdg_surface = shell.get_xdg_surface(&surface, &handle, ());
        let toplevel = xdg_surface.get_toplevel(&handle, ());
        toplevel.set_title("wayfence-tests".to_owned());
        toplevel.set_app_id("wayfence-tests".to_owned());
        surface.commit();
        let mut state = Shell::default();
        while !state.configured {
            queue
                .blocking_dispatch(&mut state)
                .expect("the compositor configures a window");
        }
        Self {
            connection,
            events: Mutex::new((queue, state)),
            toplevel,
            xdg_surface,
            surface,
        }
    }

    /// Gives the surface a size of its own, from its next commit on: as a toolkit does.
    ///
    /// # Panics
    /// If the compositor has no viewporter.
    pub fn set_size(&self, width: i32, height: i32) {
        let (globals, queue) = registry_queue_init::<Shell>(&self.connection)
            .expect("the compositor lists its globals");
        let handle = queue.handle();
        let viewporter: wp_viewporter::WpViewporter = globals
            .bind(&handle, 1..=1, ())
            .expect("the compositor has a viewporter");
        let viewport = viewporter.get_viewport(&self.surface, &handle, ());
        viewport.set_destination(width, height);
        queue.flush().expect("the compositor is there");
    }

    /// Makes each object of which a surface may have only one, as an EGL or another driver's swapchain does.
    /// They live as long as the answer.
    ///
    /// # Panics
    /// If the compositor lacks one of the protocols.
    pub fn extend(&self) -> Extended {
        let (globals, queue) = registry_queue_init::<Shell>(&self.connection)
            .expect("the compositor lists its globals");
        let handle = queue.handle();
        let extended = Extended {
            points: bind::<WpLinuxDrmSyncobjManagerV1>(&globals, &handle).get_surface(
                &self.surface,
                &handle,
                (),
            ),
            fences: bind::<ZwpLinuxExplicitSynchronizationV1>(&globals, &handle)
                .get_synchronization(&self.surface, &handle, ()),
            fifo: bind::<WpFifoManagerV1>(&globals, &handle).get_fifo(&self.surface, &handle, ()),
            timer: bind::<WpCommitTimingManagerV1>(&globals, &handle).get_timer(
                &self.surface,
                &handle,
                (),
            ),
            tearing: bind::<WpTearingControlManagerV1>(&globals, &handle).get_tearing_control(
                &self.surface,
                &handle,
                (),
            ),
        };
        queue.flush().expect("the compositor is there");
        extended
    }

    /// Sets an image description on the surface from its next commit on, as an application with its own colour
    /// management does, until the answer is destroyed.
    ///
    /// # Panics
    /// If the compositor has no colour management, or does not take this description.
    pub fn describe(
        &self,
        primaries: Primaries,
        transfer: TransferFunction,
    ) -> WpColorManagementSurfaceV1 {
        let (globals, mut queue) = registry_queue_init::<Shell>(&self.connection)
            .expect("the compositor lists its globals");
        let handle = queue.handle();
        let manager = bind::<WpColorManagerV1>(&globals, &handle);
        let object = manager.get_surface(&self.surface, &handle, ());
        let creator = manager.create_parametric_creator(&handle, ());
        creator.set_primaries_named(primaries);
        creator.set_tf_named(transfer);
        let description = creator.create(&handle, ());
        let mut state = Shell::default();
        while !state.described {
            queue
                .blocking_dispatch(&mut state)
                .expect("the compositor answers");
        }
        object.set_image_description(&description, RenderIntent::Perceptual);
        queue.flush().expect("the compositor is there");
        description.destroy();
        manager.destroy();
        object
    }

    /// Whether the compositor shows the window: it answers a frame callback in this time. Commits the
    /// surface as it is.
    ///
    /// # Panics
    /// If the compositor is gone.
    pub fn is_seen(&self, within: Duration) -> bool {
        let begun = Instant::now();
        let handle = {
            let (queue, state) = &mut *self.lock();
            state.seen = false;
            queue.handle()
        };
        self.surface.frame(&handle, ());
        self.surface.commit();
        loop {
            self.roundtrip().expect("the compositor answers");
            if self.lock().1.seen {
                return true;
            }
            if begun.elapsed() > within {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks the compositor to minimise the window, and waits for a round trip. Not every compositor does it.
    ///
    /// # Panics
    /// If the compositor is gone.
    pub fn minimise(&self) {
        self.toplevel.set_minimized();
        self.roundtrip().expect("the compositor answers");
    }

    /// Asks for full screen, which on some compositors restores a minimised window. Answers the size that the
    /// compositor configures; 0 if none.
    ///
    /// # Panics
    /// If the compositor is gone.
    pub fn fill_the_display(&self) -> (u32, u32) {
        self.toplevel.set_fullscreen(None);
        // The compositor may answer only when it draws.
        for _ in 0..50 {
            self.roundtrip().expect("the compositor answers");
            if self.lock().1.size != (0, 0) {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.lock().1.size
    }

    /// A watch on when its frames are shown; `None` if the compositor does not say.
    ///
    /// # Panics
    /// If the compositor does not answer.
    pub fn watch(&self) -> Option<Watch> {
        Watch::new(&self.connection, self.surface.clone())
    }

    /// The `wl_display`, alive as long as the window.
    pub fn display_ptr(&self) -> *mut c_void {
        self.connection.backend().display_ptr().cast()
    }

    /// The `wl_surface`, alive as long as the window.
    pub fn surface_ptr(&self) -> *mut c_void {
        self.surface.id().as_ptr().cast()
    }

    /// Answers the events that have been read (pings, configures) without reading from the connection, as an
    /// application that leaves reading to its swapchain.
    pub fn dispatch(&self) -> Result<(), DispatchError> {
        let (queue, state) = &mut *self.lock();
        queue.dispatch_pending(state)?;
        match queue.flush() {
            Err(WaylandError::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(()) => Ok(()),
        }
    }

    /// Sends requests that change nothing until the compositor's socket is full, and a little more. Answers whether it
    /// is: a compositor that reads is never behind by as much.
    pub fn fill_the_socket(&self) -> bool {
        /// Unix sockets take some 200 KiB, and this request has 24 bytes.
        const ENOUGH: u32 = 100_000;
        for number in 1..=ENOUGH {
            self.surface.damage(0, 0, 1, 1);
            if number % 100 == 0
                && let Err(WaylandError::Io(error)) = self.connection.flush()
                && error.kind() == std::io::ErrorKind::WouldBlock
            {
                return true;
            }
        }
        false
    }

    /// Waits until the compositor has handled everything that was sent.
    pub fn roundtrip(&self) -> Result<(), DispatchError> {
        let begun = Instant::now();
        loop {
            let answer = {
                let (queue, state) = &mut *self.lock();
                queue.roundtrip(state)
            };
            match answer {
                // A busy compositor has not read what is in the socket.
                Err(DispatchError::Backend(WaylandError::Io(io)))
                    if io.kind() == std::io::ErrorKind::WouldBlock
                        && begun.elapsed() < Duration::from_secs(10) =>
                {
                    thread::sleep(Duration::from_millis(10));
                }
                answer => return answer.map(drop),
            }
        }
    }

    /// The protocol error with which the compositor ended the connection, if it did.
    pub fn protocol_error(&self) -> Option<String> {
        self.connection
            .protocol_error()
            .map(|error| error.to_string())
    }

    /// # Panics
    /// If the compositor ended the connection, or if it does not answer.
    pub fn assert_alive(&self) {
        let answer = self.roundtrip();
        assert_eq!(self.protocol_error(), None);
        answer.expect("the compositor answers");
    }

    /// Sends what the protocol forbids: the compositor ends the connection.
    pub fn break_the_protocol(&self) {
        // No configure has had this serial (xdg_surface.ack_configure, invalid_serial).
        self.xdg_surface.ack_configure(u32::MAX);
        let _ = self.connection.flush();
    }

    fn lock(&self) -> MutexGuard<'_, (EventQueue<Shell>, Shell)> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Objects of which a surface may have only one each.
pub struct Extended {
    points: WpLinuxDrmSyncobjSurfaceV1,
    fences: ZwpLinuxSurfaceSynchronizationV1,
    fifo: WpFifoV1,
    timer: WpCommitTimerV1,
    tearing: WpTearingControlV1,
}

impl Drop for Extended {
    fn drop(&mut self) {
        self.points.destroy();
        self.fences.destroy();
        self.fifo.destroy();
        self.timer.destroy();
        self.tearing.destroy();
    }
}

fn bind<I: Proxy + 'static>(globals: &GlobalList, handle: &QueueHandle<Shell>) -> I
where
    Shell: Dispatch<I, ()>,
{
    globals
        .bind(handle, 1..=1, ())
        .unwrap_or_else(|error| panic!("{}: {error}", I::interface().name))
}

impl Drop for Window {
    fn drop(&mut self) {
        self.toplevel.destroy();
        self.xdg_surface.destroy();
        self.surface.destroy();
        // A dead compositor needs no requests.
        let _ = self.connection.flush();
    }
}

impl Dispatch<wl_registry::WlRegistry, GlobalListContents> for Shell {
    fn event(
        _: &mut Self,
        _: &wl_registry::WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

impl Dispatch<xdg_wm_base::XdgWmBase, ()> for Shell {
    fn event(
        _: &mut Self,
        shell: &xdg_wm_base::XdgWmBase,
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

impl Dispatch<wl_callback::WlCallback, ()> for Shell {
    fn event(
        state: &mut Self,
        _: &wl_callback::WlCallback,
        _: wl_callback::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        state.seen = true;
    }
}

impl Dispatch<xdg_toplevel::XdgToplevel, ()> for Shell {
    fn event(
        state: &mut Self,
        _: &xdg_toplevel::XdgToplevel,
        event: xdg_toplevel::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_toplevel::Event::Configure { width, height, .. } = event {
            state.size = (width.unsigned_abs(), height.unsigned_abs());
        }
    }
}

impl Dispatch<xdg_surface::XdgSurface, ()> for Shell {
    fn event(
        state: &mut Self,
        surface: &xdg_surface::XdgSurface,
        event: xdg_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_surface::Event::Configure { serial } = event {
            surface.ack_configure(serial);
            state.configured = true;
        }
    }
}

impl Dispatch<WpImageDescriptionV1, ()> for Shell {
    fn event(
        state: &mut Self,
        _: &WpImageDescriptionV1,
        event: wp_image_description_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wp_image_description_v1::Event::Failed { msg, .. } => panic!("{msg}"),
            _ => state.described = true,
        }
    }
}

// The window draws at any size and never closes by itself.
delegate_noop!(Shell: ignore wl_surface::WlSurface);
delegate_noop!(Shell: ignore wl_output::WlOutput);
delegate_noop!(Shell: wl_compositor::WlCompositor);
delegate_noop!(Shell: wp_viewporter::WpViewporter);
delegate_noop!(Shell: wp_viewport::WpViewport);
delegate_noop!(Shell: WpLinuxDrmSyncobjManagerV1);
delegate_noop!(Shell: WpLinuxDrmSyncobjSurfaceV1);
delegate_noop!(Shell: ZwpLinuxExplicitSynchronizationV1);
delegate_noop!(Shell: ZwpLinuxSurfaceSynchronizationV1);
delegate_noop!(Shell: WpFifoManagerV1);
delegate_noop!(Shell: WpFifoV1);
delegate_noop!(Shell: WpCommitTimingManagerV1);
delegate_noop!(Shell: WpCommitTimerV1);
delegate_noop!(Shell: WpTearingControlManagerV1);
delegate_noop!(Shell: WpTearingControlV1);
delegate_noop!(Shell: ignore WpColorManagerV1);
delegate_noop!(Shell: WpColorManagementSurfaceV1);
delegate_noop!(Shell: WpImageDescriptionCreatorParamsV1);
