//! What an application gets on a kernel that is old, or that fails: frames, and a CPU that waits where
//! no fence can; each wait is counted.

use std::time::{Duration, Instant};

use rustix::io::Errno;
use wayfence_tests::asynchronous::AsynchronousDriver;
use wayfence_tests::refusing_kernel::{EXPORT_SYNC_FILE, IMPORT_SYNC_FILE, RefusingKernel};
use wayfence_tests::vgem::{Fence, Vgem};
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Wanted, layers};

const FRAMES: u64 = 20;

/// Linux before 6.0: the CPU waits for the rendering before the commit. The sync_files of the rendering
/// are the test's, as on such a kernel a software rasteriser's driver has none.
#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem: scripts/test"]
fn on_an_old_kernel_frames_flow_and_every_wait_is_counted() {
    const FEW: u64 = 5;
    let _watchdog = Watchdog::new(Duration::from_secs(120), "frames on an old kernel");
    let driver = AsynchronousDriver::new();
    let app = Application::new();
    let vgem = Vgem::open();
    let renderings: Vec<_> = (0..FEW).map(|_| vgem.fence()).collect();
    RefusingKernel::without_sync_files_of_dma_bufs().run(|| {
        let mut swapchain = app.swapchain_with(Wanted {
            extent: (121, 100),
            ..Wanted::default()
        });
        for rendering in renderings {
            let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
            driver.export_next(rendering.sync_file());
            assert_drawn_before_commit(rendering, || swapchain.draw_and_present(index).unwrap());
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    });
    let report = layers::report_of((121, 100));
    assert_eq!(report.synchronisation, "cpu");
    assert_eq!(report.counters.presents, FEW, "{report:?}");
    assert!(report.counters.cpu_waits >= FEW, "{report:?}");
    assert_eq!(report.counters.sync_files_exported, 0, "{report:?}");
    assert_eq!(report.counters.sync_files_imported, 0, "{report:?}");
}

/// No descriptor left, no memory left: the images come back and are shown all the same, and once the
/// kernel does its work again, so do the fences.
#[test]
#[ignore = "needs a compositor with dma-bufs: scripts/test"]
fn frames_flow_while_the_kernel_fails() {
    let _watchdog = Watchdog::new(Duration::from_secs(120), "frames on a failing kernel");
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted {
        extent: (122, 100),
        ..Wanted::mailbox()
    });
    for errno in [Errno::MFILE, Errno::NOMEM] {
        for _ in 0..FRAMES {
            swapchain.frame().unwrap();
        }
        RefusingKernel::default()
            .refusing(EXPORT_SYNC_FILE, errno)
            .refusing(IMPORT_SYNC_FILE, errno)
            .run(|| {
                for _ in 0..FRAMES {
                    swapchain.frame().unwrap();
                }
            });
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    let report = layers::report_of((122, 100));
    assert_eq!(report.synchronisation, "implicit");
    assert_eq!(report.counters.presents, 4 * FRAMES, "{report:?}");
    assert_eq!(
        report.counters.sync_files_imported,
        2 * FRAMES,
        "{report:?}"
    );
    assert!(report.counters.cpu_waits >= 2 * FRAMES, "{report:?}");
}

/// Rule 3 without a fence: what the kernel does not take, the present waits for.
#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem: scripts/test"]
fn an_image_whose_fence_is_refused_is_committed_when_it_is_drawn() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "a present without a fence");
    let driver = AsynchronousDriver::new();
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    for _ in 0..5 {
        swapchain.frame().unwrap();
    }
    let rendering = Vgem::open().fence();
    driver.export_next(rendering.sync_file());
    let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
    assert_drawn_before_commit(rendering, || {
        RefusingKernel::default()
            .refusing(IMPORT_SYNC_FILE, Errno::NOMEM)
            .run(|| swapchain.draw_and_present(index).unwrap());
    });
    // And the next one is as ever.
    swapchain.frame().unwrap();
    drop(swapchain);
    app.surface.window().assert_alive();
}

/// A present that returns once the rendering is done, which takes a while.
fn assert_drawn_before_commit(rendering: Fence, present: impl FnOnce()) {
    let drawn = Duration::from_millis(200);
    std::thread::scope(|scope| {
        let begun = Instant::now();
        scope.spawn(move || {
            std::thread::sleep(drawn);
            rendering.signal();
        });
        present();
        assert!(begun.elapsed() >= drawn, "committed before it was drawn");
    });
}
