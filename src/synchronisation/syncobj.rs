//! The way of `wp_linux_drm_syncobj_v1`: points of timelines.
//!
//! Each image has two timelines of its own. Not one for all images, since a compositor signals release
//! points in any order, and a point signals those before it. And not one for both directions: the fence
//! of a point contains those of all points before it, so that a release would wait for our own
//! rendering even where the compositor did not.

use std::{
    os::fd::AsFd,
    sync::{Arc, Mutex},
};

use super::Release;
use crate::{
    counters::Counters,
    error::{Error, Result},
    lock::lock,
    sync_file::SyncFile,
    wayland::{PointSurface, SharedTimeline, Surface},
};

/// The points that pass between a swapchain and its compositor.
pub(super) struct Points {
    surface: Arc<PointSurface>,
    /// For the bell.
    on: Arc<Surface>,
    images: Vec<Mutex<Image>>,
}

struct Image {
    acquire: SharedTimeline,
    release: Arc<Mutex<SharedTimeline>>,
    /// The point on both timelines of the last frame that was prepared or committed; 0 before the first.
    point: u64,
    /// The bell will ring for that frame's release, or has rung.
    listened: bool,
}

impl Points {
    /// # Errors
    /// [`Error::Unsupported`] if the compositor does not know the protocol, or if there is no DRM node
    /// with timelines; or the kernel's.
    pub(super) fn new(surface: &Arc<Surface>, images: usize) -> Result<Self> {
        let display = surface.display();
        let images = (0..images)
            .map(|_| {
                Ok(Mutex::new(Image {
                    acquire: SharedTimeline::new(display)?,
                    release: Arc::new(Mutex::new(SharedTimeline::new(display)?)),
                    point: 0,
                    listened: false,
                }))
            })
            .collect::<Result<_>>()?;
        Ok(Points {
            // Last: from now on every commit must have points.
            surface: surface.points()?,
            on: Arc::clone(surface),
            images,
        })
    }

    /// The release, if its point has a fence.
    pub(super) fn look(&self, index: u32, counters: &Counters) -> Result<Option<Release>> {
        let available = {
            let image = self.image(index);
            let release = lock(&image.release);
            release.timeline.is_available(image.point)?
        };
        Ok(available.then(|| {
            self.take(index, counters).unwrap_or_else(|error| {
                tracing::warn!(%error, "the fence of a release point");
                Release::Untaken
            })
        }))
    }

    /// The fence of a release point that is available.
    pub(super) fn take(&self, index: u32, counters: &Counters) -> Result<Release> {
        let image = self.image(index);
        if image.point == 0 {
            return Ok(Release::Signalled);
        }
        let fence = lock(&image.release)
            .timeline
            .export_sync_file(image.point)?;
        counters.sync_file_exported();
        Ok(Release::Fences(fence))
    }

    pub(super) fn listen(&self, index: u32) -> Result<()> {
        let mut image = self.image(index);
        if image.listened {
            return Ok(());
        }
        let Some(bell) = self.on.display().bell() else {
            return Err(Error::Unsupported("a display without a bell".to_owned()));
        };
        lock(&image.release)
            .timeline
            .ring_when_available(image.point, bell)?;
        image.listened = true;
        Ok(())
    }

    pub(super) fn before_commit(
        &self,
        index: u32,
        rendering: &mut Option<SyncFile>,
        counters: &Counters,
    ) -> Result<()> {
        let mut image = self.image(index);
        let point = image.point + 1;
        let timeline = &mut image.acquire.timeline;
        match &*rendering {
            Some(fence) => {
                timeline.import_sync_file(point, fence.as_fd())?;
                counters.sync_file_imported();
            }
            None => timeline.signal(point)?,
        }
        *rendering = None;
        image.point = point;
        image.listened = false;
        Ok(())
    }

    pub(super) fn commit(&self, index: u32) {
        let image = self.image(index);
        let release = lock(&image.release);
        self.surface
            .set_points((&image.acquire, image.point), (&release, image.point));
    }

    pub(super) fn left(&self, index: u32) -> Box<dyn Fn() -> bool + Send> {
        let image = self.image(index);
        let (release, point) = (Arc::clone(&image.release), image.point);
        // If the kernel cannot say, the buffer goes with the surface.
        Box::new(move || lock(&release).timeline.is_available(point).unwrap_or(false))
    }

    fn image(&self, index: u32) -> std::sync::MutexGuard<'_, Image> {
        lock(&self.images[index as usize])
    }
}
