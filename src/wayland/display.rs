//! A display of the application: its globals that we use, and what the compositor said about itself.
//!
//! Kept for as long as a surface of that display is known, so that a capability query costs no round
//! trip once the first was answered.

use std::{
    collections::HashMap,
    ffi::c_void,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use wayland_client::{
    Connection, Dispatch, Proxy, QueueHandle,
    backend::{Backend, ObjectId},
    protocol::{
        wl_buffer::{self, WlBuffer},
        wl_callback::{self, WlCallback},
        wl_registry::{self, WlRegistry},
    },
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::{
    zwp_linux_buffer_params_v1::{self, Flags, ZwpLinuxBufferParamsV1},
    zwp_linux_dmabuf_feedback_v1::{self, ZwpLinuxDmabufFeedbackV1},
    zwp_linux_dmabuf_v1::{self, ZwpLinuxDmabufV1},
};

use super::{
    dmabuf::{FormatTable, Formats, Plane},
    events::Events,
    surface::FrameCallback,
};
use crate::{
    deadline::Deadline,
    error::{Error, Result},
    lock::lock,
};

/// The lowest version of `zwp_linux_dmabuf_v1` that tells modifiers.
const DMABUF_WITH_MODIFIERS: u32 = 3;
/// The lowest version of `zwp_linux_dmabuf_v1` that has feedback, and then sends no modifier events.
const DMABUF_WITH_FEEDBACK: u32 = 4;
/// The highest version of `zwp_linux_dmabuf_v1` that we know.
const DMABUF_KNOWN: u32 = 5;

/// The displays in use, by the address of their `wl_display`.
static DISPLAYS: Mutex<Option<HashMap<usize, Weak<Display>>>> = Mutex::new(None);

/// Hears that the compositor has released a buffer. Held weakly by its buffers.
pub trait ReleaseListener: Send + Sync + 'static {
    /// The buffer with this number was released. Called where the event is dispatched. Answers whether
    /// the buffer is still of use; if not, it is destroyed.
    fn released(&self, index: u32) -> bool;
}

/// One `wl_display` of the application.
pub struct Display {
    connection: Connection,
    events: Events<Globals>,
    dmabuf: Option<ZwpLinuxDmabufV1>,
    formats: Formats,
    compositor: String,
}

impl Display {
    /// The display at this address: the one already known, or else a new acquaintance, which takes two
    /// round trips.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] if the connection is dead, [`Error::Unsupported`] if the system has no
    /// `libwayland-client.so.0`.
    ///
    /// # Safety
    /// `display` is a valid `wl_display` and stays so while the answer or a clone of it lives.
    pub unsafe fn of(display: *mut c_void) -> Result<Arc<Display>> {
        let key = display as usize;
        if let Some(known) = known(key) {
            return Ok(known);
        }
        // No lock during the round trips: two threads may both get here, and the first to finish wins.
        // SAFETY: the caller guarantees a valid display that outlives the answer.
        let new = Arc::new(unsafe { Display::connect(display) }?);
        let mut displays = lock(&DISPLAYS);
        let displays = displays.get_or_insert_default();
        displays.retain(|_, display| display.strong_count() > 0);
        if let Some(other) = displays.get(&key).and_then(Weak::upgrade) {
            return Ok(other);
        }
        displays.insert(key, Arc::downgrade(&new));
        Ok(new)
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
        // backend is owned by `events` and by proxies, which hold it weakly.
        let backend = unsafe { Backend::from_foreign_display(display.cast()) };
        let compositor = compositor_name(backend.poll_fd());
        let connection = Connection::from_backend(backend);
        let events = Events::new(connection.clone(), Globals::default());
        let registry = connection.display().get_registry(events.handle(), ());
        let mut display = Display {
            connection,
            events,
            dmabuf: None,
            formats: Formats::default(),
            compositor,
        };

        display.roundtrip()?;
        let dmabuf = display.events.with_state(|globals| globals.dmabuf);
        if let Some((name, version)) = dmabuf {
            let handle = display.events.handle();
            let dmabuf: ZwpLinuxDmabufV1 =
                registry.bind(name, version.min(DMABUF_KNOWN), handle, ());
            let feedback =
                (version >= DMABUF_WITH_FEEDBACK).then(|| dmabuf.get_default_feedback(handle, ()));
            display.dmabuf = Some(dmabuf);
            display.roundtrip()?;
            display.formats = display
                .events
                .with_state(|globals| std::mem::take(&mut globals.formats));
            if let Some(feedback) = feedback {
                feedback.destroy();
            }
        }
        Ok(display)
    }

    /// The dma-bufs that the compositor takes; none if it does not know `zwp_linux_dmabuf_v1` with
    /// modifiers.
    pub fn formats(&self) -> &Formats {
        &self.formats
    }

    /// The name of the compositor's process, or `unknown`: the protocol has no name for it.
    pub fn compositor(&self) -> &str {
        &self.compositor
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

    /// Sends what is queued, without waiting for a full socket.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub fn flush(&self) -> Result<()> {
        self.events.flush().map(|_| ())
    }

    /// Dispatches what has come, without waiting.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub fn look(&self) -> Result<()> {
        self.events.look()
    }

    /// Makes a `wl_buffer` of a dma-buf whose memory planes all lie in it. The descriptor stays the
    /// caller's. The `wl_buffer` is the caller's to destroy, unless its release comes when the listener
    /// is gone or has no more use for it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the compositor takes no dma-bufs. A dma-buf that it refuses is a
    /// protocol error, and the connection dies of it: offer only what [`formats`](Self::formats) lists.
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
        let Some(dmabuf) = &self.dmabuf else {
            return Err(Error::Unsupported(
                "the compositor takes no dma-bufs".to_owned(),
            ));
        };
        let handle = self.events.handle();
        let params = dmabuf.create_params(handle, ());
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

    pub(super) fn handle(&self) -> &QueueHandle<Globals> {
        self.events.handle()
    }

    /// A proxy for an object of the application's.
    pub(super) fn adopt<P: Proxy>(&self, id: ObjectId) -> Result<P> {
        P::from_id(&self.connection, id).map_err(|error| Error::Protocol(error.to_string()))
    }

    fn roundtrip(&self) -> Result<()> {
        let done = Arc::new(AtomicBool::new(false));
        self.connection
            .display()
            .sync(self.events.handle(), RoundTrip(Arc::clone(&done)));
        self.events
            .wait(Deadline::Never, || {
                done.load(Ordering::Acquire).then_some(())
            })
            .map(|_| ())
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(dmabuf) = &self.dmabuf {
            dmabuf.destroy();
        }
        // Our proxies go with the backend; the requests that destroy theirs in the compositor go now,
        // or with the application's next flush.
        let _ = self.events.flush();
    }
}

fn known(key: usize) -> Option<Arc<Display>> {
    lock(&DISPLAYS).as_ref()?.get(&key)?.upgrade()
}

/// The process at the other end of the display's socket; unknown if that is in another pid namespace.
fn compositor_name(display: BorrowedFd<'_>) -> String {
    let mut peer = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: an open socket, a structure of the type that `SO_PEERCRED` fills, and its size.
    let got = unsafe {
        libc::getsockopt(
            display.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &mut length,
        )
    };
    (got == 0 && peer.pid > 0)
        .then(|| std::fs::read_to_string(format!("/proc/{}/comm", peer.pid)).ok())
        .flatten()
        .map_or_else(|| "unknown".to_owned(), |name| name.trim_end().to_owned())
}

/// What the compositor has announced.
#[derive(Default)]
pub(super) struct Globals {
    /// Name and version.
    dmabuf: Option<(u32, u32)>,
    formats: Formats,
    table: FormatTable,
}

struct RoundTrip(Arc<AtomicBool>);

struct Release {
    listener: Weak<dyn ReleaseListener>,
    index: u32,
}

impl Dispatch<WlRegistry, ()> for Globals {
    fn event(
        globals: &mut Self,
        _: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_registry::Event::Global {
            name,
            interface,
            version,
        } = event
            && interface == ZwpLinuxDmabufV1::interface().name
            && version >= DMABUF_WITH_MODIFIERS
        {
            globals.dmabuf = Some((name, version));
        }
    }
}

impl Dispatch<WlCallback, RoundTrip> for Globals {
    fn event(
        _: &mut Self,
        _: &WlCallback,
        event: wl_callback::Event,
        RoundTrip(done): &RoundTrip,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_callback::Event::Done { .. } = event {
            done.store(true, Ordering::Release);
        }
    }
}

impl Dispatch<WlCallback, FrameCallback> for Globals {
    fn event(
        _: &mut Self,
        _: &WlCallback,
        event: wl_callback::Event,
        frame: &FrameCallback,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_callback::Event::Done { .. } = event {
            frame.done();
        }
    }
}

impl Dispatch<ZwpLinuxDmabufV1, ()> for Globals {
    fn event(
        globals: &mut Self,
        _: &ZwpLinuxDmabufV1,
        event: zwp_linux_dmabuf_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let zwp_linux_dmabuf_v1::Event::Modifier {
            format,
            modifier_hi,
            modifier_lo,
        } = event
        {
            globals.formats.insert(
                format,
                u64::from(modifier_hi) << 32 | u64::from(modifier_lo),
            );
        }
    }
}

impl Dispatch<ZwpLinuxDmabufFeedbackV1, ()> for Globals {
    fn event(
        globals: &mut Self,
        _: &ZwpLinuxDmabufFeedbackV1,
        event: zwp_linux_dmabuf_feedback_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            zwp_linux_dmabuf_feedback_v1::Event::FormatTable { fd, size } => {
                globals.table = read_table(fd, size);
            }
            zwp_linux_dmabuf_feedback_v1::Event::TrancheFormats { indices } => {
                for (fourcc, modifier) in globals.table.tranche(&indices) {
                    globals.formats.insert(fourcc, modifier);
                }
            }
            _ => {}
        }
    }
}

fn read_table(fd: OwnedFd, size: u32) -> FormatTable {
    FormatTable::read(fd, size).unwrap_or_else(|error| {
        tracing::warn!(%error, "the compositor's dma-buf formats cannot be read");
        FormatTable::default()
    })
}

impl Dispatch<ZwpLinuxBufferParamsV1, ()> for Globals {
    fn event(
        _: &mut Self,
        _: &ZwpLinuxBufferParamsV1,
        event: zwp_linux_buffer_params_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let zwp_linux_buffer_params_v1::Event::Failed = event {
            tracing::error!("the compositor refused a dma-buf");
        }
    }
}

impl Dispatch<WlBuffer, Release> for Globals {
    fn event(
        _: &mut Self,
        buffer: &WlBuffer,
        event: wl_buffer::Event,
        release: &Release,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_buffer::Event::Release = event
            && !release
                .listener
                .upgrade()
                .is_some_and(|listener| listener.released(release.index))
        {
            buffer.destroy();
        }
    }
}
