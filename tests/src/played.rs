//! What holds on every driver whose hardware is played, Mesa's own ([`crate::real_driver`]) and the manners of
//! others ([`crate::manner`]): what the layer asks of it, and what the kernel's rules of implicit synchronisation
//! make of that.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use wayfence::dma_buf::Access;
use wayfence::sync_file::SyncFile;
use wayfence_test_compositor::{Commit, With};

use crate::hardware::{Driver, Hardware, Submitted};
use crate::scripted::{Payload, SOON, Stage, Way};
use crate::watchdog::Watchdog;

/// Makes each scenario a module with a test on each driver. `$run` is a function that plays a scenario in a test of
/// a name on a driver; it and the drivers are named as the modules see them.
#[macro_export]
macro_rules! on_each {
    ($run:path, $needs:literal, $drivers:tt; $($scenario:ident),* $(,)?) => { $(
        mod $scenario {
            $crate::on_each!(@tests $run, $needs, $drivers, $scenario);
        }
    )* };
    (@tests $run:path, $needs:literal, [$($test:ident: $driver:path),* $(,)?], $scenario:ident) => { $(
        #[test]
        #[ignore = $needs]
        fn $test() {
            let name = concat!(stringify!($scenario), "::", stringify!($test));
            $run($driver, name, super::$scenario);
        }
    )* };
}

/// Ends a scenario that hangs.
pub fn watchdog(scenario: &'static str) -> Watchdog {
    Watchdog::new(Duration::from_secs(100), scenario)
}

/// The ways that compositors on the same device have.
pub fn ways(driver: impl Driver) -> impl Iterator<Item = Way> {
    Way::ALL
        .into_iter()
        .filter(move |way| *way != Way::Implicit || driver.heeds_fences())
}

/// Whether there is something to wait for.
pub fn is_pending(fence: Option<&SyncFile>) -> bool {
    fence.is_some_and(|fence| !fence.is_signalled().expect("a sync file"))
}

/// The compositor is told of work that the GPU still does, and no present waits for it but where there is
/// no other way.
pub fn a_rendering_is_waited_for_in_every_way<D: Driver>(hardware: &Hardware<D>) {
    const WORK: Duration = Duration::from_millis(200);
    let _watchdog = watchdog("a_rendering_is_waited_for_in_every_way");
    let stage = Stage::new();
    for way in Way::ALL {
        let mut scene = stage.scene(way);
        let waits = way == Way::Cpu || (way == Way::Implicit && !hardware.driver.heeds_fences());
        let hold = hardware.hold();
        let (committed, commits) = mpsc::channel::<()>();
        let begun = Instant::now();
        let (commit, took, pending) = thread::scope(|scope| {
            scope.spawn(move || {
                // Until the commit has come, however slow the machine is: a present that waits for the GPU is
                // late by all of that.
                let _ = commits.recv_timeout(if waits { WORK } else { SOON });
                drop(hold);
            });
            let (_, commit) = scene.show();
            let took = begun.elapsed();
            let pending = is_pending(commit.fences().acquire());
            drop(committed);
            (commit, took, pending)
        });
        if waits {
            assert!(took >= WORK, "committed while the GPU worked, {way}");
        } else {
            assert!(took < SOON, "a present waited for the GPU, {way}: {took:?}");
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
pub fn the_kernel_makes_a_compositor_wait<D: Driver>(hardware: &Hardware<D>) {
    let _watchdog = watchdog("the_kernel_makes_a_compositor_wait");
    if !hardware.driver.heeds_fences() {
        // It never does, which is why the CPU waits.
        return;
    }
    let stage = Stage::new();
    let mut scene = stage.scene(Way::Implicit);
    let hold = hardware.hold();
    let (_, commit) = scene.show();
    let on_it = is_pending(commit.fences().acquire());
    assert!(on_it, "the rendering is on the dma-buf");
    let waits = hardware.reader_waits(commit.dma_buf());
    // What is on it counts for nothing where the buffer says so.
    let flags = hardware.flags_of(commit.dma_buf());
    assert!(is_pending(waits.as_ref()), "{flags:#x}");
    drop(hold);
    scene.end();
}

/// What the application does with one image need not wait for who reads another.
pub fn a_reader_of_one_image_does_not_hold_other_work<D: Driver>(hardware: &Hardware<D>) {
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

/// Two frames, the second not done.
pub struct Frames<'a> {
    /// The first, whose image the compositor has.
    pub earlier: &'a Commit,
    /// The second.
    pub later: &'a Commit,
    /// The work of the second.
    pub submitted: &'a [Submitted],
}

/// An image that the compositor gives back is not held by what the application does with others, but where
/// the fences of that are on it and nothing tells them from the compositor's. `is_on_earlier` looks at where the
/// fences of the later frame are, and answers whether they are on the earlier one's image.
pub fn a_later_frame_is_in_no_acquire<D: Driver>(
    hardware: &Hardware<D>,
    is_on_earlier: impl Fn(Way, Frames<'_>) -> bool,
) {
    let _watchdog = watchdog("a_later_frame_is_in_no_acquire");
    let stage = Stage::new();
    for way in ways(hardware.driver).filter(|way| *way != Way::Cpu) {
        let mut scene = stage.scene(way);
        let (_, commit) = scene.show();
        let hold = hardware.hold();
        let before = hardware.log().len();
        let (_, later) = scene.show();
        let submitted = hardware.submitted_since(before);
        assert!(submitted.iter().any(|work| work.pending));
        let frames = Frames {
            earlier: &commit,
            later: &later,
            submitted: &submitted,
        };
        let is_on_it = is_on_earlier(way, frames);
        scene.compositor.release(&commit, With::nothing());
        let acquired = scene.acquire(Payload::Fence);
        // Only in the implicit way does anybody ask the dma-buf.
        let held = is_on_it && way == Way::Implicit;
        assert_eq!(acquired.is_held(), held, "{way}");
        drop(hold);
        assert!(acquired.signals_within(SOON).is_some(), "{way}");
        drop(acquired);
        scene.end();
    }
}
