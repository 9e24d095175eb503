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
