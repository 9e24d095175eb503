//! The trace: what it records of frames whose fences, releases and refreshes the test chooses.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wayfence::latency::Blame;
use wayfence::trace::{self, Culprit, Frame, Outcome, Summary, SwapchainTimeline, Timeline};
use wayfence_test_compositor::{Behaviour, Compositor, Offer, Presented, With};
use wayfence_tests::child::{on, probe};
use wayfence_tests::layers::{self, WAYFENCE};
use wayfence_tests::scripted::{Payload, Scene, Stage, Way};
use wayfence_tests::stalls::Stalls;
use wayfence_tests::test_driver;
use wayfence_tests::too_slow::{TooSlow, judged, took};
use wayfence_tests::watchdog::Watchdog;

/// How long fences are held: longer than everything else together, even on an emulated machine.
const HELD: Duration = Duration::from_millis(800);
const HELD_NS: u64 = HELD.as_nanos() as u64;
const REFRESH: Duration = Duration::from_millis(20);
/// How long the exit of a process waits until its trace is written.
const AT_EXIT: Duration = Duration::from_millis(500);

/// A trace of this process, or of another; removed on drop.
struct Trace(PathBuf);

impl Trace {
    fn new(name: &str) -> Self {
        let name = format!("wayfence-{name}-{}.json", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// Reads it until a condition holds: the layer writes it gradually.
    fn once(&self, what: &str, says: impl Fn(&Timeline) -> bool) -> Timeline {
        let begun = Instant::now();
        loop {
            let read = trace::read(&self.0);
            if let Ok(timeline) = &read
                && says(timeline)
            {
                return read.expect("it was read");
            }
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "{what}: {read:#?}"
            );
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The only frame whose image came back with fences.
fn fenced(swapchain: &SwapchainTimeline) -> &Frame {
    let mut fenced = swapchain.frames.iter().filter(|frame| {
        let release = frame.release.as_ref();
        release.is_some_and(|release| !release.fences.is_empty())
    });
    let frame = fenced.next().expect("a release with fences");
    assert_eq!(fenced.next(), None);
    frame
}

/// Releases the image of a frame with a fence that signals later.
fn comes_back_fenced(mut scene: Scene<'_>) {
    let fence = scene.fence();
    let (_, commit) = scene.show();
    scene
        .compositor
        .release(&commit, With::readers(&[fence.sync_file()]));
    let acquired = scene.acquire(Payload::Fence);
    sleep(HELD);
    assert!(acquired.is_held());
    fence.signal();
    acquired.signals_within(HELD).expect("signalled");
    scene.held.push(acquired.index);
    drop(acquired);
    scene.end();
}

#[test]
#[ignore = "needs vgem and a DRM node with timelines: scripts/test"]
fn who_held_an_image_is_named() {
    let _watchdog = Watchdog::new(Duration::from_secs(100), "traced scenes");
    let trace = Trace::new("fences");
    layers::trace_to(&trace.0);
    let stage = Stage::new();

    // The trace numbers swapchains from 1.
    let ways = [Way::Syncobj, Way::Explicit, Way::Implicit];
    for way in ways {
        comes_back_fenced(stage.scene(way));
    }

    // A compositor that never read the image releases it while the client still writes.
    let mut scene = stage.scene(Way::Implicit);
    let rendering = scene.fence();
    let (_, commit) = scene.show_unfinished(rendering.sync_file());
    scene.compositor.release(&commit, With::nothing());
    let acquired = scene.acquire(Payload::Fence);
    sleep(Duration::from_millis(100));
    assert!(acquired.is_held());
    rendering.signal();
    acquired.signals_within(HELD).expect("signalled");
    scene.held.push(acquired.index);
    drop(acquired);
    scene.end();

    // A compositor hands the client's own rendering back as the fence to wait for.
    let mut scene = stage.scene(Way::Explicit);
    let rendering = scene.fence();
    let (_, commit) = scene.show_unfinished(rendering.sync_file());
    scene
        .compositor
        .release(&commit, With::readers(&[rendering.sync_file()]));
    let acquired = scene.acquire(Payload::Fence);
    sleep(Duration::from_millis(100));
    rendering.signal();
    acquired.signals_within(HELD).expect("signalled");
    scene.held.push(acquired.index);
    drop(acquired);
    scene.end();

    let timeline = trace.once("five swapchains, all fences signalled", |timeline| {
        let fences = timeline.swapchains.iter().flat_map(|of| {
            let releases = of.frames.iter().filter_map(|frame| frame.release.as_ref());
            releases.flat_map(|release| &release.fences)
        });
        timeline.swapchains.len() == 5
            && fences.clone().count() == 5
            && fences.clone().all(|fence| fence.signalled.is_some())
    });
    assert_eq!(timeline.pid, std::process::id());
    assert_eq!(timeline.dropped_events, 0);
    assert_eq!(timeline.unwatched_sync_files, 0);
    for (swapchain, way) in timeline.swapchains.iter().zip(ways) {
        assert_eq!(swapchain.synchronisation, way.to_string());
        let frame = fenced(swapchain);
        let release = frame.release.as_ref().expect("it was released");
        let [fence] = &release.fences[..] else {
            panic!("{way}: {release:?}")
        };
        assert_eq!(
            (fence.driver.as_str(), fence.timeline.as_str()),
            ("vgem", "unbound"),
            "{way}"
        );
        assert!(!fence.own, "{way}");
        let pending = fence.signalled.expect("it signalled") - release.at;
        assert!(pending >= HELD_NS, "{way}: {pending} ns");
        let next = swapchain.frames.last().expect("an acquire of it");
        assert_eq!(next.image, frame.image, "{way}");
        let acquire = next.acquire.expect("it was acquired");
        assert!(acquire.pending, "{way}");
        assert!(acquire.call.to >= release.at && frame.commit < Some(release.at));
    }
    for swapchain in &timeline.swapchains[3..] {
        let own = fenced(swapchain);
        assert!(own.release.as_ref().expect("a release").fences[0].own);
    }

    let summary = Summary::of(&timeline);
    assert_eq!(summary.culprit, Culprit::Fences, "{summary}");
    assert!(
        summary
            .verdict
            .starts_with("The fence of vgem unbound held your images"),
        "{summary}"
    );
    assert!(summary.own_writes_ns >= 200_000_000, "{summary}");
    assert!(summary.own_writes_ns < HELD_NS * 2, "{summary}");
    assert!(summary.fences_after_acquire.max_ns >= HELD_NS, "{summary}");
}

#[test]
#[ignore = "needs vgem and a DRM node with timelines: scripts/test"]
fn who_made_a_frame_late_is_named() {
    let _watchdog = Watchdog::new(Duration::from_secs(100), "late frames");
    let trace = Trace::new("late");
    layers::trace_to(&trace.0);
    let stage = Stage::new();
    let refresh = Duration::from_millis(100);
    let told_now = |refresh| Presented {
        refresh,
        ..Presented::default()
    };
    let stalls = Stalls::watch();
    let mut plays = 0;
    let report = judged(|| {
        plays += 1;
        let mut scene = stage.scene(Way::Explicit);

        // On a display that is slower than any machine.
        let (_, commit) = scene.show();
        let patient = Duration::from_secs(4);
        scene.compositor.presented(&commit, told_now(patient));
        scene.compositor.release(&commit, With::nothing());
        scene.held.push(scene.acquire(Payload::Fence).index);

        // Everything is ready, and the compositor is slow.
        let begun = Instant::now();
        let (_, commit) = scene.show();
        took(&stalls, begun, refresh)?;
        sleep(HELD);
        scene.compositor.presented(&commit, told_now(refresh));
        scene.compositor.release(&commit, With::nothing());
        scene.held.push(scene.acquire(Payload::Fence).index);

        // It waits for the rendering.
        let fence = scene.fence();
        let (_, commit) = scene.show_unfinished(fence.sync_file());
        sleep(HELD);
        fence.signal();
        scene.compositor.presented(&commit, told_now(refresh));
        scene.compositor.release(&commit, With::nothing());
        let acquired = scene.acquire(Payload::Fence);
        acquired.signals_within(HELD).expect("signalled");
        scene.held.push(acquired.index);
        drop(acquired);
        Ok(scene.end())
    });

    let mut timeline = trace.once("three frames", |timeline| {
        let of = timeline.swapchains.get(plays - 1);
        of.is_some_and(|of| {
            let shown = of
                .frames
                .iter()
                .filter(|f| matches!(f.outcome, Outcome::Shown(_)));
            shown.count() == 3
        })
    });
    timeline.swapchains.drain(..plays - 1);
    let mut frames = timeline.swapchains[0].frames.clone();
    frames.retain(|frame| frame.commit.is_some());
    frames.sort_by_key(|frame| frame.commit);
    for (frame, blame) in frames
        .iter()
        .zip([None, Some(Blame::Pace), Some(Blame::Gpu)])
    {
        let Outcome::Shown(shown) = frame.outcome else {
            panic!("{frame:?}")
        };
        let latency = shown.latency.expect("a latency");
        assert_eq!(latency.blame, blame, "{frame:?}");
        let called = frame.present.expect("a present").from;
        assert_eq!(latency.latency_ns, shown.at - called, "{frame:?}");
        // Of the 800 milliseconds the compositor may take the first two refreshes.
        assert_eq!(latency.missed >= 6, blame.is_some(), "{frame:?}");
    }
    // The report agrees.
    let summary = Summary::of(&timeline);
    assert_eq!(summary.late, report.latencies);
    let late = summary.late;
    assert_eq!((late.shown, late.late), (3, 2), "{summary}");
    assert_eq!((late.by_pace, late.by_gpu), (1, 1), "{summary}");
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn every_frame_is_told_from_acquire_to_release() {
    let _watchdog = Watchdog::new(Duration::from_secs(100), "a traced loop");
    let trace = Trace::new("loop");
    layers::trace_to(&trace.0);
    let stage = Stage::new();

    // The outcome of a frame is what the compositor says.
    let mut scene = stage.scene(Way::Implicit);
    let (_, replaced) = scene.show();
    let (_, shown) = scene.show();
    scene.compositor.discarded(&replaced);
    scene.compositor.release(&replaced, With::nothing());
    let presented = Presented {
        refresh: REFRESH,
        sequence: 77,
        ..Presented::default()
    };
    scene.compositor.presented(&shown, presented);
    scene.compositor.release(&shown, With::nothing());
    for _ in 0..2 {
        scene.held.push(scene.acquire(Payload::Fence).index);
    }
    scene.end();

    // A loop on an automatic compositor.
    const FRAMES: usize = 40;
    let mut scene = stage.scene_of(Way::Implicit, |offer| {
        offer.behaviour = Behaviour::Automatic { refresh: REFRESH };
    });
    scene.held.reverse();
    while let Some(index) = scene.held.pop() {
        scene.try_show(index).expect("a present");
    }
    for _ in 0..FRAMES {
        scene.swapchain.frame().expect("a frame");
        sleep(REFRESH / 4);
    }
    sleep(2 * REFRESH);
    // An acquire reads the last events.
    scene
        .swapchain
        .acquire_and_wait(u64::MAX)
        .expect("an image");
    let images = scene.swapchain.images.len();
    let all = FRAMES + images;
    scene.end();

    let timeline = trace.once("both swapchains", |timeline| {
        let frames = |at: usize| timeline.swapchains.get(at).map_or(0, |of| of.frames.len());
        frames(0) == images + 2 && frames(1) == all + 1
    });
    let text = fs::read(&trace.0).expect("the trace");
    serde_json::from_slice::<Vec<serde_json::Value>>(&text).expect("an array");

    let mut told = timeline.swapchains[0].frames.clone();
    told.retain(|frame| frame.commit.is_some());
    told.sort_by_key(|frame| frame.commit);
    assert_eq!(told.len(), 2);
    assert!(matches!(told[0].outcome, Outcome::Discarded(_)), "{told:?}");
    let Outcome::Shown(shown) = told[1].outcome else {
        panic!("{told:?}")
    };
    assert_eq!((shown.refresh_ns, shown.sequence), (20_000_000, 77));
    assert!(told[1].commit.expect("a commit") <= shown.at);

    let looped = &timeline.swapchains[1];
    for (frame, number) in looped.frames.iter().zip(1..) {
        assert_eq!(frame.number, number);
        assert!(frame.image < looped.images);
        let acquire = frame.acquire.expect("an acquire").call;
        assert!(acquire.from <= acquire.to);
        let Some(commit) = frame.commit else {
            assert_eq!(number as usize, all + 1, "only the last is not committed");
            continue;
        };
        let present = frame.present.expect("a present");
        assert!(acquire.to <= present.from && present.from <= commit);
        assert!(commit <= present.to);
        if let Some(release) = &frame.release {
            assert!(commit <= release.at);
        }
        if let Outcome::Shown(shown) = frame.outcome {
            assert!(commit <= shown.at);
            assert_eq!(shown.refresh_ns, 20_000_000);
        }
    }
    // An image is released before it is acquired again.
    for (at, next) in looped.frames.iter().enumerate() {
        let before = looped.frames[..at].iter().rfind(|f| f.image == next.image);
        if let Some(release) = before.map(|frame| frame.release.as_ref()) {
            let released = release.expect("it was released").at;
            assert!(released <= next.acquire.expect("an acquire").call.to);
        }
    }
    let summary = Summary::of(&timeline);
    assert_eq!(summary.presented, all as u64 + 2, "{summary}");
    assert_eq!(summary.dropped_events, 0, "{summary}");
    assert!(summary.shown >= 3, "{summary}");
    assert!(summary.discarded >= 1, "{summary}");
    assert!(
        summary.unknown <= images as u64,
        "the compositor answers for each: {summary}"
    );
    assert_eq!(summary.refresh_ns, 20_000_000, "{summary}");
}

/// The output of the probe, whose trace is whole if its exit had the time.
fn output_of(probe: Child, stalls: &Stalls) -> Result<Output, TooSlow> {
    let output = probe.wait_with_output().expect("an exit");
    let (exited, now) = (Instant::now(), trace::now());
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    let end = said.lines().find_map(|line| line.strip_prefix("the end: "));
    let end: u64 = end.and_then(|end| end.parse().ok()).expect("the end");
    took(stalls, exited - Duration::from_nanos(now - end), AT_EXIT)?;
    Ok(output)
}

/// However the process ends, the trace is complete; if it cannot be written, the process goes on.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn whatever_becomes_of_the_process_its_trace_is_whole() {
    let _watchdog = Watchdog::new(Duration::from_secs(150), "traced processes");
    let compositor = Compositor::new(Offer {
        behaviour: Behaviour::Automatic { refresh: REFRESH },
        ..Offer::default()
    });
    let socket = compositor.listen();
    let run = |arguments: &[&str]| {
        let mut command = on(probe(), &[WAYFENCE]);
        command
            .args(arguments)
            .envs(test_driver::environment(&[]))
            .env("WAYLAND_DISPLAY", &socket)
            .env_remove("WAYFENCE_TRACE")
            // Mesa's layer for choosing a device asks the compositor, and does not survive ours.
            .env("NODEVICE_SELECT", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };

    // The application's setting; `%p` is the process.
    let pattern = std::env::temp_dir().join("wayfence-trace-%p.json");
    let setting = format!("trace={}", pattern.display());
    let stalls = Stalls::watch();
    let timeline = judged(|| {
        let child = run(&["frames", "10", &setting]).spawn().expect("a probe");
        let of_child = pattern
            .to_str()
            .expect("a path")
            .replace("%p", &child.id().to_string());
        let trace = Trace(of_child.into());
        output_of(child, &stalls)?;
        Ok(trace::read(&trace.0).expect("a trace"))
    });
    assert_eq!(timeline.application, "wayfence-probe");
    let committed = |timeline: &Timeline| {
        let frames = timeline.swapchains.iter().flat_map(|of| &of.frames);
        frames.filter(|frame| frame.commit.is_some()).count()
    };
    assert_eq!(committed(&timeline), 10);

    // Killed in the middle of a frame.
    let trace = Trace::new("killed");
    let mut child = run(&["frames", "1000000"])
        .env("WAYFENCE_TRACE", &trace.0)
        .spawn()
        .expect("a probe");
    trace.once("twenty frames", |timeline| committed(timeline) >= 20);
    child.kill().expect("a child");
    child.wait().expect("an exit");
    assert!(committed(&trace::read(&trace.0).expect("a trace")) >= 20);

    let output = run(&["frames", "3"])
        .env("WAYFENCE_TRACE", "/nowhere/trace.json")
        .output()
        .expect("a probe");
    assert!(output.status.success(), "{output:?}");
    let log = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("trace")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("/nowhere/trace.json"), "{log}");
}

/// A GPU is still at work when its driver exports the fence of the rendering.
#[test]
#[ignore = "needs a driver, /dev/udmabuf and vgem: scripts/test"]
fn the_fences_of_a_gpu_at_work_are_named() {
    const FRAMES: usize = 10;
    let _watchdog = Watchdog::new(Duration::from_secs(100), "a traced GPU");
    let compositor = Compositor::new(Offer {
        behaviour: Behaviour::Automatic { refresh: REFRESH },
        ..Offer::default()
    });
    let socket = compositor.listen();
    let stalls = Stalls::watch();
    let timeline = judged(|| {
        let trace = Trace::new("gpu");
        let child = on(probe(), &[WAYFENCE])
            .args(["frames", &FRAMES.to_string()])
            .envs(test_driver::environment(&[]))
            .env("WAYFENCE_TEST_BUSY_MS", HELD.as_millis().to_string())
            .env("WAYLAND_DISPLAY", &socket)
            .env("WAYFENCE_TRACE", &trace.0)
            // Mesa's layer for choosing a device asks the compositor, and does not survive ours.
            .env("NODEVICE_SELECT", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a probe");
        output_of(child, &stalls)?;
        Ok(trace::read(&trace.0).expect("a trace"))
    });
    let frames = timeline.swapchains.iter().flat_map(|of| &of.frames);
    let committed: Vec<&Frame> = frames.filter(|frame| frame.commit.is_some()).collect();
    assert_eq!(committed.len(), FRAMES);
    for frame in committed {
        let [fence] = frame.rendering.as_slice() else {
            panic!("{frame:?}")
        };
        assert_eq!(fence.driver, "vgem", "{frame:?}");
    }
}
