//! A display of the application: the bound globals, and the compositor's capabilities.
//!
//! Kept while a swapchain is shown there, so that queries then need no round trip. Without a swapchain the
//! application may disconnect it at any time: each query connects again, and leaves nothing behind when the
//! call is over.

use std::{
    ffi::c_void,
    os::fd::BorrowedFd,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use wayland_client::{
    Connection, Proxy, QueueHandle,
    backend::{Backend, ObjectId},
    protocol::{
        wl_buffer::WlBuffer, wl_fixes::WlFixes, wl_registry::WlRegistry, wl_surface::WlSurface,
    },
};
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timing_manager_v1::WpCommitTimingManagerV1;
use wayland_protocols::wp::fifo::v1::client::wp_fifo_manager_v1::WpFifoManagerV1;
use wayland_protocols::wp::linux_dmabuf::zv1::client::{
    zwp_linux_buffer_params_v1::{Flags, ZwpLinuxBufferParamsV1}, zwp_linux_dmabuf_feedback_v1::ZwpLinuxDmabufFeedbackV1,
    zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_explicit_synchronization_v1::ZwpLinuxExplicitSynchronizationV1;
use wayland_protocols::wp::presentation_time::client::wp_presentation::WpPresentation;
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_manager_v1::WpTearingControlManagerV1;

use super::{
    bound::{Bound, bind},
    capabilities::Capabilities,
    color_management::Colours,
    dmabuf::{Formats, Plane},
    events::Events,
    feedback::{Feedback, Nodes, Told},
    globals::{Globals, Release, ReleaseListener},
    leftovers::Leftovers,
    outputs, peer,
    registry::Registry,
    room::see_to_room,
    round_trip::RoundTrip,
    trial::{Answer, Import, Kind, PATIENCE, Trials},
};
use crate::{
    deadline::Deadline,
    error::{Error, Result},
    kernel::{device::driver_of, syncobj::Node},
    lock::lock,
    observe::trace::of_system,
};

/// The displays in use, by the address of their `wl_display`: while one is in use, no other has that.
static DISPLAYS: Registry<Display> = Registry::new();

/// One `wl_display` of the application.
pub struct Display {
    connection: Connection,
    events: Events<Globals>,
    bound: Bound,
    /// The compositor's default feedback, until it has come.
    feedback: Mutex<Option<ZwpLinuxDmabufFeedbackV1>>,
    told: Arc<Told>,
    capabilities: OnceLock<Arc<Capabilities>>,
    leftovers: Leftovers,
    trials: Trials,
    /// The node on which our timelines are made, once it is open.
    node: OnceLock<Node>,
    /// The kernel driver of the compositor's main device.
    main_driver: OnceLock<Option<String>>,
    compositor: String,
}

impl Display {
    /// The display at this address: the known one, or else a new one, which takes two round trips.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] if the connection is dead, [`Error::Unsupported`] if the system has no
    /// `libwayland-client.so.0`.
    ///
    /// # Safety
    /// `display` is a valid `wl_display` and stays so while the answer or a clone of it lives.
    pub unsafe fn of(display: *mut c_void) -> Result<Arc<Display>> {
        // SAFETY: the caller guarantees it.
        let display = unsafe { Display::meet(display) }?;
        display.learn()?;
        Ok(display)
    }

    /// The same, in one round trip: the capabilities are requested, and not known before
    /// [`learn`](Self::learn). Requests in between share its round trip.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    ///
    /// # Safety
    /// As [`of`](Self::of).
    pub(super) unsafe fn meet(display: *mut c_void) -> Result<Arc<Display>> {
        let key = display as usize;
        if let Some(known) = DISPLAYS.known(key) {
            return Ok(known);
        }
        // No lock during the round trip: two threads may both get here.
        // SAFETY: the caller guarantees a valid display that outlives the answer.
        let new = Arc::new(unsafe { Display::connect(display) }?);
        Ok(DISPLAYS.keep(key, new))
    }

    /// # Safety
    /// As [`Display::of`].
    unsafe fn connect(display: *mut c_void) -> Result<Display> {
        if !wayland_sys::client::is_lib_available() {
            return Err(Error::Unsupported(
                "there is no libwayland-client.so.0".to_owned(),
            ));
        }
        // SAFETY: the caller guarantees a valid display that outlives every clone of the backend: the
        // backend is owned by `connection` and `events`, and proxies hold it weakly.
        let backend = unsafe { Backend::from_foreign_display(display.cast()) };
        let compositor = peer::name(backend.poll_fd());
        let globals = Globals::of(backend.poll_fd());
        let connection = Connection::from_backend(backend);
        let events = Events::new(connection.clone(), globals);
        let registry = connection.display().get_registry(events.handle(), ());
        let mut display = Display {
            connection,
            events,
            bound: Bound::default(),
            feedback: Mutex::default(),
            told: Arc::default(),
            capabilities: OnceLock::new(),
            leftovers: Leftovers::default(),
            trials: Trials::default(),
            node: OnceLock::new(),
            main_driver: OnceLock::new(),
            compositor,
        };

        let announced = display.roundtrip();
        if announced.is_ok() {
            display.bound = Bound::of(&display.events, &registry);
        }
        display.leave_registry(&registry);
        announced?;
        if display.bound.syncobj.is_some() {
            // Releases of points are no events of the display.
            display.events.hang_bell()?;
        }
        if let Some(dmabuf) = display.bound.dmabuf_with_feedback() {
            let told = Arc::clone(&display.told);
            let feedback = dmabuf.get_default_feedback(display.events.handle(), told);
            display.feedback = Mutex::new(Some(feedback));
        }
        Ok(display)
    }

    /// Destroys the registry: later globals are of no interest. The compositor's end of it is destroyed only
    /// with `wl_fixes`; the protocol has no other request for it.
    fn leave_registry(&self, registry: &WlRegistry) {
        if let Some(fixes) = bind::<WlFixes>(&self.events, registry, 1, 1) {
            fixes.destroy_registry(registry);
            fixes.destroy();
        }
        // It is alive: nothing else destroys it.
        let _ = self.connection.backend().destroy_object(&registry.id());
        self.events.with_state(Globals::forget);
    }

    /// Waits for the compositor's capabilities, unless they are known: one round trip.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub(super) fn learn(&self) -> Result<()> {
        if self.capabilities.get().is_some() {
            return Ok(());
        }
        if self.bound.dmabuf.is_some() {
            self.roundtrip()?;
        }
        self.capabilities.get_or_init(|| {
            let feedback = match lock(&self.feedback).take() {
                Some(feedback) => {
                    feedback.destroy();
                    self.told.newest().unwrap_or_default()
                }
                None => {
                    let named = |globals: &mut Globals| std::mem::take(&mut globals.formats);
                    Arc::new(Feedback::of(self.events.with_state(named)))
                }
            };
            let mut formats = Formats::default();
            for tranche in &feedback.tranches {
                formats.extend(&tranche.formats);
            }
            let colours = self.bound.colours.as_ref();
            let colours =
                colours.map(|colours| self.events.with_state(|globals| colours.support(globals)));
            // It came with the answers of that round trip.
            let clock = self
                .bound
                .presentation
                .as_ref()
                .and_then(|_| self.events.with_state(|globals| globals.clock))
                .filter(|clock| of_system(*clock).is_some());
            Arc::new(Capabilities {
                clock,
                schedules: self.bound.timing.is_some() && clock.is_some(),
                formats,
                feedback,
                queues: self.bound.fifo.is_some(),
                tears: self.bound.tearing.is_some(),
                colours,
            })
        });
        Ok(())
    }

    /// What the compositor can do. Valid after this, too.
    pub fn capabilities(&self) -> &Arc<Capabilities> {
        // Every display that is handed out has [learnt](Self::learn) them.
        self.capabilities.get_or_init(Arc::default)
    }

    /// Requests the preferences for one surface; `None` if the compositor has no feedback.
    pub(super) fn surface_feedback(
        &self,
        surface: &WlSurface,
        told: Arc<Told>,
    ) -> Option<ZwpLinuxDmabufFeedbackV1> {
        let dmabuf = self.bound.dmabuf_with_feedback()?;
        Some(
            self.events
                .undisturbed(|handle| dmabuf.get_surface_feedback(surface, handle, told)),
        )
    }

    /// The name of the compositor's process, or `unknown`: the protocol has no name for it.
    pub fn compositor(&self) -> &str {
        &self.compositor
    }

    /// The compositor's `wp_linux_drm_syncobj_manager_v1`, and a node to make timelines on: that of the
    /// compositor's main device, or else the first suitable one.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with what is missing.
    pub(crate) fn syncobj(&self) -> Result<(&WpLinuxDrmSyncobjManagerV1, &Node)> {
        let Some(manager) = &self.bound.syncobj else {
            return Err(Error::Unsupported(
                "the compositor does not offer wp_linux_drm_syncobj_v1".to_owned(),
            ));
        };
        if let Some(node) = self.node.get() {
            return Ok((manager, node));
        }
        let node = match self.capabilities().feedback.main_device.map(Node::open) {
            Some(Ok(node)) => node,
            Some(Err(error)) => {
                tracing::debug!(%error, "the compositor's main device");
                Node::any()?
            }
            None => Node::any()?,
        };
        Ok((manager, self.node.get_or_init(|| node)))
    }

    /// The compositor's `zwp_linux_explicit_synchronization_v1`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it has none.
    pub(crate) fn explicit(&self) -> Result<&ZwpLinuxExplicitSynchronizationV1> {
        self.bound.explicit.as_ref().ok_or_else(|| {
            Error::Unsupported(
                "the compositor does not offer zwp_linux_explicit_synchronization_v1".to_owned(),
            )
        })
    }

    /// The kernel driver of the device on which the compositor composes (`amdgpu`, `i915`, …); `None` if
    /// unknown.
    pub fn main_driver(&self) -> Option<&str> {
        let main_driver = self
            .main_driver
            .get_or_init(|| driver_of(self.capabilities().feedback.main_device?));
        main_driver.as_deref()
    }

    /// Whether the compositor is known to ignore fences on dma-bufs: it composes on a device of NVIDIA's own
    /// driver, whose OpenGL and Vulkan neither wait for them nor add any (only `nvidia-drm` uses them, for
    /// scanout).
    pub fn ignores_fences(&self) -> bool {
        self.main_driver() == Some("nvidia")
    }

    /// The compositor's `wp_fifo_manager_v1`.
    pub(crate) fn fifo(&self) -> Option<&WpFifoManagerV1> {
        self.bound.fifo.as_ref()
    }

    /// The compositor's `wp_presentation`.
    pub(super) fn presentation(&self) -> Option<&WpPresentation> {
        self.bound.presentation.as_ref()
    }

    /// The compositor's `wp_commit_timing_manager_v1`.
    pub(super) fn timing(&self) -> Option<&WpCommitTimingManagerV1> {
        self.bound.timing.as_ref()
    }

    /// The compositor's `wp_tearing_control_manager_v1`.
    pub(crate) fn tearing(&self) -> Option<&WpTearingControlManagerV1> {
        self.bound.tearing.as_ref()
    }

    /// The compositor's `wp_color_manager_v1`.
    pub(super) fn colours(&self) -> Option<&Colours> {
        self.bound.colours.as_ref()
    }

    /// Wakes calls in [`wait`](Self::wait), as an event of the compositor does. It exists if the compositor
    /// offers `wp_linux_drm_syncobj_v1`.
    pub(crate) fn bell(&self) -> Option<BorrowedFd<'_>> {
        self.events.bell()
    }

    /// Dispatches our events until `ready` answers or the deadline passes; `ready` must not wait.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub fn wait<T>(
        &self,
        deadline: Deadline,
        ready: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>> {
        self.events.wait(deadline, ready)
    }

    /// Dispatches events that others have read for our queue, nearly always without a system call.
    pub fn dispatch_pending(&self) {
        self.events.dispatch_pending();
    }

    /// Sends queued requests, without waiting for a full socket.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub fn flush(&self) -> Result<()> {
        self.events.flush().map(|_| ())
    }

    /// Dispatches events that have come, without waiting.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub fn look(&self) -> Result<()> {
        self.events.look()
    }

    /// The same for all that has come, in as many reads as that takes.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub(super) fn catch_up(&self) -> Result<()> {
        self.events.catch_up()
    }

    /// Makes a `wl_buffer` of a dma-buf whose memory planes all lie in it. The descriptor stays the caller's.
    /// The caller destroys the `wl_buffer`, unless its release comes when the listener is gone or no longer
    /// needs it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the compositor takes no dma-bufs; [`Error::Kernel`] if no descriptor is left for the
    /// request. A refused dma-buf is a protocol error, which ends the connection: offer only what
    /// [`capabilities`](Self::capabilities) lists.
    #[allow(
        clippy::too_many_arguments,
        reason = "they are one request's arguments"
    )]
    pub fn create_buffer(
        &self,
        fd: BorrowedFd<'_>,
        extent: (u32, u32),
        fourcc: u32,
        modifier: u64,
        planes: &[Plane],
        listener: Weak<dyn ReleaseListener>,
        index: u32,
    ) -> Result<WlBuffer> {
        let handle = self.events.handle();
        let dmabuf = self.dmabuf()?;
        see_to_room(fd, planes.len())?;
        let params = dmabuf.create_params(handle, ());
        add_planes(&params, fd, modifier, planes);
        let buffer = params.create_immed(
            extent.0 as i32,
            extent.1 as i32,
            fourcc,
            Flags::empty(),
            handle,
            Release { listener, index },
        );
        params.destroy();
        Ok(buffer)
    }

    /// Asks whether the compositor can import such a dma-buf of the device with these nodes, as
    /// [`create_buffer`](Self::create_buffer) assumes. Waits for the answer for two seconds at most, and only
    /// once for each accepted device, format, modifier and alignment of rows. The descriptor stays the
    /// caller's.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the compositor takes no dma-bufs, [`Error::CompositorGone`] when the
    /// connection is dead.
    pub fn can_import(
        &self,
        fd: BorrowedFd<'_>,
        extent: (u32, u32),
        fourcc: u32,
        modifier: u64,
        planes: &[Plane],
        nodes: Nodes,
    ) -> Result<Import> {
        let dmabuf = self.dmabuf()?;
        let kind = Kind::of(nodes, fourcc, modifier, planes);
        if self.trials.took(&kind) {
            return Ok(Import::Taken);
        }
        see_to_room(fd, planes.len())?;
        let answer = Arc::<Answer>::default();
        let params = self.events.undisturbed(|handle| {
            let params = dmabuf.create_params(handle, Arc::clone(&answer));
            add_planes(&params, fd, modifier, planes);
            let (width, height) = (extent.0 as i32, extent.1 as i32);
            params.create(width, height, fourcc, Flags::empty());
            params
        });
        self.trials.asked(params);
        let deadline = Deadline::At(Instant::now() + PATIENCE);
        let import = self.events.wait(deadline, || answer.get())?;
        if import == Some(Import::Taken) {
            self.trials.taken(kind);
        }
        Ok(import.unwrap_or(Import::Unanswered))
    }

    fn dmabuf(&self) -> Result<&ZwpLinuxDmabufV1> {
        self.bound
            .dmabuf
            .as_ref()
            .ok_or_else(|| Error::Unsupported("the compositor takes no dma-bufs".to_owned()))
    }

    /// Buffers that swapchains have left.
    pub(super) fn leftovers(&self) -> &Leftovers {
        &self.leftovers
    }

    /// Makes an object that may get events at once.
    pub(super) fn undisturbed<T>(&self, make: impl FnOnce(&QueueHandle<Globals>) -> T) -> T {
        self.events.undisturbed(make)
    }

    pub(super) fn handle(&self) -> &QueueHandle<Globals> {
        self.events.handle()
    }

    /// A proxy for an object of the application's.
    pub(super) fn adopt<P: Proxy>(&self, id: ObjectId) -> Result<P> {
        P::from_id(&self.connection, id).map_err(|error| Error::Protocol(error.to_string()))
    }

    /// Starts a round trip. Its answer comes when the compositor has read all earlier requests, and after all
    /// its earlier events. It is sent with the next wait.
    pub(super) fn ask(&self) -> Arc<AtomicBool> {
        RoundTrip::ask(&self.events, &self.connection)
    }

    /// The time from one refresh to the next, in nanoseconds, if all outputs have the same. Opens a second
    /// connection, and takes two round trips on it.
    pub(super) fn common_refresh(&self) -> Option<u64> {
        outputs::common_refresh(self.connection.backend().poll_fd())
    }

    pub(super) fn roundtrip(&self) -> Result<()> {
        let done = self.ask();
        self.events
            .wait(Deadline::Never, || {
                done.load(Ordering::Acquire).then_some(())
            })
            .map(|_| ())
    }
}

fn add_planes(
    params: &ZwpLinuxBufferParamsV1,
    fd: BorrowedFd<'_>,
    modifier: u64,
    planes: &[Plane],
) {
    for (number, plane) in planes.iter().enumerate() {
        params.add(
            fd,
            number as u32,
            plane.offset,
            plane.stride,
            (modifier >> 32) as u32,
            modifier as u32,
        );
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.leftovers.clear();
        if self.trials.are_unanswered() {
            // `created` brings an object. libwayland drops an event for a proxy that is gone without taking the id of
            // that object, and the next object of the compositor's is then a protocol error. So the request lives
            // on, with its queue: one for each display that a compositor has left without an answer.
            std::mem::forget(self.connection.clone());
        }
        if let Some(feedback) = lock(&self.feedback).take() {
            feedback.destroy();
        }
        self.bound = Bound::default();
        // Our queue and its proxies go with the backend; the requests that destroy the compositor's objects are
        // sent now, or with the application's next flush.
        let _ = self.events.flush();
    }
}
