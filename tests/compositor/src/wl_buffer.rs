//! `wl_buffer`: its end.

use std::sync::Arc;

use wayland_server::protocol::wl_buffer::{self, WlBuffer};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle};

use crate::buffer::Buffer;
use crate::state::State;

impl Dispatch<WlBuffer, Arc<Buffer>> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WlBuffer,
        request: wl_buffer::Request,
        _: &Arc<Buffer>,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_buffer::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &WlBuffer,
        buffer: &Arc<Buffer>,
    ) {
        state.buffers.remove(&buffer.id);
    }
}
