//! `zwp_linux_dmabuf_feedback_v1`: the objects that get dma-buf feedback.

use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_dmabuf_feedback_v1::{
    self, ZwpLinuxDmabufFeedbackV1,
};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, Resource};

use crate::feedback::{Feedback, FeedbackEvent};
use crate::ids::SurfaceId;
use crate::state::State;

/// The surface of a feedback object; `None` for the default feedback.
pub(crate) struct FeedbackOf(pub Option<SurfaceId>);

impl Dispatch<ZwpLinuxDmabufFeedbackV1, FeedbackOf> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &ZwpLinuxDmabufFeedbackV1,
        request: zwp_linux_dmabuf_feedback_v1::Request,
        _: &FeedbackOf,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        match request {
            zwp_linux_dmabuf_feedback_v1::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        object: &ZwpLinuxDmabufFeedbackV1,
        _: &FeedbackOf,
    ) {
        state
            .feedback_objects
            .retain(|other| other.id() != object.id());
    }
}

impl State {
    /// Sends these to the feedback objects of one surface.
    pub fn send_feedback_events(&mut self, surface: SurfaceId, events: &[FeedbackEvent]) {
        for object in &self.feedback_objects {
            let FeedbackOf(of) = object.data().expect("every feedback object has it");
            if *of == Some(surface) {
                events.iter().for_each(|event| event.send(object));
            }
        }
    }

    /// Sends this to the feedback objects of one surface, or to all, and then also to new ones. Answers how
    /// many got it.
    pub fn send_feedback(&mut self, surface: Option<SurfaceId>, feedback: Feedback) -> usize {
        let mut told = 0;
        for object in &self.feedback_objects {
            let FeedbackOf(of) = object.data().expect("every feedback object has it");
            if surface.is_none() || surface == *of {
                feedback.send(object);
                told += 1;
            }
        }
        if surface.is_none() {
            self.feedback = feedback;
        }
        told
    }
}
