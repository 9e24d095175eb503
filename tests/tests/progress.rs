//! Rule 8 of the design, no call outlives its timeout, and what `WAYFENCE_SYNC` can force.

use std::fs;
use std::time::{Duration, Instant};

use ash::vk;
use wayfence::report;
use wayfence_tests::child::{on, probe, stdout_of};
use wayfence_tests::compositor::Compositor;
use wayfence_tests::layers::WAYFENCE;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Wanted};

/// A compositor that does not repaint (a hidden window, a busy machine) slows the application down, but does
/// not block its presents, and an acquire keeps to its timeout.
#[test]
#[ignore = "needs a Wayland compositor whose process is known: scripts/test"]
fn a_compositor_that_stands_still_holds_no_call() {
    let compositor = Compositor::of_the_session();
    for wanted in [Wanted::default(), Wanted::mailbox()] {
        let app = Application::new();
        let mut swapchain = app.swapchain_with(wanted);
        for _ in 0..10 {
            swapchain.frame().unwrap();
        }
        let _watchdog = Watchdog::new(Duration::from_secs(60), "frames of a frozen compositor");
        let frozen = compositor.freeze();
        let mut shown = 0;
        let end = loop {
            let begun = Instant::now();
            let answer = swapchain.frame_within(200_000_000);
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{:?} in one frame",
                begun.elapsed()
            );
            match answer {
                Ok(()) => shown += 1,
                Err(error) => break error,
            }
            assert!(
                shown <= swapchain.images.len(),
                "an image is free that the compositor has not given back"
            );
        };
        assert_eq!(end, vk::Result::TIMEOUT);
        let begun = Instant::now();
        assert_eq!(
            swapchain.acquire(0, vk::Semaphore::null(), vk::Fence::null()),
            Err(vk::Result::NOT_READY)
        );
        assert!(begun.elapsed() < Duration::from_secs(1));
        drop(frozen);
        for _ in 0..20 {
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    }
}

/// An old swapchain's buffers may still be on screen: neither its destruction nor its successor waits for the
/// compositor.
#[test]
#[ignore = "needs a Wayland compositor whose process is known: scripts/test"]
fn a_swapchain_is_replaced_and_destroyed_while_the_compositor_stands_still() {
    let compositor = Compositor::of_the_session();
    let app = Application::new();
    let mut old = app.swapchain();
    for _ in 0..10 {
        old.frame().unwrap();
    }
    let _watchdog = Watchdog::new(Duration::from_secs(60), "a resize");
    let frozen = compositor.freeze();
    let begun = Instant::now();
    let mut new = old
        .replaced_by(Wanted {
            extent: (300, 200),
            ..Wanted::default()
        })
        .unwrap();
    drop(old);
    new.frame_within(1_000_000_000).unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    drop(frozen);
    for _ in 0..20 {
        new.frame().unwrap();
    }
    drop(new);
    app.surface.window().assert_alive();
}

/// How long a compositor stops in these tests: in the suite for as long as makes a difference, and for a minute where
/// `WAYFENCE_TEST_STOP_S` says so.
fn stop() -> Duration {
    let seconds = std::env::var("WAYFENCE_TEST_STOP_S").ok();
    Duration::from_secs(seconds.map_or(3, |seconds| seconds.parse().expect("seconds")))
}

/// The longest that a call took.
#[derive(Default)]
struct Longest(Duration);

impl Longest {
    fn of<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let answer = call();
        self.0 = self.0.max(begun.elapsed());
        answer
    }
}

/// Acquires keep to their timeouts, presents to what the pace may take, and what another thread of the application does
/// on the same connection goes on; afterwards, everything.
#[test]
#[ignore = "needs a Wayland compositor whose process is known: scripts/test"]
fn a_compositor_stops_for_a_while() {
    const TIMEOUT: Duration = Duration::from_millis(100);
    let compositor = Compositor::of_the_session();
    let stop = stop();
    let _watchdog = Watchdog::new(stop + Duration::from_secs(120), "a stopped compositor");
    let app = Application::new();
    let sizes = [(201, 51), (202, 51)];
    let [mut paced, mut free] = [Wanted::default(), Wanted::mailbox()].map(|wanted| {
        let extent = sizes[usize::from(wanted.images != Wanted::default().images)];
        app.second_window()
            .swapchain_with(Wanted { extent, ..wanted })
    });
    let mut frames = [0_u64; 2];
    for _ in 0..10 {
        for (swapchain, frames) in [&mut paced, &mut free].into_iter().zip(&mut frames) {
            swapchain.frame().unwrap();
            *frames += 1;
        }
    }
    let frozen = compositor.freeze();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (swapchain, frames) in [&mut paced, &mut free].into_iter().zip(&mut frames) {
            scope.spawn(move || {
                let (mut presents, mut acquires) = (Longest::default(), Longest::default());
                let mut timeouts = 0;
                while begun.elapsed() < stop {
                    let timeout = TIMEOUT.as_nanos() as u64;
                    // What it presents, it presents at once, and what it cannot acquire it asks for again.
                    let fence = wayfence_tests::Fence::new(&swapchain.device).unwrap();
                    let none = vk::Semaphore::null();
                    match acquires.of(|| swapchain.acquire(timeout, none, fence.raw)) {
                        Ok(index) => {
                            fence.wait(u64::MAX).unwrap();
                            swapchain.draw_now(index).unwrap();
                            presents.of(|| swapchain.present(index)).unwrap();
                            *frames += 1;
                        }
                        Err(error) => {
                            assert_eq!(error, vk::Result::TIMEOUT);
                            timeouts += 1;
                            let now = acquires.of(|| swapchain.acquire(0, none, fence.raw));
                            assert_eq!(now, Err(vk::Result::NOT_READY));
                        }
                    }
                }
                println!(
                    "{:?} stopped for {stop:?}: {timeouts} acquires of {TIMEOUT:?} timed out, the longest after {:?}; the \
                     longest present {:?}",
                    swapchain.wanted.present_mode, acquires.0, presents.0
                );
                assert!(timeouts > 0, "an image was free all the time");
                assert!(acquires.0 < TIMEOUT + Duration::from_secs(1), "{:?}", acquires.0);
                // Its patience with a compositor that is silent.
                assert!(presents.0 < Duration::from_secs(7), "{:?}", presents.0);
            });
        }
        let window = app.surface.window();
        scope.spawn(move || {
            let mut longest = Longest::default();
            while begun.elapsed() < stop {
                longest.of(|| window.dispatch()).unwrap();
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(
                longest.0 < Duration::from_secs(1),
                "{:?} in a dispatch",
                longest.0
            );
        });
    });
    drop(frozen);
    for _ in 0..20 {
        for (swapchain, frames) in [&mut paced, &mut free].into_iter().zip(&mut frames) {
            swapchain.frame().unwrap();
            *frames += 1;
        }
    }
    drop((paced, free));
    app.surface.window().assert_alive();
    for (extent, frames) in sizes.into_iter().zip(frames) {
        let counters = wayfence_tests::layers::report_of(extent).counters;
        assert_eq!(counters.presents, frames, "{counters:?}");
        assert_eq!(counters.acquires(), frames, "{counters:?}");
    }
}

/// Hundreds of frames on a connection that takes nothing any more. What could not be sent is sent afterwards, all of
/// it and in order.
#[test]
#[ignore = "needs a Wayland compositor whose process is known: scripts/test"]
fn a_full_socket_holds_no_call() {
    const SWAPCHAINS: u32 = 60;
    let compositor = Compositor::of_the_session();
    let _watchdog = Watchdog::new(Duration::from_secs(120), "a full socket");
    let app = Application::new();
    let mut swapchain = app.second_window().swapchain_with(Wanted::mailbox());
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    app.surface.window().assert_alive();
    app.device.wait_idle().unwrap();
    let before = wayfence_tests::Footprint::now().descriptors;
    let frozen = compositor.freeze();
    assert!(app.surface.window().fill_the_socket());
    let mut longest = Longest::default();
    let mut frames = 0;
    std::thread::scope(|scope| {
        let drawing = scope.spawn(|| {
            for number in 0..SWAPCHAINS {
                let wanted = Wanted {
                    extent: (64 + number, 64),
                    ..Wanted::mailbox()
                };
                swapchain = longest.of(|| swapchain.replaced_by(wanted)).unwrap();
                for _ in 0..swapchain.images.len() {
                    longest.of(|| swapchain.frame_within(100_000_000)).unwrap();
                    frames += 1;
                }
            }
            // There is none left.
            let answer = longest.of(|| swapchain.frame_within(100_000_000));
            assert_eq!(answer, Err(vk::Result::TIMEOUT));
        });
        while !drawing.is_finished() {
            let begun = Instant::now();
            app.surface.window().dispatch().unwrap();
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(1), "{took:?} in a dispatch");
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    println!(
        "{frames} frames and {SWAPCHAINS} swapchains on a full socket, the longest call {:?}",
        longest.0
    );
    assert!(longest.0 < Duration::from_secs(2), "{:?}", longest.0);
    drop(frozen);
    for _ in 0..20 {
        swapchain.frame().unwrap();
    }
    app.surface.window().assert_alive();
    app.device.wait_idle().unwrap();
    swapchain.frame().unwrap();
    app.device.wait_idle().unwrap();
    let after = wayfence_tests::Footprint::now().descriptors;
    // One swapchain then, one swapchain now, a fence of each of its images, and the memory of two that is kept for the
    // next: each image has four, most of them the driver's.
    let images = swapchain.images.len();
    assert!(
        after <= before + images + 2 * 4,
        "{before} descriptors and then {after}: {:?}",
        wayfence_tests::footprint::descriptors()
    );
}

/// Rule 2: every wait on the CPU is counted. `cpu` is the way of kernels before 6.0.
#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn every_way_of_synchronisation_draws_and_counts_its_waits() {
    const FRAMES: u64 = 30;
    for way in ["implicit", "cpu"] {
        let file = std::env::temp_dir().join(format!("wayfence-{way}-{}", std::process::id()));
        stdout_of(
            on(probe(), &[WAYFENCE])
                .args(["frames", &FRAMES.to_string()])
                .env("WAYFENCE_SYNC", way)
                .env("WAYFENCE_REPORT", &file),
        );
        let reports = report::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(reports.len(), 1);
        let report = &reports[0];
        assert_eq!(report.synchronisation, way);
        assert_eq!(report.counters.presents, FRAMES, "{report:?}");
        assert_eq!(report.counters.acquires(), FRAMES, "{report:?}");
        if way == "cpu" {
            // Each present, and each acquire of an image that has been shown.
            assert!(report.counters.cpu_waits >= FRAMES, "{report:?}");
            assert_eq!(report.counters.sync_files_exported, 0, "{report:?}");
            assert_eq!(report.counters.sync_files_imported, 0, "{report:?}");
        } else {
            assert_eq!(report.counters.cpu_waits, 0, "{report:?}");
        }
    }
}

/// Rule 6: nothing is printed unless asked for.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn an_application_whose_frames_flow_prints_nothing_of_ours() {
    let stderr_on = |layers: &[&str]| {
        let output = on(probe(), layers).args(["frames", "10"]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(stderr_on(&[WAYFENCE]), stderr_on(&[]));
}
