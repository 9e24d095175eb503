//! The trace of one swapchain, for its frames to record into. Switched off, each call is one branch.

use std::ops::Range;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    Tracer, clock,
    event::{Cause, Event, Fences, Made, Waited, What},
};
use crate::{
    kernel::sync_file::SyncFile, observe::latency::Latency, synchronisation::Release,
    wayland::colour::Volume,
};

/// Records the frames of one swapchain, or nothing. Any thread may record; none waits for another thread, for
/// the file, or for memory.
#[derive(Clone, Default)]
pub struct Trace(Option<Arc<Recorder>>);

struct Recorder {
    tracer: Arc<Tracer>,
    swapchain: u32,
    /// How many frames have begun.
    begun: AtomicU64,
    /// The last frame of each image.
    frames: Box<[AtomicU64]>,
}

impl Recorder {
    fn frame(&self, image: u32) -> u64 {
        self.frames[image as usize].load(Ordering::Relaxed)
    }

    fn record(&self, image: u32, at: u64, what: What) {
        self.record_of(self.frame(image), image, at, what);
    }

    fn record_of(&self, frame: u64, image: u32, at: u64, what: What) {
        self.tracer.ring().push(Event {
            swapchain: self.swapchain,
            image,
            frame,
            at,
            what,
        });
    }
}

impl Tracer {
    /// The trace of a new swapchain.
    pub(crate) fn swapchain(
        self: &Arc<Self>,
        synchronisation: String,
        compositor: String,
        extent: (u32, u32),
        images: u32,
        mode: String,
        color_space: String,
    ) -> Trace {
        let number = self.number();
        let made = Made {
            synchronisation,
            compositor,
            extent: extent.into(),
            images,
            mode,
            color_space,
        };
        Trace::on(Arc::clone(self), number, made)
    }
}

impl Trace {
    /// Nothing is recorded.
    pub fn off() -> Self {
        Trace(None)
    }

    /// The trace of a new swapchain.
    fn on(tracer: Arc<Tracer>, swapchain: u32, made: Made) -> Self {
        let recorder = Recorder {
            tracer,
            swapchain,
            begun: AtomicU64::new(0),
            frames: (0..made.images).map(|_| AtomicU64::new(0)).collect(),
        };
        recorder.record_of(0, 0, clock::now(), What::Created(Box::new(made)));
        Trace(Some(Arc::new(recorder)))
    }

    /// An acquire is called.
    pub fn acquire(&self) -> AcquireCall<'_> {
        AcquireCall(self.0.as_deref().map(|recorder| Call {
            recorder,
            called: clock::now(),
            since: None,
            waited: Waited::default(),
        }))
    }

    /// An acquired image comes back unpresented.
    pub(crate) fn given_back(&self, image: u32) {
        if let Some(recorder) = &self.0 {
            recorder.record(image, clock::now(), What::GivenBack);
        }
    }

    /// The compositor has taken this HDR metadata for the frames that follow.
    pub(crate) fn metadata(&self, volume: Volume) {
        if let Some(recorder) = &self.0 {
            recorder.record_of(0, 0, clock::now(), What::Metadata(Box::new(volume)));
        }
    }

    /// An image is about to be committed, with this rendering.
    pub(crate) fn committing(&self, image: u32, rendering: Option<&SyncFile>) -> CommitRecord<'_> {
        CommitRecord(self.0.as_deref().map(|recorder| Committing {
            recorder,
            image,
            handed: clock::now(),
            paced_since: None,
            paced: 0,
            rendering: rendering.map_or(Fences::None, |file| recorder.tracer.ring().watch(file)),
        }))
    }

    /// A present of that image returns; `call` is when it was made and when it returns, by [`now`](super::now),
    /// and `cpu_waits` how often the CPU has waited for fences of this swapchain so far.
    pub fn presented(&self, image: u32, call: Range<u64>, cpu_waits: u64) {
        if let Some(recorder) = &self.0 {
            let called = call.start;
            recorder.record(image, call.end, What::Presented { called, cpu_waits });
        }
    }

    /// The compositor's release is dispatched. Where it brings no snapshot, `others` are its fences.
    pub(crate) fn released(
        &self,
        image: u32,
        release: &Release,
        others: impl FnOnce() -> Option<SyncFile>,
    ) {
        if let Some(recorder) = &self.0 {
            let ring = recorder.tracer.ring();
            let fences = match release {
                Release::Fences(file) => ring.watch(file),
                Release::Signalled | Release::Untaken => {
                    others().map_or(Fences::None, |file| ring.watch(&file))
                }
            };
            recorder.record(image, clock::now(), What::Released { fences });
        }
    }

    /// The frame that is being committed, for the listener that hears when it was shown.
    pub(crate) fn frame(&self, image: u32) -> Option<FrameTrace> {
        self.0.as_ref().map(|recorder| FrameTrace {
            recorder: Arc::clone(recorder),
            image,
            frame: recorder.frame(image),
        })
    }
}

/// An acquire that has not returned.
pub struct AcquireCall<'a>(Option<Call<'a>>);

struct Call<'a> {
    recorder: &'a Recorder,
    called: u64,
    /// What it waits for, and since when.
    since: Option<(Cause, u64)>,
    waited: Waited,
}

impl Call<'_> {
    fn waits_for(&mut self, cause: Option<Cause>, now: u64) {
        if let Some((before, since)) = self.since.take() {
            self.waited.add(before, now.saturating_sub(since));
        }
        self.since = cause.map(|cause| (cause, now));
    }
}

impl AcquireCall<'_> {
    /// It waits for this from now on, until another call here says otherwise.
    pub(crate) fn waits_for(&mut self, cause: Cause) {
        if let Some(call) = &mut self.0
            && call.since.is_none_or(|(before, _)| before != cause)
        {
            call.waits_for(Some(cause), clock::now());
        }
    }

    /// It waits no longer.
    pub(crate) fn waits_no_longer(&mut self) {
        if let Some(call) = &mut self.0
            && call.since.is_some()
        {
            call.waits_for(None, clock::now());
        }
    }

    /// It returns with this image, with fences that had not signalled if it is `pending`; `cpu_waits` is how
    /// often the CPU has waited for fences of this swapchain so far.
    pub fn returns(mut self, image: u32, pending: bool, cpu_waits: u64) {
        self.waits_no_longer();
        if let Some(call) = self.0.take() {
            let frame = call.recorder.begun.fetch_add(1, Ordering::Relaxed) + 1;
            call.recorder.frames[image as usize].store(frame, Ordering::Relaxed);
            let what = What::Acquired {
                called: call.called,
                waited: call.waited,
                pending,
                cpu_waits,
            };
            call.recorder.record_of(frame, image, clock::now(), what);
        }
    }
}

/// One that does not [return](AcquireCall::returns) with an image returns without.
impl Drop for AcquireCall<'_> {
    fn drop(&mut self) {
        self.waits_no_longer();
        if let Some(call) = self.0.take() {
            let what = What::NotAcquired {
                called: call.called,
                waited: call.waited,
            };
            call.recorder.record_of(0, 0, clock::now(), what);
        }
    }
}

/// A commit that has not been made; dropped, it is not.
pub(crate) struct CommitRecord<'a>(Option<Committing<'a>>);

struct Committing<'a> {
    recorder: &'a Recorder,
    image: u32,
    /// When the driver handed the rendering over.
    handed: u64,
    rendering: Fences,
    /// Since when it waits for the compositor's pace.
    paced_since: Option<u64>,
    /// How long it has waited for that, in nanoseconds.
    paced: u64,
}

impl CommitRecord<'_> {
    /// The wait for the compositor's pace begins.
    pub(crate) fn waits_for_pace(&mut self) {
        if let Some(commit) = &mut self.0 {
            commit.paced_since.get_or_insert_with(clock::now);
        }
    }

    /// The wait for the compositor's pace ends.
    pub(crate) fn waits_no_longer(&mut self) {
        if let Some(commit) = &mut self.0
            && let Some(since) = commit.paced_since.take()
        {
            commit.paced += clock::now() - since;
        }
    }

    /// It is made now.
    pub(crate) fn commits(self) {
        if let Some(commit) = self.0 {
            let what = What::Committed {
                rendering: commit.rendering,
                handed: commit.handed,
                paced: commit.paced,
            };
            commit.recorder.record(commit.image, clock::now(), what);
        }
    }
}

/// A frame for which the compositor reports when it was shown.
pub(crate) struct FrameTrace {
    recorder: Arc<Recorder>,
    image: u32,
    frame: u64,
}

impl FrameTrace {
    /// It was shown at that time, in nanoseconds of `CLOCK_MONOTONIC`; the refresh after it follows
    /// after `refresh` nanoseconds (0: unknown), and was the display's `sequence`th (0: not counted).
    pub(crate) fn shown(&self, at: u64, refresh: u32, sequence: u64, latency: Option<Latency>) {
        let what = What::Shown {
            refresh,
            sequence,
            latency,
        };
        self.recorder.record_of(self.frame, self.image, at, what);
    }

    /// It never will be.
    pub(crate) fn discarded(&self) {
        self.recorder
            .record_of(self.frame, self.image, clock::now(), What::Discarded);
    }
}
