//! `wp_linux_drm_syncobj_v1`: points on timelines, with each commit one to wait for and one to signal.

use std::sync::Arc;

use wayfence::error::Result;
use wayfence::sync_file::SyncFile;
use wayfence::syncobj::Timeline;
use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_manager_v1::{
    self, WpLinuxDrmSyncobjManagerV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_surface_v1::{
    self, WpLinuxDrmSyncobjSurfaceV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_timeline_v1::{
    self, WpLinuxDrmSyncobjTimelineV1,
};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, Resource};

use crate::commit::Point;
use crate::ids::SurfaceId;
use crate::offer::Syncobj;
use crate::state::{State, protocol_error, surface_id};
use crate::timeline::ClientTimeline;

global!(WpLinuxDrmSyncobjManagerV1);

impl Point {
    /// Whether the point has a fence, and that fence.
    pub(crate) fn look(&self) -> (bool, Option<SyncFile>) {
        let timeline = self.timeline.lock();
        let Some(timeline) = timeline.as_ref() else {
            return (false, None);
        };
        match timeline.is_available(self.value) {
            Ok(true) => (true, timeline.export_sync_file(self.value).ok()),
            _ => (false, None),
        }
    }

    /// Whether nobody needs to wait for the point. What is never signalled is not worth waiting for.
    pub(crate) fn is_signalled(&self) -> bool {
        if self.timeline.lock().is_none() {
            return true;
        }
        match self.look() {
            (_, Some(fence)) => fence.is_signalled().expect("poll works"),
            (_, None) => false,
        }
    }

    /// Signals the point, with `fence` or at once.
    pub(crate) fn release(&self, fence: Option<&SyncFile>) -> Result<()> {
        match (self.timeline.lock().as_ref(), fence) {
            (None, _) => Ok(()),
            (Some(timeline), Some(fence)) => timeline.import_sync_file(self.value, fence),
            (Some(timeline), None) => timeline.signal(self.value),
        }
    }

    /// Closes the compositor's end of the timeline.
    pub(crate) fn close(&self) {
        *self.timeline.lock() = None;
    }
}

impl Dispatch<WpLinuxDrmSyncobjManagerV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        manager: &WpLinuxDrmSyncobjManagerV1,
        request: wp_linux_drm_syncobj_manager_v1::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use wp_linux_drm_syncobj_manager_v1::{Error, Request};
        match request {
            Request::GetSurface { id, surface } => {
                let object = init.init(id, surface_id(&surface));
                if let Some(surface) = state.surface_of(&surface)
                    && surface.extensions.syncobj.replace(object).is_some()
                {
                    let message = "the surface has a syncobj surface";
                    protocol_error(manager, Error::SurfaceExists, message);
                }
            }
            Request::ImportTimeline { id, fd } => {
                let timeline = match &state.offer.syncobj {
                    Syncobj::On(node) => Timeline::from_fd(node, fd).map(Some),
                    Syncobj::Blind => Ok(None),
                    Syncobj::None => unreachable!("the global is not there"),
                };
                match timeline {
                    Ok(timeline) => {
                        init.init(id, ClientTimeline::new(timeline));
                    }
                    Err(error) => {
                        init.init(id, ClientTimeline::new(None));
                        protocol_error(manager, Error::InvalidTimeline, error.to_string());
                    }
                }
            }
            Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WpLinuxDrmSyncobjTimelineV1, Arc<ClientTimeline>> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WpLinuxDrmSyncobjTimelineV1,
        request: wp_linux_drm_syncobj_timeline_v1::Request,
        _: &Arc<ClientTimeline>,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        match request {
            wp_linux_drm_syncobj_timeline_v1::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WpLinuxDrmSyncobjSurfaceV1, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &WpLinuxDrmSyncobjSurfaceV1,
        request: wp_linux_drm_syncobj_surface_v1::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        use wp_linux_drm_syncobj_surface_v1::{Error, Request};
        if let Request::Destroy = request {
            return;
        }
        let Some(surface) = state.surfaces.get_mut(id) else {
            protocol_error(resource, Error::NoSurface, "no surface");
            return;
        };
        match request {
            Request::SetAcquirePoint {
                timeline,
                point_hi,
                point_lo,
            } => surface.pending.acquire_point = Some(point(&timeline, point_hi, point_lo)),
            Request::SetReleasePoint {
                timeline,
                point_hi,
                point_lo,
            } => surface.pending.release_point = Some(point(&timeline, point_hi, point_lo)),
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &WpLinuxDrmSyncobjSurfaceV1,
        id: &SurfaceId,
    ) {
        // "Any timeline point set by this object with set_acquire_point or set_release_point since the
        // last commit may be discarded by the compositor."
        if let Some(surface) = state.surfaces.get_mut(id) {
            surface.extensions.syncobj = None;
            surface.pending.acquire_point = None;
            surface.pending.release_point = None;
        }
    }
}

fn point(timeline: &WpLinuxDrmSyncobjTimelineV1, high: u32, low: u32) -> Point {
    let timeline: &Arc<ClientTimeline> = timeline.data().expect("every timeline has one");
    Point {
        timeline: Arc::clone(timeline),
        value: u64::from(high) << 32 | u64::from(low),
    }
}
