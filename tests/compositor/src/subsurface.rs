//! `wl_subcompositor`: surfaces on surfaces. Their commits are recorded, and come into force, when they
//! are made: also those that would wait for the parent's.

use wayland_server::protocol::wl_subcompositor::{self, WlSubcompositor};
use wayland_server::protocol::wl_subsurface::{self, WlSubsurface};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle};

use crate::ids::SurfaceId;
use crate::state::{State, protocol_error, surface_id};
use crate::surface_state::Role;

global!(WlSubcompositor);

impl Dispatch<WlSubcompositor, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        subcompositor: &WlSubcompositor,
        request: wl_subcompositor::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use wl_subcompositor::{Error, Request};
        match request {
            Request::GetSubsurface {
                id,
                surface,
                parent,
            } => {
                init.init(id, surface_id(&surface));
                if surface == parent {
                    protocol_error(subcompositor, Error::BadParent, "its own parent");
                    return;
                }
                let Some(surface) = state.surface_of(&surface) else {
                    return;
                };
                if surface.role.is_some() {
                    protocol_error(subcompositor, Error::BadSurface, "it has a role");
                    return;
                }
                surface.role = Some(Role::Subsurface { synchronised: true });
            }
            Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WlSubsurface, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &WlSubsurface,
        request: wl_subsurface::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        let sync = match request {
            wl_subsurface::Request::SetSync => true,
            wl_subsurface::Request::SetDesync => false,
            _ => return,
        };
        if let Some(surface) = state.surfaces.get_mut(id)
            && let Some(Role::Subsurface { synchronised }) = &mut surface.role
        {
            *synchronised = sync;
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &WlSubsurface,
        id: &SurfaceId,
    ) {
        if let Some(surface) = state.surfaces.get_mut(id) {
            surface.role = None;
        }
    }
}
