//! Questions to the compositor that it answers when it has read all before them (`wl_display.sync`).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use wayland_client::{
    Connection, Dispatch, QueueHandle,
    protocol::wl_callback::{self, WlCallback},
};

use super::events::Events;

/// Remembers that the compositor has answered. A queue's state delegates the answer here
/// (`delegate_dispatch!`).
pub(super) struct RoundTrip(Arc<AtomicBool>);

impl RoundTrip {
    /// Asks. The answer comes when the compositor has read all earlier requests, and after all its earlier
    /// events. The request is sent with the next wait.
    pub(super) fn ask<State>(events: &Events<State>, connection: &Connection) -> Arc<AtomicBool>
    where
        State: Dispatch<WlCallback, RoundTrip> + 'static,
    {
        let done = Arc::new(AtomicBool::new(false));
        let trip = RoundTrip(Arc::clone(&done));
        events.undisturbed(|handle| connection.display().sync(handle, trip));
        done
    }
}

impl<State: Dispatch<WlCallback, RoundTrip>> Dispatch<WlCallback, RoundTrip, State> for RoundTrip {
    fn event(
        _: &mut State,
        _: &WlCallback,
        event: wl_callback::Event,
        RoundTrip(done): &RoundTrip,
        _: &Connection,
        _: &QueueHandle<State>,
    ) {
        if let wl_callback::Event::Done { .. } = event {
            done.store(true, Ordering::Release);
        }
    }
}
