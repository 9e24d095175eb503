//! Mesa's GPU drivers without their hardware, each in processes of its own: what the layer asks of them,
//! and what the kernel's rules of implicit synchronisation make of that.

use std::thread;
use std::time::{Duration, Instant};

use ash::vk;
use wayfence::dma_buf::Access;
use wayfence::sync_file::SyncFile;
use wayfence_test_compositor::{Commit, Compositor, Offer, With};
use wayfence_tests::Wanted;
use wayfence_tests::application::Application;
use wayfence_tests::real_driver::{Hardware, Kernel, RealDriver, inode};
use wayfence_tests::scripted::{Payload, SOON, Stage, Way};
use wayfence_tests::stderr::captured;
use wayfence_tests::watchdog::Watchdog;

/// A scenario on each driver, each a test of its own.
macro_rules! on_each_driver {
    ($kernel:expr; $($scenario:ident),* $(,)?) => { $(
        mod $scenario {
            use super::{Kernel, RealDriver};

            on_each_driver!(@test $kernel, $scenario, radv, Radv);
            on_each_driver!(@test $kernel, $scenario, turnip, Turnip);
            on_each_driver!(@test $kernel, $scenario, nvk, Nvk);
            on_each_driver!(@test $kernel, $scenario, honeykrisp, Honeykrisp);
        }
    )* };
    (@test $kernel:expr, $scenario:ident, $test:ident, $driver:ident) => {
        #[test]
        #[ignore = "needs mesa-drm-shim, udmabuf, vgem, a DRM node with timeline syncobjs"]
        fn $test() {
            let name = concat!(stringify!($scenario), "::", stringify!($test));
            RealDriver::$driver.run($kernel, name, super::$scenario);
        }
    };
}

on_each_driver!(Kernel::Complete;
    the_layer_owns_its_surface,
    frames_run_in_every_way,
    a_rendering_is_waited_for_in_every_way,
    the_kernel_makes_a_compositor_wait,
    a_reader_of_one_image_does_not_hold_other_work,
    a_later_frame_is_in_no_acquire,
);
on_each_driver!(Kernel::Shim;
    a_descriptor_that_was_not_given_is_an_error,
);

fn watchdog(scenario: &'static str) -> Watchdog {
    Watchdog::new(Duration::from_secs(100), scenario)
}

fn the_layer_owns_its_surface(hardware: &Hardware) {
    let _watchdog = watchdog("the_layer_owns_its_surface");
    let stage = Stage::new();
    let scene = stage.scene(Way::Implicit);
    let report = scene.end();
    let name = hardware.driver.device_name();
    assert!(report.driver.contains(name), "{}", report.driver);
    assert_eq!(report.synchronisation, "implicit");
}

fn frames_run_in_every_way(_: &Hardware) {
    const FRAMES: usize = 60;
    let _watchdog = watchdog("frames_run_in_every_way");
    let stage = Stage::new();
    for way in Way::ALL {
        let mut scene = stage.scene(way);
        for _ in 0..FRAMES {
            let (_, commit) = scene.show();
            scene.compositor.release(&commit, With::nothing());
            let acquired = scene.acquire(Payload::Both);
            assert!(acquired.signals_within(SOON).is_some(), "{way}");
            scene.held.push(acquired.index);
        }
        let report = scene.end();
        assert_eq!(report.synchronisation, way.to_string());
    }
}

fn is_pending(fence: Option<&SyncFile>) -> bool {
    fence.is_some_and(|fence| !fence.is_signalled().expect("a sync file"))
}

/// The compositor is told of work that the GPU still does, and no present waits for it but where there is
/// no other way.
fn a_rendering_is_waited_for_in_every_way(hardware: &Hardware) {
    const WORK: Duration = Duration::from_millis(200);
    let _watchdog = watchdog("a_rendering_is_waited_for_in_every_way");
    let stage = Stage::new();
    for way in Way::ALL {
        let mut scene = stage.scene(way);
        let hold = hardware.hold();
        let begun = Instant::now();
        let (commit, took, pending) = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(WORK);
                drop(hold);
            });
            let (_, commit) = scene.show();
            let pending = is_pending(commit.fences().acquire());
            (commit, begun.elapsed(), pending)
        });
        if way == Way::Cpu {
            assert!(took >= WORK, "committed while the GPU worked");
        } else {
            assert!(took < WORK, "a present waited for the GPU, {way}: {took:?}");
            assert!(
                pending,
                "the compositor is not told of the GPU's work, {way}"
            );
        }
        let fence = commit.fences().acquire();
        assert!(fence.is_none_or(|fence| fence.wait(Some(SOON)).expect("a sync file")));
        scene.end();
    }
}

/// In the implicit way a compositor may leave waiting to the kernel.
fn the_kernel_makes_a_compositor_wait(hardware: &Hardware) {
    let _watchdog = watchdog("the_kernel_makes_a_compositor_wait");
    let stage = Stage::new();
    let mut scene = stage.scene(Way::Implicit);
    let hold = hardware.hold();
    let (_, commit) = scene.show();
    let on_it = is_pending(commit.fences().acquire());
    assert!(on_it, "the rendering is on the dma-buf");
    let waits = hardware.reader_waits(commit.dma_buf());
    // What is there counts for nothing where the buffer says so: AMDGPU_GEM_CREATE_EXPLICIT_SYNC.
    let ignored = hardware.driver == RealDriver::Radv;
    assert_eq!(waits.is_none(), ignored);
    let flags = hardware.flags_of(commit.dma_buf());
    assert_eq!(ignored, ignored && flags & 1 << 7 != 0, "{flags:#x}");
    drop(hold);
    scene.end();
}

/// What the application does with one image need not wait for who reads another.
fn a_reader_of_one_image_does_not_hold_other_work(hardware: &Hardware) {
    let _watchdog = watchdog("a_reader_of_one_image_does_not_hold_other_work");
    let stage = Stage::new();
    for way in Way::ALL {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        let reader = scene.fence();
        commit
            .dma_buf()
            .import_sync_file(reader.sync_file(), Access::Read)
            .expect("a dma-buf");
        let index = scene.held.pop().expect("the application holds an image");
        let before = hardware.log().len();
        let begun = Instant::now();
        scene.swapchain.draw_now(index).expect("a submit");
        scene.swapchain.device.wait_idle().expect("an idle device");
        let took = begun.elapsed();
        assert!(took < SOON, "{way}: {took:?}");
        let submitted = hardware.submitted_since(before);
        assert!(!submitted.is_empty(), "the log tells of submissions");
        let waited = submitted.iter().map(|work| work.implicit).sum::<usize>();
        assert_eq!(waited, 0, "{way}");
        reader.signal();
        scene.end();
    }
}

/// An image that the compositor gives back is not held by what the application does with others.
fn a_later_frame_is_in_no_acquire(hardware: &Hardware) {
    let _watchdog = watchdog("a_later_frame_is_in_no_acquire");
    let stage = Stage::new();
    for way in [Way::Syncobj, Way::Explicit, Way::Implicit] {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        let hold = hardware.hold();
        let before = hardware.log().len();
        let (_, later) = scene.show();
        let submitted = hardware.submitted_since(before);
        assert!(submitted.iter().any(|work| work.pending));
        // Whose kernel puts a submission's fence on all images, as each submission lists all.
        let everywhere = hardware.driver != RealDriver::Honeykrisp;
        let listed = |commit: &Commit| {
            let image = inode(commit.dma_buf());
            let mut shared = submitted.iter().flat_map(|work| &work.shared);
            shared.any(|used| used.dma_buf == image && used.leaves.as_deref() == Some("write"))
        };
        assert_eq!((listed(&later), listed(&commit)), (everywhere, everywhere));
        scene.compositor.release(&commit, With::nothing());
        let acquired = scene.acquire(Payload::Fence);
        let held = everywhere && way == Way::Implicit;
        assert_eq!(acquired.is_held(), held, "{way}");
        drop(hold);
        assert!(acquired.signals_within(SOON).is_some(), "{way}");
        drop(acquired);
        scene.end();
    }
}

/// Without the kernel's part no driver exports memory; Honeykrisp answers success and -1.
fn a_descriptor_that_was_not_given_is_an_error(_: &Hardware) {
    let _watchdog = watchdog("a_descriptor_that_was_not_given_is_an_error");
    let (answer, said) = captured(|| {
        let compositor = Compositor::new(Offer::default());
        let application = Application::at(compositor.connect());
        application.try_swapchain(Wanted::default()).map(drop)
    });
    assert!(!said.contains("panicked"), "{said}");
    assert!(
        !matches!(answer, Ok(()) | Err(vk::Result::ERROR_UNKNOWN)),
        "{answer:?}"
    );
}
