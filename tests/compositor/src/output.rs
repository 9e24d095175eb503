//! `wl_output`: one display, of 1920 by 1080 pixels.

use wayland_server::protocol::wl_output::{self, Mode, Subpixel, Transform, WlOutput};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource};

use crate::behaviour::Behaviour;
use crate::state::State;

impl GlobalDispatch<WlOutput, ()> for State {
    fn bind(
        state: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<WlOutput>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let output = init.init(resource, ());
        let millihertz = match state.behaviour {
            Behaviour::Manual => 60_000,
            Behaviour::Automatic { refresh } => (1_000.0 / refresh.as_secs_f64()).round() as i32,
        };
        let make = "Wayfence".to_owned();
        let model = "scripted".to_owned();
        output.geometry(
            0,
            0,
            527,
            296,
            Subpixel::Unknown,
            make,
            model,
            Transform::Normal,
        );
        let modes = match &state.offer.modes[..] {
            [] => &[millihertz],
            modes => modes,
        };
        for millihertz in modes {
            output.mode(Mode::Current | Mode::Preferred, 1920, 1080, *millihertz);
        }
        if output.version() >= 2 {
            output.scale(1);
        }
        if output.version() >= 4 {
            output.name("SCRIPTED-1".to_owned());
            output.description("the scripted compositor's display".to_owned());
        }
        if output.version() >= 2 {
            output.done();
        }
        state.outputs.push(output);
    }
}

impl Dispatch<WlOutput, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WlOutput,
        request: wl_output::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_output::Request::Release => {}
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        output: &WlOutput,
        (): &(),
    ) {
        state.outputs.retain(|other| other.id() != output.id());
    }
}
