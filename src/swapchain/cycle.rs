//! A swapchain from the compositor's side: images as dma-bufs, who holds them, and the way of a frame.
//!
//! A frame's way: [`acquire`](Swapchain::acquire) hands out a free image with the fences that came back
//! with it; the application renders; [`present`](Swapchain::present) hands the rendering's fence over
//! with the image and commits it; the compositor's release is dispatched by whoever waits next, which
//! takes the image's fences ([`ReleaseListener::released`], or a look at its points where a release
//! is no event) and makes it free.

use std::{
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, Weak},
    time::{Duration, Instant},
};

use super::{
    appearance::Appearance,
    state::{Acquire, Holder, State},
};
use crate::{
    deadline::Deadline,
    error::{Error, Result},
    kernel::{dma_buf::DmaBuf, sync_file::SyncFile},
    lock::lock,
    observe::{
        latency::Latencies,
        live::Counted,
        trace::{self, AcquireCall, Cause, CommitRecord, Trace, Tracer},
    },
    swapchain::{
        pacing,
        present_mode::PresentMode,
        presentations::{
            self, Past, Presentations, Reader, Rendered, Report, Stage, Stages, Target, Time,
        },
        refresh::Rate,
    },
    synchronisation::{Choice, Release, Synchronisation, Wait, Way},
    wayland::{
        BufferRelease, Claim, FifoSurface, Frame, Meant, Pace, Plane, Rectangle, ReleaseListener,
        Surface, TearingSurface, TimerSurface, WlBuffer,
        colour::{Metadata, Space, Volume},
    },
};

/// How often an image is looked at of which neither event nor eventfd tells when it is idle: where the
/// kernel has no sync_files of dma-bufs.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// What all images of a swapchain share.
#[derive(Debug, Clone)]
pub struct Description {
    /// Width and height in pixels.
    pub extent: (u32, u32),
    /// The DRM format under which the compositor gets the images.
    pub fourcc: u32,
    /// The DRM format modifier of their layout.
    pub modifier: u64,
    /// What their colours mean.
    pub space: &'static Space,
    /// When they are shown: at first as the first says, later as any of them does.
    pub modes: Vec<PresentMode>,
    /// How they are to be synchronised.
    pub choice: Choice,
    /// Whether the times at which they are shown may be asked for, and set.
    pub timed: bool,
    /// Whether it is to be [known](Swapchain::latencies) how long frames lie between present and pixels.
    pub observed: bool,
    /// Who writes down what happens to them, if anybody.
    pub tracer: Option<Arc<Tracer>>,
}

/// The memory of one image.
#[derive(Debug)]
pub struct Memory {
    /// The dma-buf in which all its planes lie.
    pub dma_buf: Arc<DmaBuf>,
    /// Where in it they lie.
    pub planes: Vec<Plane>,
    /// What to wait for before anybody writes to it: what became of it in another swapchain.
    pub wait: Wait,
}

/// An image that the application now holds.
#[derive(Debug)]
pub struct Acquired {
    /// The image's number.
    pub index: u32,
    /// What to wait for before writing to it.
    pub wait: Wait,
}

/// What an image is presented with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presentation<'a> {
    /// What has changed in it; nothing: everything.
    pub damage: &'a [Rectangle],
    /// The mode, one of the swapchain's, that is in force from now on; none: as before.
    pub mode: Option<PresentMode>,
    /// Its number, for who waits for it ([`Swapchain::wait_for_present`]). Greater than those before it.
    pub id: Option<u64>,
    /// When it is meant to be shown, and what is to be told of when it was; only where the swapchain is
    /// [timed](Description::timed).
    pub timing: Option<Timing>,
    /// When its vkQueuePresentKHR was called, in nanoseconds of `CLOCK_MONOTONIC`. Only where times are
    /// asked for: a clock may be a system call.
    pub called: Option<u64>,
}

/// The times of a present.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Those that are asked for.
    pub stages: Stages,
    /// Who will ask for them.
    pub reader: Reader,
    /// When it is meant to be shown; counts in the modes of a FIFO, where the compositor can do that.
    pub target: Option<Target>,
    /// See [`Report::said`].
    pub said: [u64; 2],
}

/// What is known of the display's refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshTiming {
    /// The least time from one to the next in nanoseconds; 0 if it is not known.
    pub duration: u64,
    /// Whether that is always the same.
    pub rate: Rate,
    /// Another number when either is another.
    pub counter: u64,
}

/// The images of one swapchain, shared with the compositor. Thread-safe, though Vulkan allows only one
/// thread at a time in a swapchain.
pub struct Swapchain {
    /// How the last image was presented.
    mode: Mutex<PresentMode>,
    /// Where FIFO is kept by the compositor.
    fifo: Option<Arc<FifoSurface>>,
    /// Where an image may tear. Kept for [`Surface::commit`].
    _tearing: Option<Arc<TearingSurface>>,
    space: &'static Space,
    /// What the compositor is told of their colours, if it is.
    appearance: Option<Appearance>,
    /// Where an image may be meant for a time.
    timer: Option<Arc<TimerSurface>>,
    /// See [`Description::timed`].
    timed: bool,
    /// See [`Description::observed`]; and where frames are recorded.
    observed: bool,
    presentations: Arc<Mutex<Presentations>>,
    buffers: Vec<WlBuffer>,
    pub(super) shared: Arc<Shared>,
    /// The same, as its buffers know it.
    listener: Weak<dyn ReleaseListener>,
    /// Goes after all that is on it: with the last swapchain the connection goes, by which those objects
    /// are destroyed.
    surface: Arc<Surface>,
    /// Until another swapchain takes over. Goes last: who claims the surface then finds it without our
    /// objects.
    claim: Mutex<Option<Claim>>,
}

/// The part that release events reach, also after the swapchain is gone.
pub(super) struct Shared {
    pub(super) synchronisation: Synchronisation,
    pub(super) state: Mutex<Held>,
    pub(super) counters: Counted,
    trace: Trace,
}

/// Who holds the images, and whether anybody wants them.
pub(super) struct Held {
    pub(super) state: State<Release>,
    /// The swapchain is gone: what the compositor releases now is destroyed.
    gone: bool,
}

impl Swapchain {
    /// Offers the images to the compositor, one `wl_buffer` each, on the surface of which this is the
    /// claim. Takes their descriptors. Nothing is shown before the first present.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the chosen way of synchronisation cannot be had, or if there is no
    /// image.
    pub fn new(claim: Claim, description: &Description, memory: Vec<Memory>) -> Result<Self> {
        let surface = Arc::clone(claim.surface());
        if memory.is_empty() {
            return Err(Error::Unsupported("a swapchain without images".to_owned()));
        }
        let mut images = Vec::with_capacity(memory.len());
        let mut planes = Vec::with_capacity(memory.len());
        let mut waits = Vec::with_capacity(memory.len());
        for one in memory {
            images.push(one.dma_buf);
            planes.push(one.planes);
            waits.push(one.wait);
        }
        let modes = &description.modes;
        let Some(mode) = modes.first().copied() else {
            return Err(Error::Unsupported(
                "a swapchain without present mode".to_owned(),
            ));
        };
        let count = images.len() as u32;
        let synchronisation = Synchronisation::new(description.choice, &surface, images)?;
        let trace = match &description.tracer {
            Some(tracer) => tracer.swapchain(
                synchronisation.way().to_string(),
                surface.display().compositor().to_owned(),
                description.extent,
                count,
                mode.name().to_owned(),
                description.space.to_string(),
            ),
            None => Trace::off(),
        };
        let releases = (0..).zip(waits).map(|(index, wait)| match wait {
            Wait::Signalled => Ok(None),
            Wait::Pending(fences) => synchronisation.inherit(index, fences).map(Some),
        });
        let state = State::of(releases.collect::<Result<Vec<_>>>()?);
        let shared = Arc::new(Shared {
            state: Mutex::new(Held { state, gone: false }),
            synchronisation,
            counters: Counted::new(),
            trace,
        });
        let listener: Arc<dyn ReleaseListener> = shared.clone();
        let fifo = match modes.iter().any(|mode| mode.is_queued()) {
            true => surface.fifo(),
            false => None,
        };
        let tearing = match modes.iter().any(|mode| mode.tears()) {
            true => Some(surface.tearing()?),
            false => None,
        };
        let appearance = Appearance::new(&surface, description.space, shared.trace.clone())?;
        let timed = description.timed;
        let mut swapchain = Swapchain {
            timer: timed.then(|| surface.timer()).flatten(),
            timed,
            observed: (description.observed || description.tracer.is_some())
                && surface.display().capabilities().clock.is_some(),
            surface,
            mode: Mutex::new(mode),
            fifo,
            _tearing: tearing,
            space: description.space,
            appearance,
            presentations: Arc::default(),
            buffers: Vec::with_capacity(planes.len()),
            shared,
            listener: Arc::downgrade(&listener),
            claim: Mutex::new(Some(claim)),
        };
        // What the compositor has released of the swapchains before this one can go.
        swapchain.surface.display().look()?;
        swapchain.surface.sweep();
        let images = swapchain.shared.synchronisation.images();
        for (index, (image, planes)) in images.iter().zip(&planes).enumerate() {
            let buffer = swapchain.surface.display().create_buffer(
                image.as_fd(),
                description.extent,
                description.fourcc,
                description.modifier,
                planes,
                swapchain.listener.clone(),
                index as u32,
            )?;
            swapchain.buffers.push(buffer);
        }
        Ok(swapchain)
    }

    /// The way in which it is synchronised.
    pub fn way(&self) -> Way {
        self.shared.synchronisation.way()
    }

    /// What has happened so far, and who may see it.
    pub fn counters(&self) -> &Counted {
        &self.shared.counters
    }

    /// Where its frames are recorded.
    pub fn trace(&self) -> &Trace {
        &self.shared.trace
    }

    /// What the colours of its images mean.
    pub fn space(&self) -> &'static Space {
        self.space
    }

    /// What of its HDR metadata the compositor has taken; `None` where that is nothing.
    pub fn volume(&self) -> Option<Volume> {
        self.appearance.as_ref()?.volume()
    }

    /// The surface on which it is shown.
    pub fn surface(&self) -> &Arc<Surface> {
        &self.surface
    }

    /// Takes the longest free image, or waits for one until the deadline; `None` when it passes. Never
    /// waits for the compositor's pace: while it shows one frame, the application builds the next. `call`
    /// is told what it waits for.
    ///
    /// # Errors
    /// [`Error::Retired`] after [`retire`](Self::retire), [`Error::CompositorGone`] when no image can
    /// come back any more. On every error and on `None` the application holds no image more than
    /// before.
    pub fn acquire(
        &self,
        deadline: Deadline,
        call: &mut AcquireCall<'_>,
    ) -> Result<Option<Acquired>> {
        // What this acquire has seen last: free images that are still in use, for which the CPU waits.
        let mut busy = false;
        let mut counted = false;
        let mut held = false;
        loop {
            let mut patience = deadline;
            if busy {
                patience = patience.or_at(Instant::now() + POLL_INTERVAL);
            }
            let answer = self.surface.display().wait(patience, || {
                let mut state = self.state();
                match self.shared.hand_out(&mut state.state, deadline) {
                    Ok(Acquire::Wait) => {
                        call.waits_for(Cause::NoImage);
                        if !std::mem::replace(&mut held, true) {
                            self.counters().acquire_held();
                        }
                        None
                    }
                    Ok(Acquire::Busy) if busy => None,
                    answer => Some(answer),
                }
            })?;
            busy = false;
            match answer.transpose()? {
                Some(Acquire::Image(index, release)) => {
                    call.waits_no_longer();
                    return self.ready(index, release).map(Some);
                }
                Some(Acquire::Retired) => return Err(Error::Retired),
                Some(Acquire::Busy) => {
                    busy = true;
                    call.waits_for(Cause::Busy);
                    if !counted && !deadline.is_over() {
                        counted = true;
                        self.counters().cpu_wait();
                    }
                }
                Some(Acquire::Wait) | None if deadline.is_over() => return Ok(None),
                Some(Acquire::Wait) | None => {}
            }
        }
    }

    /// Undoes an acquire that the driver refused to complete.
    pub fn give_back(&self, acquired: Acquired) {
        let release = match acquired.wait {
            Wait::Signalled => None,
            Wait::Pending(fences) => Some(Release::Fences(fences)),
        };
        // It was acquired, so it can be returned.
        let _ = self.state().state.return_acquired(acquired.index, release);
    }

    /// Gives an image back unpresented (`vkReleaseSwapchainImagesKHR`). The application has finished
    /// with it.
    ///
    /// # Errors
    /// [`Error::NotAcquired`] if the application does not hold it.
    pub fn release(&self, index: u32) -> Result<()> {
        // The application may have got it with fences that have not signalled. They can still be taken,
        // and nothing was added to them: it has finished with the image.
        self.state()
            .state
            .return_acquired(index, Some(Release::Untaken))?;
        self.shared.trace.given_back(index);
        Ok(())
    }

    /// Shows the image when `rendering` has signalled; at once, if that is over already (`None`). Takes
    /// the sync_file. Where the kernel does not let it be handed over, it is waited for on the CPU, which
    /// is counted. In FIFO this is where the application is slowed down to the compositor's pace; of a
    /// surface that nobody sees to one of its own ([`pacing`](crate::swapchain::pacing)).
    ///
    /// # Errors
    /// [`Error::NotAcquired`] if the application does not hold the image; [`Error::NoSlot`] if there is none
    /// for the times that are asked for; [`Error::CompositorGone`]; or what the kernel answers. After the
    /// first two nothing has happened. Else the application holds the image no longer: that is free again,
    /// unshown, and who acquires it waits for `rendering`.
    pub fn present(
        &self,
        index: u32,
        mut rendering: Option<SyncFile>,
        how: Presentation<'_>,
    ) -> Result<()> {
        if self.state().state.holder(index) != Some(Holder::Application) {
            return Err(Error::NotAcquired(index));
        }
        let timing = how.timing.filter(|timing| !timing.stages.is_empty());
        if timing.is_some_and(|timing| timing.reader == Reader::Queue)
            && !lock(&self.presentations).has_slot()
        {
            return Err(Error::NoSlot);
        }
        let report = timing
            .or_else(|| self.observed.then_some(OBSERVED))
            .map(|timing| report(timing, self.observed, how.called, rendering.as_ref()));
        let Shared {
            synchronisation,
            trace,
            ..
        } = &*self.shared;
        let mut record = trace.committing(index, rendering.as_ref());
        if let Some(mode) = how.mode {
            *lock(&self.mode) = mode;
        }
        let target = how.timing.and_then(|timing| timing.target);
        let ready = self
            .keep_pace(target, &mut record)
            .and_then(|paced| self.hand_over(index, &mut rendering).map(|()| paced));
        let (unseen, meant) = match ready {
            Ok(paced) => paced,
            Err(error) => {
                let release = rendering.map_or(Release::Signalled, Release::Fences);
                // It was looked at above.
                let _ = self.state().state.return_acquired(index, Some(release));
                if let Some(id) = how.id {
                    lock(&self.presentations).refused(id, Instant::now());
                }
                trace.given_back(index);
                return Err(error);
            }
        };
        // Before the commit: the release may be dispatched by another thread right after it.
        self.state().state.present(index)?;
        self.surface.display().dispatch_pending();
        self.surface.sweep();
        let appearance = self.appearance.as_ref();
        let colours = appearance.and_then(|colours| colours.current(&self.surface));
        let serial = (how.id.is_some() || report.is_some() || self.timed)
            .then(|| self.record(how.id, report, target, meant));
        let frame = Frame {
            buffer: &self.buffers[index as usize],
            damage: how.damage,
            pace: self.pace(),
            tears: self.mode().tears(),
            unseen,
            colours: colours.as_ref(),
            meant,
            watched: self.surface.watched(
                self.pace(),
                serial.map(|serial| (Arc::clone(&self.presentations), serial)),
                trace.frame(index),
            ),
        };
        record.commits();
        self.surface.commit(frame, || {
            synchronisation.commit(index, &self.surface, &self.listener);
        })
    }

    /// Says more of the colours of the images that are presented from now on. What the compositor would
    /// refuse is left out, and logged.
    ///
    /// # Errors
    /// [`Error::CompositorGone`].
    pub fn set_metadata(&self, metadata: &Metadata) -> Result<()> {
        match &self.appearance {
            Some(appearance) => appearance.set_metadata(&self.surface, metadata),
            // sRGB has no use for it, and of what is passed through nothing is known.
            None => Ok(()),
        }
    }

    /// The time that is meant, if the compositor can be told of it, and if it is still to come.
    fn meant(&self, target: Target) -> Option<Meant<'_>> {
        let timer = self.timer.as_deref().filter(|_| self.mode().is_queued())?;
        let refresh = self.surface.refresh().duration();
        let at = lock(&self.presentations).not_before(target, refresh)?;
        let ahead = at.checked_sub(trace::now()).filter(|ahead| *ahead > 0)?;
        let instant = Instant::now().checked_add(Duration::from_nanos(ahead))?;
        Some(Meant { timer, at, instant })
    }

    /// Writes down that a frame is committed.
    fn record(
        &self,
        id: Option<u64>,
        mut report: Option<Report>,
        target: Option<Target>,
        meant: Option<Meant<'_>>,
    ) -> u64 {
        let refresh = self.surface.refresh().duration();
        let now = Instant::now();
        let since = meant.map_or(now, |meant| meant.instant.max(now));
        let mut presentations = lock(&self.presentations);
        if let Some(report) = &mut report {
            let target = target.filter(|_| self.timer.is_some() && self.mode().is_queued());
            report.target = target.and_then(|target| presentations.not_before(target, refresh));
            report.committed = trace::now();
        }
        // After the frame before, and not in the past.
        let newest = presentations.newest();
        let next = newest.map_or(0, |newest| newest.saturating_add(refresh));
        let expected = meant.map_or(0, |meant| meant.at).max(trace::now());
        let serial = presentations.committed(id, report, now, since);
        presentations.expect(match self.surface.is_known_unseen() {
            true => expected,
            false => expected.max(next),
        });
        serial
    }

    /// Waits until the next frame may be committed. Answers whether nobody sees the surface, so that a
    /// queue in the compositor could wait for good, and for which time the compositor is to keep it.
    ///
    /// A compositor need not keep to the target's time where nobody looks: then it is here that one waits
    /// for that, for a second at most. Where no display has driven the surface's refreshes yet, it is here,
    /// too, however long that is: Mutter measures nothing on a virtual monitor, and then shows such a frame
    /// only when something else is drawn.
    fn keep_pace(
        &self,
        target: Option<Target>,
        record: &mut CommitRecord<'_>,
    ) -> Result<(bool, Option<Meant<'_>>)> {
        if let Pace::Free | Pace::Latest(_) = self.pace() {
            return Ok((false, None));
        }
        let latest = target.map(|_| Instant::now() + pacing::SHORTEST_PATIENCE);
        loop {
            if self.paced_until().is_some() {
                record.waits_for_pace();
            }
            let unseen = self.surface.is_unseen()?;
            // The frame before may have been shown by now, from when a relative time counts.
            let meant = target.and_then(|target| self.meant(target));
            let is_told = !unseen && self.surface.refresh().is_driven();
            let before = target
                .filter(|_| !is_told && !unseen)
                .and_then(|target| self.unheard_before(target));
            let held = meant
                .filter(|_| !is_told)
                .map(|meant| {
                    let latest = latest.filter(|_| unseen);
                    latest.map_or(meant.instant, |latest| meant.instant.min(latest))
                })
                .filter(|instant| *instant > Instant::now());
            let Some(due) = self.paced_until().or(before).or(held) else {
                record.waits_no_longer();
                return Ok((unseen, meant.filter(|_| is_told)));
            };
            record.waits_for_pace();
            self.surface.display().wait(Deadline::At(due), || {
                let is_seen_again = unseen && !self.surface.is_known_unseen();
                let is_over = match (before, target) {
                    (Some(_), Some(target)) => self.unheard_before(target).is_none(),
                    _ => held.is_none() || is_seen_again,
                };
                (self.paced_until().is_none() && is_over).then_some(())
            })?;
        }
    }

    /// Until when something may be heard of the frame before, where the target counts from when that was
    /// shown.
    fn unheard_before(&self, target: Target) -> Option<Instant> {
        let (Time::After(_), Some(_), true) = (target.time, &self.timer, self.mode().is_queued())
        else {
            return None;
        };
        let until = lock(&self.presentations).newest_unheard_until()?;
        (until > Instant::now()).then_some(until)
    }

    /// Makes the compositor wait for the rendering; where the kernel refuses, waits for it here. On an
    /// error what is not handed over stays in `rendering`.
    fn hand_over(&self, index: u32, rendering: &mut Option<SyncFile>) -> Result<()> {
        let Shared {
            synchronisation,
            counters,
            ..
        } = &*self.shared;
        let Err(error) = synchronisation.before_commit(index, rendering, counters) else {
            return Ok(());
        };
        let Some(fence) = &*rendering else {
            return Err(error);
        };
        tracing::warn!(%error, "a rendering's fence cannot be handed over: waiting on the CPU");
        counters.cpu_wait();
        fence.wait(None)?;
        *rendering = None;
        synchronisation.before_commit(index, rendering, counters)
    }

    /// Waits until the frame with this number, or a later one, was shown, or was replaced and never will
    /// be; at the most until the deadline. Answers whether it is over. Of a frame that nobody sees
    /// nothing is heard: it is over after [`presentations::BOUND`]. Any thread may wait, whatever others
    /// do with the swapchain.
    ///
    /// # Errors
    /// [`Error::Retired`] if there will be no such frame; [`Error::CompositorGone`].
    pub fn wait_for_present(&self, id: u64, deadline: Deadline) -> Result<bool> {
        loop {
            let now = Instant::now();
            let due = lock(&self.presentations).over_at(id);
            // A frame that another thread commits in the meantime rings nobody.
            let patience = deadline.or_at(due.unwrap_or(now + presentations::BOUND));
            let answer = self.surface.display().wait(patience, || {
                let mut presentations = lock(&self.presentations);
                if presentations.is_over(id, Instant::now()) {
                    return Some(Ok(true));
                }
                let never = self.is_retired() && !presentations.is_committed(id);
                never.then_some(Err(Error::Retired))
            })?;
            match answer {
                Some(answer) => return answer,
                None if deadline.is_over() => return Ok(false),
                None => {}
            }
        }
    }

    /// How many frames there may be whose times are asked for and were not told yet. Answers whether there
    /// are not more already; else nothing changes.
    pub fn set_timing_slots(&self, slots: u32) -> bool {
        lock(&self.presentations).set_slots(slots)
    }

    /// Dispatches what the compositor has said, for those who ask for what is known.
    ///
    /// # Errors
    /// [`Error::CompositorGone`].
    pub fn look(&self) -> Result<()> {
        self.surface.display().look()
    }

    /// The times of past presents, as far as they are known: see [`Presentations::past`].
    pub fn past(
        &self,
        reader: Reader,
        wanted: presentations::Wanted,
        most: Option<usize>,
    ) -> (Vec<Past>, bool) {
        let unseen = self.surface.is_known_unseen();
        lock(&self.presentations).past(reader, wanted, most, unseen, Instant::now())
    }

    /// How long frames lay between present and pixels so far, if that is
    /// [to be known](Description::observed).
    pub fn latencies(&self) -> Latencies {
        lock(&self.presentations).latencies()
    }

    /// What is known of the refresh of the display, or what its outputs say before a frame has told one: then
    /// this takes two round trips, once.
    pub fn refresh_or_outputs(&self) -> RefreshTiming {
        self.surface.guess_refresh();
        self.refresh()
    }

    /// What is known of the refresh of the display.
    pub fn refresh(&self) -> RefreshTiming {
        let refresh = self.surface.refresh();
        RefreshTiming {
            duration: refresh.duration(),
            rate: refresh.rate(),
            counter: refresh.changes(),
        }
    }

    /// Another swapchain takes over: no more acquires; what is acquired may still be presented. The
    /// surface can be [claimed](Surface::claim) anew.
    pub fn retire(&self) {
        self.state().state.retire();
        *lock(&self.claim) = None;
    }

    /// Whether another swapchain has taken over.
    pub fn is_retired(&self) -> bool {
        self.state().state.is_retired()
    }

    /// The memory of an image; `None` if there is no such image.
    pub fn dma_buf(&self, index: u32) -> Option<&DmaBuf> {
        let images = self.shared.synchronisation.images();
        images.get(index as usize).map(|image| &**image)
    }

    fn state(&self) -> MutexGuard<'_, Held> {
        lock(&self.shared.state)
    }

    fn paced_until(&self) -> Option<Instant> {
        self.surface.not_before(self.pace(), Instant::now())
    }

    fn mode(&self) -> PresentMode {
        *lock(&self.mode)
    }

    fn pace(&self) -> Pace<'_> {
        match (self.mode(), &self.fifo) {
            (PresentMode::FifoLatestReady, Some(fifo)) => Pace::Latest(fifo),
            (mode, Some(fifo)) if mode.is_paced() => Pace::Queue(fifo),
            (mode, None) if mode.is_paced() => Pace::Callbacks,
            _ => Pace::Free,
        }
    }

    fn ready(&self, index: u32, mut release: Option<Release>) -> Result<Acquired> {
        let wait = self
            .shared
            .synchronisation
            .acquired(index, &mut release, self.counters());
        match wait {
            Ok(wait) => Ok(Acquired { index, wait }),
            Err(error) => {
                let _ = self.state().state.return_acquired(index, release);
                Err(error)
            }
        }
    }
}

/// The times of a present of which nobody asks any.
const OBSERVED: Timing = Timing {
    stages: Stages::NONE,
    reader: Reader::Nobody,
    target: None,
    said: [0; 2],
};

/// What is to be told of a present that was called then.
fn report(
    timing: Timing,
    observed: bool,
    called: Option<u64>,
    rendering: Option<&SyncFile>,
) -> Report {
    let now = trace::now();
    let is_wanted = observed || timing.stages.contains(Stage::Rendered);
    let rendered = match rendering.filter(|_| is_wanted) {
        // It is over by now.
        None => Rendered::At(now),
        // Without a descriptor left nobody will know.
        Some(fence) => fence.try_clone().map_or(Rendered::At(0), Rendered::Fence),
    };
    Report {
        reader: timing.reader,
        stages: timing.stages,
        // Known when it is committed.
        target: None,
        committed: 0,
        said: timing.said,
        called: called.unwrap_or(now),
        handed: now,
        rendered,
    }
}

impl Drop for Swapchain {
    fn drop(&mut self) {
        // One look at all: a release that another thread dispatches now is either seen here, or sees
        // that the swapchain is gone.
        let mut held = lock(&self.shared.state);
        held.gone = true;
        for (index, buffer) in self.buffers.drain(..).enumerate() {
            match held.state.holder(index as u32) {
                // Destroying a buffer on screen makes the surface's content undefined.
                Some(Holder::Compositor) => {
                    let is_released = self.shared.synchronisation.left(index as u32);
                    self.surface.leave(buffer, is_released);
                }
                _ => buffer.destroy(),
            }
        }
        drop(held);
        // A dead compositor needs no requests.
        let _ = self.surface.display().flush();
    }
}

impl Shared {
    /// The longest free image, with what came back with it. If there is none: looks for releases that no
    /// event has told, and for who will wait for those that have not come, until the deadline, asks to be
    /// rung.
    fn hand_out(&self, state: &mut State<Release>, deadline: Deadline) -> Result<Acquire<Release>> {
        if let answer @ (Acquire::Image(..) | Acquire::Retired) = self.take_ready(state)? {
            return Ok(answer);
        }
        self.collect(state, deadline)?;
        self.take_ready(state)
    }

    fn take_ready(&self, state: &mut State<Release>) -> Result<Acquire<Release>> {
        let mut failure = None;
        let answer = state.acquire(|index, release| {
            self.synchronisation
                .is_ready(index, release)
                .unwrap_or_else(|error| {
                    failure = Some(error);
                    false
                })
        });
        match (failure, answer) {
            (Some(error), Acquire::Busy) => Err(error),
            (_, answer) => Ok(answer),
        }
    }

    fn freed(&self, state: &mut State<Release>, index: u32, release: Release) {
        self.trace
            .released(index, &release, || self.synchronisation.fences(index));
        state.released(index, release);
    }

    /// Frees what the compositor has released where no event says so. If it has released nothing, asks to
    /// be rung when it does: for who waits until the deadline.
    pub(super) fn collect(&self, state: &mut State<Release>, deadline: Deadline) -> Result<()> {
        let is_held = |index| state.holder(index) == Some(Holder::Compositor);
        let found = self.synchronisation.look(is_held)?;
        if found.is_empty() && deadline != Deadline::Now {
            let images = 0..self.synchronisation.images().len() as u32;
            for index in images.filter(|index| is_held(*index)) {
                self.synchronisation.listen(index)?;
            }
        }
        for (index, release) in found {
            self.freed(state, index, release);
        }
        Ok(())
    }
}

impl ReleaseListener for Shared {
    fn released(&self, index: u32, event: BufferRelease) -> bool {
        let mut held = lock(&self.state);
        if held.state.holder(index) == Some(Holder::Compositor) {
            if let Some(release) = self.synchronisation.released(index, event, &self.counters) {
                self.freed(&mut held.state, index, release);
            }
        } else if self.synchronisation.is_release(&event) {
            tracing::warn!(
                index,
                "the compositor released an image that it does not hold"
            );
        }
        !held.gone
    }
}
