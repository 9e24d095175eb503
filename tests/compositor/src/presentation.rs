//! `wp_presentation`: when a commit was shown.

use std::time::Duration;

use wayland_protocols::wp::presentation_time::server::wp_presentation::{self, WpPresentation};
pub use wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::Kind;
use wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::{
    self, WpPresentationFeedback,
};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource};

use crate::clock::{self, Clock, Timestamp};
use crate::state::State;

/// How a commit was shown (`wp_presentation_feedback.presented`).
#[derive(Clone, Copy, Debug)]
pub struct Presented {
    /// When, by the presentation clock.
    pub at: Timestamp,
    /// The time to the next refresh; zero if unknown.
    pub refresh: Duration,
    /// The number of the refresh; zero if they are not counted.
    pub sequence: u64,
    /// `wp_presentation_feedback.kind`.
    pub flags: Kind,
}

/// Now by `CLOCK_MONOTONIC`, on a display of 60 Hz, without tearing.
impl Default for Presented {
    fn default() -> Self {
        Self {
            at: Clock::Monotonic.now(),
            refresh: Duration::from_nanos(1_000_000_000 / 60),
            sequence: 0,
            flags: Kind::Vsync,
        }
    }
}

impl GlobalDispatch<WpPresentation, ()> for State {
    fn bind(
        state: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<WpPresentation>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let presentation = init.init(resource, ());
        if let Some(clock) = state.offer.presentation {
            presentation.clock_id(clock.id() as u32);
        }
    }
}

impl Dispatch<WpPresentation, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &WpPresentation,
        request: wp_presentation::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wp_presentation::Request::Feedback { surface, callback } => {
                let feedback = init.init(callback, ());
                if let Some(surface) = state.surface_of(&surface) {
                    surface.pending.feedbacks.push(feedback);
                }
            }
            wp_presentation::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WpPresentationFeedback, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WpPresentationFeedback,
        request: wp_presentation_feedback::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        unreachable!("{request:?}");
    }
}

impl State {
    /// Sends that a commit was shown. Answers to how many feedbacks.
    pub fn presented(&mut self, serial: u64, presented: Presented) -> usize {
        let feedbacks = self.take_feedbacks(serial);
        let (seconds_high, seconds_low, nanoseconds) = clock::to_wire(presented.at);
        for feedback in &feedbacks {
            // "this event is sent for each bound instance that matches the synchronized output".
            for output in &self.outputs {
                if output.id().same_client_as(&feedback.id()) {
                    feedback.sync_output(output);
                }
            }
            feedback.presented(
                seconds_high,
                seconds_low,
                nanoseconds,
                presented.refresh.as_nanos().try_into().unwrap_or(0),
                (presented.sequence >> 32) as u32,
                presented.sequence as u32,
                presented.flags,
            );
        }
        feedbacks.len()
    }

    /// Sends that a commit was never shown. Answers to how many feedbacks.
    pub fn discard(&mut self, serial: u64) -> usize {
        let feedbacks = self.take_feedbacks(serial);
        for feedback in &feedbacks {
            feedback.discarded();
        }
        feedbacks.len()
    }

    fn take_feedbacks(&mut self, serial: u64) -> Vec<WpPresentationFeedback> {
        let feedbacks = match self.frames.get_mut(&serial) {
            Some(frame) => std::mem::take(&mut frame.feedbacks),
            None => Vec::new(),
        };
        self.forget_settled(serial);
        feedbacks
    }
}
