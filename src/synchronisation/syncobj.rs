//! The way of `wp_linux_drm_syncobj_v1`: points of timelines.
//!
//! Each image has a timeline of its own, since a compositor releases images in any order, and a point has
//! signalled only when those before it have. It is one for both directions: the image's frames take
//! points in turn, first the one that the compositor waits for, then the one that it releases, and
//! whoever waits for a release waits for our own rendering, too. The kernel's chain holds both without a
//! merge.

use std::sync::{Arc, Mutex, MutexGuard};

use smallvec::SmallVec;

use super::release::{Found, Release, USUAL, Wait};
use crate::{
    error::{Error, Result},
    kernel::{sync_file::SyncFile, syncobj::Reached},
    lock::lock,
    observe::counters::Counters,
    wayland::{PointSurface, SharedTimeline, Surface},
};

/// The points that pass between a swapchain and its compositor.
pub(super) struct Points {
    surface: Arc<PointSurface>,
    /// For the bell.
    on: Arc<Surface>,
    images: Vec<Image>,
}

/// An image's timeline, and where on it the image is.
pub(super) struct Image {
    timeline: Arc<SharedTimeline>,
    frame: Mutex<Frame>,
}

/// The last frame of an image that was prepared or committed. All points are 0 before the first.
#[derive(Clone, Copy, Default)]
struct Frame {
    /// The point for which the compositor waits. The one after it is the release.
    acquire: u64,
    /// The point for which the next acquire waits: the release of what was committed.
    holds: u64,
    /// The bell will ring for that frame's release, or has rung.
    listened: bool,
}

impl Frame {
    /// A point that no frame has had: 1, 3, 5 and so on. Not twice the same, as a frame that was prepared may
    /// never be committed.
    fn next(&self) -> u64 {
        match self.acquire {
            0 => 1,
            before => before + 2,
        }
    }

    /// Nobody has released the frame of this point yet.
    fn prepared(acquire: u64) -> Self {
        Frame {
            acquire,
            holds: acquire,
            listened: false,
        }
    }
}

impl Image {
    /// The same timeline for another image, which goes on where this one has stopped.
    fn successor(&self) -> Self {
        Image {
            timeline: Arc::clone(&self.timeline),
            frame: Mutex::new(*lock(&self.frame)),
        }
    }
}

impl Points {
    /// Takes the timelines of images whose memory these have, and makes the others.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the compositor does not know the protocol, or if there is no DRM node
    /// with timelines; or the kernel's.
    pub(super) fn new<'a>(
        surface: &Arc<Surface>,
        images: impl Iterator<Item = Option<&'a Image>>,
    ) -> Result<Self> {
        let display = surface.display();
        let images = images
            .map(|before| {
                Ok(match before {
                    Some(before) => before.successor(),
                    None => Image {
                        timeline: Arc::new(SharedTimeline::new(display)?),
                        frame: Mutex::default(),
                    },
                })
            })
            .collect::<Result<_>>()?;
        Ok(Points {
            // Last: from now on every commit must have points.
            surface: surface.points()?,
            on: Arc::clone(surface),
            images,
        })
    }

    /// Those of the images that the compositor holds of which it has let go. One question for all of
    /// them where one is idle; else a second, for those whose release has a fence.
    pub(super) fn look(&self, is_held: impl Fn(u32) -> bool) -> Result<Found> {
        let held: SmallVec<[(u32, u64); USUAL]> = (0..self.images.len() as u32)
            .filter(|index| is_held(*index))
            .map(|index| (index, self.frame(index).holds))
            .collect();
        let Some((first, _)) = held.first() else {
            return Ok(Found::new());
        };
        let node = self.image(*first).timeline.timeline.node();
        let come = |what, release: fn() -> Release| {
            let timelines = held
                .iter()
                .map(|(index, _)| &self.image(*index).timeline.timeline);
            let reached = node.reached(what, timelines)?;
            Ok(held
                .iter()
                .zip(reached)
                .filter(|((_, point), reached)| reached >= point)
                .map(|((index, _), _)| (*index, release()))
                .collect::<Found>())
        };
        match come(Reached::Signalled, || Release::Signalled)? {
            none if none.is_empty() => come(Reached::Available, || Release::Untaken),
            idle => Ok(idle),
        }
    }

    /// What an image is waited for with whose release is available.
    pub(super) fn take(&self, index: u32, counters: &Counters) -> Result<Wait> {
        let timeline = &self.image(index).timeline.timeline;
        let holds = self.frame(index).holds;
        if holds == 0 || timeline.is_signalled(holds)? {
            return Ok(Wait::Signalled);
        }
        let fences = timeline.export_sync_file(holds)?;
        counters.sync_file_exported();
        Ok(Wait::Pending(fences))
    }

    /// The fences of a release that is available.
    pub(super) fn fences(&self, index: u32) -> Result<SyncFile> {
        let holds = self.frame(index).holds;
        self.image(index).timeline.timeline.export_sync_file(holds)
    }

    /// The timeline of an image that nobody uses here any more, for the one that gets its memory. The
    /// compositor has let go of it, so no point but the new image's comes after its last.
    pub(super) fn retire(&self, index: u32) -> Image {
        self.image(index).successor()
    }

    /// What came with the memory of an image that has no frame yet is the fence of its first point.
    pub(super) fn inherit(&self, index: u32, fences: &SyncFile) -> Result<Release> {
        let mut frame = self.frame(index);
        let first = frame.next();
        let timeline = &self.image(index).timeline.timeline;
        timeline.import_sync_file(first, fences)?;
        *frame = Frame::prepared(first);
        Ok(Release::Untaken)
    }

    pub(super) fn listen(&self, index: u32) -> Result<()> {
        let mut frame = self.frame(index);
        if frame.listened {
            return Ok(());
        }
        let Some(bell) = self.on.display().bell() else {
            return Err(Error::Unsupported("a display without a bell".to_owned()));
        };
        self.image(index)
            .timeline
            .timeline
            .ring_when_available(frame.holds, bell)?;
        frame.listened = true;
        Ok(())
    }

    pub(super) fn before_commit(
        &self,
        index: u32,
        rendering: &mut Option<SyncFile>,
        counters: &Counters,
    ) -> Result<()> {
        let mut frame = self.frame(index);
        let timeline = &self.image(index).timeline.timeline;
        let acquire = frame.next();
        match &*rendering {
            Some(fence) => {
                timeline.import_sync_file(acquire, fence)?;
                counters.sync_file_imported();
            }
            None => timeline.signal(acquire)?,
        }
        *rendering = None;
        *frame = Frame::prepared(acquire);
        Ok(())
    }

    pub(super) fn commit(&self, index: u32) {
        let mut frame = self.frame(index);
        frame.holds = frame.acquire + 1;
        self.surface
            .set_points(&self.image(index).timeline, frame.acquire, frame.holds);
    }

    pub(super) fn left(&self, index: u32) -> Box<dyn Fn() -> bool + Send> {
        let timeline = Arc::clone(&self.image(index).timeline);
        let release = self.frame(index).holds;
        // If the kernel cannot say, the buffer goes with the surface.
        Box::new(move || timeline.timeline.is_available(release).unwrap_or(false))
    }

    fn image(&self, index: u32) -> &Image {
        &self.images[index as usize]
    }

    fn frame(&self, index: u32) -> MutexGuard<'_, Frame> {
        lock(&self.image(index).frame)
    }
}
