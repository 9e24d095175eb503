//! A swapchain from the compositor's side: the way of a frame.
//!
//! [`acquire`](Swapchain::acquire) hands out a free image with the fences that came back with it; the
//! application renders; [`present`](Swapchain::present) hands the rendering's fence over with the image and
//! commits it; the compositor's release is dispatched by whoever waits next, and makes the image free
//! ([`Images`]).

use std::{
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, Weak},
    time::{Duration, Instant},
};

use super::{
    appearance::Appearance,
    images::{Held, Images},
    present_mode::PresentMode,
    presentation::Presentation,
    presentations::{self, Past, Reader},
    refresh::Rate,
    schedule::Schedule,
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
        trace::{AcquireCall, Cause, Trace, Tracer},
    },
    synchronisation::{Choice, Inherited, Release, Synchronisation, Wait, Way},
    wayland::{
        Claim, Frame, Plane, ReleaseListener, Surface, WlBuffer,
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
    /// What became of it in another swapchain.
    pub inherited: Inherited,
}

/// An image that the application now holds.
#[derive(Debug)]
pub struct Acquired {
    /// The image's number.
    pub index: u32,
    /// What to wait for before writing to it.
    pub wait: Wait,
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
    /// When its images are committed.
    schedule: Schedule,
    space: &'static Space,
    /// What the compositor is told of their colours, if it is.
    appearance: Option<Appearance>,
    /// See [`Description::timed`].
    timed: bool,
    /// See [`Description::observed`]; and where frames are recorded.
    observed: bool,
    buffers: Vec<WlBuffer>,
    pub(super) images: Arc<Images>,
    /// The same, as its buffers know it.
    listener: Weak<dyn ReleaseListener>,
    /// Goes after all that is on it: with the last swapchain the connection goes, by which those objects
    /// are destroyed.
    surface: Arc<Surface>,
    /// Until another swapchain takes over. Goes last: who claims the surface then finds it without our
    /// objects.
    claim: Mutex<Option<Claim>>,
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
        for one in memory {
            images.push((one.dma_buf, one.inherited));
            planes.push(one.planes);
        }
        let modes = &description.modes;
        let Some(mode) = modes.first().copied() else {
            return Err(Error::Unsupported(
                "a swapchain without present mode".to_owned(),
            ));
        };
        let count = images.len() as u32;
        let (synchronisation, releases) =
            Synchronisation::new(description.choice, &surface, images)?;
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
        let images = Arc::new(Images::new(synchronisation, State::of(releases), trace));
        let listener: Arc<dyn ReleaseListener> = images.clone();
        let timed = description.timed;
        let schedule = Schedule::new(&surface, mode, modes, timed)?;
        let appearance = Appearance::new(&surface, description.space, images.trace.clone())?;
        let mut swapchain = Swapchain {
            schedule,
            timed,
            observed: (description.observed || description.tracer.is_some())
                && surface.display().capabilities().clock.is_some(),
            surface,
            space: description.space,
            appearance,
            buffers: Vec::with_capacity(planes.len()),
            images,
            listener: Arc::downgrade(&listener),
            claim: Mutex::new(Some(claim)),
        };
        // What the compositor has released of the swapchains before this one can go.
        swapchain.surface.display().look()?;
        swapchain.surface.sweep();
        let dma_bufs = swapchain.images.synchronisation.images();
        for (index, (image, planes)) in dma_bufs.iter().zip(&planes).enumerate() {
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
        self.images.synchronisation.way()
    }

    /// What has happened so far, and who may see it.
    pub fn counters(&self) -> &Counted {
        &self.images.counters
    }

    /// Where its frames are recorded.
    pub fn trace(&self) -> &Trace {
        &self.images.trace
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
                match self.images.hand_out(&mut state.state, deadline) {
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
        self.images.trace.given_back(index);
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
        if how.wants_slot() && !self.schedule.presentations().has_slot() {
            return Err(Error::NoSlot);
        }
        let report = how.report(self.observed, rendering.as_ref());
        let Images {
            synchronisation,
            trace,
            ..
        } = &*self.images;
        let mut record = trace.committing(index, rendering.as_ref());
        if let Some(mode) = how.mode {
            self.schedule.set_mode(mode);
        }
        let target = how.timing.and_then(|timing| timing.target);
        let ready = self
            .schedule
            .keep(target, &mut record)
            .and_then(|paced| self.hand_over(index, &mut rendering).map(|()| paced));
        let (unseen, meant) = match ready {
            Ok(paced) => paced,
            Err(error) => {
                let release = rendering.map_or(Release::Signalled, Release::Fences);
                // It was looked at above.
                let _ = self.state().state.return_acquired(index, Some(release));
                if let Some(id) = how.id {
                    self.schedule.presentations().refused(id, Instant::now());
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
            .then(|| self.schedule.committed(how.id, report, target, meant));
        let frame = Frame {
            buffer: &self.buffers[index as usize],
            damage: how.damage,
            pace: self.schedule.pace(),
            tears: self.schedule.mode().tears(),
            unseen,
            colours: colours.as_ref(),
            meant,
            watched: self.schedule.watched(serial, trace.frame(index)),
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

    /// Makes the compositor wait for the rendering; where the kernel refuses, waits for it here. On an
    /// error what is not handed over stays in `rendering`.
    fn hand_over(&self, index: u32, rendering: &mut Option<SyncFile>) -> Result<()> {
        let Images {
            synchronisation,
            counters,
            ..
        } = &*self.images;
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
            let due = self.schedule.presentations().over_at(id);
            // A frame that another thread commits in the meantime rings nobody.
            let patience = deadline.or_at(due.unwrap_or(now + presentations::BOUND));
            let answer = self.surface.display().wait(patience, || {
                let mut presentations = self.schedule.presentations();
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
        self.schedule.presentations().set_slots(slots)
    }

    /// Dispatches what the compositor has said, for those who ask for what is known.
    ///
    /// # Errors
    /// [`Error::CompositorGone`].
    pub fn look(&self) -> Result<()> {
        self.surface.display().look()
    }

    /// The times of past presents, as far as they are known: see
    /// [`Presentations::past`](presentations::Presentations::past).
    pub fn past(
        &self,
        reader: Reader,
        wanted: presentations::Wanted,
        most: Option<usize>,
    ) -> (Vec<Past>, bool) {
        let unseen = self.surface.is_known_unseen();
        self.schedule
            .presentations()
            .past(reader, wanted, most, unseen, Instant::now())
    }

    /// How long frames lay between present and pixels so far, if that is
    /// [to be known](Description::observed).
    pub fn latencies(&self) -> Latencies {
        self.schedule.presentations().latencies()
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
        let images = self.images.synchronisation.images();
        images.get(index as usize).map(|image| &**image)
    }

    fn state(&self) -> MutexGuard<'_, Held> {
        lock(&self.images.state)
    }

    fn ready(&self, index: u32, mut release: Option<Release>) -> Result<Acquired> {
        let wait = self
            .images
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

impl Drop for Swapchain {
    fn drop(&mut self) {
        // One look at all: a release that another thread dispatches now is either seen here, or sees
        // that the swapchain is gone.
        let mut held = lock(&self.images.state);
        held.gone = true;
        for (index, buffer) in self.buffers.drain(..).enumerate() {
            match held.state.holder(index as u32) {
                // Destroying a buffer on screen makes the surface's content undefined.
                Some(Holder::Compositor) => {
                    let is_released = self.images.synchronisation.left(index as u32);
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
