//! A surface's side of the protocols for explicit synchronisation. Each protocol allows one object for a
//! surface and binds every commit of a buffer to it for as long as it lives: it lives as long as a
//! swapchain that needs it.

use std::{os::fd::AsFd, sync::Weak};

use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::{
    wp_linux_drm_syncobj_surface_v1::WpLinuxDrmSyncobjSurfaceV1,
    wp_linux_drm_syncobj_timeline_v1::WpLinuxDrmSyncobjTimelineV1,
};
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_surface_synchronization_v1::ZwpLinuxSurfaceSynchronizationV1;

use super::{
    display::Display,
    globals::{Release, ReleaseListener},
    room::see_to_room,
};
use crate::{
    error::Result,
    kernel::{sync_file::SyncFile, syncobj::Timeline},
};

/// A timeline shared with the compositor (`wp_linux_drm_syncobj_timeline_v1`).
pub(crate) struct SharedTimeline {
    /// Our end.
    pub(crate) timeline: Timeline,
    proxy: WpLinuxDrmSyncobjTimelineV1,
}

impl SharedTimeline {
    /// A new timeline.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::error::Error::Unsupported) as [`Display::syncobj`] says, or the
    /// kernel's.
    pub(crate) fn new(display: &Display) -> Result<Self> {
        let (manager, node) = display.syncobj()?;
        let timeline = Timeline::new(node)?;
        let fd = timeline.to_fd()?;
        see_to_room(fd.as_fd(), 1)?;
        let proxy = manager.import_timeline(fd.as_fd(), display.handle(), ());
        Ok(SharedTimeline { timeline, proxy })
    }
}

impl Drop for SharedTimeline {
    fn drop(&mut self) {
        // The compositor keeps committed points.
        self.proxy.destroy();
    }
}

/// A surface whose commits carry points of timelines (`wp_linux_drm_syncobj_surface_v1`).
pub(crate) struct PointSurface(WpLinuxDrmSyncobjSurfaceV1);

impl PointSurface {
    pub(super) fn new(display: &Display, surface: &WlSurface) -> Result<Self> {
        let (manager, _) = display.syncobj()?;
        Ok(PointSurface(manager.get_surface(
            surface,
            display.handle(),
            (),
        )))
    }

    /// For the next commit: the compositor reads when `acquire` has signalled, and gives `release`, the greater
    /// point, a fence when it is done.
    pub(crate) fn set_points(&self, timeline: &SharedTimeline, acquire: u64, release: u64) {
        let (high, low) = halves(acquire);
        self.0.set_acquire_point(&timeline.proxy, high, low);
        let (high, low) = halves(release);
        self.0.set_release_point(&timeline.proxy, high, low);
    }
}

impl Drop for PointSurface {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

fn halves(point: u64) -> (u32, u32) {
    ((point >> 32) as u32, point as u32)
}

/// A surface whose commits carry fences (`zwp_linux_surface_synchronization_v1`).
pub(crate) struct FenceSurface(ZwpLinuxSurfaceSynchronizationV1);

impl FenceSurface {
    pub(super) fn new(display: &Display, surface: &WlSurface) -> Result<Self> {
        let manager = display.explicit()?;
        Ok(FenceSurface(manager.get_synchronization(
            surface,
            display.handle(),
            (),
        )))
    }

    /// For the next commit: the compositor reads when `acquire` has signalled (at once without it), and its
    /// release goes to the listener.
    pub(crate) fn set_fences(
        &self,
        display: &Display,
        acquire: Option<&SyncFile>,
        listener: Weak<dyn ReleaseListener>,
        index: u32,
    ) {
        if let Some(acquire) = acquire {
            self.0.set_acquire_fence(acquire.as_fd());
        }
        // The event destroys the object.
        self.0
            .get_release(display.handle(), Release { listener, index });
    }
}

impl Drop for FenceSurface {
    fn drop(&mut self) {
        self.0.destroy();
    }
}
