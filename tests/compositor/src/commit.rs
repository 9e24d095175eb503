//! A commit, as the test sees it.

use std::sync::Arc;

use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::error::{Error, Result};
use wayfence::sync_file::SyncFile;

use crate::buffer::Buffer;
use crate::clock::Timestamp;
use crate::colour::SurfaceColour;
use crate::ids::{ClientId, SurfaceId};
use crate::timeline::ClientTimeline;
use crate::viewport::Viewport;

/// One `wl_surface.commit`, with the state when the compositor processed it.
///
/// A clone is the same commit: it shares buffer and fences.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its number, counted over all surfaces and clients; the first is 1.
    pub serial: u64,
    /// Whose.
    pub client: ClientId,
    /// Of which surface.
    pub surface: SurfaceId,
    /// When it was processed, by `CLOCK_MONOTONIC`.
    pub at: Timestamp,
    /// What was attached since the last commit.
    pub attached: Attached,
    /// Whether the compositor still held the attached buffer, from an earlier commit.
    pub still_held: bool,
    /// Where the new content goes relative to the old one, in surface coordinates.
    pub offset: (i32, i32),
    /// `wl_surface.damage`: what has changed, in surface coordinates.
    pub damage: Vec<Rectangle>,
    /// `wl_surface.damage_buffer`: what has changed, in the buffer's pixels.
    pub buffer_damage: Vec<Rectangle>,
    /// `wl_surface.set_buffer_scale`, 1 until set.
    pub scale: i32,
    /// `wl_surface.set_buffer_transform`, as the protocol numbers it; 0 until set.
    pub transform: u32,
    /// The viewport, as it is in force with this commit.
    pub viewport: Viewport,
    /// How many frame callbacks came with it.
    pub frame_callbacks: usize,
    /// How many presentation feedbacks came with it.
    pub feedbacks: usize,
    /// When it is to be shown.
    pub pacing: Pacing,
    /// Whether the surface's content may be presented with tearing.
    pub tearing: bool,
    /// What the content's values mean, as it is in force with this commit.
    pub colour: Option<SurfaceColour>,
    /// The serial of the last configure that the client has acknowledged, of an `xdg_surface`.
    pub configured: Option<u32>,
    pub(crate) fences: Arc<Fences>,
}

impl Commit {
    /// The buffer that was attached.
    ///
    /// # Panics
    /// If none was.
    #[track_caller]
    pub fn buffer(&self) -> &Arc<Buffer> {
        match &self.attached {
            Attached::Buffer(buffer) => buffer,
            other => panic!("commit {} has no buffer: {other:?}", self.serial),
        }
    }

    /// The dma-buf of the first plane.
    ///
    /// # Panics
    /// If no dma-buf was attached.
    #[track_caller]
    pub fn dma_buf(&self) -> &DmaBuf {
        match self.buffer().image() {
            Some(image) => &image.planes[0].dma_buf,
            None => panic!("commit {} is of shared memory", self.serial),
        }
    }

    /// The fences that were there when the compositor processed the commit, before it did anything with
    /// the buffer.
    pub fn fences(&self) -> &Fences {
        &self.fences
    }

    /// Whether a buffer was attached.
    pub fn has_buffer(&self) -> bool {
        matches!(self.attached, Attached::Buffer(_))
    }
}

/// What `wl_surface.attach` said.
#[derive(Clone, Debug)]
pub enum Attached {
    /// It was not sent.
    Nothing,
    /// No buffer: the surface is unmapped.
    Null,
    /// This one.
    Buffer(Arc<Buffer>),
}

/// A rectangle, from the top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Rectangle {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

/// The constraints on when a commit takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pacing {
    /// `wp_fifo_v1.set_barrier`.
    pub set_barrier: bool,
    /// `wp_fifo_v1.wait_barrier`.
    pub wait_barrier: bool,
    /// `wp_commit_timer_v1.set_timestamp`: not before this time on the presentation clock.
    pub target: Option<Timestamp>,
}

/// How a commit says when its buffer may be read, and learns when it may be written.
#[derive(Clone, Debug)]
pub enum Synchronisation {
    /// The dma-buf's own fences, or none for shared memory.
    Implicit,
    /// `zwp_linux_explicit_synchronization_v1`.
    Explicit {
        /// The acquire fence, if one was set.
        acquire: Option<Arc<SyncFile>>,
        /// Whether the commit asked for a release.
        release: bool,
    },
    /// `wp_linux_drm_syncobj_v1`.
    Syncobj {
        /// The compositor waits for it.
        acquire: Point,
        /// The compositor signals it.
        release: Point,
        /// Whether the acquire point had a fence when the commit was processed.
        available: bool,
        /// That fence.
        fence: Option<Arc<SyncFile>>,
    },
}

/// A point of a client's timeline.
#[derive(Clone, Debug)]
pub struct Point {
    pub(crate) timeline: Arc<ClientTimeline>,
    /// Which point.
    pub value: u64,
}

impl Point {
    /// Whether both are of the same `wp_linux_drm_syncobj_timeline_v1`.
    pub fn same_timeline(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.timeline, &other.timeline)
    }
}

/// The fences of a commit.
#[derive(Debug)]
pub struct Fences {
    /// By which way the client synchronised.
    pub synchronisation: Synchronisation,
    /// On the dma-buf, what a reader must wait for: the writers.
    pub(crate) writers: Option<Result<SyncFile>>,
    /// On the dma-buf, what a writer must wait for: everybody.
    pub(crate) all: Option<Result<SyncFile>>,
}

impl Fences {
    /// What the compositor must wait for before it reads the buffer, by the way that the commit used: the
    /// writers' fences on the dma-buf, the acquire fence, or the fence of the acquire point. `None` if there is
    /// nothing to wait for, or the fences could not be taken: [`implicit`](Self::implicit) says why.
    pub fn acquire(&self) -> Option<&SyncFile> {
        match &self.synchronisation {
            Synchronisation::Implicit => self.writers.as_ref()?.as_ref().ok(),
            Synchronisation::Explicit { acquire, .. } => acquire.as_deref(),
            Synchronisation::Syncobj { fence, .. } => fence.as_deref(),
        }
    }

    /// Whether the acquire point had a fence; `None` for a commit without timeline points.
    pub fn available(&self) -> Option<bool> {
        match &self.synchronisation {
            Synchronisation::Syncobj { available, .. } => Some(*available),
            _ => None,
        }
    }

    /// What was on the first plane's dma-buf itself, by whatever way the commit was synchronised: for
    /// [`Access::Read`] the writers, otherwise everybody. `None` if no dma-buf was attached.
    ///
    /// # Errors
    /// What the kernel answered: `ENOTTY` where the client's descriptor is no dma-buf.
    pub fn implicit(&self, access: Access) -> Option<std::result::Result<&SyncFile, &Error>> {
        match access {
            Access::Read => self.writers.as_ref(),
            Access::Write | Access::ReadWrite => self.all.as_ref(),
        }
        .map(Result::as_ref)
    }
}
