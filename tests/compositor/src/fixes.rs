//! `wl_fixes`: requests that older protocols lack.

use wayland_server::protocol::wl_fixes::{self, WlFixes};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, Resource};

use crate::state::State;

global!(WlFixes);

impl Dispatch<WlFixes, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WlFixes,
        request: wl_fixes::Request,
        (): &(),
        display: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_fixes::Request::DestroyRegistry { registry } => {
                // It is the client's, and it names an object once.
                let _ = display
                    .backend_handle()
                    .destroy_object::<State>(&registry.id());
            }
            wl_fixes::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}
