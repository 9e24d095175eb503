//! `wp_fifo_v1`: commits that wait for the refresh that shows the one before.

use wayland_protocols::wp::fifo::v1::server::wp_fifo_manager_v1::{self, WpFifoManagerV1};
use wayland_protocols::wp::fifo::v1::server::wp_fifo_v1::{self, WpFifoV1};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle};

use crate::ids::SurfaceId;
use crate::state::{State, protocol_error, surface_id};

global!(WpFifoManagerV1);

impl Dispatch<WpFifoManagerV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        manager: &WpFifoManagerV1,
        request: wp_fifo_manager_v1::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wp_fifo_manager_v1::Request::GetFifo { id, surface } => {
                init.init(id, surface_id(&surface));
                if let Some(surface) = state.surface_of(&surface)
                    && std::mem::replace(&mut surface.extensions.fifo, true)
                {
                    let error = wp_fifo_manager_v1::Error::AlreadyExists;
                    protocol_error(manager, error, "the surface has a wp_fifo_v1");
                }
            }
            wp_fifo_manager_v1::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WpFifoV1, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        fifo: &WpFifoV1,
        request: wp_fifo_v1::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        if let wp_fifo_v1::Request::Destroy = request {
            return;
        }
        let Some(surface) = state.surfaces.get_mut(id) else {
            protocol_error(fifo, wp_fifo_v1::Error::SurfaceDestroyed, "no surface");
            return;
        };
        let pacing = &mut surface.pending.pacing;
        match request {
            wp_fifo_v1::Request::SetBarrier => pacing.set_barrier = true,
            wp_fifo_v1::Request::WaitBarrier => pacing.wait_barrier = true,
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &WpFifoV1,
        id: &SurfaceId,
    ) {
        if let Some(surface) = state.surfaces.get_mut(id) {
            surface.extensions.fifo = false;
        }
    }
}
