//! `wp_color_manager_v1`: the colours of a surface's content and of an output.

use std::sync::Mutex;

use wayland_protocols::wp::color_management::v1::server::wp_color_management_output_v1::{
    self, WpColorManagementOutputV1,
};
use wayland_protocols::wp::color_management::v1::server::wp_color_management_surface_feedback_v1::{
    self, WpColorManagementSurfaceFeedbackV1,
};
use wayland_protocols::wp::color_management::v1::server::wp_color_management_surface_v1::{
    self, WpColorManagementSurfaceV1,
};
use wayland_protocols::wp::color_management::v1::server::wp_color_manager_v1::{
    self, WpColorManagerV1,
};
use wayland_server::{
    Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource, WEnum,
};

use crate::colour::{Encoding, Feature, Parameters, SurfaceColour};
use crate::ids::SurfaceId;
use crate::image_description::described;
use crate::state::{State, protocol_error, surface_id};

impl GlobalDispatch<WpColorManagerV1, ()> for State {
    fn bind(
        state: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<WpColorManagerV1>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let manager = init.init(resource, ());
        let version = manager.version();
        let colour = state.colour();
        for intent in &colour.intents {
            if colour.has_intent(*intent, version) {
                manager.supported_intent(*intent);
            }
        }
        for feature in &colour.features {
            if colour.has(*feature, version) {
                manager.supported_feature(*feature);
            }
        }
        for function in &colour.transfer_functions {
            if colour.has_transfer(*function, version) {
                manager.supported_tf_named(*function);
            }
        }
        for primaries in &colour.primaries {
            manager.supported_primaries_named(*primaries);
        }
        manager.done();
    }
}

impl Dispatch<WpColorManagerV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        manager: &WpColorManagerV1,
        request: wp_color_manager_v1::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use wp_color_manager_v1::{Error, Request};
        let has = |state: &Self, feature| {
            let has = state.colour().has(feature, manager.version());
            if !has {
                let message = format!("{feature:?} is not offered");
                protocol_error(manager, Error::UnsupportedFeature, message);
            }
            has
        };
        match request {
            Request::GetOutput { id, .. } => {
                init.init(id, ());
            }
            Request::GetSurface { id, surface } => {
                init.init(id, surface_id(&surface));
                if let Some(surface) = state.surface_of(&surface)
                    && std::mem::replace(&mut surface.extensions.color_management, true)
                {
                    let message = "the surface has a wp_color_management_surface_v1";
                    protocol_error(manager, Error::SurfaceExists, message);
                }
            }
            Request::GetSurfaceFeedback { id, surface } => {
                let feedback = init.init(id, surface_id(&surface));
                state.colour_feedback.push(feedback);
            }
            // `Colour` has no such feature, so the object is never made.
            Request::CreateIccCreator { .. } => {
                assert!(!has(state, Feature::IccV2V4), "an ICC profile");
            }
            Request::CreateParametricCreator { obj } => {
                init.init(obj, Mutex::new(Parameters::default()));
                has(state, Feature::Parametric);
            }
            Request::CreateWindowsScrgb { image_description } => {
                let encoding = Encoding::WindowsScrgb;
                state.init_own_description(image_description, encoding, false, init);
                has(state, Feature::WindowsScrgb);
            }
            Request::CreateWindowsBt2100 { image_description } => {
                let encoding = Encoding::WindowsBt2100;
                state.init_own_description(image_description, encoding, false, init);
                has(state, Feature::WindowsBt2100);
            }
            Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WpColorManagementSurfaceV1, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &WpColorManagementSurfaceV1,
        request: wp_color_management_surface_v1::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        use wp_color_management_surface_v1::{Error, Request};
        if let Request::Destroy = request {
            return;
        }
        let offered = state.offer.colour.clone();
        let Some(surface) = state.surfaces.get_mut(id) else {
            protocol_error(resource, Error::Inert, "no surface");
            return;
        };
        match request {
            Request::SetImageDescription {
                image_description,
                render_intent,
            } => {
                let Some(description) = described(&image_description).ready() else {
                    let message = "the description is not ready";
                    protocol_error(resource, Error::ImageDescription, message);
                    return;
                };
                let version = resource.version();
                match render_intent {
                    WEnum::Value(intent)
                        if offered.is_some_and(|colour| colour.has_intent(intent, version)) =>
                    {
                        surface.pending.lasting.colour = Some(SurfaceColour {
                            description: description.clone(),
                            intent,
                        });
                    }
                    other => {
                        let message = format!("{other:?} is not offered");
                        protocol_error(resource, Error::RenderIntent, message);
                    }
                }
            }
            Request::UnsetImageDescription => surface.pending.lasting.colour = None,
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &WpColorManagementSurfaceV1,
        id: &SurfaceId,
    ) {
        // "Destroy the wp_color_management_surface_v1 object and do the same as
        // unset_image_description."
        if let Some(surface) = state.surfaces.get_mut(id) {
            surface.extensions.color_management = false;
            surface.pending.lasting.colour = None;
        }
    }
}

impl Dispatch<WpColorManagementOutputV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &WpColorManagementOutputV1,
        request: wp_color_management_output_v1::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use wp_color_management_output_v1::Request;
        match request {
            Request::GetImageDescription { image_description } => {
                let encoding = Encoding::Parametric(state.colour().preferred);
                state.init_own_description(image_description, encoding, true, init);
            }
            Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WpColorManagementSurfaceFeedbackV1, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &WpColorManagementSurfaceFeedbackV1,
        request: wp_color_management_surface_feedback_v1::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use wp_color_management_surface_feedback_v1::{Error, Request};
        match request {
            Request::GetPreferred { image_description }
            | Request::GetPreferredParametric { image_description } => {
                // The preferred description is always parametric, so both are the same.
                let surface = state.surfaces.get(id);
                let is_inert = surface.is_none();
                let preferred = surface.and_then(|surface| surface.preferred);
                let preferred = preferred.unwrap_or(state.colour().preferred);
                let encoding = Encoding::Parametric(preferred);
                state.init_own_description(image_description, encoding, true, init);
                if is_inert {
                    protocol_error(resource, Error::Inert, "no surface");
                }
            }
            Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        object: &WpColorManagementSurfaceFeedbackV1,
        _: &SurfaceId,
    ) {
        state
            .colour_feedback
            .retain(|other| other.id() != object.id());
    }
}

impl State {
    /// Sets the preferred description of a surface. Answers how many feedback objects were notified.
    pub fn prefer(&mut self, id: SurfaceId, preferred: Parameters) -> usize {
        let identity = self.describe(Encoding::Parametric(preferred)).identity;
        if let Some(surface) = self.surfaces.get_mut(&id) {
            surface.preferred = Some(preferred);
        }
        let listeners = self.colour_feedback.iter();
        let listeners = listeners.filter(|feedback| feedback.data() == Some(&id));
        listeners
            .map(|feedback| {
                if feedback.version() >= 2 {
                    feedback.preferred_changed2((identity >> 32) as u32, identity as u32);
                } else {
                    feedback.preferred_changed(identity as u32);
                }
            })
            .count()
    }
}
