//! Rules 1 and 2 of the design: an acquire's payload has the window system's pending use of the image, all of
//! it and nothing later; and no CPU waits for it.
//!
//! A test puts a fence of its own on the images while the compositor has them, as the compositor's GPU would
//! while it reads: it is the same kernel object.

use std::time::{Duration, Instant};

use ash::vk;
use wayfence::dma_buf::Access;
use wayfence_tests::footprint::dma_bufs;
use wayfence_tests::vgem::{self, Vgem};
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Fence, Semaphore, Swapchain, Wanted, layers};

/// vgem's fences signal by themselves after ten seconds: a call that takes less has not waited for one.
const SOON: Duration = Duration::from_secs(5);
/// In nanoseconds.
const LONG: u64 = 30_000_000_000;

#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem: scripts/test"]
fn a_fence_that_is_pending_at_the_release_holds_the_acquires_fence() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "an acquire of a fenced image");
    let app = implicit();
    let mut scene = Scene::of_size(&app, (101, 100));
    let ready = Fence::new(&app.device).unwrap();

    let reader = scene.compositor_reads();
    scene.show_next();
    let begun = Instant::now();
    scene
        .swapchain
        .acquire(10_000_000_000, vk::Semaphore::null(), ready.raw)
        .unwrap();
    assert!(begun.elapsed() < SOON, "the acquire waited for the reader");
    assert!(!ready.is_signalled());
    std::thread::sleep(Duration::from_millis(200));
    assert!(!ready.is_signalled());
    reader.signal();
    ready.wait(LONG).unwrap();

    app.device.wait_idle().unwrap();
    drop(scene);
    let report = layers::report_of((101, 100));
    assert!(report.counters.acquires_pending >= 1, "{report:?}");
    assert_eq!(report.counters.cpu_waits, 0, "{report:?}");
}

#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem: scripts/test"]
fn a_fence_that_is_pending_at_the_release_holds_the_acquires_semaphore() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "a submit that waits for a reader");
    let app = implicit();
    let mut scene = Scene::new(&app);
    let acquired = Semaphore::new(&app.device).unwrap();
    let done = Fence::new(&app.device).unwrap();

    let reader = scene.compositor_reads();
    scene.show_next();
    let begun = Instant::now();
    scene
        .swapchain
        .acquire(10_000_000_000, acquired.raw, vk::Fence::null())
        .unwrap();
    assert!(begun.elapsed() < SOON, "the acquire waited for the reader");
    // A driver may wait inside of the submit (lavapipe does), so a thread makes it.
    std::thread::scope(|scope| {
        scope.spawn(|| app.device.submit_after(acquired.raw, done.raw));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!done.is_signalled(), "the submit ran too early");
        reader.signal();
    });
    done.wait(LONG).unwrap();
}

/// Semaphore and fence of one acquire get the same payload.
#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem: scripts/test"]
fn semaphore_and_fence_wait_for_the_same() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "an acquire with both");
    let app = implicit();
    let mut scene = Scene::new(&app);
    let acquired = Semaphore::new(&app.device).unwrap();
    let ready = Fence::new(&app.device).unwrap();
    let done = Fence::new(&app.device).unwrap();

    let reader = scene.compositor_reads();
    scene.show_next();
    scene
        .swapchain
        .acquire(10_000_000_000, acquired.raw, ready.raw)
        .unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| app.device.submit_after(acquired.raw, done.raw));
        std::thread::sleep(Duration::from_millis(200));
        assert!(!ready.is_signalled());
        assert!(!done.is_signalled());
        reader.signal();
    });
    ready.wait(LONG).unwrap();
    done.wait(LONG).unwrap();
}

/// Even an acquire with a timeout of 0 hands the image out, with its fence pending.
#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem: scripts/test"]
fn an_acquire_without_a_timeout_hands_a_fenced_image_out() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "acquires without a timeout");
    let app = implicit();
    let mut scene = Scene::new(&app);
    let ready = Fence::new(&app.device).unwrap();

    let reader = scene.compositor_reads();
    scene.show_next();
    let begun = Instant::now();
    loop {
        match scene.swapchain.acquire(0, vk::Semaphore::null(), ready.raw) {
            Ok(_) => break,
            Err(vk::Result::NOT_READY) => std::thread::sleep(Duration::from_millis(2)),
            Err(error) => panic!("{error}"),
        }
        assert!(
            begun.elapsed() < SOON,
            "the image never came while it was read"
        );
    }
    assert!(!ready.is_signalled());
    reader.signal();
    ready.wait(LONG).unwrap();
}

/// Fences that come after the release, the driver's own for instance, are not in the payload.
#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem: scripts/test"]
fn a_fence_that_comes_after_the_release_holds_nothing() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "acquires after the release");
    let app = implicit();
    let mut scene = Scene::new(&app);
    let ready = Fence::new(&app.device).unwrap();

    // Two images come back before the next acquire, which dispatches both releases.
    scene.show_next();
    scene.show_next();
    scene.let_the_compositor_work();
    let first = scene.swapchain.acquire_and_wait(1_000_000_000).unwrap();
    let later = Vgem::open().fence();
    for buffer in dma_bufs() {
        buffer
            .import_sync_file(later.sync_file(), Access::Write)
            .unwrap();
    }
    let second = scene
        .swapchain
        .acquire(1_000_000_000, vk::Semaphore::null(), ready.raw)
        .unwrap();
    assert_ne!(first, second);
    let begun = Instant::now();
    ready.wait(LONG).unwrap();
    assert!(
        begun.elapsed() < SOON,
        "the acquire's fence has what came later in it"
    );
    later.signal();
}

/// An image that was never shown, or is no longer read, is ready when it is acquired.
#[test]
#[ignore = "needs a compositor with dma-bufs: scripts/test"]
fn what_nobody_reads_is_ready_at_once() {
    let app = implicit();
    let swapchain = app.swapchain_with(Wanted {
        extent: (102, 100),
        ..Wanted::default()
    });
    let ready = Fence::new(&app.device).unwrap();
    swapchain
        .acquire(u64::MAX, vk::Semaphore::null(), ready.raw)
        .unwrap();
    ready.wait(0).unwrap();
    drop(swapchain);
    let report = layers::report_of((102, 100));
    assert_eq!(report.counters.acquires_signalled, 1, "{report:?}");
    assert_eq!(report.counters.acquires_pending, 0, "{report:?}");
}

/// Each frame costs one import, at most one export, and no wait: an image that is idle at its release needs no
/// export.
#[test]
#[ignore = "needs a compositor with dma-bufs: scripts/test"]
fn a_frame_is_one_import_at_most_one_export_and_no_wait() {
    const FRAMES: u64 = 60;
    let app = implicit();
    let mut swapchain = app.swapchain_with(Wanted {
        extent: (103, 100),
        ..Wanted::default()
    });
    for _ in 0..FRAMES {
        swapchain.frame().unwrap();
    }
    drop(swapchain);
    let report = layers::report_of((103, 100));
    let counters = &report.counters;
    assert_eq!(counters.acquires(), FRAMES, "{report:?}");
    assert_eq!(counters.presents, FRAMES, "{report:?}");
    assert_eq!(counters.sync_files_imported, FRAMES, "{report:?}");
    assert!(counters.sync_files_exported <= FRAMES, "{report:?}");
    // Every pending acquire had an export.
    assert!(
        counters.acquires_pending <= counters.sync_files_exported,
        "{report:?}"
    );
    assert_eq!(counters.cpu_waits, 0, "{report:?}");
    assert_eq!(report.synchronisation, "implicit");
    assert_eq!(report.extent, [103, 100]);
    assert_eq!(report.present_mode, "FIFO");
}

/// The test needs the implicit way, in which it can add fences to the compositor's on the dma-buf.
fn implicit() -> Application {
    layers::force_way("implicit");
    Application::new()
}

/// A swapchain of which the application holds as many images as it can.
struct Scene {
    swapchain: Swapchain,
    held: Vec<u32>,
}

impl Scene {
    fn new(app: &Application) -> Self {
        Self::of_size(app, Wanted::default().extent)
    }

    fn of_size(app: &Application, extent: (u32, u32)) -> Self {
        assert!(
            layers::wayfence_is_on(),
            "the driver's own swapchains are not what this is about"
        );
        let mut swapchain = app.swapchain_with(Wanted {
            images: 5,
            extent,
            ..Wanted::mailbox()
        });
        // Every image has been shown: none is free because it was never used.
        for _ in 0..2 * swapchain.images.len() {
            swapchain.frame().unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        swapchain.device.wait_idle().unwrap();
        let mut held = Vec::new();
        let end = loop {
            match swapchain.acquire_and_wait(if held.is_empty() {
                5_000_000_000
            } else {
                500_000_000
            }) {
                Ok(index) => held.push(index),
                Err(error) => break error,
            }
        };
        assert_eq!(end, vk::Result::TIMEOUT, "{held:?} held");
        assert!(
            held.len() >= 2 && held.len() < swapchain.images.len(),
            "{held:?} held of {}",
            swapchain.images.len()
        );
        Self { swapchain, held }
    }

    /// Adds a reader, until the fence signals, to the images that the compositor has.
    fn compositor_reads(&self) -> vgem::Fence {
        let reader = Vgem::open().fence();
        let buffers = dma_bufs();
        assert!(buffers.len() >= self.swapchain.images.len());
        for buffer in buffers {
            buffer
                .import_sync_file(reader.sync_file(), Access::Read)
                .unwrap();
        }
        reader
    }

    /// Presents an image, so that the compositor releases the one that it has.
    fn show_next(&mut self) {
        let index = self.held.pop().expect("an image is held");
        self.swapchain.draw_and_present(index).unwrap();
        self.swapchain.surface.dispatch();
    }

    /// Gives the compositor time to repaint and to send its events.
    fn let_the_compositor_work(&self) {
        std::thread::sleep(Duration::from_millis(500));
        // It has repainted since, however long the machine stood still meanwhile.
        let window = self.swapchain.surface.window();
        for _ in 0..3 {
            assert!(window.is_seen(SOON), "it repaints");
        }
        window.assert_alive();
    }
}
