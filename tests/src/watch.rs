//! When the frames of a window were shown, by the window's own `wp_presentation`, whatever swapchain they come
//! from.

use std::time::Duration;

use wayfence::trace::monotonic;
use wayland_client::globals::{GlobalListContents, registry_queue_init};
use wayland_client::protocol::{wl_output::WlOutput, wl_registry, wl_surface::WlSurface};
use wayland_client::{Connection, Dispatch, EventQueue, QueueHandle, delegate_noop};
use wayland_protocols::wp::presentation_time::client::{
    wp_presentation::{self, WpPresentation},
    wp_presentation_feedback::{self, WpPresentationFeedback},
};

/// Watches the frames of a window.
pub struct Watch {
    queue: EventQueue<Told>,
    told: Told,
    presentation: WpPresentation,
    surface: WlSurface,
}

/// The compositor's events.
#[derive(Default)]
struct Told {
    clock: u32,
    refresh: u64,
    /// Of frames by their numbers: when they were shown, in nanoseconds of `CLOCK_MONOTONIC`; `None`: never.
    frames: Vec<(u64, Option<u64>)>,
}

impl Watch {
    /// Watches this surface; `None` if the compositor has no `wp_presentation`.
    ///
    /// # Panics
    /// If the compositor does not answer.
    pub(crate) fn new(connection: &Connection, surface: WlSurface) -> Option<Self> {
        let (globals, mut queue) =
            registry_queue_init::<Told>(connection).expect("the compositor lists its globals");
        let presentation = globals.bind(&queue.handle(), 1..=1, ()).ok()?;
        let mut told = Told::default();
        queue.roundtrip(&mut told).expect("the compositor answers");
        Some(Watch {
            queue,
            told,
            presentation,
            surface,
        })
    }

    /// The next frame that is committed has this number.
    pub fn next(&self, number: u64) {
        self.presentation
            .feedback(&self.surface, &self.queue.handle(), number);
    }

    /// Takes the numbers of frames that were shown or discarded since the last call, and when they were shown.
    ///
    /// # Panics
    /// If the compositor does not answer.
    pub fn take(&mut self) -> Vec<(u64, Option<u64>)> {
        self.queue
            .roundtrip(&mut self.told)
            .expect("the compositor answers");
        std::mem::take(&mut self.told.frames)
    }

    /// The time from one refresh to the next in nanoseconds, from the last shown frame; 0: unknown.
    pub fn refresh(&self) -> u64 {
        self.told.refresh
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.presentation.destroy();
        let _ = self.queue.flush();
    }
}

impl Dispatch<wl_registry::WlRegistry, GlobalListContents> for Told {
    fn event(
        _: &mut Self,
        _: &wl_registry::WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

impl Dispatch<WpPresentation, ()> for Told {
    fn event(
        told: &mut Self,
        _: &WpPresentation,
        event: wp_presentation::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wp_presentation::Event::ClockId { clk_id } = event {
            told.clock = clk_id;
        }
    }
}

impl Dispatch<WpPresentationFeedback, u64> for Told {
    fn event(
        told: &mut Self,
        _: &WpPresentationFeedback,
        event: wp_presentation_feedback::Event,
        number: &u64,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wp_presentation_feedback::Event::Presented {
                tv_sec_hi,
                tv_sec_lo,
                tv_nsec,
                refresh,
                ..
            } => {
                let seconds = u64::from(tv_sec_hi) << 32 | u64::from(tv_sec_lo);
                let at = monotonic(told.clock, Duration::new(seconds, tv_nsec));
                told.refresh = refresh.into();
                told.frames.push((*number, at));
            }
            wp_presentation_feedback::Event::Discarded => told.frames.push((*number, None)),
            _ => {}
        }
    }
}

delegate_noop!(Told: ignore WlOutput);
