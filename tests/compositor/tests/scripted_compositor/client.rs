//! A client that records all events.

use std::fmt::Debug;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use wayfence_test_compositor::{Commit, Compositor, Reason};
use wayland_client::backend::ObjectId;
use wayland_client::globals::{GlobalList, GlobalListContents, registry_queue_init};
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::protocol::wl_callback::WlCallback;
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_output::WlOutput;
use wayland_client::protocol::wl_region::WlRegion;
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::protocol::wl_shm::WlShm;
use wayland_client::protocol::wl_shm_pool::WlShmPool;
use wayland_client::protocol::wl_subcompositor::WlSubcompositor;
use wayland_client::protocol::wl_subsurface::WlSubsurface;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle, event_created_child};
use wayland_protocols::wp::color_management::v1::client::wp_color_management_output_v1::WpColorManagementOutputV1;
use wayland_protocols::wp::color_management::v1::client::wp_color_management_surface_feedback_v1::WpColorManagementSurfaceFeedbackV1;
use wayland_protocols::wp::color_management::v1::client::wp_color_management_surface_v1::WpColorManagementSurfaceV1;
use wayland_protocols::wp::color_management::v1::client::wp_color_manager_v1::WpColorManagerV1;
use wayland_protocols::wp::color_management::v1::client::wp_image_description_creator_params_v1::WpImageDescriptionCreatorParamsV1;
use wayland_protocols::wp::color_management::v1::client::wp_image_description_info_v1::WpImageDescriptionInfoV1;
use wayland_protocols::wp::color_management::v1::client::wp_image_description_v1::WpImageDescriptionV1;
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timer_v1::WpCommitTimerV1;
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timing_manager_v1::WpCommitTimingManagerV1;
use wayland_protocols::wp::fifo::v1::client::wp_fifo_manager_v1::WpFifoManagerV1;
use wayland_protocols::wp::fifo::v1::client::wp_fifo_v1::WpFifoV1;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_buffer_params_v1::{
    self, ZwpLinuxBufferParamsV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_feedback_v1::{
    self, ZwpLinuxDmabufFeedbackV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_surface_v1::WpLinuxDrmSyncobjSurfaceV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_timeline_v1::WpLinuxDrmSyncobjTimelineV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_buffer_release_v1::{
    self, ZwpLinuxBufferReleaseV1,
};
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_explicit_synchronization_v1::ZwpLinuxExplicitSynchronizationV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_surface_synchronization_v1::ZwpLinuxSurfaceSynchronizationV1;
use wayland_protocols::wp::presentation_time::client::wp_presentation::WpPresentation;
use wayland_protocols::wp::presentation_time::client::wp_presentation_feedback::WpPresentationFeedback;
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_manager_v1::WpTearingControlManagerV1;
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_v1::WpTearingControlV1;
use wayland_protocols::wp::viewporter::client::wp_viewport::WpViewport;
use wayland_protocols::wp::viewporter::client::wp_viewporter::WpViewporter;
use wayland_protocols::xdg::shell::client::xdg_surface::{self, XdgSurface};
use wayland_protocols::xdg::shell::client::xdg_toplevel::XdgToplevel;
use wayland_protocols::xdg::shell::client::xdg_wm_base::XdgWmBase;

/// `AR24`.
pub const ARGB8888: u32 = u32::from_le_bytes(*b"AR24");

/// One connection, and all its events.
pub struct Client {
    pub connection: Connection,
    pub queue: EventQueue<Heard>,
    pub heard: Heard,
    pub globals: GlobalList,
    pub compositor: WlCompositor,
}

/// The events of a connection.
#[derive(Default)]
pub struct Heard {
    /// In order: the object, and the event as `Debug` writes it.
    pub events: Vec<(ObjectId, String)>,
    /// What came with `format_table`: the file and the size that the event tells.
    pub tables: Vec<(OwnedFd, u32)>,
    /// What came with `fenced_release`.
    pub fences: Vec<OwnedFd>,
    /// What came with `created`.
    pub created: Vec<WlBuffer>,
    /// The last `xdg_surface.configure`.
    pub configure: Option<u32>,
    /// `format` and `modifier` pairs of `tranche_formats` and the like stay in `indices`.
    pub indices: Vec<Vec<u8>>,
}

impl Client {
    pub fn new(test: &Compositor) -> Self {
        Self::on(test.connect())
    }

    pub fn on(socket: std::os::unix::net::UnixStream) -> Self {
        let connection = Connection::from_socket(socket).unwrap();
        let (globals, queue) = registry_queue_init::<Heard>(&connection).unwrap();
        let compositor = globals.bind(&queue.handle(), 1..=6, ()).unwrap();
        Self {
            connection,
            queue,
            heard: Heard::default(),
            globals,
            compositor,
        }
    }

    pub fn handle(&self) -> QueueHandle<Heard> {
        self.queue.handle()
    }

    /// Binds a global at its highest version.
    pub fn bind<I>(&self) -> I
    where
        I: Proxy + 'static,
        Heard: Dispatch<I, ()>,
    {
        self.globals
            .bind(&self.handle(), 1..=I::interface().version, ())
            .unwrap()
    }

    /// Binds a global at this version.
    pub fn bind_at<I>(&self, version: u32) -> I
    where
        I: Proxy + 'static,
        Heard: Dispatch<I, ()>,
    {
        let versions = version..=version;
        self.globals.bind(&self.handle(), versions, ()).unwrap()
    }

    /// Reads everything that was sent until now.
    #[track_caller]
    pub fn roundtrip(&mut self) {
        self.queue.roundtrip(&mut self.heard).unwrap();
    }

    /// The events of an object since the last call.
    pub fn events_of(&mut self, object: &impl Proxy) -> Vec<String> {
        let id = object.id();
        let mut events = Vec::new();
        self.heard.events.retain(|(of, event)| {
            let keep = *of != id;
            if !keep {
                events.push(event.clone());
            }
            keep
        });
        events
    }

    /// A surface without a role.
    pub fn surface(&self) -> WlSurface {
        self.compositor.create_surface(&self.handle(), ())
    }

    /// A window, configured.
    pub fn window(&mut self) -> Window {
        let shell: XdgWmBase = self.bind();
        let surface = self.surface();
        let xdg = shell.get_xdg_surface(&surface, &self.handle(), ());
        let toplevel = xdg.get_toplevel(&self.handle(), ());
        surface.commit();
        self.roundtrip();
        xdg.ack_configure(self.heard.configure.take().expect("a configure"));
        Window {
            shell,
            surface,
            xdg,
            toplevel,
        }
    }

    /// A buffer of 32 by 32 pixels whose dma-buf is plain memory.
    pub fn buffer(&self) -> WlBuffer {
        self.buffer_on(memory(32 * 32 * 4))
    }

    /// A buffer of 32 by 32 pixels.
    pub fn buffer_on(&self, dma_buf: impl AsFd) -> WlBuffer {
        let params = self.params();
        params.add(dma_buf.as_fd(), 0, 0, 32 * 4, 0, 0);
        let flags = zwp_linux_buffer_params_v1::Flags::empty();
        params.create_immed(32, 32, ARGB8888, flags, &self.handle(), ())
    }

    pub fn params(&self) -> ZwpLinuxBufferParamsV1 {
        let dmabuf: ZwpLinuxDmabufV1 = self.bind();
        dmabuf.create_params(&self.handle(), ())
    }

    /// The same in shared memory.
    pub fn shared_memory(&self) -> WlBuffer {
        let shm: WlShm = self.bind();
        let size = 32 * 32 * 4;
        let pool = shm.create_pool(memory(size).as_fd(), size as i32, &self.handle(), ());
        let format = wayland_client::protocol::wl_shm::Format::Argb8888;
        pool.create_buffer(0, 32, 32, 32 * 4, format, &self.handle(), ())
    }

    /// Shows the buffer on the surface. Answers what the compositor has seen.
    #[track_caller]
    pub fn show(&mut self, test: &Compositor, surface: &WlSurface, buffer: &WlBuffer) -> Commit {
        commit(surface, buffer);
        self.roundtrip();
        test.next_commit()
    }

    /// Asserts that the compositor ends this client with an error of this interface, and that both see it.
    #[track_caller]
    pub fn assert_ended(&mut self, test: &Compositor, interface: &str, code: impl Into<u32>) {
        let code = code.into();
        // It may be over already.
        let _ = self.connection.flush();
        match test.next_disconnection().reason {
            Reason::Error(error) => {
                assert_eq!(
                    (error.interface.as_str(), error.code),
                    (interface, code),
                    "{error}"
                );
            }
            Reason::Closed => panic!("closed, without an error"),
        }
        // Nothing more is sent: a write would meet the closed socket before the error is read.
        while self.queue.blocking_dispatch(&mut self.heard).is_ok() {}
        let error = self.connection.protocol_error().expect("an error");
        assert_eq!(error.code, code, "{error}");
        // An object that the client has destroyed has no name any more.
        if error.object_id != 0 {
            assert_eq!(error.object_interface, interface, "{error}");
        }
    }
}

/// Attaches, damages, commits.
pub fn commit(surface: &WlSurface, buffer: &WlBuffer) {
    surface.attach(Some(buffer), 0, 0);
    surface.damage_buffer(0, 0, i32::MAX, i32::MAX);
    surface.commit();
}

pub struct Window {
    pub shell: XdgWmBase,
    pub surface: WlSurface,
    pub xdg: XdgSurface,
    pub toplevel: XdgToplevel,
}

/// Plain memory: a dma-buf as far as the protocols can tell.
pub fn memory(size: u64) -> OwnedFd {
    let memory = memfd_create("wayfence-tests", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&memory, size).unwrap();
    memory
}

impl Heard {
    fn note<I: Proxy>(&mut self, object: &I, event: &impl Debug) {
        self.events.push((object.id(), format!("{event:?}")));
    }
}

macro_rules! note {
    ($($interface:ty),* $(,)?) => {$(
        impl Dispatch<$interface, ()> for Heard {
            fn event(
                heard: &mut Self,
                object: &$interface,
                event: <$interface as Proxy>::Event,
                (): &(),
                _: &Connection,
                _: &QueueHandle<Self>,
            ) {
                heard.note(object, &event);
            }
        }
    )*};
}

note!(
    WlBuffer,
    WlCallback,
    WlCompositor,
    WlOutput,
    WlRegion,
    WlSeat,
    WlShm,
    WlShmPool,
    WlSubcompositor,
    WlSubsurface,
    WlSurface,
    WpColorManagementOutputV1,
    WpColorManagementSurfaceFeedbackV1,
    WpColorManagementSurfaceV1,
    WpColorManagerV1,
    WpCommitTimerV1,
    WpCommitTimingManagerV1,
    WpFifoManagerV1,
    WpFifoV1,
    WpImageDescriptionCreatorParamsV1,
    WpImageDescriptionInfoV1,
    WpImageDescriptionV1,
    WpLinuxDrmSyncobjManagerV1,
    WpLinuxDrmSyncobjSurfaceV1,
    WpLinuxDrmSyncobjTimelineV1,
    WpPresentation,
    WpPresentationFeedback,
    WpTearingControlManagerV1,
    WpTearingControlV1,
    WpViewport,
    WpViewporter,
    XdgToplevel,
    XdgWmBase,
    ZwpLinuxDmabufV1,
    ZwpLinuxExplicitSynchronizationV1,
    ZwpLinuxSurfaceSynchronizationV1,
);

impl Dispatch<WlRegistry, GlobalListContents> for Heard {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

impl Dispatch<XdgSurface, ()> for Heard {
    fn event(
        heard: &mut Self,
        object: &XdgSurface,
        event: xdg_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        heard.note(object, &event);
        if let xdg_surface::Event::Configure { serial } = event {
            heard.configure = Some(serial);
        }
    }
}

impl Dispatch<ZwpLinuxBufferParamsV1, ()> for Heard {
    fn event(
        heard: &mut Self,
        object: &ZwpLinuxBufferParamsV1,
        event: zwp_linux_buffer_params_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        heard.note(object, &event);
        if let zwp_linux_buffer_params_v1::Event::Created { buffer } = event {
            heard.created.push(buffer);
        }
    }

    event_created_child!(Heard, ZwpLinuxBufferParamsV1, [
        zwp_linux_buffer_params_v1::EVT_CREATED_OPCODE => (WlBuffer, ()),
    ]);
}

impl Dispatch<ZwpLinuxDmabufFeedbackV1, ()> for Heard {
    fn event(
        heard: &mut Self,
        object: &ZwpLinuxDmabufFeedbackV1,
        event: zwp_linux_dmabuf_feedback_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use zwp_linux_dmabuf_feedback_v1::Event;
        match event {
            Event::FormatTable { fd, size } => {
                heard.note(object, &"FormatTable");
                heard.tables.push((fd, size));
            }
            Event::TrancheFormats { indices } => {
                heard.note(object, &"TrancheFormats");
                heard.indices.push(indices);
            }
            other => heard.note(object, &other),
        }
    }
}

impl Dispatch<ZwpLinuxBufferReleaseV1, ()> for Heard {
    fn event(
        heard: &mut Self,
        object: &ZwpLinuxBufferReleaseV1,
        event: zwp_linux_buffer_release_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use zwp_linux_buffer_release_v1::Event;
        match event {
            Event::FencedRelease { fence } => {
                heard.note(object, &"FencedRelease");
                heard.fences.push(fence);
            }
            other => heard.note(object, &other),
        }
    }
}
