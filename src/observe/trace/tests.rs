//! From records to the summary, without a compositor.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::event::{Event, Fences, Made, What};
use super::format::FrameArgs;
use super::scratch::Scratch;
use super::scribe::{FencesOf, Scribe};
use super::timeline::parse;
use super::*;
use crate::error::Error;
use crate::kernel::sync_file::{FenceInfo, FenceStatus, SyncFile};
use crate::synchronisation::Release as Released;
use crate::wayland::colour::Volume;

const MS: u64 = 1_000_000;
/// One refresh of 60 Hz.
const REFRESH: u64 = 16_666_667;
/// Traces begin long after the boot.
const START: u64 = 1_000_000 * MS;

/// A program with one swapchain.
struct Story {
    scribe: Scribe,
    frame: u64,
    mode: &'static str,
}

impl Story {
    fn new(mode: &'static str, synchronisation: &str) -> Self {
        let mut story = Self {
            scribe: Scribe::new(42, "vkcube"),
            frame: 0,
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

    fn tell(&mut self, image: u32, at: u64, what: What) {
        self.tell_of(self.frame, image, at, what);
    }

    fn tell_of(&mut self, frame: u64, image: u32, at: u64, what: What) {
        self.scribe.write(Event {
            swapchain: 1,
            image,
            frame,
            at: START + at,
            what,
        });
    }

    /// A frame of image 0: acquired within `waited`, committed a millisecond later, shown, released.
    fn frame(&mut self, called: u64, waited: Waited, shown: u64, released: u64) {
        self.frame += 1;
        let acquired = called + waited.pace_ns + waited.no_image_ns + waited.busy_ns;
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
        let commit = acquired + MS;
        self.tell(
            0,
            commit,
            What::Committed {
                rendering: Fences::None,
                handed: START + commit,
                paced: 0,
            },
        );
        self.tell(
            0,
            commit + 1000,
            What::Presented {
                called: START + commit - 1000,
                cpu_waits: 0,
            },
        );
        self.tell(
            0,
            shown,
            What::Shown {
                refresh: REFRESH as u32,
                sequence: 0,
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
    fn fence(&mut self, kind: FencesOf, since: u64, name: (&str, &str), signalled: Option<u64>) {
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

    fn text(mut self) -> Vec<u8> {
        [b"[\n", &self.scribe.take_text()[..], b"\n]\n"].concat()
    }

    fn timeline(self) -> Timeline {
        parse(&self.text()).unwrap()
    }

    fn summary(self) -> Summary {
        Summary::of(&self.timeline())
    }
}

fn pace(pace_ns: u64) -> Waited {
    Waited {
        pace_ns,
        ..Waited::default()
    }
}

fn no_image(no_image_ns: u64) -> Waited {
    Waited {
        no_image_ns,
        ..Waited::default()
    }
}

#[test]
fn a_frame_is_read_as_it_was_written() {
    let mut story = Story::new("FIFO", "explicit");
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
            call: span(0, 3 * MS),
            waited: pace(3 * MS),
            pending: false,
        }),
        given_back: None,
        commit: Some(START + 4 * MS),
        handed_ns: 0,
        paced_ns: 0,
        present: Some(span(4 * MS - 1000, 4 * MS + 1000)),
        rendering: Vec::new(),
        outcome: Outcome::Shown(Shown {
            at: START + 10 * MS,
            refresh_ns: REFRESH as u32,
            sequence: 0,
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
    story.frame(0, pace(3 * MS), 10 * MS, 20 * MS);
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
        ("X", "acquire (pace)"),
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

/// Twenty frames, one every other refresh, in which acquires wait like this.
fn every_other_refresh(mode: &'static str, waited: Waited) -> Story {
    let mut story = Story::new(mode, "implicit");
    for frame in 0..20 {
        let begin = frame * 2 * REFRESH;
        story.frame(begin, waited, begin + 2 * REFRESH, begin + 2 * REFRESH);
    }
    story
}

#[test]
fn colours_are_told_where_they_are_not_the_usual_ones() {
    let plain = Story::new("FIFO", "implicit").summary();
    assert_eq!(plain.colours, ["SRGB_NONLINEAR"]);
    assert!(!plain.to_string().contains("colours"), "{plain}");
    let mut story = Story::new("FIFO", "implicit");
    for greatest in [1000, 600] {
        story.tell(
            0,
            0,
            What::Metadata(Box::new(Volume {
                luminance: Some((50, greatest)),
                ..Volume::default()
            })),
        );
    }
    let row = "colours                 SRGB_NONLINEAR, mastered for 0.005 to 600 cd/m²\n";
    let summary = story.summary().to_string();
    assert!(summary.contains(row), "{summary}");
}

#[test]
fn times_are_told_by_percentiles() {
    let mut story = Story::new("MAILBOX", "implicit");
    for frame in 0..100 {
        let begin = frame * REFRESH;
        let wait = no_image((frame + 1) * 10_000);
        story.frame(begin, wait, begin + 8 * MS, begin + 10 * MS);
    }
    let summary = story.summary();
    let Percentiles {
        count,
        p50_ns,
        p90_ns,
        p99_ns,
        max_ns,
    } = summary.acquire;
    assert_eq!(
        (count, p50_ns, p90_ns, p99_ns, max_ns),
        (100, 500_000, 900_000, 990_000, 1_000_000)
    );
    assert_eq!(summary.present.p50_ns, 2000);
    assert_eq!(summary.commit_to_shown.max_ns, 8 * MS - MS - 10_000);
    assert_eq!(summary.present_to_shown.max_ns, 8 * MS - MS - 9_000);
    // The first is released before the second is acquired, and so on: from 10 ms to the refresh.
    assert_eq!(summary.release_to_acquire.count, 99);
    assert_eq!(
        summary.release_to_acquire.max_ns,
        REFRESH - 10 * MS + 1_000_000
    );
    assert_eq!((summary.presented, summary.shown), (100, 100));
    assert_eq!(summary.missed_refreshes, 0);
    assert_eq!(summary.refresh_ns, REFRESH);
}

#[test]
fn refreshes_are_counted_by_time_or_by_their_numbers() {
    let story = every_other_refresh("FIFO", pace(0));
    assert_eq!(story.summary().missed_refreshes, 19);
    let mut story = Story::new("FIFO", "implicit");
    for (frame, sequence) in [(1, 100), (2, 101), (3, 105)] {
        story.frame = frame;
        let what = What::Shown {
            refresh: REFRESH as u32,
            sequence,
        };
        // Late by any clock: the numbers count.
        story.tell(0, frame * 100 * MS, what);
    }
    assert_eq!(story.summary().missed_refreshes, 3);
}

#[test]
fn a_display_that_keeps_its_pace_is_no_culprit() {
    // Before its first frame the compositor holds nothing for which one could wait.
    for (waited, in_all) in [(pace(12 * MS), "240"), (no_image(12 * MS), "228")] {
        let mut story = Story::new("FIFO", "implicit");
        for frame in 0..20 {
            let begin = frame * REFRESH;
            story.frame(begin, waited, begin + REFRESH, begin + 2 * REFRESH);
        }
        let summary = story.summary();
        assert_eq!(summary.culprit, Culprit::Display, "{summary}");
        let expected =
            format!("Nothing held you up but the pace of the display: you waited {in_all}.000 ms");
        assert!(summary.verdict.starts_with(&expected), "{summary}");
    }
}

#[test]
fn a_compositor_that_is_slower_than_its_display_is_named() {
    let summary = every_other_refresh("FIFO", pace(20 * MS)).summary();
    assert_eq!(summary.culprit, Culprit::CompositorPace, "{summary}");
    assert!(
        summary.verdict.starts_with(
            "The compositor (sway) held you up: you waited 400.000 ms in all for it to begin with the \
             frame before; 19 refreshes of 39 showed nothing new."
        ),
        "{summary}"
    );
}

#[test]
fn a_compositor_that_holds_the_images_is_named() {
    let mut story = every_other_refresh("MAILBOX", no_image(20 * MS));
    // It holds one more, all the time.
    story.tell_of(
        0,
        1,
        0,
        What::Committed {
            rendering: Fences::None,
            handed: 0,
            paced: 0,
        },
    );
    let summary = story.summary();
    assert_eq!(summary.culprit, Culprit::Compositor, "{summary}");
    // Committed at 21 ms, released at 33.3 ms.
    assert!(
        summary.verdict.starts_with(
            "The compositor (sway) held your images, for 12.333 ms (0.7 refreshes) at the median and \
             12.333 ms at worst: you waited 400.000 ms in all for one to come free."
        ),
        "{summary}"
    );
}

#[test]
fn an_application_that_holds_all_images_is_named() {
    let mut story = Story::new("FIFO", "implicit");
    story.tell_of(
        0,
        0,
        100 * MS,
        What::NotAcquired {
            called: START,
            waited: no_image(100 * MS),
        },
    );
    story.frame(100 * MS, no_image(0), 110 * MS, 120 * MS);
    let summary = story.summary();
    assert_eq!(summary.culprit, Culprit::Application, "{summary}");
    assert!(summary.verdict.contains("You held all images yourself"));
}

/// Two frames of image 0, of which the first comes back with a fence.
fn fenced(name: (&str, &str), signalled: Option<u64>, own: bool) -> Summary {
    let mut story = Story::new("FIFO", "explicit");
    story.frame(0, pace(0), 10 * MS, 20 * MS);
    if own {
        story.fence(FencesOf::Rendering, MS, name, signalled);
    }
    story.fence(FencesOf::Release, 20 * MS, name, signalled);
    story.frame(21 * MS, pace(0), 200 * MS, 210 * MS);
    story.summary()
}

#[test]
fn a_fence_that_holds_an_image_is_named() {
    let summary = fenced(("vgem", "unbound"), Some(100 * MS), false);
    assert_eq!(summary.culprit, Culprit::Fences, "{summary}");
    assert_eq!(summary.own_writes_ns, 0);
    assert_eq!(summary.fences_after_acquire.max_ns, 79 * MS);
    assert_eq!(
        summary.verdict,
        "The fence of vgem unbound held your images after the compositor (sway) had released them, \
         1 of them, for 80.000 ms (4.8 refreshes) at worst: you waited 79.000 ms in all for it. \
         No image came back with an unfinished write of your own driver's."
    );
}

#[test]
fn ones_own_write_is_told_from_others() {
    let summary = fenced(("drm_sched", "gfx"), Some(100 * MS), true);
    assert_eq!(summary.own_writes_ns, 80 * MS);
    assert!(
        summary.verdict.ends_with(
            "Images came back with unfinished writes of your own driver's, for 80.000 ms in all."
        ),
        "{summary}"
    );
}

#[test]
fn a_fence_that_never_signalled_counts_to_the_end() {
    let summary = fenced(("vgem", "unbound"), None, false);
    assert_eq!(summary.culprit, Culprit::Fences, "{summary}");
    let [fence] = &summary.fences[..] else {
        panic!("{summary}")
    };
    assert_eq!((fence.pending, fence.signalled), (1, 0));
    assert!(fence.pending_ns > 0);
}

/// Where a release is found when somebody looks, its fence knows better when it was.
#[test]
fn a_release_that_is_found_late_counts_from_its_fence() {
    let mut story = Story::new("FIFO", "syncobj");
    story.frame(0, pace(0), 10 * MS, 50 * MS);
    story.fence(FencesOf::Release, 50 * MS, ("drm", "sway"), Some(20 * MS));
    assert_eq!(story.summary().held_by_compositor.max_ns, 19 * MS);
    // The kernel's stub may be as old as the boot.
    let mut story = Story::new("FIFO", "syncobj");
    story.frame(0, pace(0), 10 * MS, 50 * MS);
    let of = FencesOf::Release;
    story.fence(of, 50 * MS, ("stub", "stub"), Some(0));
    assert_eq!(story.summary().held_by_compositor.max_ns, 49 * MS);
}

#[test]
fn a_driver_that_takes_its_time_is_named() {
    let mut story = Story::new("FIFO", "implicit");
    story.frame(0, pace(0), 10 * MS, 20 * MS);
    story.tell(
        0,
        60 * MS,
        What::Presented {
            called: START + 10 * MS,
            cpu_waits: 3,
        },
    );
    let summary = story.summary();
    assert_eq!(summary.culprit, Culprit::Driver, "{summary}");
    assert_eq!(summary.cpu_waits, 3);
    assert!(summary.verdict.contains("50.000 ms"), "{summary}");
}

#[test]
fn who_never_waits_has_nobody_to_blame() {
    let summary = every_other_refresh("MAILBOX", pace(0)).summary();
    assert_eq!(summary.culprit, Culprit::Nobody);
    assert!(summary.verdict.starts_with("Nothing held you up. "));
}

#[test]
fn the_summary_says_what_a_person_asks() {
    let mut story = Story::new("FIFO", "explicit");
    for frame in 0..3 {
        let begin = frame * REFRESH;
        story.frame(begin, pace(8 * MS), begin + REFRESH, begin + 18 * MS);
    }
    let commit = 2 * REFRESH + 9 * MS;
    story.fence(
        FencesOf::Rendering,
        commit,
        ("gpu", "ring"),
        Some(commit + 3 * MS),
    );
    story.fence(
        FencesOf::Release,
        60 * MS,
        ("vgem", "unbound"),
        Some(62 * MS),
    );
    story.frame += 1;
    story.tell(0, 70 * MS, What::Discarded);
    let expected = "\
application             vkcube (process 42)
compositor              sway
swapchains              1, FIFO, explicit
frames                  3 presented in 0.042 s: 3 shown, 0 discarded, 0 unknown

milliseconds                    p50         p90         p99         max
acquire                       8.000       8.000       8.000       8.000
present                       0.002       0.002       0.002       0.002
release to acquire            6.667       6.667       6.667       6.667
held by the compositor        9.000       9.000       9.000       9.000
commit to shown               7.667       7.667       7.667       7.667
present to shown              7.668       7.668       7.668       7.668
fences after acquire           none
drawn after commit            3.000       3.000       3.000       3.000

missed refreshes        0 of 3, one every 16.667 ms
waits on the CPU        0
fences of releases      vgem unbound: 0 had signalled, 1 had not for up to 10.667 ms
fences of renderings    gpu ring: 0 had signalled, 1 had not for up to 3.000 ms
dropped events          0

Nothing held you up but the pace of the display: you waited 24.000 ms in all for it, and it showed 3 \
frames in 3 refreshes. No image came back with an unfinished write of your own driver's.
";
    assert_eq!(story.summary().to_string(), expected);
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

fn any_what() -> impl Strategy<Value = What> {
    let waited = any::<[u32; 3]>().prop_map(|ns| Waited {
        pace_ns: ns[0].into(),
        no_image_ns: ns[1].into(),
        busy_ns: ns[2].into(),
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
        any::<(u32, u64)>().prop_map(|(refresh, sequence)| What::Shown { refresh, sequence }),
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

/// A sync_file as far as descriptors go: ready when it is asked.
fn stand_in() -> SyncFile {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"x").unwrap();
    SyncFile::from(OwnedFd::from(reader))
}

/// Draws a frame of image 0.
fn draw(trace: &Trace, fences: &Released, rendering: &SyncFile) {
    let mut call = trace.acquire();
    call.waits_for(Cause::Pace);
    call.waits_for(Cause::NoImage);
    call.waits_no_longer();
    call.returns(0, true, 0);
    let mut commit = trace.committing(0, Some(rendering));
    commit.waits_for_pace();
    commit.waits_no_longer();
    let frame = trace.frame(0);
    commit.commits();
    trace.presented(0, 1..2, 0);
    if let Some(frame) = frame {
        frame.shown(1, 16, 1);
        frame.discarded();
    }
    trace.released(0, fences, || None);
}

fn tracer(scratch: &Scratch) -> (std::sync::Arc<Tracer>, Trace) {
    let tracer = Tracer::open(&scratch.0).unwrap();
    let text = |text: &str| text.to_owned();
    let trace = tracer.swapchain(
        text("explicit"),
        text("sway"),
        (1, 2),
        3,
        text("FIFO"),
        text("SRGB_NONLINEAR"),
    );
    (tracer, trace)
}

/// Every frame is in the file without anybody's doing anything for it, as if the process were killed.
#[test]
fn what_was_recorded_is_in_the_file_soon() {
    let scratch = Scratch::new();
    let (tracer, trace) = tracer(&scratch);
    let (fences, rendering) = (Released::Fences(stand_in()), stand_in());
    for _ in 0..20 {
        draw(&trace, &fences, &rendering);
    }
    let begun = Instant::now();
    loop {
        if let Ok(timeline) = read(&scratch.0)
            && timeline.swapchains.first().is_some_and(|of| {
                of.frames.len() == 20 && of.frames.iter().all(|frame| frame.release.is_some())
            })
        {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "not written");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop((tracer, trace));
}

#[test]
fn the_end_of_a_trace_is_in_the_file() {
    let scratch = Scratch::new();
    let (tracer, trace) = tracer(&scratch);
    let (fences, rendering) = (Released::Fences(stand_in()), stand_in());
    draw(&trace, &fences, &rendering);
    tracer.finish(Duration::from_secs(10));
    let timeline = read(&scratch.0).unwrap();
    assert_eq!(timeline.swapchains[0].frames.len(), 1);
    assert!(timeline.application.starts_with("wayfence"), "{timeline:?}");
    // Too late, and harmless.
    draw(&trace, &fences, &rendering);
    tracer.finish(Duration::from_secs(10));
    assert_eq!(read(&scratch.0).unwrap(), timeline);
}

/// Counts what its own thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator, and a number that needs none.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may have lost its number.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller guarantees a valid layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller guarantees memory of this allocator, which is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[test]
fn no_frame_allocates() {
    let scratch = Scratch::new();
    let (fences, rendering) = (Released::Fences(stand_in()), stand_in());
    let (tracer, on) = tracer(&scratch);
    // More than the ring takes: dropping a record allocates nothing, either.
    for trace in [&on, &Trace::off()] {
        let before = ALLOCATIONS.get();
        for _ in 0..2000 {
            draw(trace, &fences, &rendering);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0);
    }
    assert!(ALLOCATIONS.get() > 0, "nothing is counted");
    tracer.finish(Duration::from_secs(10));
    assert!(read(&scratch.0).is_ok());
}
