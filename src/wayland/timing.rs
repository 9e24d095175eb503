//! A surface whose commits wait for a time (`wp_commit_timing_v1`).

use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timer_v1::WpCommitTimerV1;

use super::display::Display;
use crate::{
    error::{Error, Result},
    observe::trace::on_clock,
};

const SECOND: u64 = 1_000_000_000;

/// The one `wp_commit_timer_v1` that a surface may have. It lives as long as a swapchain that needs it.
pub(crate) struct TimerSurface {
    timer: WpCommitTimerV1,
    /// The compositor's presentation clock.
    clock: u32,
}

impl TimerSurface {
    /// # Errors
    /// [`Error::Unsupported`] if the compositor does not know the protocol, or has no clock that can be
    /// read.
    pub(super) fn new(display: &Display, surface: &WlSurface) -> Result<Self> {
        let (Some(manager), Some(clock)) = (display.timing(), display.capabilities().clock) else {
            return Err(Error::Unsupported(
                "the compositor does not offer wp_commit_timing_v1 with a clock".to_owned(),
            ));
        };
        Ok(TimerSurface {
            timer: manager.get_timer(surface, display.handle(), ()),
            clock,
        })
    }

    /// The commit that follows is shown "as closely as possible to, but not before" this time, in
    /// nanoseconds of `CLOCK_MONOTONIC`.
    pub(super) fn set(&self, at: u64) {
        if let Some(at) = on_clock(self.clock, at) {
            let seconds = at / SECOND;
            self.timer
                .set_timestamp((seconds >> 32) as u32, seconds as u32, (at % SECOND) as u32);
        }
    }
}

impl Drop for TimerSurface {
    fn drop(&mut self) {
        // "Existing timing constraints are not affected by the destruction."
        self.timer.destroy();
    }
}
