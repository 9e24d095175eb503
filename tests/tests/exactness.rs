//! The project's central claim, in every way of synchronisation: the payload of an acquire signals when the
//! window system's use of the image ends and not later, and a present never waits for the rendering. The fences
//! signal when the test says so.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ash::vk;
use wayfence::dma_buf::Access;
use wayfence::report::SwapchainReport;
use wayfence::sync_file::SyncFile;
use wayfence_test_compositor::{Commit, Presented, With};
use wayfence_test_fences::vgem;
use wayfence_tests::present_wait::Generation;
use wayfence_tests::proxy::Proxy;
use wayfence_tests::scenario::Scenario;
use wayfence_tests::scripted::{self, Acquired, Payload, SOON, Scene, Way};
use wayfence_tests::stalls::promptly;
use wayfence_tests::{Fence, Semaphore};

/// How long a pending image is watched.
const WATCHED: Duration = Duration::from_millis(200);
/// How long after a fence's signal the payload of an acquire may signal.
const PROMPT: Duration = Duration::from_millis(20);
/// After how long a wait ends for a frame without feedback.
const UNHEARD: Duration = wayfence::presentations::BOUND;
/// Runs this, and asserts that it does not end before these fences have signalled, which takes a while.
fn waiting_for<T>(fences: Vec<vgem::Fence>, run: impl FnOnce() -> T) -> T {
    let seen: Vec<SyncFile> = fences
        .iter()
        .map(|fence| fence.sync_file().try_clone().unwrap())
        .collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(WATCHED);
            fences.into_iter().for_each(vgem::Fence::signal);
        });
        let answer = run();
        let have_signalled = seen.iter().all(|fence| fence.is_signalled().unwrap());
        assert!(have_signalled, "it did not wait");
        answer
    })
}

/// Asserts that the acquire returned at once, and that its payload waits for `fences` and signals with the last
/// of them. Answers how long after it.
fn held_by(scene: &Scene<'_>, acquired: &Acquired, fences: Vec<vgem::Fence>) -> Duration {
    assert!(
        acquired.took < SOON,
        "the acquire waited: {:?}",
        acquired.took
    );
    let count = fences.len();
    for (at, fence) in fences.into_iter().enumerate() {
        let begun = Instant::now();
        while begun.elapsed() < WATCHED {
            assert!(
                acquired.is_held(),
                "signalled before fence {at} of {count}, {}",
                scene.way
            );
            thread::sleep(Duration::from_millis(5));
        }
        fence.signal();
    }
    acquired
        .signals_within(SOON)
        .unwrap_or_else(|| panic!("not signalled by the last fence, {}", scene.way))
}

/// Asserts that the acquire returned at once, and that its payload signals at once.
fn free(scene: &Scene<'_>, acquired: &Acquired) {
    assert!(
        acquired.took < SOON,
        "the acquire waited: {:?}",
        acquired.took
    );
    assert!(
        acquired.signals_within(SOON).is_some(),
        "held by what nobody should wait for, {}",
        scene.way
    );
}

/// Ends the scene. Asserts that the CPU has waited in no way but `cpu`.
fn no_cpu_waited(scene: Scene<'_>) -> SwapchainReport {
    let way = scene.way;
    let report = scene.end();
    assert_eq!(report.synchronisation, way.to_string());
    if way != Way::Cpu {
        assert_eq!(report.counters.cpu_waits, 0, "{report:?}");
    }
    report
}

/// As [`no_cpu_waited`]; in the way `cpu` presents have waited, acquires have not.
fn no_cpu_waited_in_acquire(scene: Scene<'_>) -> SwapchainReport {
    let report = no_cpu_waited(scene);
    assert!(
        report.counters.cpu_waits <= report.counters.presents,
        "{report:?}"
    );
    report
}

/// In the way `cpu` the acquire waits for these fences, within its timeout.
fn waited_for_on_the_cpu(mut scene: Scene<'_>, payload: Payload, fences: Vec<vgem::Fence>) {
    let before = scene.swapchain.images.len();
    let answer = scene.try_acquire(payload, 0).map(drop);
    assert_eq!(answer, Err(vk::Result::NOT_READY));
    let answer = scene.try_acquire(payload, 100_000_000).map(drop);
    assert_eq!(answer, Err(vk::Result::TIMEOUT));
    let acquired = waiting_for(fences, || scene.acquire(payload));
    free(&scene, &acquired);
    scene.held.push(acquired.index);
    drop(acquired);
    assert_eq!(scene.held.len(), before, "an image is lost");
    let report = scene.end();
    assert_eq!(report.synchronisation, "cpu");
    // Two acquires and all presents.
    assert!(report.counters.cpu_waits >= 2, "{report:?}");
}

/// An image comes back with these fences; the payload waits for all of them, and for nothing else.
fn comes_back_with(mut scene: Scene<'_>, payload: Payload, readers: usize, writers: usize) {
    let come_back = |scene: &mut Scene<'_>| {
        let (_, frame) = scene.show();
        let readers: Vec<vgem::Fence> = (0..readers).map(|_| scene.fence()).collect();
        let writers: Vec<vgem::Fence> = (0..writers).map(|_| scene.fence()).collect();
        let with: Vec<&SyncFile> = readers.iter().map(vgem::Fence::sync_file).collect();
        let and_with: Vec<&SyncFile> = writers.iter().map(vgem::Fence::sync_file).collect();
        scene
            .compositor
            .release(&frame, With::readers(&with).and_writers(&and_with));
        readers
            .into_iter()
            .chain(writers)
            .collect::<Vec<vgem::Fence>>()
    };
    if scene.way == Way::Cpu && readers + writers > 0 {
        let fences = come_back(&mut scene);
        waited_for_on_the_cpu(scene, payload, fences);
    } else if readers + writers == 0 {
        come_back(&mut scene);
        free(&scene, &scene.acquire(payload));
        let report = no_cpu_waited_in_acquire(scene);
        assert_eq!(report.counters.sync_files_exported, 0, "{report:?}");
    } else {
        promptly(PROMPT, || {
            let fences = come_back(&mut scene);
            let acquired = scene.acquire(payload);
            let late = held_by(&scene, &acquired, fences);
            scene.held.push(acquired.index);
            late
        });
        no_cpu_waited_in_acquire(scene);
    }
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn nobody_uses_it() {
    Scenario::new("released without a fence: ready at once")
        .play(|scene, payload| comes_back_with(scene, payload, 0, 0));
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_reader_holds() {
    Scenario::new("a reader pending at the release: held until it signals")
        .play(|scene, payload| comes_back_with(scene, payload, 1, 0));
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn several_readers_hold() {
    Scenario::new("three readers: held until the last signals")
        .play(|scene, payload| comes_back_with(scene, payload, 3, 0));
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_reader_and_a_writer_hold() {
    Scenario::new("a reader and a writer: held until both signal")
        .play(|scene, payload| comes_back_with(scene, payload, 1, 1));
}

/// Adds a writer to the image, until the fence signals.
fn somebody_writes(scene: &Scene<'_>, frame: &Commit) -> vgem::Fence {
    let later = scene.fence();
    frame
        .dma_buf()
        .import_sync_file(later.sync_file(), Access::Write)
        .unwrap();
    later
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_later_fence_does_not_hold() {
    Scenario::new("a fence put there after the release: not waited for")
        .not_in(
            Way::Cpu,
            "poll(2) does not tell later fences from earlier ones",
        )
        .play(|mut scene, payload| {
            let (_, first) = scene.show();
            let (_, second) = scene.show();
            scene.compositor.release(&first, With::nothing());
            scene.compositor.release(&second, With::nothing());
            // Dispatches both releases.
            let taken = scene.acquire(Payload::Fence);
            free(&scene, &taken);
            let later = somebody_writes(&scene, &second);
            let acquired = scene.acquire(payload);
            assert_ne!(acquired.index, taken.index);
            free(&scene, &acquired);
            // It has not held the acquire, but is still pending.
            assert!(!later.sync_file().is_signalled().unwrap());
            later.signal();
            drop((acquired, taken));
            no_cpu_waited(scene);
        });
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_later_fence_beside_its_own_write_does_not_hold() {
    Scenario::new(
        "own write running, a fence put there after the release: held by the first alone",
    )
    .not_in(Way::Cpu, NO_PENDING_PRESENT)
    .play(|mut scene, payload| {
        let (_, first) = scene.show();
        let rendering = scene.fence();
        let (_, second) = scene.show_unfinished(rendering.sync_file());
        scene.compositor.release(&first, With::nothing());
        scene.compositor.release(&second, With::nothing());
        // Dispatches both releases.
        let taken = scene.acquire(Payload::Fence);
        free(&scene, &taken);
        let later = somebody_writes(&scene, &second);
        let acquired = scene.acquire(payload);
        assert_ne!(acquired.index, taken.index);
        held_by(&scene, &acquired, vec![rendering]);
        assert!(!later.sync_file().is_signalled().unwrap());
        later.signal();
        drop((acquired, taken));
        no_cpu_waited(scene);
    });
}

const NO_PENDING_PRESENT: &str = "a present has waited for its rendering on the CPU";

/// Shows an image whose rendering takes a while. In the way `cpu` the present returns when it is done.
fn show_slowly(scene: &mut Scene<'_>) -> (u32, Commit, Option<vgem::Fence>) {
    let rendering = scene.fence();
    if scene.way != Way::Cpu {
        let (index, frame) = scene.show_unfinished(rendering.sync_file());
        return (index, frame, Some(rendering));
    }
    let work = rendering.sync_file().try_clone().unwrap();
    let (index, frame) = waiting_for(vec![rendering], || scene.show_unfinished(&work));
    (index, frame, None)
}

/// A compositor may release a frame that it never read. The acquire's payload still includes the image's own
/// last present.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn its_own_write_holds() {
    Scenario::new("own write running, nobody has read: held until it is done").play(
        |mut scene, payload| {
            promptly(PROMPT, || {
                let (index, frame, rendering) = show_slowly(&mut scene);
                scene.compositor.release(&frame, With::nothing());
                let acquired = scene.acquire(payload);
                scene.held.push(index);
                match rendering {
                    Some(rendering) => held_by(&scene, &acquired, vec![rendering]),
                    None => {
                        free(&scene, &acquired);
                        Duration::ZERO
                    }
                }
            });
            no_cpu_waited_in_acquire(scene);
        },
    );
}

/// A compositor may release a frame early: with the fence of a reader that does not wait for our write, or that
/// was done before it.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_reader_beside_its_own_write_holds() {
    Scenario::new("own write running, and a reader: held until both are done, in either order")
        .not_in(Way::Cpu, NO_PENDING_PRESENT)
        .play(|mut scene, payload| {
            for reader_first in [false, true] {
                promptly(PROMPT, || {
                    let rendering = scene.fence();
                    let (index, frame) = scene.show_unfinished(rendering.sync_file());
                    let reader = scene.fence();
                    scene
                        .compositor
                        .release(&frame, With::readers(&[reader.sync_file()]));
                    let acquired = scene.acquire(payload);
                    scene.held.push(index);
                    let in_order = match reader_first {
                        true => vec![reader, rendering],
                        false => vec![rendering, reader],
                    };
                    held_by(&scene, &acquired, in_order)
                });
            }
            no_cpu_waited(scene);
        });
}

/// The first pixel in the memory of an image.
fn first_pixel(frame: &Commit) -> [u8; 4] {
    let buffer = frame.dma_buf();
    let mut pixel = [0; 4];
    // SAFETY: a new mapping at an address of the kernel's choice, of an open dma-buf; no image is
    // smaller than a pixel. Read once, byte by byte and volatile, as others may write; unmapped after.
    unsafe {
        let mapped = libc::mmap(
            std::ptr::null_mut(),
            pixel.len(),
            libc::PROT_READ,
            libc::MAP_SHARED,
            buffer.as_fd().as_raw_fd(),
            0,
        );
        assert_ne!(mapped, libc::MAP_FAILED, "mmap of a dma-buf");
        for (at, byte) in pixel.iter_mut().enumerate() {
            *byte = mapped.cast::<u8>().add(at).read_volatile();
        }
        libc::munmap(mapped, pixel.len());
    }
    pixel
}

/// The first queue's work is the present whose fence the test holds. Work on a second queue is ordered after it
/// only by the acquire's semaphore.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_second_queue_is_ordered_by_the_acquires_semaphore_alone() {
    Scenario::new(
        "a second queue that waits for the acquire's semaphore: draws after the first has",
    )
    .looks_at_pixels()
    .not_with(Payload::Fence, "a queue waits for semaphores")
    .play(|mut scene, payload| {
        let (index, frame, rendering) = show_slowly(&mut scene);
        let drawn = first_pixel(&frame);
        scene.compositor.release(&frame, With::nothing());
        let device = Arc::clone(&scene.swapchain.device);
        let acquired = Semaphore::new(&device).unwrap();
        let ready = Fence::new(&device).unwrap();
        let of_ready = match payload {
            Payload::Both => ready.raw,
            _ => vk::Fence::null(),
        };
        let again = scene
            .kernel
            .run(|| {
                scene
                    .swapchain
                    .acquire(scripted::TIMEOUT, acquired.raw, of_ready)
            })
            .unwrap();
        assert_eq!(again, index);
        thread::scope(|scope| {
            // A driver may wait inside of the submit, so a thread makes it.
            let second = scope.spawn(|| scene.swapchain.draw_after(index, acquired.raw).unwrap());
            if let Some(rendering) = rendering {
                let begun = Instant::now();
                while begun.elapsed() < WATCHED {
                    assert_eq!(first_pixel(&frame), drawn, "drawn over, {}", scene.way);
                    thread::sleep(Duration::from_millis(5));
                }
                rendering.signal();
            }
            second.join().unwrap();
        });
        device.wait_idle().unwrap();
        assert_ne!(first_pixel(&frame), drawn, "the second queue has not drawn");
        no_cpu_waited_in_acquire(scene);
    });
}

/// "Acquiring the image index from vkAcquireNextImageKHR and then waiting on its semaphore or fence guarantees
/// that the previous presentation operation that used the just-acquired image index has completed" (Vulkan
/// Guide, Swapchain Semaphore Reuse): its semaphore may be destroyed, and its command buffers recorded again.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn after_the_acquires_fence_the_last_present_is_over() {
    Scenario::new("after the acquire's fence: the last present's semaphore and commands are free")
        .not_with(Payload::Semaphore, "the application waits for a fence")
        .not_in(Way::Cpu, NO_PENDING_PRESENT)
        .play(|mut scene, payload| {
            let rendering = scene.fence();
            let (index, frame) = scene.show_unfinished(rendering.sync_file());
            scene.compositor.release(&frame, With::nothing());
            let acquired = scene.acquire(payload);
            assert_eq!(acquired.index, index);
            // While the submission is unfinished, destroying its semaphore breaks
            // VUID-vkDestroySemaphore-semaphore-05149, and recording its commands
            // VUID-vkBeginCommandBuffer-commandBuffer-00049.
            waiting_for(vec![rendering], || {
                acquired.signals_within(SOON).expect("signalled")
            });
            drop(acquired);
            scene.swapchain.renew_drawn(index);
            scene.try_show(index).unwrap();
            scene.compositor.next_commit();
            no_cpu_waited(scene);
        });
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_fence_that_never_signals_holds_one_image() {
    Scenario::new("a fence that never signals: other images go on, timeouts hold").play(
        |mut scene, payload| {
            let (stuck, frame) = scene.show();
            let never = scene.fence();
            scene
                .compositor
                .release(&frame, With::readers(&[never.sync_file()]));
            let begun = Instant::now();
            // In the way `cpu` it is not handed out; in all others it is, with its fence.
            let first = match scene.way {
                Way::Cpu => {
                    let answer = scene.try_acquire(payload, 50_000_000).map(drop);
                    assert_eq!(answer, Err(vk::Result::TIMEOUT));
                    None
                }
                _ => Some(scene.acquire(Payload::Fence)),
            };
            for _ in 0..3 {
                let (index, frame) = scene.show();
                assert_ne!(index, stuck);
                scene.compositor.release(&frame, With::nothing());
                let other = scene.acquire(payload);
                assert_eq!(other.index, index);
                free(&scene, &other);
                scene.held.push(index);
            }
            if scene.way != Way::Cpu {
                let answer = scene.try_acquire(payload, 50_000_000).map(drop);
                assert_eq!(answer, Err(vk::Result::TIMEOUT));
            }
            if let Some(first) = &first {
                assert_eq!(first.index, stuck);
                assert!(first.is_held());
            }
            assert!(
                begun.elapsed() < SOON + SOON,
                "the fence had time to expire"
            );
            assert!(!never.sync_file().is_signalled().unwrap());
            never.signal();
            drop(first);
            no_cpu_waited(scene);
        },
    );
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_present_does_not_wait_for_its_rendering() {
    Scenario::new("present of unfinished work: returns, and the commit has that fence")
        .only_with(Payload::Fence, "a present signals nothing")
        .play(|mut scene, _| {
            if scene.way == Way::Cpu {
                return waited_for_in_the_present(scene);
            }
            for _ in 0..2 {
                let rendering = scene.fence();
                let begun = Instant::now();
                let (_, frame) = scene.show_unfinished(rendering.sync_file());
                assert!(begun.elapsed() < SOON, "the present waited");
                let seen = frame.fences().acquire().expect("the commit has a fence");
                let info = seen.info().unwrap();
                assert_eq!(info.fences.len(), 1, "{info:?}");
                assert_eq!(info.fences[0].driver_name, "vgem", "{info:?}");
                assert!(!seen.is_signalled().unwrap());
                assert_ne!(
                    frame.fences().available(),
                    Some(false),
                    "committed too early"
                );
                if scene.way == Way::Implicit {
                    // As a writer: a reader waits for it.
                    let buffer = frame.dma_buf();
                    assert!(!buffer.is_idle(Access::Read).unwrap());
                }
                rendering.signal();
                assert!(seen.is_signalled().unwrap());
            }
            no_cpu_waited(scene);
        });
}

/// In the way `cpu` a present commits when the rendering is done, and counts the wait.
fn waited_for_in_the_present(mut scene: Scene<'_>) {
    let rendering = scene.fence();
    let fence = rendering.sync_file().try_clone().unwrap();
    waiting_for(vec![rendering], || scene.show_unfinished(&fence));
    let report = scene.end();
    assert_eq!(report.synchronisation, "cpu");
    assert_eq!(report.counters.cpu_waits, 1, "{report:?}");
}

/// A compositor that composes nothing passes buffer and fence on to another compositor. Neither waits.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_proxy_passes_the_fence_on() {
    Scenario::new("through a proxy: the second compositor sees the client's pending fence")
        .only_with(Payload::Fence, "a present signals nothing")
        .not_in(Way::Cpu, NO_PENDING_PRESENT)
        .play(|mut scene, _| {
            let proxy = Proxy::to(scene.way);
            let rendering = scene.fence();
            let begun = Instant::now();
            let (_, frame) = scene.show_unfinished(rendering.sync_file());
            let passed_on = proxy.pass_on(&frame);
            assert!(begun.elapsed() < SOON, "somebody waited");
            let seen = passed_on.fences().acquire().expect("a fence");
            let info = seen.info().unwrap();
            assert_eq!(info.fences.len(), 1, "{info:?}");
            assert!(!seen.is_signalled().unwrap());
            rendering.signal();
            assert!(seen.is_signalled().unwrap());
            no_cpu_waited(scene);
        });
}

/// Releases an image that the compositor still reads; in the way `cpu`, where the CPU would wait, one that it
/// has read.
fn release_read_by(scene: &Scene<'_>, frame: &Commit, reader: &vgem::Fence) {
    let fences = [reader.sync_file()];
    let with = match scene.way {
        Way::Cpu => With::nothing(),
        _ => With::readers(&fences),
    };
    scene.compositor.release(frame, with);
}

/// Asserts that the acquire after [`release_read_by`] waits for the reader. Answers how late it signalled.
fn held_by_reader(scene: &Scene<'_>, acquired: &Acquired, reader: vgem::Fence) -> Duration {
    match scene.way {
        Way::Cpu => {
            free(scene, acquired);
            reader.signal();
            Duration::ZERO
        }
        _ => held_by(scene, acquired, vec![reader]),
    }
}

/// A wait for a frame of another swapchain reads the events of both.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_release_reaches_an_acquire_beside_a_wait_for_a_present() {
    Scenario::new("released while another thread waits for a present: both go on").play(
        |mut scene, payload| {
            let mut beside = scene.beside();
            let mut id = 0;
            promptly(PROMPT, || {
                id += 1;
                let (index, frame) = scene.show();
                let committed = Instant::now();
                let (_, frame_beside) = beside.show_as(id);
                let reader = scene.fence();
                let late = thread::scope(|scope| {
                    let waiting = scope
                        .spawn(|| Generation::One.wait(&beside.swapchain, id, scripted::TIMEOUT));
                    thread::sleep(WATCHED);
                    // On a machine that stood still the wait may have timed out.
                    assert!(
                        !waiting.is_finished() || committed.elapsed() >= UNHEARD,
                        "the frame was not shown yet"
                    );
                    release_read_by(&scene, &frame, &reader);
                    let acquired = scene.acquire(payload);
                    scene
                        .compositor
                        .presented(&frame_beside, Presented::default());
                    assert_eq!(waiting.join().unwrap(), vk::Result::SUCCESS);
                    held_by_reader(&scene, &acquired, reader)
                });
                scene.held.push(index);
                scene.compositor.release(&frame_beside, With::nothing());
                let acquired = beside.acquire(Payload::Fence);
                free(&beside, &acquired);
                beside.held.push(acquired.index);
                late
            });
            drop(beside);
            no_cpu_waited_in_acquire(scene);
        },
    );
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_release_reaches_an_acquire_beside_another() {
    Scenario::new("released while another thread acquires on the display: both go on").play(
        |mut scene, payload| {
            let mut beside = scene.beside();
            promptly(PROMPT, || {
                let (index, frame) = scene.show();
                let (index_beside, frame_beside) = beside.show();
                let reader = scene.fence();
                let late = thread::scope(|scope| {
                    let waiting = scope.spawn(|| {
                        let acquired = beside.acquire(Payload::Fence);
                        free(&beside, &acquired);
                        Instant::now()
                    });
                    thread::sleep(WATCHED);
                    release_read_by(&scene, &frame, &reader);
                    let acquired = scene.acquire(payload);
                    let late = held_by_reader(&scene, &acquired, reader);
                    assert!(
                        !waiting.is_finished(),
                        "who waits there has got nothing yet"
                    );
                    let released = Instant::now();
                    scene.compositor.release(&frame_beside, With::nothing());
                    let acquired = waiting.join().unwrap();
                    assert!(acquired >= released, "it came before its release");
                    late
                });
                scene.held.push(index);
                beside.held.push(index_beside);
                late
            });
            drop(beside);
            no_cpu_waited_in_acquire(scene);
        },
    );
}
