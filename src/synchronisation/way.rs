//! How a released image is waited for, and how a rendered one is handed over: one type, one
//! implementation for each way. The swapchain knows only this type.
//!
//! An acquire waits for two things: for the window system's use of the image up to its release, and for the
//! image's own last present. A compositor may release a frame before its rendering has finished, and an
//! application may reuse or destroy the present's objects once it has waited for the acquire.
//!
//! | way | a release is | an acquire gets | a present gives |
//! | --- | --- | --- | --- |
//! | [`Syncobj`](Way::Syncobj) | the release point, once it has a fence | that point's fences, those of the acquire point before it among them | the acquire point's fence |
//! | [`Explicit`](Way::Explicit) | `fenced_release` or `immediate_release` | its fence, and the present's | `set_acquire_fence` |
//! | [`Implicit`](Way::Implicit) | `wl_buffer.release` | the dma-buf's fences at that moment, the present's among them | a writer's fence on the dma-buf |
//! | [`Cpu`](Way::Cpu) | `wl_buffer.release` | nothing: the CPU has waited | nothing: the CPU has waited |
//!
//! One call first finds out whether there is anything to wait for; only then is a fence made.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use super::{
    cpu,
    explicit::Fences,
    implicit,
    release::{Found, Release, Wait},
    syncobj::{self, Points},
};
use crate::{
    error::{Error, Result},
    kernel::{
        dma_buf::{Access, DmaBuf},
        sync_file::SyncFile,
    },
    observe::counters::Counters,
    wayland::{BufferRelease, ReleaseListener, Surface},
};

/// What the user asked for with `WAYFENCE_SYNC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The best that driver, kernel and compositor offer.
    #[default]
    Auto,
    /// This way or none.
    Forced(Way),
}

impl Choice {
    /// What [`from_str`](str::parse) takes.
    pub const NAMES: [&str; 5] = ["auto", "syncobj", "explicit", "implicit", "cpu"];

    /// The way for images that are not made yet. [`Way::Implicit`] may still become [`Way::Cpu`], since only a
    /// dma-buf shows whether the kernel has the ioctls.
    pub fn way(self, surface: &Surface) -> Way {
        let display = surface.display();
        match self {
            Choice::Forced(way) => way,
            Choice::Auto if display.syncobj().is_ok() => Way::Syncobj,
            Choice::Auto if display.explicit().is_ok() => Way::Explicit,
            Choice::Auto if display.ignores_fences() => Way::Cpu,
            Choice::Auto => Way::Implicit,
        }
    }
}

impl std::str::FromStr for Choice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text == "auto" {
            return Ok(Choice::Auto);
        }
        Way::BEST_FIRST
            .into_iter()
            .find(|way| way.name() == text)
            .map(Choice::Forced)
            .ok_or_else(|| Error::Setting {
                name: "WAYFENCE_SYNC",
                value: text.to_owned(),
                expected: "auto, syncobj, explicit, implicit or cpu",
            })
    }
}

/// A way in which compositor and client tell each other when they are done with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// Points of timeline syncobjs (`wp_linux_drm_syncobj_v1`).
    Syncobj,
    /// sync_files in requests and events (`zwp_linux_explicit_synchronization_v1`).
    Explicit,
    /// Fences go in and out of the dma-buf as sync_files (Linux 6.0,
    /// `DMA_BUF_IOCTL_EXPORT_SYNC_FILE` and `DMA_BUF_IOCTL_IMPORT_SYNC_FILE`).
    Implicit,
    /// The kernel has no such ioctls: the dma-buf is polled, and a frame is committed when its
    /// rendering is done.
    Cpu,
}

impl Way {
    /// All of them, in the order of preference: the first that is available is taken.
    pub const BEST_FIRST: [Way; 4] = [Way::Syncobj, Way::Explicit, Way::Implicit, Way::Cpu];

    /// As `WAYFENCE_SYNC` and the report call it.
    pub fn name(self) -> &'static str {
        match self {
            Way::Syncobj => "syncobj",
            Way::Explicit => "explicit",
            Way::Implicit => "implicit",
            Way::Cpu => "cpu",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The synchronisation of one swapchain's images. Thread-safe. The calls for one image are made by its holder:
/// by the dispatching thread while the compositor has it, else by the application's.
///
/// It outlives its swapchain for images whose memory may still serve elsewhere, and must not hold the memory of
/// the others: the dma-bufs are their owners'.
pub struct Synchronisation {
    images: Vec<Weak<DmaBuf>>,
    means: Means,
}

enum Means {
    Syncobj(Points),
    Explicit(Fences),
    Implicit,
    Cpu,
}

/// What an image inherits with its memory from one of a replaced swapchain.
#[derive(Default)]
pub struct Inherited {
    /// What to wait for before writing to the memory; `None`: it is idle.
    fences: Option<SyncFile>,
    /// The timeline of the earlier image, in the way that has timelines.
    timeline: Option<syncobj::Image>,
}

impl fmt::Debug for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherited")
            .field("fences", &self.fences)
            .finish_non_exhaustive()
    }
}

impl Synchronisation {
    /// Chooses the way for images with these dma-bufs, each with what it inherits: the best, or the forced one.
    /// Tries the kernel's ioctls and never looks at its version. Also returns, for each image, the inherited
    /// fences as a release. The dma-bufs remain the caller's, who keeps those of all images that are used.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if `choice` forces a way that is not available here, with the reason; or the
    /// kernel's error, when only resources are short.
    pub fn new(
        choice: Choice,
        surface: &Arc<Surface>,
        images: &[Arc<DmaBuf>],
        inherited: Vec<Inherited>,
    ) -> Result<(Self, Vec<Option<Release>>)> {
        let means = match choice {
            Choice::Forced(way) => {
                Means::new(way, surface, images, &inherited).map_err(|error| match error {
                    Error::Unsupported(why) => {
                        Error::Unsupported(format!("WAYFENCE_SYNC={way}: {why}"))
                    }
                    error => error,
                })?
            }
            Choice::Auto => Means::best(surface, images, &inherited)?,
        };
        let releases = (0..)
            .zip(inherited)
            .map(|(index, past)| {
                past.fences
                    .map(|fences| means.inherit(index, fences))
                    .transpose()
            })
            .collect::<Result<_>>()?;
        let images = images.iter().map(Arc::downgrade).collect();
        Ok((Synchronisation { images, means }, releases))
    }

    /// The way.
    pub fn way(&self) -> Way {
        match &self.means {
            Means::Syncobj(_) => Way::Syncobj,
            Means::Explicit(_) => Way::Explicit,
            Means::Implicit => Way::Implicit,
            Means::Cpu => Way::Cpu,
        }
    }

    /// How many images there are.
    pub fn image_count(&self) -> u32 {
        self.images.len() as u32
    }

    /// Whether in this way the event releases an image.
    pub fn is_release(&self, event: &BufferRelease) -> bool {
        match (&self.means, event) {
            (Means::Implicit | Means::Cpu, BufferRelease::Implicit)
            | (Means::Explicit(_), BufferRelease::Fenced(_) | BufferRelease::Immediate) => true,
            // "The delivery of wl_buffer.release events ... becomes undefined" with points; with fences it
            // comes in addition to the release that counts.
            _ => false,
        }
    }

    /// The compositor's event says that it has released the image. Takes the fences of a dma-buf, so it must be
    /// called where the event is dispatched, and only there: later the dma-buf may have fences of what the
    /// driver has written since. `None` if in this way the event is no release.
    ///
    /// Never fails: an image whose fences cannot be taken now (`EMFILE`, say, or a dma-buf that nobody has any
    /// more) comes back nevertheless.
    pub fn released(
        &self,
        index: u32,
        event: BufferRelease,
        counters: &Counters,
    ) -> Option<Release> {
        match (&self.means, event) {
            (Means::Implicit, BufferRelease::Implicit) => Some(match self.image(index) {
                Ok(image) => implicit::released(&image, counters),
                Err(_) => Release::Untaken,
            }),
            (Means::Cpu, BufferRelease::Implicit) => Some(Release::Untaken),
            (Means::Explicit(fences), BufferRelease::Fenced(fence)) => {
                Some(fences.released(index, Some(fence), counters))
            }
            (Means::Explicit(fences), BufferRelease::Immediate) => {
                Some(fences.released(index, None, counters))
            }
            _ => None,
        }
    }

    /// Which of the images that it holds the compositor has released, where no event says so: the idle ones, or
    /// if none is idle all that are released. None where an event tells.
    ///
    /// # Errors
    /// The kernel's, if it cannot tell: nothing would announce the release later.
    pub fn look(&self, is_held: impl Fn(u32) -> bool) -> Result<Found> {
        match &self.means {
            Means::Syncobj(points) => points.look(is_held),
            _ => Ok(Found::new()),
        }
    }

    /// The fences of an image that has just come back, signalled ones included, for the trace; a
    /// [snapshot](Release::Fences) already has them. `None` if there are none, or if the kernel does not give
    /// them.
    pub fn fences(&self, index: u32) -> Option<SyncFile> {
        match &self.means {
            Means::Syncobj(points) => points.fences(index).ok(),
            Means::Explicit(fences) => fences.fences(index).ok().flatten(),
            Means::Implicit => {
                let image = self.image(index).ok()?;
                image.export_sync_file(Access::Write).ok()
            }
            Means::Cpu => None,
        }
    }

    /// Makes the display's bell ring when [`look`](Self::look) may find more; at once, if it may now.
    ///
    /// # Errors
    /// The kernel's.
    pub fn listen(&self, index: u32) -> Result<()> {
        match &self.means {
            Means::Syncobj(points) => points.listen(index),
            _ => Ok(()),
        }
    }

    /// Whether a free image can be handed out with what came back with it. The answer is no only where the CPU
    /// waits.
    ///
    /// # Errors
    /// The kernel's.
    pub fn is_ready(&self, index: u32, release: Option<&Release>) -> Result<bool> {
        match (&self.means, release) {
            (Means::Cpu, Some(Release::Untaken)) => cpu::is_over(&*self.image(index)?),
            _ => Ok(true),
        }
    }

    /// Turns what came back with a [ready](Self::is_ready) image into what the application waits for. After an
    /// error `release` is still valid.
    ///
    /// # Errors
    /// The kernel's.
    pub fn acquired(
        &self,
        index: u32,
        release: &mut Option<Release>,
        counters: &Counters,
    ) -> Result<Wait> {
        let signalled = match &*release {
            None | Some(Release::Signalled) => true,
            Some(Release::Fences(fences)) => fences.is_signalled()?,
            Some(Release::Untaken) => {
                let wait = match &self.means {
                    Means::Syncobj(points) => points.take(index, counters)?,
                    Means::Explicit(fences) => fences.take(index)?,
                    Means::Implicit => implicit::take(&*self.image(index)?, counters)?,
                    // It is ready.
                    Means::Cpu => Wait::Signalled,
                };
                *release = None;
                return Ok(wait);
            }
        };
        Ok(match release.take() {
            Some(Release::Fences(fences)) if !signalled => Wait::Pending(fences),
            _ => Wait::Signalled,
        })
    }

    /// What a [ready](Self::is_ready) image that is not used here any more leaves to the one that gets its
    /// memory. `release` is what came back with it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn retire(
        &self,
        index: u32,
        mut release: Option<Release>,
        counters: &Counters,
    ) -> Result<Inherited> {
        let fences = match self.acquired(index, &mut release, counters)? {
            Wait::Signalled => None,
            Wait::Pending(fences) => Some(fences),
        };
        let timeline = match &self.means {
            Means::Syncobj(points) => Some(points.retire(index)),
            _ => None,
        };
        Ok(Inherited { fences, timeline })
    }

    /// Makes the compositor wait for `rendering` (`None`: it has finished), as far as that is done in the
    /// kernel. To be called before the commit that shows the image. Takes the sync_file; after an error it is
    /// still in `rendering`, and the image must not be committed.
    ///
    /// # Errors
    /// The kernel's.
    pub fn before_commit(
        &self,
        index: u32,
        rendering: &mut Option<SyncFile>,
        counters: &Counters,
    ) -> Result<()> {
        match &self.means {
            Means::Syncobj(points) => points.before_commit(index, rendering, counters),
            Means::Explicit(fences) => {
                fences.before_commit(index, rendering, counters);
                Ok(())
            }
            Means::Implicit => implicit::before_commit(&*self.image(index)?, rendering, counters),
            Means::Cpu => cpu::before_commit(rendering, counters),
        }
    }

    /// Makes the requests that belong to the commit that follows.
    pub fn commit(&self, index: u32, surface: &Surface, listener: &Weak<dyn ReleaseListener>) {
        match &self.means {
            Means::Syncobj(points) => points.commit(index),
            Means::Explicit(fences) => fences.commit(index, surface.display(), listener.clone()),
            Means::Implicit | Means::Cpu => {}
        }
    }

    /// How to learn that the compositor has released an image that it holds, when the swapchain is gone; `None`
    /// where `wl_buffer.release` says so.
    pub fn left(&self, index: u32) -> Option<Box<dyn Fn() -> bool + Send>> {
        match &self.means {
            Means::Syncobj(points) => Some(points.left(index)),
            _ => None,
        }
    }

    /// # Errors
    /// [`Error::Retired`]: the swapchain is gone, and nobody has kept this image's memory.
    fn image(&self, index: u32) -> Result<Arc<DmaBuf>> {
        let image = self.images[index as usize].upgrade();
        image.ok_or(Error::Retired)
    }
}

impl Means {
    fn best(
        surface: &Arc<Surface>,
        images: &[Arc<DmaBuf>],
        inherited: &[Inherited],
    ) -> Result<Self> {
        let mut reasons = Vec::new();
        for way in Way::BEST_FIRST {
            if way == Way::Implicit && surface.display().ignores_fences() {
                continue;
            }
            match Self::new(way, surface, images, inherited) {
                Err(Error::Unsupported(why)) => {
                    tracing::debug!(%way, why, "not used");
                    reasons.push(why);
                }
                means => return means,
            }
        }
        Err(Error::Unsupported(reasons.join("; ")))
    }

    fn new(
        way: Way,
        surface: &Arc<Surface>,
        images: &[Arc<DmaBuf>],
        inherited: &[Inherited],
    ) -> Result<Self> {
        Ok(match way {
            Way::Syncobj => {
                let timelines = inherited.iter().map(|past| past.timeline.as_ref());
                Means::Syncobj(Points::new(surface, timelines)?)
            }
            Way::Explicit => Means::Explicit(Fences::new(surface, images.len())?),
            Way::Implicit => {
                implicit::check(images)?;
                Means::Implicit
            }
            Way::Cpu => Means::Cpu,
        })
    }

    /// Makes the next acquire of an image that was never shown here wait for these fences. Returns them as what
    /// came back with the image.
    fn inherit(&self, index: u32, fences: SyncFile) -> Result<Release> {
        match self {
            Means::Syncobj(points) => points.inherit(index, &fences),
            Means::Explicit(held) => Ok(held.inherit(index, fences)),
            // They are on the dma-buf, too.
            Means::Implicit | Means::Cpu => Ok(Release::Fences(fences)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_takes_the_ways_by_name_and_nothing_else() {
        assert_eq!("auto".parse::<Choice>().unwrap(), Choice::Auto);
        assert_eq!("".parse::<Choice>().unwrap(), Choice::Auto);
        for way in Way::BEST_FIRST {
            assert_eq!(way.name().parse::<Choice>().unwrap(), Choice::Forced(way));
        }
        for name in Choice::NAMES {
            name.parse::<Choice>().unwrap();
        }
        let error = "fences".parse::<Choice>().unwrap_err().to_string();
        assert!(
            error.contains("WAYFENCE_SYNC") && error.contains("fences"),
            "{error}"
        );
        for name in Choice::NAMES {
            assert!(error.contains(name), "{error}");
        }
    }
}
