//! The way of `wp_linux_drm_syncobj_v1`: points of timelines.
//!
//! Each image has its own timeline, since a compositor releases images in any order, and a point has signalled
//! only when those before it have. One timeline serves both directions: each frame of the image takes two
//! points, first the one that the compositor waits for, then the one that it signals for the release. So a wait
//! for a release also waits for our own rendering; the kernel's chain holds both without a merge.

use std::sync::{Arc, Mutex, MutexGuard};

use smallvec::SmallVec;

use super::release::{Found, Release, USUAL, Wait};
use crate::{
    error::{Error, Result},
    kernel::{sync_file::SyncFile, syncobj::Reached},
    lock::lock,
    observe::counters::Counters,
    wayland::{Lease, PointSurface, SharedTimeline, Surface},
};

/// The points that pass between a swapchain and its compositor.
pub(super) struct Points {
    surface: Lease<PointSurface>,
    /// To ring the bell.
    on: Arc<Surface>,
    images: Vec<Image>,
}

/// An image's timeline, and where on it the image is.
pub(super) struct Image {
    timeline: Arc<SharedTimeline>,
    frame: Mutex<Frame>,
}

/// The points of the image's last frame that was prepared or committed. All are 0 before the first.
#[derive(Clone, Copy, Default)]
struct Frame {
    /// The point for which the compositor waits. The one after it is the release.
    acquire: u64,
    /// The point for which the next acquire waits: the release of the last committed frame.
    holds: u64,
    /// The bell is set to ring at that frame's release, or has rung.
    listened: bool,
}

impl Frame {
    /// A point that no frame has had: 1, 3, 5 and so on, never the same twice, since a frame that was prepared
    /// may never be committed.
    fn next(&self) -> u64 {
        match self.acquire {
            0 => 1,
            before => before + 2,
        }
    }

    /// The release point of the frame, if it was committed. Before that the compositor has not heard of the frame, and
    /// `holds` is its acquire point, which is ours.
    fn release(&self) -> Option<u64> {
        (self.holds > self.acquire).then_some(self.holds)
    }

    /// A frame with this acquire point that has no release yet.
    fn prepared(acquire: u64) -> Self {
        Frame {
            acquire,
            holds: acquire,
            listened: false,
        }
    }

    /// The compositor gets it.
    fn commit(&mut self) {
        self.holds = self.acquire + 1;
    }
}

impl Image {
    /// The same timeline for another image, which continues after the last point of this one.
    fn successor(&self) -> Self {
        Image {
            timeline: Arc::clone(&self.timeline),
            frame: Mutex::new(*lock(&self.frame)),
        }
    }
}

impl Points {
    /// Takes over the timelines of images whose memory these have, and makes the others.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the compositor does not know the protocol, or if no DRM node has timelines; or
    /// the kernel's error.
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

    /// Which of the images that the compositor holds it has released. One call for all of them where one is
    /// idle; else a second, for those whose release has a fence. An image that is about to be committed is not
    /// released.
    pub(super) fn look(&self, is_held: impl Fn(u32) -> bool) -> Result<Found> {
        let held: SmallVec<[(u32, u64); USUAL]> = (0..self.images.len() as u32)
            .filter(|index| is_held(*index))
            .filter_map(|index| Some((index, self.frame(index).release()?)))
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

    /// The wait for an image whose release is available.
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

    /// The timeline of an image that is not used here any more, for the image that gets its memory. The
    /// compositor has released it, so that only the new image's points come after its last one.
    pub(super) fn retire(&self, index: u32) -> Image {
        self.image(index).successor()
    }

    /// For an image without a frame in this swapchain, the fences that came with its memory become those of its
    /// first point.
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
            // Its release, also if its commit is yet to come.
            .ring_when_available(frame.acquire + 1, bell)?;
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
        frame.commit();
        self.surface
            .set_points(&self.image(index).timeline, frame.acquire, frame.holds);
    }

    pub(super) fn left(&self, index: u32) -> Box<dyn Fn() -> bool + Send> {
        let timeline = Arc::clone(&self.image(index).timeline);
        let release = self.frame(index).holds;
        // If the kernel cannot tell, the buffer is destroyed with the surface.
        Box::new(move || timeline.timeline.is_available(release).unwrap_or(false))
    }

    fn image(&self, index: u32) -> &Image {
        &self.images[index as usize]
    }

    fn frame(&self, index: u32) -> MutexGuard<'_, Frame> {
        lock(&self.image(index).frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_released_by_its_release_point_alone() {
        let mut frame = Frame::default();
        assert_eq!(frame.release(), None);
        for acquire in [1, 3] {
            assert_eq!(frame.next(), acquire);
            frame = Frame::prepared(acquire);
            assert_eq!(frame.release(), None, "its own acquire point is available");
            frame.commit();
            assert_eq!(frame.release(), Some(acquire + 1));
        }
    }
}
