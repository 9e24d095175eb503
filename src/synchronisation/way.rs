//! How a released image is waited for, and how a rendered one is handed over: one type, one
//! implementation for each way. The swapchain knows only this type.
//!
//! An acquire waits for two: for the window system, as far as it used the image when it let go of it, and
//! for the image's own last present. A compositor may let go of a frame before that was drawn, and an
//! application may do with the present's objects what it likes once it has waited for the acquire.
//!
//! | way | a release is | an acquire gets | a present gives |
//! | --- | --- | --- | --- |
//! | [`Syncobj`](Way::Syncobj) | the release point, once it has a fence | that point's fences, those of the acquire point before it among them | the acquire point's fence |
//! | [`Explicit`](Way::Explicit) | `fenced_release` or `immediate_release` | its fence, and the present's | `set_acquire_fence` |
//! | [`Implicit`](Way::Implicit) | `wl_buffer.release` | the dma-buf's fences at that moment, the present's among them | a writer's fence on the dma-buf |
//! | [`Cpu`](Way::Cpu) | `wl_buffer.release` | nothing: the CPU has waited | nothing: the CPU has waited |
//!
//! Whether there is anything to wait for is asked first, with one call; only then is a fence made.

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

    /// The way of images that are yet to be made. Where it is [`Way::Implicit`] it may become [`Way::Cpu`]:
    /// only a dma-buf tells what the kernel can do with it.
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

/// A way in which compositor and client tell each other when they have done with an image.
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
    /// All of them: the first that can be had is taken.
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

/// The synchronisation of one swapchain's images. Thread-safe; what concerns one image is called by its
/// holder: by the dispatching thread while the compositor has it, by the application's otherwise.
pub struct Synchronisation {
    images: Vec<Arc<DmaBuf>>,
    means: Means,
}

enum Means {
    Syncobj(Points),
    Explicit(Fences),
    Implicit,
    Cpu,
}

/// What the memory of an image has been through in a swapchain that was replaced.
#[derive(Default)]
pub struct Inherited {
    /// Whom to wait for before anybody writes to it; nobody: everybody is done with it.
    fences: Option<SyncFile>,
    /// The timeline of the image that it was, where there are any.
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
    /// Takes the images' dma-bufs, which others may have, too, each with its past, and chooses the way for
    /// them: the best, or the forced one. Tries the kernel's ioctls, never its version. Answers what has come
    /// back, so to speak, with images that were never shown here.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if `choice` forces a way that cannot be had here, with its reason; or what
    /// the kernel answers when it lacks nothing but resources.
    pub fn new(
        choice: Choice,
        surface: &Arc<Surface>,
        images: Vec<(Arc<DmaBuf>, Inherited)>,
    ) -> Result<(Self, Vec<Option<Release>>)> {
        let (images, inherited): (Vec<_>, Vec<_>) = images.into_iter().unzip();
        let means = match choice {
            Choice::Forced(way) => {
                Means::new(way, surface, &images, &inherited).map_err(|error| match error {
                    Error::Unsupported(why) => {
                        Error::Unsupported(format!("WAYFENCE_SYNC={way}: {why}"))
                    }
                    error => error,
                })?
            }
            Choice::Auto => Means::best(surface, &images, &inherited)?,
        };
        let releases = (0..)
            .zip(inherited)
            .map(|(index, past)| {
                past.fences
                    .map(|fences| means.inherit(index, fences))
                    .transpose()
            })
            .collect::<Result<_>>()?;
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

    /// The dma-bufs of the images.
    pub fn images(&self) -> &[Arc<DmaBuf>] {
        &self.images
    }

    /// Whether in this way that event lets go of an image.
    pub fn is_release(&self, event: &BufferRelease) -> bool {
        match (&self.means, event) {
            (Means::Implicit | Means::Cpu, BufferRelease::Implicit)
            | (Means::Explicit(_), BufferRelease::Fenced(_) | BufferRelease::Immediate) => true,
            // "The delivery of wl_buffer.release events ... becomes undefined" with points; with fences
            // it comes beside the release that counts.
            _ => false,
        }
    }

    /// The compositor's event says that it has let go of the image. Takes the fences of a dma-buf, so it
    /// is to be called where the event is dispatched, and only there: a later look could see what the
    /// driver has written since. `None` if in this way that event is no release.
    ///
    /// Never fails: an image whose fences cannot be taken now (`EMFILE`, say) comes back all the same.
    pub fn released(
        &self,
        index: u32,
        event: BufferRelease,
        counters: &Counters,
    ) -> Option<Release> {
        match (&self.means, event) {
            (Means::Implicit, BufferRelease::Implicit) => {
                Some(implicit::released(self.image(index), counters))
            }
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

    /// Of which of the images that it holds the compositor has let go, where no event says so: of those
    /// that are idle, or if there are none of all. None where an event will tell.
    ///
    /// # Errors
    /// The kernel's, if it cannot say: nothing would tell of the release later.
    pub fn look(&self, is_held: impl Fn(u32) -> bool) -> Result<Found> {
        match &self.means {
            Means::Syncobj(points) => points.look(is_held),
            _ => Ok(Found::new()),
        }
    }

    /// The fences of an image that has just come back, signalled ones among them, for who writes them
    /// down; of a [snapshot](Release::Fences) nobody needs to ask. `None` if there are none, or if the
    /// kernel does not give them.
    pub fn fences(&self, index: u32) -> Option<SyncFile> {
        match &self.means {
            Means::Syncobj(points) => points.fences(index).ok(),
            Means::Explicit(fences) => fences.fences(index).ok().flatten(),
            Means::Implicit => self.image(index).export_sync_file(Access::Write).ok(),
            Means::Cpu => None,
        }
    }

    /// Makes the display's bell ring when [`look`](Self::look) is worth it again; at once, if that is
    /// now.
    ///
    /// # Errors
    /// The kernel's.
    pub fn listen(&self, index: u32) -> Result<()> {
        match &self.means {
            Means::Syncobj(points) => points.listen(index),
            _ => Ok(()),
        }
    }

    /// Whether a free image can be handed out with what came back with it. Only where the CPU waits may
    /// the answer be no.
    ///
    /// # Errors
    /// The kernel's.
    pub fn is_ready(&self, index: u32, release: Option<&Release>) -> Result<bool> {
        match (&self.means, release) {
            (Means::Cpu, Some(Release::Untaken)) => cpu::is_over(self.image(index)),
            _ => Ok(true),
        }
    }

    /// Turns what came back with a [ready](Self::is_ready) image into what the application waits for. On
    /// an error `release` keeps its worth.
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
                    Means::Implicit => implicit::take(self.image(index), counters)?,
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

    /// What an image leaves to the one that gets its memory: a [ready](Self::is_ready) image, with what came
    /// back with it, which nobody uses here any more.
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

    /// Makes the compositor wait for `rendering` (nothing: it is over), as far as that is the kernel's
    /// business. To be called before the commit that shows the image. Takes the sync_file; on an error
    /// it stays in `rendering`, and the compositor will not know the image.
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
            Means::Implicit => implicit::before_commit(self.image(index), rendering, counters),
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

    /// How to learn that the compositor has let go of the image it holds, when the swapchain is gone;
    /// `None` where `wl_buffer.release` says so.
    pub fn left(&self, index: u32) -> Option<Box<dyn Fn() -> bool + Send>> {
        match &self.means {
            Means::Syncobj(points) => Some(points.left(index)),
            _ => None,
        }
    }

    fn image(&self, index: u32) -> &DmaBuf {
        &self.images[index as usize]
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

    /// An image that was never shown here is to be waited for with these fences. Answers what came back with
    /// it, so to speak.
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
