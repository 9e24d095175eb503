//! The way of `zwp_linux_explicit_synchronization_v1`: sync_files in requests and events.

use std::sync::{Arc, Mutex, Weak};

use super::release::{Release, Wait};
use crate::{
    error::Result,
    kernel::sync_file::SyncFile,
    lock::lock,
    observe::counters::Counters,
    wayland::{Display, FenceSurface, Lease, ReleaseListener, Surface},
};

/// The name of a merged sync_file in the kernel's debug output.
const MERGED: &str = "wayfence present and release";

/// The fences that pass between a swapchain and its compositor.
pub(super) struct Fences {
    surface: Lease<FenceSurface>,
    /// Goes after that object: a thread that dispatches a release may have these fences for longer than the
    /// application has the swapchain, and who comes next is to find the object, or the surface without it.
    _on: Arc<Surface>,
    held: Mutex<Held>,
}

struct Held {
    images: Vec<Image>,
    /// The last rendering that was checked had finished when it was presented.
    was_over: bool,
}

/// The fences of an image that are not yet known to have signalled.
#[derive(Default)]
struct Image {
    /// Our own last rendering.
    own: Option<SyncFile>,
    /// The fence of the compositor's last release.
    release: Option<SyncFile>,
}

impl Image {
    fn is_idle(&self) -> bool {
        self.own.is_none() && self.release.is_none()
    }

    /// All of them merged, as a new descriptor; `None` if there are none.
    fn fences(&self) -> Result<Option<SyncFile>> {
        match (&self.own, &self.release) {
            (None, None) => Ok(None),
            (Some(one), None) | (None, Some(one)) => one.try_clone().map(Some),
            (Some(own), Some(release)) => own.merge(release, MERGED).map(Some),
        }
    }
}

impl Held {
    fn image(&mut self, index: u32) -> &mut Image {
        &mut self.images[index as usize]
    }

    /// Drops the fences that have signalled, of all images with one call.
    ///
    /// # Errors
    /// If the kernel cannot tell for this image.
    fn look(&mut self, index: u32) -> Result<()> {
        let fences = self.images.iter().flat_map(|image| {
            let both = [&image.own, &image.release];
            both.into_iter().flatten()
        });
        let mut seen = SyncFile::are_signalled(fences)?.into_iter();
        let mut answer = Ok(());
        for (at, image) in (0..).zip(&mut self.images) {
            for fence in [&mut image.own, &mut image.release] {
                match fence.as_ref().and_then(|_| seen.next()) {
                    Some(Ok(true)) => *fence = None,
                    Some(Err(error)) if at == index => answer = Err(error),
                    _ => {}
                }
            }
        }
        answer
    }
}

impl Fences {
    /// # Errors
    /// [`Unsupported`](crate::error::Error::Unsupported) if the compositor does not know the protocol.
    pub(super) fn new(surface: &Arc<Surface>, images: usize) -> Result<Self> {
        Ok(Fences {
            surface: surface.fences()?,
            _on: Arc::clone(surface),
            held: Mutex::new(Held {
                images: (0..images).map(|_| Image::default()).collect(),
                was_over: true,
            }),
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
        let mut held = lock(&self.held);
        let image = held.image(index);
        image.release = fence;
        match image.is_idle() {
            true => Release::Signalled,
            // The next present or acquire checks them.
            false => Release::Untaken,
        }
    }

    /// The same for an image without a frame yet, whose memory came with these fences.
    pub(super) fn inherit(&self, index: u32, fences: SyncFile) -> Release {
        lock(&self.held).image(index).release = Some(fences);
        Release::Untaken
    }

    /// The fence for the acquire of a released image. The image keeps its fences, since the application may
    /// give it back without having waited.
    pub(super) fn take(&self, index: u32) -> Result<Wait> {
        let mut held = lock(&self.held);
        if !held.image(index).is_idle() {
            held.look(index)?;
        }
        let fences = held.image(index).fences()?;
        Ok(fences.map_or(Wait::Signalled, Wait::Pending))
    }

    /// The fences of a released image.
    pub(super) fn fences(&self, index: u32) -> Result<Option<SyncFile>> {
        lock(&self.held).image(index).fences()
    }

    /// Keeps the rendering's fence for the commit and for the next acquire. Where it has signalled, the
    /// compositor gets none: sending a descriptor takes two calls more than closing it.
    pub(super) fn before_commit(
        &self,
        index: u32,
        rendering: &mut Option<SyncFile>,
        counters: &Counters,
    ) {
        let held = &mut *lock(&self.held);
        let has_rendering = rendering.is_some();
        *held.image(index) = Image {
            own: rendering.take(),
            release: None,
        };
        // One check of all released images saves the checks of the acquires to come. For this rendering alone
        // it pays where renderings finish that soon.
        let others_ask = held.images.iter().any(|image| image.release.is_some());
        if has_rendering && (others_ask || held.was_over) {
            // If the check fails the fence is waited for.
            let _ = held.look(index);
            held.was_over = held.image(index).is_idle();
        }
        if !held.image(index).is_idle() {
            counters.sync_file_imported();
        }
    }

    pub(super) fn commit(
        &self,
        index: u32,
        display: &Display,
        listener: Weak<dyn ReleaseListener>,
    ) {
        let mut held = lock(&self.held);
        // The request gets its own descriptor.
        let own = held.image(index).own.as_ref();
        self.surface.set_fences(display, own, listener, index);
    }
}
