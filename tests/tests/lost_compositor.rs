//! The compositor dies. Each test kills its own, so run one test in a session (as `scripts/test` does).
//!
//! "A dead compositor is VK_ERROR_SURFACE_LOST_KHR": never a crash, never a hang, never a lost
//! device.

use std::time::{Duration, Instant};

use ash::vk;
use wayfence_tests::compositor::Compositor;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Fence, Wanted, Window};

/// How long after the compositor's end a call may still take.
const SOON: Duration = Duration::from_secs(20);

#[test]
#[ignore = "needs a compositor of its own, which it kills: scripts/test"]
fn frames_end_with_a_lost_surface() {
    let compositor = Compositor::of_the_session();
    for_both_modes(
        |app, wanted| {
            let mut swapchain = app.swapchain_with(wanted);
            for _ in 0..20 {
                swapchain.frame().unwrap();
            }
            move || {
                // Until the layer notices: at first the socket still accepts requests.
                let begun = Instant::now();
                let error = loop {
                    if let Err(error) = swapchain.frame() {
                        break error;
                    }
                    assert!(begun.elapsed() < SOON, "frames go on without a compositor");
                };
                assert_eq!(error, vk::Result::ERROR_SURFACE_LOST_KHR);
                // It stays lost, for acquire and for present.
                for _ in 0..3 {
                    assert_eq!(swapchain.frame(), Err(vk::Result::ERROR_SURFACE_LOST_KHR));
                }
                swapchain.device.wait_idle().unwrap();
            }
        },
        || compositor.kill(),
    );
}

/// The compositor dies while a thread waits for an image without timeout.
#[test]
#[ignore = "needs a compositor of its own, which it kills: scripts/test"]
fn an_infinite_acquire_ends_with_a_lost_surface() {
    let compositor = Compositor::of_the_session();
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    // A stopped compositor releases nothing.
    let _frozen = compositor.freeze();
    let end = loop {
        match swapchain.frame_within(500_000_000) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(end, vk::Result::TIMEOUT);
    let _watchdog = Watchdog::new(SOON, "an infinite acquire whose compositor is dead");
    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        compositor.kill();
    });
    assert_eq!(swapchain.frame(), Err(vk::Result::ERROR_SURFACE_LOST_KHR));
    killer.join().unwrap();
}

/// Images that the application holds can be drawn and presented, with the same result.
#[test]
#[ignore = "needs a compositor of its own, which it kills: scripts/test"]
fn presents_of_held_images_end_with_a_lost_surface() {
    let compositor = Compositor::of_the_session();
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    let held = [
        swapchain.acquire_and_wait(u64::MAX).unwrap(),
        swapchain.acquire_and_wait(u64::MAX).unwrap(),
    ];
    let _watchdog = Watchdog::new(SOON, "presents to a dead compositor");
    kill_and_wait(compositor, &app);
    for index in held {
        assert_eq!(
            swapchain.draw_and_present(index),
            Err(vk::Result::ERROR_SURFACE_LOST_KHR)
        );
    }
    swapchain.device.wait_idle().unwrap();
}

/// Everything can be queried, created and destroyed afterwards.
#[test]
#[ignore = "needs a compositor of its own, which it kills: scripts/test"]
fn what_is_made_or_asked_afterwards_fails_and_breaks_nothing() {
    let compositor = Compositor::of_the_session();
    let app = Application::new();
    let mut swapchain = app.swapchain();
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    // A surface without an earlier query.
    let unasked = app.second_window();
    let _watchdog = Watchdog::new(SOON, "queries of a dead compositor");
    kill_and_wait(compositor, &app);
    for surface in [&app.surface, &unasked.surface] {
        let device = app.device.physical;
        // Cached answers are allowed, but no other error.
        for error in [
            surface.capabilities(device).err(),
            surface.capabilities2(device).err(),
            surface.formats(device).err(),
            surface.formats2(device).err(),
            surface.present_modes(device).err(),
            surface.is_supported(device, app.device.queue_family).err(),
        ]
        .into_iter()
        .flatten()
        {
            assert_eq!(error, vk::Result::ERROR_SURFACE_LOST_KHR);
        }
    }
    for made in [
        swapchain.replaced_by(Wanted::default()),
        unasked.try_swapchain(Wanted::default()),
    ] {
        // A swapchain that could be made without the compositor fails with its first frame.
        let answer = made.and_then(|mut swapchain| swapchain.frame());
        assert_eq!(answer, Err(vk::Result::ERROR_SURFACE_LOST_KHR));
    }
    drop(unasked);
    drop(swapchain);
    app.device.wait_idle().unwrap();
}

/// One connection is lost; the process goes on with its device and without a display.
#[test]
#[ignore = "needs a compositor of its own, which it kills: scripts/test"]
fn the_device_outlives_the_compositor() {
    let compositor = Compositor::of_the_session();
    let app = Application::new();
    let mut swapchain = app.swapchain();
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    kill_and_wait(compositor, &app);
    drop(swapchain);
    let Application { surface, device } = app;
    drop(surface);
    for _ in 0..10 {
        let done = Fence::new(&device).unwrap();
        device
            // SAFETY: the queue is the device's; the fence, too, and waited for.
            .with_queue(|queue| unsafe { device.raw.queue_submit(queue, &[], done.raw) })
            .unwrap();
        done.wait(u64::MAX).unwrap();
    }
}

/// A protocol error of the application's own ends its connection in the same way.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_protocol_error_is_a_lost_surface() {
    let app = Application::new();
    let mut swapchain = app.swapchain();
    for _ in 0..5 {
        swapchain.frame().unwrap();
    }
    let _watchdog = Watchdog::new(SOON, "frames after a protocol error");
    app.surface.window().break_the_protocol();
    let begun = Instant::now();
    let error = loop {
        if let Err(error) = swapchain.frame() {
            break error;
        }
        assert!(begun.elapsed() < SOON, "frames go on without a connection");
    };
    assert_eq!(error, vk::Result::ERROR_SURFACE_LOST_KHR);
    // The compositor is fine, and so is every other connection.
    Window::open().assert_alive();
    let mut other = Application::new();
    for _ in 0..5 {
        other.swapchain().frame().unwrap();
    }
    other = Application::new();
    other.swapchain().frame().unwrap();
}

/// Two applications in one process, one in each mode, in threads of their own. `begin` sets each up; then the
/// compositor dies; then each runs what `begin` returned.
fn for_both_modes<End: FnOnce() + Send>(
    begin: impl Fn(&Application, Wanted) -> End + Sync,
    die: impl FnOnce(),
) {
    let ready = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        for wanted in [Wanted::default(), Wanted::mailbox()] {
            let (begin, ready) = (&begin, &ready);
            scope.spawn(move || {
                let app = Application::new();
                let end = begin(&app, wanted);
                ready.wait();
                let _watchdog = Watchdog::new(SOON, "frames after the compositor's death");
                end();
            });
        }
        ready.wait();
        die();
    });
}

/// Kills the compositor, and waits until the application's socket has noticed.
fn kill_and_wait(compositor: Compositor, app: &Application) {
    compositor.kill();
    assert!(app.surface.window().roundtrip().is_err());
}
