//! A swapchain that replaces another takes over its unused memory, and its acquires wait for what acquires of
//! those images would have waited for. In every way of synchronisation.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use ash::vk;
use wayfence_test_compositor::{Commit, Point, Synchronisation, With};
use wayfence_tests::footprint;
use wayfence_tests::scenario::Scenario;
use wayfence_tests::scripted::{Payload, SOON, Scene, TIMEOUT, Way};
use wayfence_tests::swapchain::{Swapchain, Wanted};

/// How long a pending image is watched.
const WATCHED: Duration = Duration::from_millis(100);
/// Sizes of a window while it is resized.
const SIZES: [(u32, u32); 4] = [(200, 150), (212, 155), (190, 161), (205, 140)];

/// The identity of a dma-buf.
fn identity(dma_buf: impl AsFd) -> u64 {
    rustix::fs::fstat(dma_buf).expect("a descriptor").st_ino
}

fn memory_of(frame: &Commit) -> u64 {
    identity(frame.dma_buf())
}

/// How many dma-bufs this process holds, with those of its compositor.
fn dma_bufs() -> usize {
    let identities = footprint::dma_bufs().into_iter().map(identity);
    identities.collect::<BTreeSet<_>>().len()
}

/// Replaces the scene's swapchain by one of this size; answers the old one.
fn replace(scene: &mut Scene<'_>, extent: (u32, u32)) -> Swapchain {
    let wanted = Wanted {
        extent,
        ..scene.swapchain.wanted
    };
    let new = scene
        .kernel
        .run(|| scene.swapchain.replaced_by(wanted))
        .expect("a swapchain");
    std::mem::replace(&mut scene.swapchain, new)
}

/// Draws, shows and releases an image; answers its memory.
fn show_and_release(scene: &mut Scene<'_>, index: u32) -> u64 {
    scene.try_show(index).expect("a present");
    let frame = scene.compositor.next_commit();
    scene.compositor.release(&frame, With::nothing());
    memory_of(&frame)
}

/// `vkReleaseSwapchainImagesKHR`.
fn give_back(swapchain: &Swapchain, index: u32) {
    let function = swapchain.device.function(c"vkReleaseSwapchainImagesKHR");
    let info = vk::ReleaseSwapchainImagesInfoEXT::default()
        .swapchain(swapchain.raw)
        .image_indices(std::slice::from_ref(&index));
    // SAFETY: the command of this name has this type; the image is held by the caller's word, and nothing
    // uses it.
    let answer = unsafe {
        std::mem::transmute::<unsafe extern "system" fn(), vk::PFN_vkReleaseSwapchainImagesEXT>(
            function.expect("the extension is enabled"),
        )(swapchain.device.raw.handle(), &info)
    };
    assert_eq!(answer, vk::Result::SUCCESS);
}

fn end(scene: Scene<'_>) {
    scene.swapchain.device.wait_idle().expect("an idle device");
    let errors = scene.compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn memory_that_moves_is_held_by_those_who_held_it() {
    Scenario::new("a released image with reader and own write moves to a new swapchain: held until both are done")
        .not_in(Way::Cpu, "what is busy does not move")
        .play(|mut scene, payload| {
            let way = scene.way;
            let extent = scene.swapchain.wanted.extent;
            let (rendering, reader) = (scene.fence(), scene.fence());
            let (_, frame) = scene.show_unfinished(rendering.sync_file());
            let memory = memory_of(&frame);
            scene
                .compositor
                .release(&frame, With::readers(&[reader.sync_file()]));
            let old = replace(&mut scene, extent);

            // The application has the others, so that their memory stays.
            let images = scene.swapchain.images.len();
            for _ in 1..images {
                let acquired = scene.acquire(payload);
                assert!(acquired.took < SOON);
                assert!(acquired.signals_within(SOON).is_some(), "new memory");
                scene.held.push(acquired.index);
            }
            let mut moved = scene.acquire(payload);
            assert!(moved.took < SOON);
            // Released unpresented, it is still held.
            for _ in 0..2 {
                let begun = Instant::now();
                while begun.elapsed() < WATCHED {
                    assert!(moved.is_held(), "signalled too early, {way}");
                    thread::sleep(Duration::from_millis(5));
                }
                let index = moved.index;
                if payload == Payload::Fence {
                    give_back(&scene.swapchain, index);
                    moved = scene.acquire(payload);
                    assert_eq!(moved.index, index);
                }
            }
            rendering.signal();
            thread::sleep(WATCHED);
            assert!(moved.is_held(), "held by the reader, {way}");
            reader.signal();
            assert!(moved.signals_within(SOON).is_some());
            let index = moved.index;
            drop(moved);
            assert_eq!(show_and_release(&mut scene, index), memory, "it moved");
            drop(old);
            end(scene);
        });
}

/// "An image [that] was acquired ... can still be presented" from a retired swapchain.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn what_the_application_or_the_compositor_has_does_not_move() {
    Scenario::new(
        "images acquired or shown when their swapchain is replaced: no new one has their memory",
    )
    .only_with(Payload::Fence, "the same for each")
    .play(|mut scene, _| {
        let extent = scene.swapchain.wanted.extent;
        let (_, shown) = scene.show();
        let acquired = std::mem::take(&mut scene.held);
        let mut old = replace(&mut scene, extent);
        let mut new = BTreeSet::new();
        for _ in 0..scene.swapchain.images.len() {
            let index = scene.swapchain.acquire_and_wait(TIMEOUT).unwrap();
            new.insert(show_and_release(&mut scene, index));
        }
        assert_eq!(new.len(), scene.swapchain.images.len());
        assert!(!new.contains(&memory_of(&shown)), "it is on the screen");
        scene.compositor.release(&shown, With::nothing());
        for index in acquired {
            old.draw_now(index).expect("a submit");
            scene.kernel.run(|| old.present(index)).expect("a present");
            let frame = scene.compositor.next_commit();
            assert!(!new.contains(&memory_of(&frame)), "it was acquired");
            scene.compositor.release(&frame, With::nothing());
        }
        drop(old);
        end(scene);
    });
}

/// With the memory goes its timeline, whose points only grow: no memory has ever another one.
struct Timelines(Vec<(u64, Point)>);

impl Timelines {
    fn saw(&mut self, memory: u64, frame: &Commit) {
        let Synchronisation::Syncobj {
            acquire, release, ..
        } = &frame.fences().synchronisation
        else {
            return;
        };
        match self.0.iter_mut().find(|(one, _)| *one == memory) {
            Some((_, last)) => {
                assert!(last.same_timeline(acquire), "another timeline");
                assert!(acquire.value > last.value, "{acquire:?} after {last:?}");
                *last = release.clone();
            }
            None => self.0.push((memory, release.clone())),
        }
    }
}

/// Also where the application destroys the old one at once, as most do, with a frame on the screen.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_window_that_is_resized_needs_no_new_memory() {
    Scenario::new(
        "a window that is resized 24 times: memory for two swapchains, and one more image",
    )
    .only_with(Payload::Fence, "the same for each")
    .play(|mut scene, _| {
        let index = scene.held.pop().unwrap();
        scene.try_show(index).unwrap();
        let mut shown = scene.compositor.next_commit();
        let images = scene.swapchain.images.len();
        let mut memories = BTreeSet::new();
        let mut timelines = Timelines(Vec::new());
        for extent in SIZES.iter().cycle().take(24) {
            drop(replace(&mut scene, *extent));
            for _ in 0..images {
                let index = scene.swapchain.acquire_and_wait(TIMEOUT).unwrap();
                scene.try_show(index).unwrap();
                let frame = scene.compositor.next_commit();
                scene.compositor.release(&shown, With::nothing());
                memories.insert(memory_of(&frame));
                timelines.saw(memory_of(&frame), &frame);
                shown = frame;
            }
        }
        assert!(memories.len() <= 2 * images + 1, "{}", memories.len());
        scene.compositor.release(&shown, With::nothing());
        end(scene);
    });
}

/// A driver that frees memory takes its time: what a resize has left is kept, for the next one, and goes with that or with
/// the swapchain. Two images' memory at most, and no dma-buf holds that of others.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn no_frame_frees_what_a_resize_has_left() {
    /// Some seconds of frames.
    const FRAMES: usize = 150;
    Scenario::new("memory that a resize has left: no frame frees it, two images' at most are kept")
        .only_with(Payload::Fence, "the same for each")
        .play(|mut scene, _| {
            let memory = |scene: &Scene<'_>| {
                let [.., memory, _] = scene.stage.driver.living();
                memory as usize
            };
            let images = scene.swapchain.images.len();
            let others = memory(&scene) - images;
            let others_held = dma_bufs() - images;
            let index = scene.held.pop().unwrap();
            scene.try_show(index).unwrap();
            let mut shown = scene.compositor.next_commit();
            for extent in SIZES {
                drop(replace(&mut scene, extent));
                let kept = memory(&scene) - others;
                assert!(kept > images && kept <= images + 2, "{kept} of {images}");
                for _ in 0..FRAMES / SIZES.len() {
                    let index = scene.swapchain.acquire_and_wait(TIMEOUT).unwrap();
                    scene.try_show(index).unwrap();
                    let frame = scene.compositor.next_commit();
                    scene.compositor.release(&shown, With::nothing());
                    shown = frame;
                }
                // What is on the screen may be one more.
                let held = dma_bufs() - others_held;
                assert!(held > images && held <= images + 3, "{held} of {images}");
            }
            let kept = memory(&scene);
            for _ in 0..FRAMES {
                let index = scene.swapchain.acquire_and_wait(TIMEOUT).unwrap();
                assert_eq!(memory(&scene), kept, "after an acquire");
                scene.try_show(index).unwrap();
                assert_eq!(memory(&scene), kept, "after a present");
                let frame = scene.compositor.next_commit();
                scene.compositor.release(&shown, With::nothing());
                shown = frame;
            }
            scene.compositor.release(&shown, With::nothing());
            let stage = scene.stage;
            end(scene);
            let [.., memory, _] = stage.driver.living();
            assert_eq!(memory as usize, others, "the swapchain is gone");
        });
}
