//! `zwp_linux_explicit_synchronization_v1`: a fence with each commit, and one with each release.

use wayfence::sync_file::SyncFile;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::server::zwp_linux_buffer_release_v1::{
    self, ZwpLinuxBufferReleaseV1,
};
use wayland_protocols::wp::linux_explicit_synchronization::zv1::server::zwp_linux_explicit_synchronization_v1::{
    self, ZwpLinuxExplicitSynchronizationV1,
};
use wayland_protocols::wp::linux_explicit_synchronization::zv1::server::zwp_linux_surface_synchronization_v1::{
    self, ZwpLinuxSurfaceSynchronizationV1,
};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle};

use crate::ids::SurfaceId;
use crate::state::{State, protocol_error, surface_id};

global!(ZwpLinuxExplicitSynchronizationV1);

impl Dispatch<ZwpLinuxExplicitSynchronizationV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        factory: &ZwpLinuxExplicitSynchronizationV1,
        request: zwp_linux_explicit_synchronization_v1::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use zwp_linux_explicit_synchronization_v1::{Error, Request};
        match request {
            Request::GetSynchronization { id, surface } => {
                let object = init.init(id, surface_id(&surface));
                if let Some(surface) = state.surface_of(&surface)
                    && surface.extensions.explicit.replace(object).is_some()
                {
                    let message = "the surface has a synchronization object";
                    protocol_error(factory, Error::SynchronizationExists, message);
                }
            }
            Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<ZwpLinuxSurfaceSynchronizationV1, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &ZwpLinuxSurfaceSynchronizationV1,
        request: zwp_linux_surface_synchronization_v1::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use zwp_linux_surface_synchronization_v1::{Error, Request};
        let surface = state.surfaces.get_mut(id);
        match request {
            Request::SetAcquireFence { fd } => {
                let Some(surface) = surface else {
                    protocol_error(resource, Error::NoSurface, "no surface");
                    return;
                };
                let fence = SyncFile::from(fd);
                // Only a sync file answers.
                if let Err(error) = fence.info() {
                    protocol_error(resource, Error::InvalidFence, error.to_string());
                    return;
                }
                if surface.pending.acquire_fence.replace(fence).is_some() {
                    protocol_error(resource, Error::DuplicateFence, "a second fence");
                }
            }
            Request::GetRelease { release } => {
                let release = init.init(release, ());
                let Some(surface) = surface else {
                    protocol_error(resource, Error::NoSurface, "no surface");
                    return;
                };
                if surface.pending.release.replace(release).is_some() {
                    protocol_error(resource, Error::DuplicateRelease, "a second release");
                }
            }
            Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &ZwpLinuxSurfaceSynchronizationV1,
        id: &SurfaceId,
    ) {
        // "Any fence set by this object with set_acquire_fence since the last commit will be discarded
        // by the server. […] zwp_linux_buffer_release_v1 objects created by this object are not
        // affected by this request."
        if let Some(surface) = state.surfaces.get_mut(id) {
            surface.extensions.explicit = None;
            surface.pending.acquire_fence = None;
        }
    }
}

impl Dispatch<ZwpLinuxBufferReleaseV1, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &ZwpLinuxBufferReleaseV1,
        request: zwp_linux_buffer_release_v1::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        unreachable!("{request:?}");
    }
}
