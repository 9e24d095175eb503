//! `wp_tearing_control_v1`: whether a surface may be presented with tearing.

use wayland_protocols::wp::tearing_control::v1::server::wp_tearing_control_manager_v1::{
    self, WpTearingControlManagerV1,
};
use wayland_protocols::wp::tearing_control::v1::server::wp_tearing_control_v1::{
    self, PresentationHint, WpTearingControlV1,
};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, WEnum};

use crate::ids::SurfaceId;
use crate::state::{State, protocol_error, surface_id};

global!(WpTearingControlManagerV1);

impl Dispatch<WpTearingControlManagerV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        manager: &WpTearingControlManagerV1,
        request: wp_tearing_control_manager_v1::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wp_tearing_control_manager_v1::Request::GetTearingControl { id, surface } => {
                init.init(id, surface_id(&surface));
                if let Some(surface) = state.surface_of(&surface)
                    && std::mem::replace(&mut surface.extensions.tearing_control, true)
                {
                    let error = wp_tearing_control_manager_v1::Error::TearingControlExists;
                    protocol_error(manager, error, "the surface has a wp_tearing_control_v1");
                }
            }
            wp_tearing_control_manager_v1::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WpTearingControlV1, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &WpTearingControlV1,
        request: wp_tearing_control_v1::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        match request {
            wp_tearing_control_v1::Request::SetPresentationHint { hint } => {
                // "If the associated wl_surface is destroyed, this object becomes inert".
                if let Some(surface) = state.surfaces.get_mut(id) {
                    surface.pending.lasting.tearing = hint == WEnum::Value(PresentationHint::Async);
                }
            }
            wp_tearing_control_v1::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &WpTearingControlV1,
        id: &SurfaceId,
    ) {
        // "Destroy this surface tearing object and revert the presentation hint to vsync."
        if let Some(surface) = state.surfaces.get_mut(id) {
            surface.extensions.tearing_control = false;
            surface.pending.lasting.tearing = false;
        }
    }
}
