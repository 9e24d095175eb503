//! A swapchain from the compositor's side: the way of a frame.
//!
//! [`acquire`](Swapchain::acquire) hands out a free image with the fences that came back with it; the
//! application renders; [`present`](Swapchain::present) hands the rendering's fence over with the image and
//! commits it; the next call that waits dispatches the compositor's release, which makes the image free
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

/// How often images are polled where neither an event nor an eventfd says that they are idle: on kernels
/// without sync_files of dma-bufs.
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
    /// The present modes to which it may change; the first one at first.
    pub modes: Vec<PresentMode>,
    /// How they are to be synchronised.
    pub choice: Choice,
    /// Whether presents may ask for times and have target times.
    pub timed: bool,
    /// Whether the [latency](Swapchain::latencies) of frames from present to pixels is measured.
    pub observed: bool,
    /// Where frames are recorded, if they are.
    pub tracer: Option<Arc<Tracer>>,
}

/// The memory of one image.
#[derive(Debug)]
pub struct Memory {
    /// The dma-buf in which all its planes lie.
    pub dma_buf: Arc<DmaBuf>,
    /// Where in it they lie.
    pub planes: Vec<Plane>,
    /// What it has inherited from its use in another swapchain.
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

/// The display's refresh, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshTiming {
    /// The least time from one refresh to the next in nanoseconds; 0 if unknown.
    pub duration: u64,
    /// Whether that is always the same.
    pub rate: Rate,
    /// Changes when either changes.
    pub counter: u64,
}

/// The images of one swapchain, shared with the compositor. Thread-safe, although Vulkan allows only one thread
/// at a time in a swapchain.
pub struct Swapchain {
    /// When its images are committed.
    schedule: Schedule,
    space: &'static Space,
    /// The description of their colours, if they have one.
    appearance: Option<Appearance>,
    /// See [`Description::timed`].
    timed: bool,
    /// See [`Description::observed`]; also set where frames are recorded.
    observed: bool,
    buffers: Vec<WlBuffer>,
    pub(super) dma_bufs: Vec<Arc<DmaBuf>>,
    pub(super) images: Arc<Images>,
    /// The same as `images`, for its buffers.
    listener: Weak<dyn ReleaseListener>,
    /// Dropped after all objects on it: they are destroyed through its connection, which goes with the last
    /// swapchain.
    surface: Arc<Surface>,
    /// Held until another swapchain takes over. Dropped last: the next claim then finds the surface without our
    /// objects.
    claim: Mutex<Option<Claim>>,
}

impl Swapchain {
    /// Makes a `wl_buffer` of each image, on the claimed surface. Takes ownership of the descriptors. Nothing
    /// is shown before the first present.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the chosen way of synchronisation is not available, or if there is no image.
    pub fn new(claim: Claim, description: &Description, memory: Vec<Memory>) -> Result<Self> {
        let surface = Arc::clone(claim.surface());
        if memory.is_empty() {
            return Err(Error::Unsupported("a swapchain without images".to_owned()));
        }
        let mut dma_bufs = Vec::with_capacity(memory.len());
        let mut inherited = Vec::with_capacity(memory.len());
        let mut planes = Vec::with_capacity(memory.len());
        for one in memory {
            dma_bufs.push(one.dma_buf);
            inherited.push(one.inherited);
            planes.push(one.planes);
        }
        let modes = &description.modes;
        let Some(mode) = modes.first().copied() else {
            return Err(Error::Unsupported(
                "a swapchain without present mode".to_owned(),
            ));
        };
        let (synchronisation, releases) =
            Synchronisation::new(description.choice, &surface, &dma_bufs, inherited)?;
        let trace = match &description.tracer {
            Some(tracer) => tracer.swapchain(
                synchronisation.way().to_string(),
                surface.display().compositor().to_owned(),
                description.extent,
                synchronisation.image_count(),
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
            dma_bufs,
            images,
            listener: Arc::downgrade(&listener),
            claim: Mutex::new(Some(claim)),
        };
        // Buffers of earlier swapchains that the compositor has released can go.
        swapchain.surface.display().look()?;
        swapchain.surface.sweep();
        for (index, (image, planes)) in swapchain.dma_bufs.iter().zip(&planes).enumerate() {
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

    /// Its counters, which other processes may read.
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

    /// The part of its HDR metadata that the compositor has accepted; `None` if there is none.
    pub fn volume(&self) -> Option<Volume> {
        self.appearance.as_ref()?.volume()
    }

    /// The surface on which it is shown.
    pub fn surface(&self) -> &Arc<Surface> {
        &self.surface
    }

    /// Takes the longest free image, or waits for one until the deadline; `None` when it passes. Never waits
    /// for the compositor's pace: while it shows one frame, the application draws the next. Records in `call`
    /// what it waits for.
    ///
    /// # Errors
    /// [`Error::Retired`] after [`retire`](Self::retire), [`Error::CompositorGone`] when no image can come back
    /// any more. On every error and on `None` the application holds no additional image.
    pub fn acquire(
        &self,
        deadline: Deadline,
        call: &mut AcquireCall<'_>,
    ) -> Result<Option<Acquired>> {
        // Whether the last look found free images that are still in use, for which the CPU waits.
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
        // Its acquire may have had fences that are still pending. They can be taken again, and none was added:
        // the application has finished with the image.
        self.state()
            .state
            .return_acquired(index, Some(Release::Untaken))?;
        self.images.trace.given_back(index);
        Ok(())
    }

    /// Shows the image when `rendering` has signalled, or at once if it is over (`None`). Takes the sync_file.
    /// If the kernel refuses to pass it on, the CPU waits for it, which is counted. In FIFO this call waits for
    /// the compositor's pace, or for that of a hidden surface ([`pacing`](crate::swapchain::pacing)).
    ///
    /// # Errors
    /// [`Error::NotAcquired`] if the application does not hold the image; [`Error::NoSlot`] if there is none
    /// for its times; [`Error::CompositorGone`]; or the kernel's. After the first two nothing has changed.
    /// After the others the application no longer holds the image, which is free again, unshown, and whose next
    /// acquire waits for `rendering`.
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
                // The application holds it, as checked above.
                let _ = self.state().state.return_acquired(index, Some(release));
                if let Some(id) = how.id {
                    self.schedule.presentations().refused(id, Instant::now());
                }
                trace.given_back(index);
                return Err(error);
            }
        };
        // Before the commit: another thread may dispatch the release right after it.
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

    /// Sets the HDR metadata of images that are presented from now on. What the compositor would refuse is left
    /// out, and logged.
    ///
    /// # Errors
    /// [`Error::CompositorGone`].
    pub fn set_metadata(&self, metadata: &Metadata) -> Result<()> {
        match &self.appearance {
            Some(appearance) => appearance.set_metadata(&self.surface, metadata),
            // It does not apply to sRGB, nor to values that are passed through.
            None => Ok(()),
        }
    }

    /// Makes the compositor wait for the rendering; where the kernel refuses, waits for it here. On an error
    /// the fence stays in `rendering` unless it was passed on.
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

    /// Waits until the frame with this number, or a later one, was shown or replaced, at most until the
    /// deadline. Answers whether it is over. A frame of a hidden surface has no feedback: it is over after
    /// [`presentations::BOUND`]. Any thread may wait, whatever others do with the swapchain.
    ///
    /// # Errors
    /// [`Error::Retired`] if there will be no such frame; [`Error::CompositorGone`].
    pub fn wait_for_present(&self, id: u64, deadline: Deadline) -> Result<bool> {
        loop {
            let now = Instant::now();
            let due = self.schedule.presentations().over_at(id);
            // A commit by another thread does not end this wait.
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

    /// Sets how many frames may have unread times. Answers `false`, and changes nothing, if there are more
    /// already.
    pub fn set_timing_slots(&self, slots: u32) -> bool {
        self.schedule.presentations().set_slots(slots)
    }

    /// Dispatches the events that have come, before a query of what is known.
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

    /// The latencies of frames from present to pixels so far, if they are [measured](Description::observed).
    pub fn latencies(&self) -> Latencies {
        self.schedule.presentations().latencies()
    }

    /// The refresh of the display, or that of the compositor's outputs before a frame has reported one: then
    /// this takes two round trips, once.
    pub fn refresh_or_outputs(&self) -> RefreshTiming {
        self.surface.guess_refresh();
        self.refresh()
    }

    /// The refresh of the display, as far as frames have reported it.
    pub fn refresh(&self) -> RefreshTiming {
        let refresh = self.surface.refresh();
        RefreshTiming {
            duration: refresh.duration(),
            rate: refresh.rate(),
            counter: refresh.changes(),
        }
    }

    /// Another swapchain takes over: no more acquires; acquired images may still be presented. The surface can
    /// be [claimed](Surface::claim) again.
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
        self.dma_bufs.get(index as usize).map(|image| &**image)
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
        let buffers = std::mem::take(&mut self.buffers);
        self.images
            .leave(buffers, |index, buffer, is_shown| match is_shown {
                // Destroying a buffer on screen makes the surface's content undefined.
                true => {
                    let is_released = self.images.synchronisation.left(index);
                    self.surface.leave(buffer, is_released);
                }
                false => buffer.destroy(),
            });
        // A dead compositor needs no requests.
        let _ = self.surface.display().flush();
    }
}
