//! Rule 8 of the design, no call outlives its timeout, and what `WAYFENCE_SYNC` can force.

use std::fs;
use std::time::{Duration, Instant};

use ash::{khr, vk};
use wayfence::{pacing, report};
use wayfence_tests::child::{on, probe, stdout_of};
use wayfence_tests::compositor::Compositor;
use wayfence_tests::layers::WAYFENCE;
use wayfence_tests::present_wait::{FEATURES, Generation, chained, feature};
use wayfence_tests::stalls::Stalls;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Device, Fence, Swapchain, Wanted};

/// The longest that a present takes in FIFO: where the compositor has no queue, it waits for one that is silent.
const PATIENCE: Duration = pacing::LONGEST_PATIENCE.saturating_add(Duration::from_secs(1));

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
        let mut longest = Longest::default();
        let frozen = compositor.freeze();
        let mut shown = 0;
        let end = loop {
            match longest.of(|| swapchain.frame_within(200_000_000)) {
                Ok(()) => shown += 1,
                Err(error) => break error,
            }
            assert!(
                shown <= swapchain.images.len(),
                "an image is free that the compositor has not given back"
            );
        };
        assert_eq!(end, vk::Result::TIMEOUT);
        assert!(
            longest.0 < Duration::from_secs(5),
            "{:?} in one frame",
            longest.0
        );
        let mut longest = Longest::default();
        let none = vk::Semaphore::null();
        assert_eq!(
            longest.of(|| swapchain.acquire(0, none, vk::Fence::null())),
            Err(vk::Result::NOT_READY)
        );
        assert!(longest.0 < Duration::from_secs(1), "{:?}", longest.0);
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
    let stalls = Stalls::watch();
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
    let took = stalls.elapsed(begun);
    assert!(took < Duration::from_secs(5), "{took:?}");
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

/// The longest that a call took, without what the machine stood still.
struct Longest(Duration, Stalls);

impl Default for Longest {
    fn default() -> Self {
        Self(Duration::ZERO, Stalls::watch())
    }
}

impl Longest {
    fn of<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let answer = call();
        self.0 = self.0.max(self.1.elapsed(begun));
        answer
    }
}

/// The timeout of an acquire.
const TIMEOUT: Duration = Duration::from_millis(100);

/// Acquires keep to their timeouts, presents to what the pace may take, waits for frames to theirs, and what another
/// thread of the application does on the same connection goes on. An acquire without timeout waits. Afterwards,
/// everything.
#[test]
#[ignore = "needs a Wayland compositor whose process is known: scripts/test"]
fn a_compositor_stops_for_a_while() {
    let compositor = Compositor::of_the_session();
    let stop = stop();
    let _watchdog = Watchdog::new(stop + Duration::from_secs(120), "a stopped compositor");
    let app = Application::new();
    // Each has a queue of its own, which a present in FIFO holds while it waits.
    let mut features = FEATURES.map(feature);
    let numbered = Device::with_features(
        &app.device.instance,
        &[
            khr::swapchain::NAME,
            khr::present_id::NAME,
            khr::present_wait::NAME,
        ],
        &mut chained(&mut features[..2]),
    );
    let devices = [
        Device::new(&app.device.instance),
        Device::new(&app.device.instance),
        numbered,
    ];
    let all = [Wanted::default(), Wanted::mailbox(), Wanted::mailbox()];
    let sizes = [(201, 51), (202, 51), (203, 51)];
    let swapchain = |number: usize| {
        let mut window = app.second_window();
        window.device = devices[number].clone();
        let extent = sizes[number];
        Drawn {
            swapchain: window.swapchain_with(Wanted {
                extent,
                ..all[number]
            }),
            frames: 0,
        }
    };
    let [mut paced, mut free, mut waiting] = [0, 1, 2].map(swapchain);
    for _ in 0..10 {
        for drawn in [&mut paced, &mut free, &mut waiting] {
            drawn.frame();
        }
    }
    let frozen = compositor.freeze();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        // Continues also if one of them panics, since they wait for it.
        let frozen = frozen;
        let window = app.surface.window();
        let others = [
            scope.spawn(|| paced.on_a_stopped_compositor(begun, stop)),
            scope.spawn(|| free.on_a_stopped_compositor(begun, stop)),
            scope.spawn(|| {
                let mut longest = Longest::default();
                while begun.elapsed() < stop {
                    longest.of(|| window.dispatch()).unwrap();
                    std::thread::sleep(Duration::from_millis(10));
                }
                let longest = longest.0;
                assert!(
                    longest < Duration::from_secs(1),
                    "{longest:?} in a dispatch"
                );
            }),
        ];
        let waits = scope.spawn(|| {
            waiting.waits_for_frames(begun, stop / 2);
            // From half of the stop until the compositor goes on.
            waiting.frame();
            begun.elapsed()
        });
        for other in others {
            other.join().unwrap();
        }
        let stopped = begun.elapsed();
        assert!(!waits.is_finished(), "an acquire without timeout has ended");
        drop(frozen);
        let ended = waits.join().unwrap();
        assert!(
            ended > stopped,
            "an acquire ends after {ended:?}, the stop after {stopped:?}"
        );
    });
    for _ in 0..20 {
        for drawn in [&mut paced, &mut free, &mut waiting] {
            drawn.frame();
        }
    }
    let frames = [paced.frames, free.frames, waiting.frames];
    drop((paced, free, waiting));
    app.surface.window().assert_alive();
    for (extent, frames) in sizes.into_iter().zip(frames) {
        let counters = wayfence_tests::layers::report_of(extent).counters;
        assert_eq!(counters.presents, frames, "{counters:?}");
        assert_eq!(counters.acquires(), frames, "{counters:?}");
    }
}

/// A swapchain, and how many of its frames were presented.
struct Drawn {
    swapchain: Swapchain,
    frames: u64,
}

impl Drawn {
    fn frame(&mut self) {
        self.frame_within(u64::MAX, &mut Longest::default(), &mut Longest::default())
            .unwrap();
    }

    /// One frame, which is over on the GPU before it is presented, as the frame with its number where the device has
    /// numbers.
    fn frame_within(
        &mut self,
        timeout: u64,
        acquires: &mut Longest,
        presents: &mut Longest,
    ) -> Result<(), vk::Result> {
        let swapchain = &mut self.swapchain;
        let acquired = Fence::new(&swapchain.device)?;
        swapchain.surface.dispatch();
        let none = vk::Semaphore::null();
        let index = acquires.of(|| swapchain.acquire(timeout, none, acquired.raw))?;
        acquired.wait(u64::MAX)?;
        swapchain.draw_now(index)?;
        self.frames += 1;
        let has_numbers = swapchain.device.function(c"vkWaitForPresentKHR").is_some();
        presents.of(|| match has_numbers {
            true => Generation::One.try_present(swapchain, index, self.frames),
            false => swapchain.present(index),
        })
    }

    /// Draws what it can until the stop is over, and at least until there is no image.
    fn on_a_stopped_compositor(&mut self, begun: Instant, stop: Duration) {
        let (mut presents, mut acquires) = (Longest::default(), Longest::default());
        let (mut timeouts, before) = (0, self.frames);
        while begun.elapsed() < stop || timeouts == 0 {
            let timeout = TIMEOUT.as_nanos() as u64;
            match self.frame_within(timeout, &mut acquires, &mut presents) {
                Ok(()) => {
                    let images = self.swapchain.images.len() as u64;
                    assert!(
                        self.frames - before <= images,
                        "an image is free that the compositor has not given back"
                    );
                }
                Err(error) => {
                    assert_eq!(error, vk::Result::TIMEOUT);
                    timeouts += 1;
                    let now = self.frame_within(0, &mut acquires, &mut presents);
                    assert_eq!(now, Err(vk::Result::NOT_READY));
                }
            }
        }
        println!(
            "{:?} stopped for {stop:?}: {} presents, the longest {:?}; {timeouts} acquires of {TIMEOUT:?} timed out, the \
             longest after {:?}",
            self.swapchain.wanted.present_mode,
            self.frames - before,
            presents.0,
            acquires.0
        );
        assert!(
            acquires.0 < TIMEOUT + Duration::from_secs(1),
            "{:?}",
            acquires.0
        );
        assert!(presents.0 < PATIENCE, "{:?}", presents.0);
    }

    /// Presents what it can, and waits for the last frame until the stop is over.
    fn waits_for_frames(&mut self, begun: Instant, stop: Duration) {
        self.on_a_stopped_compositor(begun, Duration::ZERO);
        let mut waits = Longest::default();
        let (mut timeouts, mut over) = (0, 0);
        let mut wait = |timeout: Duration| {
            let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
            waits.of(|| Generation::One.wait(&self.swapchain, self.frames, timeout))
        };
        assert_eq!(wait(Duration::ZERO), vk::Result::TIMEOUT);
        while begun.elapsed() < stop {
            match wait(TIMEOUT) {
                vk::Result::TIMEOUT => timeouts += 1,
                // Its compositor says nothing, as that of a hidden window.
                vk::Result::SUCCESS => {
                    over += 1;
                    assert_eq!(wait(Duration::MAX), vk::Result::SUCCESS);
                    std::thread::sleep(TIMEOUT);
                }
                other => panic!("vkWaitForPresentKHR: {other:?}"),
            }
        }
        println!(
            "{timeouts} waits for a frame timed out, and {over} did not, the longest after {:?}",
            waits.0
        );
        assert!(waits.0 < TIMEOUT + Duration::from_secs(1), "{:?}", waits.0);
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
        let mut dispatches = Longest::default();
        while !drawing.is_finished() {
            dispatches.of(|| app.surface.window().dispatch()).unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
        let longest = dispatches.0;
        assert!(
            longest < Duration::from_secs(1),
            "{longest:?} in a dispatch"
        );
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
