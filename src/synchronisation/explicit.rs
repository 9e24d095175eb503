//! The way of `zwp_linux_explicit_synchronization_v1`: sync_files in requests and events.

use std::sync::{Arc, Mutex, Weak};

use super::release::{Release, Wait};
use crate::{
    error::Result,
    kernel::sync_file::SyncFile,
    lock::lock,
    observe::counters::Counters,
    wayland::{Display, FenceSurface, ReleaseListener, Surface},
};

/// What people who debug see as the name of a merge.
const MERGED: &str = "wayfence present and release";

/// The fences that pass between a swapchain and its compositor.
pub(super) struct Fences {
    surface: Arc<FenceSurface>,
    images: Vec<Mutex<Image>>,
}

/// Whom an image is waited for: those of whom nobody has seen yet that they are over.
#[derive(Default)]
struct Image {
    /// Our own last rendering.
    own: Option<SyncFile>,
    /// What came with the compositor's last release.
    release: Option<SyncFile>,
}

impl Image {
    /// Forgets what is over. Asks the kernel once, or not at all.
    fn look(&mut self) -> Result<()> {
        let [own, release] = match (&self.own, &self.release) {
            (None, None) => return Ok(()),
            (Some(own), None) => [own.is_signalled()?, false],
            (None, Some(release)) => [false, release.is_signalled()?],
            (Some(own), Some(release)) => SyncFile::are_signalled([own, release])?,
        };
        self.own.take_if(|_| own);
        self.release.take_if(|_| release);
        Ok(())
    }

    /// All of them in one, a descriptor of its own; `None` if there are none.
    fn fences(&self) -> Result<Option<SyncFile>> {
        match (&self.own, &self.release) {
            (None, None) => Ok(None),
            (Some(one), None) | (None, Some(one)) => one.try_clone().map(Some),
            (Some(own), Some(release)) => own.merge(release, MERGED).map(Some),
        }
    }
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

    /// The compositor has let go of the image, with this fence or without one. It may have done so
    /// without ever having read it.
    pub(super) fn released(
        &self,
        index: u32,
        fence: Option<SyncFile>,
        counters: &Counters,
    ) -> Release {
        if fence.is_some() {
            counters.sync_file_exported();
        }
        let mut image = lock(&self.images[index as usize]);
        image.release = fence;
        match &*image {
            Image {
                own: None,
                release: None,
            } => Release::Signalled,
            // They are asked by whoever acquires it.
            _ => Release::Untaken,
        }
    }

    /// What a released image is waited for with. It keeps its fences: the application may give it back
    /// without having waited.
    pub(super) fn take(&self, index: u32) -> Result<Wait> {
        let mut image = lock(&self.images[index as usize]);
        image.look()?;
        Ok(image.fences()?.map_or(Wait::Signalled, Wait::Pending))
    }

    /// The fences of a released image.
    pub(super) fn fences(&self, index: u32) -> Result<Option<SyncFile>> {
        lock(&self.images[index as usize]).fences()
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
            own: rendering.take(),
            release: None,
        };
    }

    pub(super) fn commit(
        &self,
        index: u32,
        display: &Display,
        listener: Weak<dyn ReleaseListener>,
    ) {
        let image = lock(&self.images[index as usize]);
        // The request has a descriptor of its own.
        self.surface
            .set_fences(display, image.own.as_ref(), listener, index);
    }
}
