//! What happens to the frames of a program, as records.

use std::time::Duration;

use super::super::event::{Event, Fences, Made, What};
use super::super::format::FrameArgs;
use super::super::scribe::{FencesOf, Scribe};
use super::super::timeline::parse;
use super::super::{Summary, Timeline, Waited};
use crate::kernel::sync_file::{FenceInfo, FenceStatus};
use crate::observe::latency::Latency;

pub const MS: u64 = 1_000_000;
/// One refresh of 60 Hz.
pub const REFRESH: u64 = 16_666_667;
/// Traces begin long after the boot.
pub const START: u64 = 1_000_000 * MS;

/// A program with one swapchain.
pub struct Story {
    pub scribe: Scribe,
    pub frame: u64,
    /// What is said of the frames that follow.
    pub latency: Option<Latency>,
    mode: &'static str,
}

/// How long a frame is held up, in nanoseconds.
#[derive(Clone, Copy)]
pub struct Held {
    pub acquire: Waited,
    paced: u64,
}

impl Story {
    pub fn new(mode: &'static str, synchronisation: &str) -> Self {
        let mut story = Self {
            scribe: Scribe::new(42, "vkcube"),
            frame: 0,
            latency: None,
            mode,
        };
        story.tell(
            0,
            0,
            What::Created(Box::new(Made {
                synchronisation: synchronisation.to_owned(),
                compositor: "sway".to_owned(),
                extent: [500, 400],
                images: 3,
                mode: story.mode.to_owned(),
                color_space: "SRGB_NONLINEAR".to_owned(),
            })),
        );
        story
    }

    pub fn tell(&mut self, image: u32, at: u64, what: What) {
        self.tell_of(self.frame, image, at, what);
    }

    pub fn tell_of(&mut self, frame: u64, image: u32, at: u64, what: What) {
        self.scribe.write(Event {
            swapchain: 1,
            image,
            frame,
            at: START + at,
            what,
        });
    }

    /// A frame of image 0: acquired, presented a millisecond later, committed, shown, released.
    pub fn frame(&mut self, called: u64, held: Held, shown: u64, released: u64) {
        self.frame += 1;
        let waited = held.acquire;
        let acquired = called + waited.no_image_ns + waited.busy_ns;
        self.tell(
            0,
            acquired,
            What::Acquired {
                called: START + called,
                waited,
                pending: false,
                cpu_waits: 0,
            },
        );
        let handed = acquired + MS;
        let commit = handed + held.paced;
        self.tell(
            0,
            commit,
            What::Committed {
                rendering: Fences::None,
                handed: START + handed,
                paced: held.paced,
            },
        );
        self.tell(
            0,
            commit + 1000,
            What::Presented {
                called: START + handed - 1000,
                cpu_waits: 0,
            },
        );
        self.tell(
            0,
            shown,
            What::Shown {
                refresh: REFRESH as u32,
                sequence: 0,
                latency: self.latency,
            },
        );
        self.tell(
            0,
            released,
            What::Released {
                fences: Fences::None,
            },
        );
    }

    /// What the kernel says of the last frame's fences.
    pub fn fence(
        &mut self,
        kind: FencesOf,
        since: u64,
        name: (&str, &str),
        signalled: Option<u64>,
    ) {
        let of = FrameArgs {
            swapchain: 1,
            frame: self.frame,
            image: 0,
        };
        let fence = FenceInfo {
            driver_name: name.0.to_owned(),
            obj_name: name.1.to_owned(),
            status: signalled.map_or(FenceStatus::Pending, |_| FenceStatus::Signalled),
            timestamp: Duration::from_nanos(signalled.map_or(0, |at| START + at)),
        };
        self.scribe.fences(of, kind, START + since, &[fence]);
    }

    pub fn text(mut self) -> Vec<u8> {
        [b"[\n", &self.scribe.take_text()[..], b"\n]\n"].concat()
    }

    pub fn timeline(self) -> Timeline {
        parse(&self.text()).unwrap()
    }

    pub fn summary(self) -> Summary {
        Summary::of(&self.timeline())
    }
}

/// Its present waits for its turn.
pub fn pace(paced: u64) -> Held {
    Held {
        acquire: Waited::default(),
        paced,
    }
}

/// Its acquire waits for an image.
pub fn no_image(no_image_ns: u64) -> Held {
    Held {
        acquire: Waited {
            no_image_ns,
            ..Waited::default()
        },
        paced: 0,
    }
}

/// Twenty frames, one every other refresh, that are held up like this.
pub fn every_other_refresh(mode: &'static str, held: Held) -> Story {
    let mut story = Story::new(mode, "implicit");
    for frame in 0..20 {
        let begin = frame * 2 * REFRESH;
        story.frame(begin, held, begin + 2 * REFRESH, begin + 2 * REFRESH);
    }
    story
}
