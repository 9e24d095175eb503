//! `wp_commit_timing_v1`: commits that wait for a time.

use wayland_protocols::wp::commit_timing::v1::server::wp_commit_timer_v1::{self, WpCommitTimerV1};
use wayland_protocols::wp::commit_timing::v1::server::wp_commit_timing_manager_v1::{
    self, WpCommitTimingManagerV1,
};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle};

use crate::ids::SurfaceId;
use crate::state::{State, protocol_error, surface_id};

use crate::clock;

global!(WpCommitTimingManagerV1);

impl Dispatch<WpCommitTimingManagerV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        manager: &WpCommitTimingManagerV1,
        request: wp_commit_timing_manager_v1::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wp_commit_timing_manager_v1::Request::GetTimer { id, surface } => {
                init.init(id, surface_id(&surface));
                if let Some(surface) = state.surface_of(&surface)
                    && std::mem::replace(&mut surface.extensions.commit_timer, true)
                {
                    let error = wp_commit_timing_manager_v1::Error::CommitTimerExists;
                    protocol_error(manager, error, "the surface has a wp_commit_timer_v1");
                }
            }
            wp_commit_timing_manager_v1::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WpCommitTimerV1, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        timer: &WpCommitTimerV1,
        request: wp_commit_timer_v1::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        use wp_commit_timer_v1::{Error, Request};
        match request {
            Request::SetTimestamp {
                tv_sec_hi,
                tv_sec_lo,
                tv_nsec,
            } => {
                let Some(surface) = state.surfaces.get_mut(id) else {
                    protocol_error(timer, Error::SurfaceDestroyed, "no surface");
                    return;
                };
                let target = &mut surface.pending.pacing.target;
                let Some(time) = clock::from_wire(tv_sec_hi, tv_sec_lo, tv_nsec) else {
                    let message = format!("{tv_nsec} nanoseconds");
                    protocol_error(timer, Error::InvalidTimestamp, message);
                    return;
                };
                if target.replace(time).is_some() {
                    protocol_error(timer, Error::TimestampExists, "a second timestamp");
                }
            }
            Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &WpCommitTimerV1,
        id: &SurfaceId,
    ) {
        if let Some(surface) = state.surfaces.get_mut(id) {
            surface.extensions.commit_timer = false;
        }
    }
}
