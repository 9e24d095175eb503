//! `wl_seat`: a seat without devices.

use wayland_server::protocol::wl_seat::{self, Capability, WlSeat};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource};

use crate::state::{State, protocol_error};

impl GlobalDispatch<WlSeat, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<WlSeat>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let seat = init.init(resource, ());
        seat.capabilities(Capability::empty());
        if seat.version() >= 2 {
            seat.name("scripted".to_owned());
        }
    }
}

impl Dispatch<WlSeat, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        seat: &WlSeat,
        request: wl_seat::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_seat::Request::Release => {}
            // "It is a protocol violation to issue this request on a seat that has never had the
            // pointer capability" (and so for keyboard and touch).
            _ => protocol_error(seat, wl_seat::Error::MissingCapability, "no devices"),
        }
    }
}
