//! What is in the file, and what can be read.

use proptest::prelude::*;

use super::super::event::{Fences, What};
use super::super::scratch::Scratch;
use super::super::scribe::FencesOf;
use super::super::timeline::parse;
use super::super::*;
use super::story::{MS, REFRESH, START, Story, no_image, pace};
use crate::error::Error;
use crate::observe::latency::{Blame, Latency};
use crate::wayland::colour::Volume;

#[test]
fn a_frame_is_read_as_it_was_written() {
    let mut story = Story::new("FIFO", "explicit");
    let latency = Latency {
        latency_ns: 9 * MS + 1000,
        target_ns: Some(START + 8 * MS),
        missed: 3,
        blame: Some(Blame::Gpu),
    };
    story.latency = Some(latency);
    story.frame(0, pace(3 * MS), 10 * MS, 20 * MS);
    story.fence(FencesOf::Release, 20 * MS, ("vgem", "unbound"), None);
    story.fence(
        FencesOf::Release,
        20 * MS,
        ("vgem", "unbound"),
        Some(33 * MS),
    );
    story.scribe.lost(START, 7, 2);
    let timeline = story.timeline();
    assert_eq!(
        (timeline.pid, timeline.application.as_str()),
        (42, "vkcube")
    );
    assert_eq!(
        (timeline.dropped_events, timeline.unwatched_sync_files),
        (7, 2)
    );
    let [swapchain] = &timeline.swapchains[..] else {
        panic!("{timeline:?}")
    };
    assert_eq!(swapchain.number, 1);
    assert_eq!(swapchain.compositor, "sway");
    assert_eq!(swapchain.synchronisation, "explicit");
    assert_eq!((swapchain.extent, swapchain.images), ([500, 400], 3));
    let span = |from, to| Span {
        from: START + from,
        to: START + to,
    };
    let expected = Frame {
        number: 1,
        image: 0,
        acquire: Some(Acquire {
            call: span(0, 0),
            waited: Waited::default(),
            pending: false,
        }),
        given_back: None,
        commit: Some(START + 4 * MS),
        handed_ns: 3 * MS,
        paced_ns: 3 * MS,
        present: Some(span(MS - 1000, 4 * MS + 1000)),
        rendering: Vec::new(),
        outcome: Outcome::Shown(Shown {
            at: START + 10 * MS,
            refresh_ns: REFRESH as u32,
            sequence: 0,
            latency: Some(latency),
        }),
        release: Some(Release {
            at: START + 20 * MS,
            fences: vec![Fence {
                driver: "vgem".to_owned(),
                timeline: "unbound".to_owned(),
                signalled: Some(START + 33 * MS),
                own: false,
            }],
        }),
    };
    assert_eq!(swapchain.frames, [expected]);
}

/// What viewers need of every event.
#[test]
fn every_event_has_what_viewers_need() {
    let mut story = Story::new("FIFO", "explicit");
    story.frame(0, no_image(3 * MS), 10 * MS, 20 * MS);
    story.fence(
        FencesOf::Release,
        20 * MS,
        ("vgem", "unbound"),
        Some(33 * MS),
    );
    let events: Vec<serde_json::Value> = serde_json::from_slice(&story.text()).unwrap();
    let mut names = Vec::new();
    for event in &events {
        assert!(event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
        assert!(event["ts"].is_number(), "{event}");
        let phase = event["ph"].as_str().unwrap();
        assert_eq!(phase == "X", event["dur"].is_number(), "{event}");
        assert_eq!(phase == "i", event["s"].is_string(), "{event}");
        assert_eq!("be".contains(phase), event["id"].is_u64(), "{event}");
        names.push((phase, event["name"].as_str().unwrap()));
    }
    for expected in [
        ("M", "process_name"),
        ("M", "thread_name"),
        ("X", "acquire (no image free)"),
        ("X", "application"),
        ("i", "commit"),
        ("X", "present"),
        ("i", "shown"),
        ("X", "compositor"),
        ("i", "release"),
        ("b", "vgem unbound"),
        ("e", "vgem unbound"),
    ] {
        assert!(names.contains(&expected), "{expected:?}: {names:?}");
    }
}

#[test]
fn what_is_no_trace_is_refused_with_a_reason() {
    let scratch = Scratch::new();
    assert!(matches!(read(&scratch.0), Err(Error::File { .. })));
    let other = br#"[{"name":"wayfence","ph":"M","args":{"version":2,"application":"x"}}]"#;
    let broken = br#"[{"name":"commit","ph":"i","args":{"swapchain":"one"}}]"#;
    for (bytes, reason) in [
        (&b""[..], "EOF"),
        (b"\x7fELF", "expected"),
        (b"{}", "missing field `traceEvents`"),
        (b"[]", "does not say"),
        (b"[1, 2]", "invalid type"),
        (br#"[{"name":"x","ph":"X","ts":1}]"#, "does not say"),
        (other, "version 2"),
        (broken, "commit"),
    ] {
        std::fs::write(&scratch.0, bytes).unwrap();
        let error = read(&scratch.0).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::MalformedTrace { .. }), "{text}");
        assert!(text.contains(reason), "{text}");
        assert!(text.contains("not a trace of Wayfence"), "{text}");
    }
}

#[test]
fn a_trace_that_was_cut_off_is_read_up_to_there() {
    let mut story = Story::new("FIFO", "implicit");
    for frame in 0..5 {
        story.frame(frame * REFRESH, pace(0), frame * REFRESH, frame * REFRESH);
    }
    let whole = story.text();
    let mut seen = 0;
    for end in (whole.len() / 2..whole.len()).step_by(29) {
        let timeline = parse(&whole[..end]).unwrap();
        let frames = timeline.swapchains[0].frames.len();
        assert!(frames >= seen, "{end}");
        seen = frames;
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn other_programs_may_wrap_the_events() {
    let mut story = Story::new("FIFO", "implicit");
    story.frame(0, pace(0), MS, MS);
    let array = story.text();
    let object = [br#"{"traceEvents":"#, &array[..], b"}"].concat();
    assert_eq!(parse(&object).unwrap(), parse(&array).unwrap());
}

fn any_latency() -> impl Strategy<Value = Option<Latency>> {
    any::<Option<(u64, Option<u64>, u64)>>().prop_map(|of| {
        let (latency_ns, target_ns, missed) = of?;
        Some(Latency {
            latency_ns,
            target_ns,
            missed,
            blame: (missed > 0).then_some(Blame::Pace),
        })
    })
}

fn any_what() -> impl Strategy<Value = What> {
    let waited = any::<[u32; 2]>().prop_map(|ns| Waited {
        no_image_ns: ns[0].into(),
        busy_ns: ns[1].into(),
    });
    let instant = 0..1_000_000 * MS;
    prop_oneof![
        (instant.clone(), waited.clone(), any::<bool>(), any::<u64>()).prop_map(
            |(called, waited, pending, cpu_waits)| What::Acquired {
                called,
                waited,
                pending,
                cpu_waits: cpu_waits >> 8,
            }
        ),
        (instant.clone(), waited).prop_map(|(called, waited)| What::NotAcquired { called, waited }),
        Just(()).prop_map(|()| What::GivenBack),
        any::<Option<(u32, u32)>>().prop_map(|luminance| What::Metadata(Box::new(Volume {
            luminance,
            ..Volume::default()
        }))),
        (instant.clone(), any::<u32>()).prop_map(|(handed, paced)| What::Committed {
            rendering: Fences::None,
            handed,
            paced: paced.into(),
        }),
        instant.prop_map(|called| What::Presented {
            called,
            cpu_waits: 0
        }),
        Just(()).prop_map(|()| What::Released {
            fences: Fences::Unwatched
        }),
        (any::<(u32, u64)>(), any_latency()).prop_map(|((refresh, sequence), latency)| {
            What::Shown {
                refresh,
                sequence,
                latency,
            }
        }),
        Just(()).prop_map(|()| What::Discarded),
    ]
}

proptest! {
    /// Records in any order, as after many were dropped, make a trace that can be read and summed up.
    #[test]
    fn any_records_make_a_trace(
        records in prop::collection::vec((0..6u64, 0..3u32, 0..1_000_000 * MS, any_what()), 0..60),
    ) {
        let mut story = Story::new("FIFO", "implicit");
        let mut shown = false;
        for (frame, image, at, what) in records {
            shown |= matches!(what, What::Shown { .. });
            story.tell_of(frame, image, at, what);
        }
        let timeline = story.timeline();
        let summary = Summary::of(&timeline);
        prop_assert!(summary.shown + summary.discarded + summary.unknown <= 6);
        prop_assert!(!summary.to_string().is_empty());
        prop_assert!(shown || summary.shown == 0);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }
}
