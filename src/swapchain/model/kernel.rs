//! The kernel, as far as images see it.

use shuttle::sync::{Arc, Mutex};

use super::lock::lock;
use crate::{
    error::Result,
    kernel::sync_file::SyncFile,
    synchronisation::{Found, Release},
    wayland::BufferRelease,
};

/// Nobody counts here.
pub(super) struct Counted;

impl Counted {
    pub(super) fn new() -> Self {
        Counted
    }
}

/// Release points of a swapchain's images, if it has any.
#[derive(Default)]
pub(super) struct Points {
    is_used: bool,
    of: Mutex<Vec<Point>>,
}

#[derive(Default, Clone)]
struct Point {
    has_signalled: bool,
    /// The bell rings when it signals.
    is_heard: bool,
}

impl Points {
    pub(super) fn new(is_used: bool, images: u32) -> Arc<Self> {
        Arc::new(Points {
            is_used,
            of: Mutex::new(vec![Point::default(); images as usize]),
        })
    }

    /// Whether a release is a point, and no event.
    pub(super) fn are_used(&self) -> bool {
        self.is_used
    }

    /// Whether somebody is to hear it.
    pub(super) fn signal(&self, index: u32) -> bool {
        let point = &mut lock(&self.of)[index as usize];
        point.has_signalled = true;
        std::mem::take(&mut point.is_heard)
    }
}

/// As that of the library, without fences.
pub(super) struct Synchronisation {
    points: Arc<Points>,
    ring: Box<dyn Fn() + Send + Sync>,
}

impl Synchronisation {
    pub(super) fn new(points: &Arc<Points>, ring: impl Fn() + Send + Sync + 'static) -> Self {
        Synchronisation {
            points: Arc::clone(points),
            ring: Box::new(ring),
        }
    }

    pub(super) fn image_count(&self) -> u32 {
        lock(&self.points.of).len() as u32
    }

    pub(super) fn is_release(&self, _: &BufferRelease) -> bool {
        !self.points.is_used
    }

    pub(super) fn released(&self, _: u32, _: BufferRelease, _: &Counted) -> Option<Release> {
        (!self.points.is_used).then_some(Release::Signalled)
    }

    pub(super) fn look(&self, is_held: impl Fn(u32) -> bool) -> Result<Found> {
        let mut points = lock(&self.points.of);
        let found = (0..).zip(&mut *points).filter_map(|(index, point)| {
            let is_found = is_held(index) && std::mem::take(&mut point.has_signalled);
            is_found.then_some((index, Release::Untaken))
        });
        Ok(found.collect())
    }

    /// Rings at once, if it has signalled.
    pub(super) fn listen(&self, index: u32) -> Result<()> {
        let is_now = {
            let point = &mut lock(&self.points.of)[index as usize];
            point.is_heard = !point.has_signalled && self.points.is_used;
            point.has_signalled
        };
        if is_now {
            (self.ring)();
        }
        Ok(())
    }

    pub(super) fn is_ready(&self, _: u32, _: Option<&Release>) -> Result<bool> {
        Ok(true)
    }

    pub(super) fn fences(&self, _: u32) -> Option<SyncFile> {
        None
    }
}
