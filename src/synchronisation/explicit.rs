//! The way of `zwp_linux_explicit_synchronization_v1`: sync_files in requests and events.

use std::sync::{Arc, Mutex, Weak};

use super::Release;
use crate::{
    counters::Counters,
    error::Result,
    lock::lock,
    sync_file::SyncFile,
    wayland::{Display, FenceSurface, ReleaseListener, Surface},
};

/// The fences that pass between a swapchain and its compositor.
pub(super) struct Fences {
    surface: Arc<FenceSurface>,
    images: Vec<Mutex<Image>>,
}

#[derive(Default)]
struct Image {
    /// From before the commit to the commit: what the compositor is to wait for.
    acquire: Option<SyncFile>,
    /// What came with the last release, if it was pending.
    release: Option<SyncFile>,
}

impl Fences {
    /// # Errors
    /// [`Unsupported`](crate::error::Error::Unsupported) if the compositor does not know the protocol.
    pub(super) fn new(surface: &Surface, images: usize) -> Result<Self> {
        Ok(Fences {
            surface: surface.fences()?,
            images: (0..images).map(|_| Mutex::default()).collect(),
        })
    }

    pub(super) fn released(&self, index: u32, fence: SyncFile, counters: &Counters) -> Release {
        counters.sync_file_exported();
        if let Ok(true) = fence.is_signalled() {
            return Release::Signalled;
        }
        lock(&self.images[index as usize]).release = Some(fence);
        Release::Untaken
    }

    /// A fence of the last release for an acquire of its own: the application may give the image back
    /// without having waited.
    pub(super) fn take(&self, index: u32) -> Result<Release> {
        match &lock(&self.images[index as usize]).release {
            Some(fence) => fence.try_clone().map(Release::Fences),
            None => Ok(Release::Signalled),
        }
    }

    pub(super) fn before_commit(
        &self,
        index: u32,
        rendering: &mut Option<SyncFile>,
        counters: &Counters,
    ) {
        if rendering.is_some() {
            counters.sync_file_imported();
        }
        *lock(&self.images[index as usize]) = Image {
            acquire: rendering.take(),
            release: None,
        };
    }

    pub(super) fn commit(
        &self,
        index: u32,
        display: &Display,
        listener: Weak<dyn ReleaseListener>,
    ) {
        let acquire = lock(&self.images[index as usize]).acquire.take();
        // The request has a descriptor of its own.
        self.surface
            .set_fences(display, acquire.as_ref(), listener, index);
    }
}
