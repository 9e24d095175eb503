//! The surface that frames are committed to.

use std::{
    ffi::c_void,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use wayland_client::{
    Proxy,
    backend::ObjectId,
    protocol::{wl_buffer::WlBuffer, wl_surface::WlSurface},
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_feedback_v1::ZwpLinuxDmabufFeedbackV1;

use super::{
    color_management::Colours,
    colour::{self, LeftOut, Metadata, Space},
    colour_surface::ColourSurface,
    display::Display,
    explicit::{FenceSurface, PointSurface},
    feedback::{Feedback, Told},
    fifo::FifoSurface,
    heard::{Begun, FrameCallback, Unbegun, Watched},
    image_description::ImageDescription,
    registry::Registry,
    shared::{Lease, Shared},
    tearing::TearingSurface,
    timing::TimerSurface,
};
use crate::{
    deadline::Deadline,
    error::{Error, Result},
    lock::lock,
    observe::trace::FrameTrace,
    swapchain::{
        pacing::{self, Pacing},
        presentations::Presentations,
        refresh::Refresh,
    },
};

/// The lowest version of `wl_surface` with `damage_buffer`.
const WITH_DAMAGE_BUFFER: u32 = 4;

/// One in this many frames committed at a pace is watched for the refresh of the display.
const SAMPLED: u64 = 64;

/// A part of an image, in its pixels from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rectangle {
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Pixels across.
    pub width: i32,
    /// Pixels down.
    pub height: i32,
}

/// How a commit follows the one before it.
#[derive(Clone, Copy)]
pub(crate) enum Pace<'a> {
    /// It replaces it.
    Free,
    /// It comes when the one before it was shown; the caller has waited for that ([`Surface::not_before`]).
    Callbacks,
    /// The compositor shows one after the other.
    Queue(&'a FifoSurface),
    /// It replaces those that were not shown yet; a queued one after it waits for this one, too.
    Latest(&'a FifoSurface),
}

/// What a commit shows, and how.
pub(crate) struct Frame<'a> {
    /// The buffer.
    pub buffer: &'a WlBuffer,
    /// What has changed; empty: everything.
    pub damage: &'a [Rectangle],
    /// How it follows the one before it.
    pub pace: Pace<'a>,
    /// Whether it may be shown with tearing.
    pub tears: bool,
    /// Whether [nobody sees](Surface::is_unseen) the surface: then there is no refresh for which a queue
    /// could wait.
    pub unseen: bool,
    /// What its colours mean, if that is described. The description is ready.
    pub colours: Option<&'a Arc<ImageDescription>>,
    /// The time before which it must not be shown.
    pub meant: Option<Meant<'a>>,
    /// The listener for its presentation.
    pub watched: Option<Watched>,
}

/// The time for which a commit is meant.
#[derive(Clone, Copy)]
pub(crate) struct Meant<'a> {
    /// The object that tells the compositor.
    pub timer: &'a TimerSurface,
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at: u64,
    /// The same.
    pub instant: Instant,
}

impl Pace<'_> {
    fn is_queued(self) -> bool {
        matches!(self, Pace::Queue(_))
    }
}

/// The surfaces in use, by the address of their `wl_surface`, which no other has while it is in use.
static SURFACES: Registry<Surface> = Registry::new();

/// A `wl_surface` of the application, on which swapchains are shown. There is one for each `wl_surface`,
/// whichever `VkSurfaceKHR` a swapchain is made from: each protocol allows one object of its kind for a
/// surface.
pub struct Surface {
    display: Arc<Display>,
    surface: WlSurface,
    pacing: Arc<Mutex<Pacing>>,
    refresh: Arc<Mutex<Refresh>>,
    /// The outputs were asked for their refresh.
    asked_outputs: AtomicBool,
    /// How many frames were committed at a pace.
    paced: AtomicU64,
    unbegun: Arc<Mutex<Unbegun>>,
    /// Keeps the requests of one commit apart from another's: a swapchain and its predecessor may be presented
    /// from two threads.
    committing: Mutex<()>,
    /// A swapchain has its [`Claim`].
    claimed: AtomicBool,
    points: Shared<PointSurface>,
    fences: Shared<FenceSurface>,
    fifo: Shared<FifoSurface>,
    tearing: Shared<TearingSurface>,
    colour: Shared<ColourSurface>,
    timer: Shared<TimerSurface>,
    told: Arc<Told>,
    /// The object by which the compositor tells what it prefers for this surface.
    feedback: Option<ZwpLinuxDmabufFeedbackV1>,
}

/// The right to be what a surface shows. While another swapchain has it, "the requested window is already in
/// use" (`VK_ERROR_NATIVE_WINDOW_IN_USE_KHR`).
pub struct Claim(Arc<Surface>);

impl Claim {
    /// The surface.
    pub fn surface(&self) -> &Arc<Surface> {
        &self.0
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.claimed.store(false, Ordering::Release);
    }
}

impl Surface {
    /// The surface at this address: the known one, or a new one, which takes one round trip, or two if the
    /// display is new as well.
    ///
    /// # Errors
    /// As [`Display::of`], and [`Error::Protocol`] if `surface` is no `wl_surface`.
    ///
    /// # Safety
    /// `surface` is a valid `wl_surface` of the valid `wl_display` `display`, and both stay so while the
    /// answer or a clone of it lives.
    pub unsafe fn of(display: *mut c_void, surface: *mut c_void) -> Result<Arc<Surface>> {
        let key = surface as usize;
        if let Some(known) = SURFACES.known(key) {
            return Ok(known);
        }
        // SAFETY: the caller guarantees a valid display that outlives the answer.
        let display = unsafe { Display::meet(display) }?;
        // SAFETY: the caller guarantees a valid surface that outlives the answer.
        let new = Arc::new(unsafe { Surface::new(display, surface) }?);
        // The same round trip answers for the display and for the surface.
        new.display.learn()?;
        new.await_feedback()?;
        Ok(SURFACES.keep(key, new))
    }

    /// # Safety
    /// As [`Surface::of`].
    unsafe fn new(display: Arc<Display>, surface: *mut c_void) -> Result<Surface> {
        // SAFETY: the caller guarantees a valid proxy for as long as the id is used.
        let id = unsafe { ObjectId::from_ptr(WlSurface::interface(), surface.cast()) }
            .map_err(|_| Error::Protocol("the surface is not a wl_surface".to_owned()))?;
        let surface = display.adopt::<WlSurface>(id)?;
        let told = Arc::<Told>::default();
        Ok(Surface {
            feedback: display.surface_feedback(&surface, Arc::clone(&told)),
            told,
            display,
            surface,
            pacing: Arc::default(),
            refresh: Arc::default(),
            asked_outputs: AtomicBool::new(false),
            paced: AtomicU64::new(0),
            unbegun: Arc::default(),
            committing: Mutex::default(),
            claimed: AtomicBool::new(false),
            points: Shared::default(),
            fences: Shared::default(),
            fifo: Shared::default(),
            tearing: Shared::default(),
            colour: Shared::default(),
            timer: Shared::default(),
        })
    }

    /// The right to be what it shows; `None` while another has it.
    pub fn claim(self: &Arc<Self>) -> Option<Claim> {
        let taken = self.claimed.swap(true, Ordering::AcqRel);
        (!taken).then(|| Claim(Arc::clone(self)))
    }

    /// The object by which commits carry points of timelines. While it lives, every commit of a buffer
    /// must have them.
    pub(crate) fn points(&self) -> Result<Lease<PointSurface>> {
        self.points
            .get(|| PointSurface::new(&self.display, &self.surface))
    }

    /// The object by which commits carry fences.
    pub(crate) fn fences(&self) -> Result<Lease<FenceSurface>> {
        self.fences
            .get(|| FenceSurface::new(&self.display, &self.surface))
    }

    /// The object by which commits wait for one another; `None` if the compositor cannot do that.
    pub(crate) fn fifo(&self) -> Option<Lease<FifoSurface>> {
        self.fifo
            .get(|| FifoSurface::new(&self.display, &self.surface))
            .ok()
    }

    /// The object by which commits may tear. [`commit`](Self::commit) uses it while it lives.
    pub(crate) fn tearing(&self) -> Result<Lease<TearingSurface>> {
        self.tearing
            .get(|| TearingSurface::new(&self.display, &self.surface))
    }

    /// The object by which commits have a description. [`commit`](Self::commit) uses it while it lives.
    pub(crate) fn colour(&self) -> Result<Lease<ColourSurface>> {
        let object = self.colour.get(|| Ok(ColourSurface::new()))?;
        object.take(self.colours()?, self.display.handle(), &self.surface);
        // At once, since no frame of ours need follow.
        self.display.flush()?;
        Ok(object)
    }

    /// Destroys that object even if it is in use: the application may make its own.
    pub(crate) fn leave_colour(&self) {
        self.colour.with_living(|object| {
            object.leave();
            // At once, as above. The next call reports a dead connection.
            let _ = self.display.flush();
        });
    }

    /// What to tell the compositor about images in this space.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it cannot show them.
    pub(crate) fn plain(&self, space: &Space) -> Result<colour::Description> {
        let support = self.display.capabilities().colours.as_ref();
        support
            .and_then(|support| space.describe(support))
            .ok_or_else(|| cannot_show(space))
    }

    /// The same with the application's metadata, and the parts of them that the compositor is not told.
    ///
    /// # Errors
    /// As [`plain`](Self::plain).
    pub(crate) fn with_metadata(
        &self,
        space: &Space,
        metadata: &Metadata,
    ) -> Result<(colour::Description, Vec<LeftOut>)> {
        let support = self.display.capabilities().colours.as_ref();
        support
            .and_then(|support| space.describe_with(metadata, support))
            .ok_or_else(|| cannot_show(space))
    }

    /// Asks for a description. Its answer comes when it is dispatched.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the compositor has no colour management.
    pub(crate) fn describe(&self, says: colour::Description) -> Result<Arc<ImageDescription>> {
        let colours = self.colours()?;
        Ok(self
            .display
            .undisturbed(|handle| colours.describe(handle, says)))
    }

    fn colours(&self) -> Result<&Colours> {
        self.display.colours().ok_or_else(|| {
            Error::Unsupported("the compositor does not offer wp_color_manager_v1".to_owned())
        })
    }

    /// The object by which commits wait for a time; `None` if the compositor cannot do that.
    pub(crate) fn timer(&self) -> Option<Lease<TimerSurface>> {
        self.timer
            .get(|| TimerSurface::new(&self.display, &self.surface))
            .ok()
    }

    /// The display to which the surface belongs.
    pub fn display(&self) -> &Arc<Display> {
        &self.display
    }

    /// Dispatches the compositor's preferences for this surface as far as they have come; waits for the first,
    /// which may take a round trip.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub fn await_feedback(&self) -> Result<()> {
        match (&self.feedback, self.told.newest()) {
            (None, _) => Ok(()),
            (Some(_), None) => self.display.roundtrip(),
            (Some(_), Some(_)) => self.display.catch_up(),
        }
    }

    /// What the compositor prefers for this surface, as far as it has been dispatched. Without a preference for
    /// this surface, its preference for any surface.
    pub fn feedback(&self) -> Arc<Feedback> {
        let told = self.told.newest();
        told.unwrap_or_else(|| Arc::clone(&self.display.capabilities().feedback))
    }

    /// A number that changes when [`feedback`](Self::feedback) does. Makes no call to the compositor.
    pub fn preference(&self) -> u64 {
        self.told.changes()
    }

    /// The refresh of the display on which it is shown, as far as the shown frames tell.
    pub fn refresh(&self) -> MutexGuard<'_, Refresh> {
        lock(&self.refresh)
    }

    /// Before a shown frame tells the refresh, takes that of the compositor's outputs, if they all have the
    /// same. They are asked once, which takes two round trips.
    pub(crate) fn guess_refresh(&self) {
        if self.refresh().is_untold()
            && !self.asked_outputs.swap(true, Ordering::Relaxed)
            && let Some(refresh) = self.display.common_refresh()
        {
            self.refresh().assume(refresh);
        }
    }

    /// The listener for a frame committed at this pace, if one is needed: for the record, for the trace, or,
    /// for one in [`SAMPLED`] frames at a pace, for the display's refresh.
    pub(crate) fn watched(
        &self,
        pace: Pace<'_>,
        recorded: Option<(Arc<Mutex<Presentations>>, u64)>,
        traced: Option<FrameTrace>,
    ) -> Option<Watched> {
        let is_sample = !matches!(pace, Pace::Free)
            && self
                .paced
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(SAMPLED);
        (recorded.is_some() || traced.is_some() || is_sample).then(|| Watched {
            recorded,
            traced,
            refresh: Arc::clone(&self.refresh),
            version: self.display.presentation().map_or(0, Proxy::version),
        })
    }

    /// `None` when the next frame may be committed at this pace, else when to look again.
    pub(crate) fn not_before(&self, pace: Pace<'_>, now: Instant) -> Option<Instant> {
        match pace {
            Pace::Free | Pace::Latest(_) => None,
            Pace::Callbacks | Pace::Queue(_) => {
                let unseen = self.unseen_interval();
                lock(&self.pacing).not_before(pace.is_queued(), unseen, now)
            }
        }
    }

    /// The time from one commit to the next while nobody sees the surface: the refresh of the display on which
    /// it was last shown.
    fn unseen_interval(&self) -> Duration {
        match self.refresh().duration() {
            0 => pacing::UNSEEN_INTERVAL,
            refresh => Duration::from_nanos(refresh)
                .clamp(pacing::SHORTEST_INTERVAL, pacing::UNSEEN_INTERVAL),
        }
    }

    /// Whether nobody sees the surface, by the rule of [`pacing`]. Where that is in doubt, asks the compositor
    /// and waits for its answer or for a frame callback.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub(crate) fn is_unseen(&self) -> Result<bool> {
        let in_doubt = || lock(&self.pacing).is_in_doubt(Instant::now());
        if in_doubt() {
            // The application may have paused for that long: then the callbacks have come.
            self.display.look()?;
        }
        if in_doubt() {
            let answered = self.display.ask();
            let deadline = Deadline::At(lock(&self.pacing).answer_by(Instant::now()));
            let answer = self.display.wait(deadline, || {
                (answered.load(Ordering::Acquire) || !in_doubt()).then_some(())
            })?;
            if answer.is_some() {
                let deadline = Deadline::At(Instant::now() + lock(&self.pacing).half());
                self.display
                    .wait(deadline, || (!in_doubt()).then_some(()))?;
            }
            lock(&self.pacing).judge(Instant::now());
        }
        Ok(lock(&self.pacing).is_unseen())
    }

    /// Whether nobody sees the surface, as far as that is known.
    pub(crate) fn is_known_unseen(&self) -> bool {
        lock(&self.pacing).is_unseen()
    }

    /// Shows the frame: sets the damage and what else belongs to it, attaches its buffer, lets `synchronise` make
    /// its requests, commits and flushes. Where frames are paced, or meant for a time, requests the frame callback
    /// that [`not_before`](Self::not_before) and [`is_unseen`](Self::is_unseen) use.
    ///
    /// The toolkit may commit the surface in another thread, and that commit takes what has been requested so far:
    /// a buffer without its points or its fence is a protocol error or is read too early. All of it is state for
    /// the next commit, whatever the order, so buffer, `synchronise` and commit come last, with nothing between
    /// them.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub(crate) fn commit(&self, frame: Frame<'_>, synchronise: impl FnOnce()) -> Result<()> {
        let Frame {
            buffer,
            damage,
            pace,
            tears,
            unseen,
            colours,
            meant,
            watched,
        } = frame;
        let committing = lock(&self.committing);
        if damage.is_empty() || self.surface.version() < WITH_DAMAGE_BUFFER {
            // Without `damage_buffer` everything is damaged: to convert a rectangle to surface coordinates
            // would need scale and transform, which only the application knows.
            let all = i32::MAX;
            if self.surface.version() < WITH_DAMAGE_BUFFER {
                self.surface.damage(0, 0, all, all);
            } else {
                self.surface.damage_buffer(0, 0, all, all);
            }
        } else {
            for part in damage {
                self.surface
                    .damage_buffer(part.x, part.y, part.width, part.height);
            }
        }
        match pace {
            Pace::Free | Pace::Callbacks => {}
            Pace::Latest(fifo) => fifo.set_barrier(),
            Pace::Queue(fifo) => {
                fifo.set_barrier();
                if !unseen {
                    fifo.wait_barrier();
                }
            }
        }
        if let Some(meant) = meant {
            meant.timer.set(meant.at);
        }
        self.tearing.with_living(|tearing| tearing.allow(tears));
        self.colour.with_living(|colour| colour.show(colours));
        if let Some(watched) = watched {
            let handle = self.display.handle();
            match self.display.presentation() {
                Some(presentation) => {
                    presentation.feedback(&self.surface, handle, watched);
                }
                // The compositor has begun to show this frame, or one that replaced it.
                None if watched.is_recorded() => {
                    if let Some(begun) = Begun::new(watched, &self.unbegun) {
                        self.surface.frame(handle, begun);
                    }
                }
                None => {}
            }
        }
        // What is meant for a time may never be shown where nobody sees the surface.
        if matches!(pace, Pace::Callbacks | Pace::Queue(_)) || meant.is_some() {
            let now = Instant::now();
            let due = meant.map_or(now, |meant| meant.instant.max(now));
            let committed = lock(&self.pacing).committed(pace.is_queued(), now, due);
            if let Some(serial) = committed {
                let frame = FrameCallback {
                    pacing: Arc::clone(&self.pacing),
                    serial,
                };
                self.surface.frame(self.display.handle(), frame);
            }
        }
        self.surface.attach(Some(buffer), 0, 0);
        synchronise();
        self.surface.commit();
        drop(committing);
        self.display.flush()
    }

    /// Shows the whole buffer at once, in place of what was committed before, with the requests that
    /// `synchronise` makes.
    ///
    /// # Errors
    /// [`Error::CompositorGone`] when the connection is dead.
    pub fn show(&self, buffer: &WlBuffer, synchronise: impl FnOnce()) -> Result<()> {
        self.commit(
            Frame {
                buffer,
                damage: &[],
                pace: Pace::Free,
                tears: false,
                unseen: false,
                colours: None,
                meant: None,
                watched: None,
            },
            synchronise,
        )
    }

    /// Takes over a buffer that the compositor still reads from a swapchain that is destroyed: the buffer is
    /// destroyed when the compositor releases it, or with the display. Where no event announces the release,
    /// each [`sweep`](Self::sweep) asks `is_released`.
    pub fn leave(&self, buffer: WlBuffer, is_released: Option<Box<dyn Fn() -> bool + Send>>) {
        self.display.leftovers().take(buffer, is_released);
    }

    /// Destroys the buffers left on the display that have been released since.
    pub fn sweep(&self) {
        self.display.leftovers().sweep();
    }
}

fn cannot_show(space: &Space) -> Error {
    Error::Unsupported(format!("the compositor cannot show {space}"))
}

impl Drop for Surface {
    fn drop(&mut self) {
        if let Some(feedback) = &self.feedback {
            feedback.destroy();
        }
    }
}
