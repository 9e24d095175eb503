//! What goes wrong between application, kernel, driver and compositor is told by the result that the
//! specification names, loses no image for good, and leaks no descriptor.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ash::vk;
use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};
use wayfence_test_compositor::{Commit, With};
use wayfence_test_fences::vgem::Fence;
use wayfence_tests::asynchronous::Command;
use wayfence_tests::device::Device;
use wayfence_tests::footprint::descriptors;
use wayfence_tests::present_wait::Generation;
use wayfence_tests::refusing_kernel::{EXPORT_SYNC_FILE, IMPORT_SYNC_FILE, RefusingKernel};
use wayfence_tests::scripted::{Payload, SOON, Scene, Way};
use wayfence_tests::swapchain::fence;
use wayfence_tests::table::{Cell, in_every_way};
use wayfence_tests::watchdog::Watchdog;

/// `DRM_IOCTL_SYNCOBJ_QUERY`.
const QUERY: Opcode = opcode::read_write::<[u64; 3]>(b'd', 0xcb);
/// `DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD`, `…_FD_TO_HANDLE` with and without a point, and `…_TRANSFER`.
const HANDLE_TO_FD: Opcode = opcode::read_write::<[u64; 3]>(b'd', 0xc1);
const FD_TO_POINT: Opcode = opcode::read_write::<[u64; 3]>(b'd', 0xc2);
const FD_TO_HANDLE: Opcode = opcode::read_write::<[u64; 2]>(b'd', 0xc2);
const TRANSFER: Opcode = opcode::read_write::<[u64; 4]>(b'd', 0xcc);
/// `DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL`.
const SIGNAL: Opcode = opcode::read_write::<[u64; 3]>(b'd', 0xcd);

/// What the kernel may answer, and what an application is told then.
const ERRORS: [(Errno, vk::Result); 4] = [
    (Errno::MFILE, vk::Result::ERROR_OUT_OF_HOST_MEMORY),
    (Errno::NOMEM, vk::Result::ERROR_OUT_OF_HOST_MEMORY),
    (Errno::INVAL, vk::Result::ERROR_UNKNOWN),
    (Errno::BADF, vk::Result::ERROR_UNKNOWN),
];

fn watchdog(scenario: &'static str) -> Watchdog {
    Watchdog::new(Duration::from_secs(150), scenario)
}

/// Shows an image, and has it come back with a reader.
fn come_back_read(scene: &mut Scene<'_>) -> (u32, Fence) {
    let (index, frame) = scene.show();
    let reader = scene.fence();
    scene
        .compositor
        .release(&frame, With::readers(&[reader.sync_file()]));
    (index, reader)
}

/// The image can be acquired, as if nothing had happened: held by the fence and by nothing else.
fn comes_held_by(scene: &mut Scene<'_>, payload: Payload, index: u32, fence: Fence) {
    let acquired = scene.acquire(payload);
    assert_eq!(acquired.index, index);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(50) {
        assert!(acquired.is_held(), "signalled before the fence");
    }
    fence.signal();
    assert!(acquired.signals_within(SOON).is_some());
    scene.held.push(index);
}

/// Every image can be acquired, shown, and comes back.
fn all_images_go_on(scene: &mut Scene<'_>) {
    let images = scene.swapchain.images.len();
    assert_eq!(scene.held.len(), images, "an image is lost");
    for _ in 0..2 * images {
        let (index, frame) = scene.show();
        scene.compositor.release(&frame, With::nothing());
        let acquired = scene.acquire(Payload::Fence);
        assert!(acquired.signals_within(SOON).is_some());
        assert_eq!(acquired.index, index);
        scene.held.insert(0, index);
    }
}

/// Runs what may leak again and again: the second round leaves the same descriptors open as the last.
fn without_leak(device: &Device, mut round: impl FnMut(usize)) {
    let descriptors = || {
        // A driver signals the fence of a submit before it lets go of what the submit waited for.
        device.wait_idle().expect("an idle device");
        descriptors()
    };
    round(0);
    round(1);
    let after_two = descriptors();
    for number in 2..ERRORS.len() {
        round(number);
    }
    assert_eq!(descriptors(), after_two, "a descriptor leaks");
}

/// A kernel, and the ioctls by which a way takes the fences of a released image there, and gives those of a
/// presented one.
struct Passage {
    kernel: RefusingKernel,
    exports: [Opcode; 2],
    imports: [Opcode; 2],
}

/// The passages of a way: that of this kernel, and that of older ones.
fn passages(way: Way) -> Vec<Passage> {
    match way {
        Way::Syncobj => vec![
            Passage {
                kernel: RefusingKernel::default(),
                exports: [HANDLE_TO_FD; 2],
                imports: [FD_TO_POINT; 2],
            },
            Passage {
                // Before Linux 6.16.
                kernel: RefusingKernel::default().refusing(FD_TO_POINT, Errno::INVAL),
                exports: [TRANSFER, HANDLE_TO_FD],
                imports: [FD_TO_HANDLE, TRANSFER],
            },
        ],
        Way::Implicit => vec![Passage {
            kernel: RefusingKernel::default(),
            exports: [EXPORT_SYNC_FILE; 2],
            imports: [IMPORT_SYNC_FILE; 2],
        }],
        Way::Explicit | Way::Cpu => Vec::new(),
    }
}

const NO_IOCTL: Cell = Cell::NotApplicable("no ioctl is needed");

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_fences_of_a_released_image_cannot_be_taken() {
    let _watchdog = watchdog("an export that fails");
    in_every_way(
        "export fails (EMFILE, ENOMEM, EINVAL, EBADF)",
        |stage, way, payload| {
            let passages = passages(way);
            if passages.is_empty() {
                return NO_IOCTL;
            }
            for Passage {
                kernel, exports, ..
            } in passages
            {
                let mut scene = stage.scene_on(way, kernel);
                let healthy = scene.kernel.clone();
                let device = Arc::clone(&scene.swapchain.device);
                without_leak(&device, |number| {
                    let (errno, told) = ERRORS[number];
                    let (index, reader) = come_back_read(&mut scene);
                    scene.kernel = RefusingKernel::default().refusing(exports[number % 2], errno);
                    for _ in 0..2 {
                        let answer = scene.try_acquire(payload, 1_000_000_000).map(drop);
                        assert_eq!(answer, Err(told), "{errno}");
                    }
                    scene.kernel = healthy.clone();
                    // Not too late for what was on the image at its release.
                    comes_held_by(&mut scene, payload, index, reader);
                });
                all_images_go_on(&mut scene);
                assert_eq!(scene.end().counters.cpu_waits, 0);
            }
            Cell::Passed
        },
    );
}

/// Also an acquire that would wait for as long as it takes: nothing else would end it.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_release_point_cannot_be_looked_at() {
    let _watchdog = watchdog("a query that fails");
    in_every_way(
        "a release point cannot be looked at (EMFILE, ENOMEM, EINVAL, EBADF)",
        |stage, way, payload| {
            if way != Way::Syncobj {
                return Cell::NotApplicable("a release is an event");
            }
            let mut scene = stage.scene(way);
            let healthy = scene.kernel.clone();
            let device = Arc::clone(&scene.swapchain.device);
            without_leak(&device, |number| {
                let (errno, told) = ERRORS[number];
                let (index, reader) = come_back_read(&mut scene);
                scene.kernel = RefusingKernel::default().refusing(QUERY, errno);
                let answer = scene.try_acquire(payload, u64::MAX).map(drop);
                assert_eq!(answer, Err(told), "{errno}");
                scene.kernel = healthy.clone();
                comes_held_by(&mut scene, payload, index, reader);
            });
            all_images_go_on(&mut scene);
            assert_eq!(scene.end().counters.cpu_waits, 0);
            Cell::Passed
        },
    );
}

/// The frame is shown all the same, when its rendering is done.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_fence_of_a_present_cannot_be_given() {
    let _watchdog = watchdog("an import that fails");
    in_every_way(
        "import fails (EMFILE, ENOMEM, EINVAL, EBADF): shown after a wait",
        |stage, way, payload| {
            let passages = passages(way);
            if passages.is_empty() {
                return NO_IOCTL;
            }
            for Passage {
                kernel, imports, ..
            } in passages
            {
                let mut scene = stage.scene_on(way, kernel);
                let healthy = scene.kernel.clone();
                let device = Arc::clone(&scene.swapchain.device);
                without_leak(&device, |number| {
                    let (errno, _) = ERRORS[number];
                    let rendering = scene.fence();
                    scene.stage.driver.export_next(rendering.sync_file());
                    let index = scene.held.pop().unwrap();
                    scene.kernel = RefusingKernel::default().refusing(imports[number % 2], errno);
                    let compositor = Arc::clone(&scene.compositor);
                    let finish = thread::spawn(move || {
                        let early =
                            compositor.commit_within(Duration::from_millis(50), Commit::has_buffer);
                        rendering.signal();
                        early
                    });
                    assert_eq!(scene.try_show(index), Ok(()), "{errno}");
                    let early = finish.join().unwrap();
                    assert!(early.is_none(), "shown before it was drawn: {early:?}");
                    scene.kernel = healthy.clone();
                    let frame = scene.compositor.next_commit();
                    scene.compositor.release(&frame, With::nothing());
                    let acquired = scene.acquire(payload);
                    assert_eq!(acquired.index, index);
                    assert!(acquired.signals_within(SOON).is_some());
                    scene.held.push(index);
                });
                assert_eq!(scene.compositor.held_count(), 0);
                all_images_go_on(&mut scene);
                // Rule 2: what could not be done without is counted.
                let report = scene.end();
                assert_eq!(report.counters.cpu_waits, ERRORS.len() as u64);
            }
            Cell::Passed
        },
    );
}

/// Whether the device's fence signals soon. Makes it ready for the next.
fn signals(device: &Device, fence: vk::Fence) -> bool {
    // SAFETY: the fence is the device's, and nobody else uses it.
    unsafe {
        let signalled = device
            .raw
            .wait_for_fences(&[fence], true, SOON.as_nanos() as u64);
        device.raw.reset_fences(&[fence]).unwrap();
        signalled.is_ok()
    }
}

/// The application draws and presents the same image again, with the semaphore of before.
fn goes_on_with(scene: &mut Scene<'_>, payload: Payload, index: u32) {
    scene.try_show(index).expect("a present");
    let frame = scene.compositor.next_commit();
    scene.compositor.release(&frame, With::nothing());
    let acquired = scene.acquire(payload);
    assert_eq!(acquired.index, index);
    assert!(acquired.signals_within(SOON).is_some());
    scene.held.push(index);
}

/// "VK_ERROR_OUT_OF_DATE_KHR [...]: the set of queue operations are still considered to be enqueued"
/// (vkQueuePresentKHR): the semaphore is waited for, the fence signals, the frame's number is over, and
/// the image is the presentation engine's again.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_frame_cannot_be_shown_at_all() {
    let _watchdog = watchdog("an import that fails, and all that could take its place");
    in_every_way(
        "nothing can be handed over: out of date, waited for, image back",
        |stage, way, payload| {
            if way != Way::Syncobj {
                return Cell::NotApplicable("a wait takes the import's place");
            }
            for Passage {
                kernel, imports, ..
            } in passages(way)
            {
                let mut scene = stage.scene_on(way, kernel);
                let healthy = scene.kernel.clone();
                let device = Arc::clone(&scene.swapchain.device);
                let done = fence(&device, false).unwrap();
                without_leak(&device, |number| {
                    let (errno, _) = ERRORS[number];
                    let rendering = scene.fence();
                    scene.stage.driver.export_next(rendering.sync_file());
                    rendering.signal();
                    let index = scene.held.pop().unwrap();
                    let id = number as u64 + 1;
                    scene.swapchain.draw_now(index).unwrap();
                    scene.kernel = RefusingKernel::default()
                        .refusing(imports[1], errno)
                        .refusing(SIGNAL, errno);
                    let told = vk::Result::ERROR_OUT_OF_DATE_KHR;
                    assert_eq!(scene.present(index, id, done), (Err(told), told), "{errno}");
                    scene.kernel = healthy.clone();
                    assert!(signals(&device, done), "the fence of a present");
                    let wait = Generation::One.wait(&scene.swapchain, id, 0);
                    assert_eq!(wait, vk::Result::SUCCESS, "a wait for the frame");
                    assert_eq!(scene.compositor.held_count(), 0, "it was not shown");
                    let acquired = scene.acquire(payload);
                    assert_eq!(acquired.index, index);
                    assert!(acquired.signals_within(SOON).is_some());
                    drop(acquired);
                    goes_on_with(&mut scene, payload, index);
                });
                all_images_go_on(&mut scene);
                // SAFETY: it was waited for.
                unsafe { device.raw.destroy_fence(done, None) };
                scene.end();
            }
            Cell::Passed
        },
    );
}

/// "If it does [answer that memory is lacking], the implementation must ensure that the state and contents of
/// any resources or synchronization primitives referenced is unaffected": the application may present the
/// same again.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_refuses_the_submit_of_a_present() {
    let _watchdog = watchdog("a driver that refuses a submit");
    in_every_way(
        "the driver refuses the submit of a present: as if it had not been",
        |stage, way, payload| {
            let mut scene = stage.scene(way);
            let device = Arc::clone(&scene.swapchain.device);
            let done = fence(&device, false).unwrap();
            without_leak(&device, |number| {
                let (refusal, told) = [
                    vk::Result::ERROR_OUT_OF_HOST_MEMORY,
                    vk::Result::ERROR_OUT_OF_DEVICE_MEMORY,
                    vk::Result::ERROR_DEVICE_LOST,
                    vk::Result::ERROR_UNKNOWN,
                ]
                .map(|refusal| match refusal {
                    vk::Result::ERROR_UNKNOWN => (refusal, vk::Result::ERROR_DEVICE_LOST),
                    told => (refusal, told),
                })[number];
                let index = scene.held.pop().unwrap();
                scene.swapchain.draw_now(index).unwrap();
                stage.driver.fail_next(Command::QueueSubmit, refusal);
                assert_eq!(scene.present(index, 0, done), (Err(told), told));
                // SAFETY: the fence is the device's.
                let signalled = unsafe { device.raw.get_fence_status(done) }.unwrap();
                assert!(!signalled, "{told}");
                // The same image, the same semaphore, the same fence. (The device is not really lost.)
                let success = (Ok(()), vk::Result::SUCCESS);
                assert_eq!(scene.present(index, 0, done), success, "{told}");
                assert!(signals(&device, done), "the fence of a present");
                let frame = scene.compositor.next_commit();
                scene.compositor.release(&frame, With::nothing());
                let acquired = scene.acquire(payload);
                assert_eq!(acquired.index, index);
                assert!(acquired.signals_within(SOON).is_some());
                drop(acquired);
                goes_on_with(&mut scene, payload, index);
            });
            all_images_go_on(&mut scene);
            // SAFETY: it was waited for.
            unsafe { device.raw.destroy_fence(done, None) };
            assert_eq!(
                scene.end().counters.cpu_waits > 0,
                way == Way::Cpu,
                "nothing is waited for"
            );
            Cell::Passed
        },
    );
}

/// The semaphores are consumed, and nobody can tell when the rendering is done.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_neither_exports_nor_waits() {
    let _watchdog = watchdog("a driver that neither exports nor waits");
    in_every_way(
        "the driver exports no sync_file, and cannot wait: device lost",
        |stage, way, payload| {
            if payload != Payload::Fence {
                return Cell::NotApplicable("a present signals nothing");
            }
            let mut scene = stage.scene(way);
            let index = scene.held.pop().unwrap();
            scene.swapchain.draw_now(index).unwrap();
            let lack = vk::Result::ERROR_OUT_OF_HOST_MEMORY;
            // Neither the application's semaphore nor the layer's.
            stage.driver.fail_next(Command::GetSemaphoreFd, lack);
            stage.driver.fail_next(Command::GetSemaphoreFd, lack);
            stage.driver.fail_next(Command::QueueWaitIdle, lack);
            let told = vk::Result::ERROR_DEVICE_LOST;
            let none = vk::Fence::null();
            assert_eq!(scene.present(index, 0, none), (Err(told), told));
            assert_eq!(scene.compositor.held_count(), 0, "it was not shown");
            scene.end();
            Cell::Passed
        },
    );
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_refuses_the_import() {
    let _watchdog = watchdog("a driver that refuses");
    in_every_way(
        "the driver refuses semaphore or fence",
        |stage, way, payload| {
            if way == Way::Cpu {
                return Cell::NotApplicable("the CPU waits before");
            }
            let mut scene = stage.scene(way);
            let commands: &[Command] = match payload {
                Payload::Semaphore => &[Command::ImportSemaphoreFd],
                Payload::Fence => &[Command::ImportFenceFd],
                Payload::Both => &[Command::ImportSemaphoreFd, Command::ImportFenceFd],
            };
            let device = Arc::clone(&scene.swapchain.device);
            without_leak(&device, |number| {
                let (index, reader) = come_back_read(&mut scene);
                let told = vk::Result::ERROR_OUT_OF_HOST_MEMORY;
                stage
                    .driver
                    .fail_next(commands[number % commands.len()], told);
                let answer = scene.try_acquire(payload, 1_000_000_000).map(drop);
                assert_eq!(answer, Err(told));
                comes_held_by(&mut scene, payload, index, reader);
            });
            all_images_go_on(&mut scene);
            assert_eq!(scene.end().counters.cpu_waits, 0);
            Cell::Passed
        },
    );
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_exports_nothing() {
    let _watchdog = watchdog("a driver that exports nothing");
    in_every_way(
        "the driver exports no sync_file at a present: shown after a wait",
        |stage, way, payload| {
            if payload != Payload::Fence {
                return Cell::NotApplicable("a present signals nothing");
            }
            let mut scene = stage.scene(way);
            let device = Arc::clone(&scene.swapchain.device);
            without_leak(&device, |_| {
                // Neither the application's semaphore nor the layer's.
                for _ in 0..2 {
                    stage
                        .driver
                        .fail_next(Command::GetSemaphoreFd, vk::Result::ERROR_TOO_MANY_OBJECTS);
                }
                let (index, frame) = scene.show();
                scene.compositor.release(&frame, With::nothing());
                let acquired = scene.acquire(payload);
                assert_eq!(acquired.index, index);
                scene.held.push(index);
            });
            all_images_go_on(&mut scene);
            // Rule 2: what could not be done without is counted.
            let report = scene.end();
            assert!(
                report.counters.cpu_waits >= ERRORS.len() as u64,
                "{report:?}"
            );
            Cell::Passed
        },
    );
}

/// The queue waits for it, and the layer's own is exported.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_exports_not_the_applications_semaphore() {
    let _watchdog = watchdog("a driver that exports our own semaphores alone");
    in_every_way(
        "the driver exports not the semaphore of a present: shown without a wait",
        |stage, way, payload| {
            if payload != Payload::Fence {
                return Cell::NotApplicable("a present signals nothing");
            }
            let mut scene = stage.scene(way);
            let device = Arc::clone(&scene.swapchain.device);
            without_leak(&device, |number| {
                let (_, lack) = ERRORS[number];
                stage.driver.fail_next(Command::GetSemaphoreFd, lack);
                let (index, frame) = scene.show();
                scene.compositor.release(&frame, With::nothing());
                let acquired = scene.acquire(payload);
                assert_eq!(acquired.index, index);
                assert!(acquired.signals_within(SOON).is_some());
                scene.held.push(index);
            });
            all_images_go_on(&mut scene);
            let report = scene.end();
            assert_eq!(report.counters.cpu_waits > 0, way == Way::Cpu, "{report:?}");
            Cell::Passed
        },
    );
}

/// A present that waits for one semaphore takes what is in it, and submits nothing.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_present_needs_no_submit() {
    let _watchdog = watchdog("a driver that takes no submit of a present");
    in_every_way(
        "the driver would refuse the submit of a present: there is none",
        |stage, way, payload| {
            if payload != Payload::Fence {
                return Cell::NotApplicable("a present signals nothing");
            }
            let mut scene = stage.scene(way);
            for _ in 0..2 * scene.swapchain.images.len() {
                let index = scene.held.pop().unwrap();
                scene.swapchain.draw_now(index).unwrap();
                let refusal = vk::Result::ERROR_DEVICE_LOST;
                stage.driver.fail_next(Command::QueueSubmit, refusal);
                let success = (Ok(()), vk::Result::SUCCESS);
                assert_eq!(scene.present(index, 0, vk::Fence::null()), success);
                // The next submit is the one that is refused.
                let device = &scene.swapchain.device;
                let next = device.with_queue(|queue| {
                    let none = vk::Fence::null();
                    // SAFETY: the device's queue, and nothing to do.
                    unsafe { device.raw.queue_submit(queue, &[], none) }
                });
                assert_eq!(next, Err(refusal));
                let frame = scene.compositor.next_commit();
                scene.compositor.release(&frame, With::nothing());
                let acquired = scene.acquire(payload);
                assert_eq!(acquired.index, index);
                assert!(acquired.signals_within(SOON).is_some());
                scene.held.insert(0, index);
            }
            scene.end();
            Cell::Passed
        },
    );
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_semaphore_has_a_payload_already() {
    let _watchdog = watchdog("a semaphore with a temporary payload");
    in_every_way(
        "the semaphore or fence has a temporary payload already",
        |stage, way, payload| {
            if way == Way::Cpu {
                return Cell::NotApplicable("the CPU waits before");
            }
            let mut scene = stage.scene(way);
            let device = Arc::clone(&scene.swapchain.device);
            without_leak(&device, |_| {
                let (index, reader) = come_back_read(&mut scene);
                let other = scene.fence();
                let acquired = scene
                    .try_acquire_with_payload_of(payload, other.sync_file(), 1_000_000_000)
                    .unwrap();
                assert_eq!(acquired.index, index);
                // The new payload is in the old one's place.
                other.signal();
                thread::sleep(Duration::from_millis(50));
                assert!(acquired.is_held());
                reader.signal();
                assert!(acquired.signals_within(SOON).is_some());
                scene.held.push(index);
            });
            all_images_go_on(&mut scene);
            Cell::Passed
        },
    );
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_compositor_releases_what_it_does_not_hold() {
    let _watchdog = watchdog("releases that nobody asked for");
    in_every_way(
        "the compositor releases twice, and what it never had",
        |stage, way, payload| {
            let mut scene = stage.scene(way);
            let device = Arc::clone(&scene.swapchain.device);
            without_leak(&device, |_| {
                let (index, frame) = scene.show();
                let buffer = frame.buffer();
                scene.compositor.release(&frame, With::nothing());
                assert!(scene.compositor.misbehave().release_event(buffer));
                let acquired = scene.acquire(payload);
                assert_eq!(acquired.index, index);
                assert!(acquired.signals_within(SOON).is_some());
                // The application has it now, and nobody gets it a second time.
                assert!(scene.compositor.misbehave().release_event(buffer));
                let answer = scene.try_acquire(payload, 100_000_000).map(drop);
                assert_eq!(answer, Err(vk::Result::TIMEOUT));
                scene.held.push(index);
            });
            all_images_go_on(&mut scene);
            Cell::Passed
        },
    );
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_other_end_goes() {
    let _watchdog = watchdog("a compositor that goes");
    in_every_way(
        "the compositor goes with image and timelines: surface lost",
        |stage, way, payload| {
            let mut scene = stage.scene(way);
            let (_, frame) = scene.show();
            if way == Way::Syncobj {
                scene.compositor.misbehave().close_timelines(&frame);
                let answer = scene.try_acquire(payload, 100_000_000).map(drop);
                assert_eq!(answer, Err(vk::Result::TIMEOUT));
            }
            let clients = scene.compositor.clients();
            let begun = Instant::now();
            let answer = thread::scope(|scope| {
                let acquire = scope.spawn(|| scene.try_acquire(payload, u64::MAX).map(drop));
                thread::sleep(Duration::from_millis(50));
                scene.compositor.disconnect(clients[0]);
                acquire.join().unwrap()
            });
            assert_eq!(answer, Err(vk::Result::ERROR_SURFACE_LOST_KHR));
            assert!(begun.elapsed() < SOON);
            let index = scene.held.pop().unwrap();
            let device = Arc::clone(&scene.swapchain.device);
            let done = fence(&device, false).unwrap();
            scene.swapchain.draw_now(index).unwrap();
            let told = vk::Result::ERROR_SURFACE_LOST_KHR;
            assert_eq!(scene.present(index, 0, done), (Err(told), told));
            // What it waits for is waited for.
            assert!(signals(&device, done), "the fence of a present");
            // SAFETY: it was waited for.
            unsafe { device.raw.destroy_fence(done, None) };
            Cell::Passed
        },
    );
}
