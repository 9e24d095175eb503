//! Drivers that cannot be had without their hardware, each as a manner of the test driver in processes of its
//! own: what the layer asks of them, and what the kernel's rules of implicit synchronisation make of that.

use std::thread;
use std::time::{Duration, Instant};

use wayfence::dma_buf::Access;
use wayfence::sync_file::SyncFile;
use wayfence_test_compositor::With;
use wayfence_tests::hardware::inode;
use wayfence_tests::manner::{Hardware, Manner};
use wayfence_tests::scripted::{Payload, SOON, Stage, Way};
use wayfence_tests::watchdog::Watchdog;

/// A scenario in each manner, each a test of its own.
macro_rules! in_each_manner {
    ($($scenario:ident),* $(,)?) => { $(
        mod $scenario {
            use super::Manner;

            in_each_manner!(@test $scenario, anv_i915, AnvI915);
            in_each_manner!(@test $scenario, anv_xe, AnvXe);
            in_each_manner!(@test $scenario, nvidia, Nvidia);
            in_each_manner!(@test $scenario, panvk_panthor, PanvkPanthor);
            in_each_manner!(@test $scenario, powervr, PowerVr);
            in_each_manner!(@test $scenario, amdvlk, Amdvlk);
        }
    )* };
    (@test $scenario:ident, $test:ident, $manner:ident) => {
        #[test]
        #[ignore = "needs a driver, udmabuf, vgem, a DRM node with timeline syncobjs"]
        fn $test() {
            let name = concat!(stringify!($scenario), "::", stringify!($test));
            Manner::$manner.run(name, super::$scenario);
        }
    };
}

in_each_manner!(
    the_best_way_that_is_heeded_is_chosen,
    a_rendering_is_waited_for_in_every_way,
    the_kernel_makes_a_compositor_wait,
    a_display_can_show_the_images,
    a_reader_of_one_image_does_not_hold_other_work,
    a_later_frame_is_in_no_acquire,
);

fn watchdog(scenario: &'static str) -> Watchdog {
    Watchdog::new(Duration::from_secs(100), scenario)
}

/// The ways that compositors on the same device have.
fn ways(manner: Manner) -> impl Iterator<Item = Way> {
    Way::ALL
        .into_iter()
        .filter(move |way| *way != Way::Implicit || manner.heeds_fences())
}

fn is_pending(fence: Option<&SyncFile>) -> bool {
    fence.is_some_and(|fence| !fence.is_signalled().expect("a sync file"))
}

fn the_best_way_that_is_heeded_is_chosen(hardware: &Hardware) {
    let _watchdog = watchdog("the_best_way_that_is_heeded_is_chosen");
    let stage = Stage::new();
    for way in Way::ALL {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        scene.compositor.release(&commit, With::nothing());
        let acquired = scene.acquire(Payload::Both);
        assert!(acquired.signals_within(SOON).is_some(), "{way}");
        drop(acquired);
        let expected = match way {
            Way::Implicit if !hardware.driver.heeds_fences() => Way::Cpu,
            way => way,
        };
        assert_eq!(scene.end().synchronisation, expected.to_string());
    }
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
        let waits = way == Way::Cpu || (way == Way::Implicit && !hardware.driver.heeds_fences());
        if waits {
            assert!(took >= WORK, "committed while the GPU worked, {way}");
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
    if !hardware.driver.heeds_fences() {
        // It never does, which is why the CPU waits.
        return;
    }
    let stage = Stage::new();
    let mut scene = stage.scene(Way::Implicit);
    let hold = hardware.hold();
    let (_, commit) = scene.show();
    assert!(is_pending(commit.fences().acquire()));
    let waits = hardware.reader_waits(commit.dma_buf());
    assert!(is_pending(waits.as_ref()));
    drop(hold);
    scene.end();
}

/// Not only a compositor can read them.
fn a_display_can_show_the_images(hardware: &Hardware) {
    const SCANOUT: u64 = 1;
    let _watchdog = watchdog("a_display_can_show_the_images");
    let stage = Stage::new();
    for way in ways(hardware.driver) {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        let flags = hardware.flags_of(commit.dma_buf());
        assert_eq!(flags & SCANOUT, SCANOUT, "{way}");
        scene.end();
    }
}

/// What the application does with one image need not wait for who reads another.
fn a_reader_of_one_image_does_not_hold_other_work(hardware: &Hardware) {
    let _watchdog = watchdog("a_reader_of_one_image_does_not_hold_other_work");
    let stage = Stage::new();
    for way in ways(hardware.driver) {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        let reader = scene.fence();
        commit
            .dma_buf()
            .import_sync_file(reader.sync_file(), Access::Read)
            .expect("a dma-buf takes fences");
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

/// An image that the compositor gives back is not held by what the application does with others, but where
/// the fences of that are on it and nothing tells them from the compositor's.
fn a_later_frame_is_in_no_acquire(hardware: &Hardware) {
    let _watchdog = watchdog("a_later_frame_is_in_no_acquire");
    let stage = Stage::new();
    // i915 leaves a reader's fence of each submission on all memory, amdgpu a writer's, so that drivers' own
    // swapchains have the same fences there.
    let leaves = match hardware.driver {
        Manner::AnvI915 => Some("read"),
        Manner::Amdvlk => Some("write"),
        Manner::AnvXe | Manner::Nvidia | Manner::PanvkPanthor | Manner::PowerVr => None,
    };
    for way in ways(hardware.driver).filter(|way| *way != Way::Cpu) {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        let hold = hardware.hold();
        let before = hardware.log().len();
        scene.show();
        let submitted = hardware.submitted_since(before);
        assert!(submitted.iter().any(|work| work.pending));
        let image = inode(commit.dma_buf());
        for work in &submitted {
            let used = work.shared.iter().find(|used| used.dma_buf == image);
            let left = used.and_then(|used| used.leaves.as_deref());
            assert_eq!(left, leaves, "{way}");
        }
        scene.compositor.release(&commit, With::nothing());
        let acquired = scene.acquire(Payload::Fence);
        // Only in the implicit way does anybody ask the dma-buf.
        let held = leaves.is_some() && way == Way::Implicit;
        assert_eq!(acquired.is_held(), held, "{way}");
        drop(hold);
        assert!(acquired.signals_within(SOON).is_some(), "{way}");
        drop(acquired);
        scene.end();
    }
}
