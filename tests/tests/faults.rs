//! What goes wrong between application, kernel, driver and compositor is told by the result that the
//! specification names, loses no image for good, and leaks no descriptor.

use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ash::{khr, vk};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};
use wayfence_test_compositor::{Commit, Compositor, Offer, With};
use wayfence_test_fences::vgem;
use wayfence_tests::application::Application;
use wayfence_tests::asynchronous::{AsynchronousDriver, Command};
use wayfence_tests::footprint::descriptors;
use wayfence_tests::manner::Manner;
use wayfence_tests::other_driver::OtherDriver;
use wayfence_tests::present_wait::Generation;
use wayfence_tests::real_driver::RealDriver;
use wayfence_tests::refusing_kernel::{EXPORT_SYNC_FILE, IMPORT_SYNC_FILE, RefusingKernel};
use wayfence_tests::scenario::Scenario;
use wayfence_tests::scripted::{Payload, SOON, Scene, Way};
use wayfence_tests::stderr::captured;
use wayfence_tests::{Device, Fence, Semaphore, Wanted};

/// `DRM_IOCTL_SYNCOBJ_QUERY`.
const QUERY: Opcode = opcode::read_write::<[u64; 3]>(b'd', 0xcb);
/// `DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD` with and without a point, `…_FD_TO_HANDLE`, and `…_TRANSFER`.
const POINT_TO_FD: Opcode = opcode::read_write::<[u64; 3]>(b'd', 0xc1);
const HANDLE_TO_FD: Opcode = opcode::read_write::<[u64; 2]>(b'd', 0xc1);
const FD_TO_HANDLE: Opcode = opcode::read_write::<[u64; 2]>(b'd', 0xc2);
const TRANSFER: Opcode = opcode::read_write::<[u64; 4]>(b'd', 0xcc);
/// `DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL`.
const SIGNAL: Opcode = opcode::read_write::<[u64; 3]>(b'd', 0xcd);

/// Why there is nothing to show on a driver.
const DRIVERS_OWN: &str = "the driver's own submissions need what the kernel refuses";

/// Why there is nothing to show on another: it is none of those of which the layer knows that a semaphore which can be
/// exported is no other semaphore.
const NOT_EXPORTABLE: &str = "the application's semaphores are not made to be exported there";
/// Those.
const WITHOUT_EXPORTS: [Manner; 3] = [Manner::Nvidia, Manner::PowerVr, Manner::Amdvlk];

/// What the kernel may answer, and what an application is told then.
const ERRORS: [(Errno, vk::Result); 4] = [
    (Errno::MFILE, vk::Result::ERROR_OUT_OF_HOST_MEMORY),
    (Errno::NOMEM, vk::Result::ERROR_OUT_OF_HOST_MEMORY),
    (Errno::INVAL, vk::Result::ERROR_UNKNOWN),
    (Errno::BADF, vk::Result::ERROR_UNKNOWN),
];

/// Shows an image, and has it come back with a reader.
fn come_back_read(scene: &mut Scene<'_>) -> (u32, vgem::Fence) {
    let (index, frame) = scene.show();
    let reader = scene.fence();
    scene
        .compositor
        .release(&frame, With::readers(&[reader.sync_file()]));
    (index, reader)
}

/// The image can be acquired, as if nothing had happened: held by the fence and by nothing else.
fn comes_held_by(scene: &mut Scene<'_>, payload: Payload, index: u32, fence: vgem::Fence) {
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

/// Lets go of a frame that nobody has read: the application gets its image again, at once.
fn comes_back(scene: &mut Scene<'_>, payload: Payload, index: u32, frame: &Commit) {
    scene.compositor.release(frame, With::nothing());
    comes_at_once(scene, payload, index);
}

/// The image can be acquired, and nothing holds it.
fn comes_at_once(scene: &mut Scene<'_>, payload: Payload, index: u32) {
    let acquired = scene.acquire(payload);
    assert_eq!(acquired.index, index);
    assert!(acquired.signals_within(SOON).is_some());
    scene.held.push(index);
}

/// Every image can be acquired, shown, and comes back.
fn all_images_go_on(scene: &mut Scene<'_>) {
    let images = scene.swapchain.images.len();
    assert_eq!(scene.held.len(), images, "an image is lost");
    for _ in 0..2 * images {
        let (index, frame) = scene.show();
        comes_back(scene, Payload::Fence, index, &frame);
        // Each in its turn.
        scene.held.rotate_right(1);
    }
}

/// Plays what may leak again and again: the second round leaves the same descriptors open as the last.
fn without_leak<'a>(scene: &mut Scene<'a>, mut round: impl FnMut(&mut Scene<'a>, usize)) {
    let device = Arc::clone(&scene.swapchain.device);
    let descriptors = || {
        // A driver signals the fence of a submit before it lets go of what the submit waited for.
        device.wait_idle().expect("an idle device");
        descriptors()
    };
    round(scene, 0);
    round(scene, 1);
    let after_two = descriptors();
    for number in 2..ERRORS.len() {
        round(scene, number);
    }
    assert_eq!(descriptors(), after_two, "a descriptor leaks");
}

/// Plays this part on a kernel that refuses those ioctls with this error.
fn where_the_kernel_refuses(
    scene: &mut Scene<'_>,
    ioctls: &[Opcode],
    errno: Errno,
    part: impl FnOnce(&mut Scene<'_>),
) {
    let refusing = ioctls
        .iter()
        .fold(RefusingKernel::default(), |kernel, ioctl| {
            kernel.refusing(*ioctl, errno)
        });
    let healthy = std::mem::replace(&mut scene.kernel, refusing);
    part(scene);
    scene.kernel = healthy;
}

/// A kernel, and the ioctls by which a way takes the fences of a released image there, and gives those of a
/// presented one.
struct Passage {
    kernel: RefusingKernel,
    exports: [Opcode; 2],
    imports: [Opcode; 2],
}

impl Passage {
    /// Plays this part in scenes of this way: on this kernel, and on those that pass fences otherwise.
    fn play_each<'a>(scene: Scene<'a>, part: impl Fn(Scene<'a>, &Passage)) {
        let (stage, way) = (scene.stage, scene.way);
        scene.end();
        for passage in Self::of(way) {
            // What this kernel lacks, the driver needs for exports of its own.
            if passage.is_without_points() && is_on_a_real_driver() {
                continue;
            }
            part(stage.scene_on(way, passage.kernel.clone()), &passage);
        }
    }

    /// Whether the kernel is one before Linux 6.16.
    fn is_without_points(&self) -> bool {
        self.exports[0] == TRANSFER
    }

    fn of(way: Way) -> Vec<Self> {
        match way {
            Way::Syncobj => vec![
                Self {
                    kernel: RefusingKernel::default(),
                    exports: [POINT_TO_FD; 2],
                    imports: [FD_TO_HANDLE, TRANSFER],
                },
                Self {
                    // Before Linux 6.16.
                    kernel: RefusingKernel::default().refusing(POINT_TO_FD, Errno::INVAL),
                    exports: [TRANSFER, HANDLE_TO_FD],
                    imports: [FD_TO_HANDLE, TRANSFER],
                },
            ],
            Way::Implicit => vec![Self {
                kernel: RefusingKernel::default(),
                exports: [EXPORT_SYNC_FILE; 2],
                imports: [IMPORT_SYNC_FILE; 2],
            }],
            Way::Explicit | Way::Cpu => panic!("{NO_IOCTL}"),
        }
    }
}

fn is_on_a_real_driver() -> bool {
    matches!(OtherDriver::asked_for(), Some(OtherDriver::Real(_)))
}

const NO_IOCTL: &str = "no ioctl is needed";

/// Where the kernel refuses, acquires of an image that comes back with a reader tell, and the image is not
/// lost.
fn acquires_fail_while_the_kernel_refuses(
    mut scene: Scene<'_>,
    payload: Payload,
    ioctls: [Opcode; 2],
    timeouts: &[u64],
) {
    without_leak(&mut scene, |scene, number| {
        let (errno, told) = ERRORS[number];
        let (index, reader) = come_back_read(scene);
        where_the_kernel_refuses(scene, &[ioctls[number % 2]], errno, |scene| {
            for timeout in timeouts {
                let answer = scene.try_acquire(payload, *timeout).map(drop);
                assert_eq!(answer, Err(told), "{errno}");
            }
        });
        // Not too late for what was on the image at its release.
        comes_held_by(scene, payload, index, reader);
    });
    all_images_go_on(&mut scene);
    assert_eq!(scene.end().counters.cpu_waits, 0);
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_fences_of_a_released_image_cannot_be_taken() {
    Scenario::new("export fails (EMFILE, ENOMEM, EINVAL, EBADF)")
        .not_in(Way::Explicit, NO_IOCTL)
        .not_in(Way::Cpu, NO_IOCTL)
        .play(|scene, payload| {
            Passage::play_each(scene, |scene, passage| {
                let timeouts = [1_000_000_000; 2];
                acquires_fail_while_the_kernel_refuses(scene, payload, passage.exports, &timeouts);
            });
        });
}

/// Also an acquire that would wait for as long as it takes: nothing else would end it.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_release_point_cannot_be_looked_at() {
    Scenario::new("a release point cannot be looked at (EMFILE, ENOMEM, EINVAL, EBADF)")
        .only_in(Way::Syncobj, "a release is an event")
        .play(|scene, payload| {
            acquires_fail_while_the_kernel_refuses(scene, payload, [QUERY; 2], &[u64::MAX]);
        });
}

/// The frame is shown all the same, when its rendering is done.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_fence_of_a_present_cannot_be_given() {
    Scenario::new("import fails (EMFILE, ENOMEM, EINVAL, EBADF): shown after a wait")
        .not_on(RealDriver::Radv, DRIVERS_OWN)
        .not_on(RealDriver::Honeykrisp, DRIVERS_OWN)
        .not_in(Way::Explicit, NO_IOCTL)
        .not_in(Way::Cpu, NO_IOCTL)
        .play(|scene, payload| {
            Passage::play_each(scene, |mut scene, passage| {
                without_leak(&mut scene, |scene, number| {
                    let (errno, _) = ERRORS[number];
                    let rendering = scene.fence();
                    scene.stage.driver.export_next(rendering.sync_file());
                    let index = scene.held.pop().unwrap();
                    let compositor = Arc::clone(&scene.compositor);
                    let finish = thread::spawn(move || {
                        let early =
                            compositor.commit_within(Duration::from_millis(50), Commit::has_buffer);
                        rendering.signal();
                        early
                    });
                    let import = passage.imports[number % 2];
                    where_the_kernel_refuses(scene, &[import], errno, |scene| {
                        assert_eq!(scene.try_show(index), Ok(()), "{errno}");
                    });
                    let early = finish.join().unwrap();
                    assert!(early.is_none(), "shown before it was drawn: {early:?}");
                    let frame = scene.compositor.next_commit();
                    comes_back(scene, payload, index, &frame);
                });
                assert_eq!(scene.compositor.held_count(), 0);
                all_images_go_on(&mut scene);
                // Rule 2: what could not be done without is counted.
                let report = scene.end();
                assert_eq!(report.counters.cpu_waits, ERRORS.len() as u64);
            });
        });
}

/// Whether the fence of a present signals soon. Makes it ready for the next.
fn signals(done: &Fence) -> bool {
    let signalled = done.wait(SOON.as_nanos() as u64);
    done.reset();
    signalled.is_ok()
}

/// The application draws and presents the same image again, with the semaphore of before.
fn goes_on_with(scene: &mut Scene<'_>, payload: Payload, index: u32) {
    let (again, frame) = scene.show();
    assert_eq!(again, index);
    comes_back(scene, payload, index, &frame);
}

/// "VK_ERROR_OUT_OF_DATE_KHR [...]: the set of queue operations are still considered to be enqueued"
/// (vkQueuePresentKHR): the semaphore is waited for, the fence signals, the frame's number is over, and
/// the image is the presentation engine's again.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_frame_cannot_be_shown_at_all() {
    Scenario::new("nothing can be handed over: out of date, waited for, image back")
        .not_on(RealDriver::Radv, DRIVERS_OWN)
        .not_on(RealDriver::Honeykrisp, DRIVERS_OWN)
        .only_in(Way::Syncobj, "a wait takes the import's place")
        .play(|scene, payload| {
            Passage::play_each(scene, |mut scene, passage| {
                let done = Fence::new(&scene.swapchain.device).unwrap();
                without_leak(&mut scene, |scene, number| {
                    let (errno, _) = ERRORS[number];
                    let rendering = scene.fence();
                    scene.stage.driver.export_next(rendering.sync_file());
                    rendering.signal();
                    let index = scene.held.pop().unwrap();
                    let id = number as u64 + 1;
                    scene.swapchain.draw_now(index).unwrap();
                    where_the_kernel_refuses(
                        scene,
                        &[passage.imports[1], SIGNAL],
                        errno,
                        |scene| {
                            let told = vk::Result::ERROR_OUT_OF_DATE_KHR;
                            let answer = scene.present(index, id, done.raw);
                            assert_eq!(answer, (Err(told), told), "{errno}");
                        },
                    );
                    assert!(signals(&done), "the fence of a present");
                    let wait = Generation::One.wait(&scene.swapchain, id, 0);
                    assert_eq!(wait, vk::Result::SUCCESS, "a wait for the frame");
                    assert_eq!(scene.compositor.held_count(), 0, "it was not shown");
                    comes_at_once(scene, payload, index);
                    goes_on_with(scene, payload, index);
                });
                all_images_go_on(&mut scene);
                scene.end();
            });
        });
}

/// "If it does [answer that memory is lacking], the implementation must ensure that the state and contents of
/// any resources or synchronization primitives referenced is unaffected": the application may present the
/// same again.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_refuses_the_submit_of_a_present() {
    Scenario::new("the driver refuses the submit of a present: as if it had not been").play(
        |mut scene, payload| {
            let way = scene.way;
            let done = Fence::new(&scene.swapchain.device).unwrap();
            without_leak(&mut scene, |scene, number| {
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
                let driver = &scene.stage.driver;
                driver.fail_next(Command::QueueSubmit, refusal);
                assert_eq!(scene.present(index, 0, done.raw), (Err(told), told));
                assert!(!done.is_signalled(), "{told}");
                // The same image, the same semaphore, the same fence. (The device is not really lost.)
                let success = (Ok(()), vk::Result::SUCCESS);
                assert_eq!(scene.present(index, 0, done.raw), success, "{told}");
                assert!(signals(&done), "the fence of a present");
                let frame = scene.compositor.next_commit();
                comes_back(scene, payload, index, &frame);
                goes_on_with(scene, payload, index);
            });
            all_images_go_on(&mut scene);
            assert_eq!(
                scene.end().counters.cpu_waits > 0,
                way == Way::Cpu,
                "nothing is waited for"
            );
        },
    );
}

/// The semaphores are consumed, and nobody can tell when the rendering is done.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_neither_exports_nor_waits() {
    Scenario::new("the driver exports no sync_file, and cannot wait: device lost")
        .not_on_any(WITHOUT_EXPORTS, NOT_EXPORTABLE)
        .only_with(Payload::Fence, "a present signals nothing")
        .play(|mut scene, _| {
            let index = scene.held.pop().unwrap();
            scene.swapchain.draw_now(index).unwrap();
            let lack = vk::Result::ERROR_OUT_OF_HOST_MEMORY;
            let driver = &scene.stage.driver;
            // Neither the application's semaphore nor the layer's.
            driver.fail_next(Command::GetSemaphoreFd, lack);
            driver.fail_next(Command::GetSemaphoreFd, lack);
            driver.fail_next(Command::QueueWaitIdle, lack);
            let told = vk::Result::ERROR_DEVICE_LOST;
            let none = vk::Fence::null();
            assert_eq!(scene.present(index, 0, none), (Err(told), told));
            assert_eq!(scene.compositor.held_count(), 0, "it was not shown");
            scene.end();
        });
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_refuses_the_import() {
    Scenario::new("the driver refuses semaphore or fence")
        .not_in(Way::Cpu, "the CPU waits before")
        .play(|mut scene, payload| {
            let commands: &[Command] = match payload {
                Payload::Semaphore => &[Command::ImportSemaphoreFd],
                Payload::Fence => &[Command::ImportFenceFd],
                Payload::Both => &[Command::ImportSemaphoreFd, Command::ImportFenceFd],
            };
            without_leak(&mut scene, |scene, number| {
                let (index, reader) = come_back_read(scene);
                let told = vk::Result::ERROR_OUT_OF_HOST_MEMORY;
                let command = commands[number % commands.len()];
                scene.stage.driver.fail_next(command, told);
                let answer = scene.try_acquire(payload, 1_000_000_000).map(drop);
                assert_eq!(answer, Err(told));
                comes_held_by(scene, payload, index, reader);
            });
            all_images_go_on(&mut scene);
            assert_eq!(scene.end().counters.cpu_waits, 0);
        });
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_exports_nothing() {
    Scenario::new("the driver exports no sync_file at a present: shown after a wait")
        .only_with(Payload::Fence, "a present signals nothing")
        .play(|mut scene, payload| {
            without_leak(&mut scene, |scene, _| {
                let driver = &scene.stage.driver;
                // Neither the application's semaphore nor the layer's.
                for _ in 0..2 {
                    driver.fail_next(Command::GetSemaphoreFd, vk::Result::ERROR_TOO_MANY_OBJECTS);
                }
                let (index, frame) = scene.show();
                comes_back(scene, payload, index, &frame);
            });
            all_images_go_on(&mut scene);
            // Rule 2: what could not be done without is counted.
            let report = scene.end();
            assert!(
                report.counters.cpu_waits >= ERRORS.len() as u64,
                "{report:?}"
            );
        });
}

/// The queue waits for it, and the layer's own is exported.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_driver_does_not_export_the_applications_semaphore() {
    Scenario::new("the driver does not export the semaphore of a present: shown without a wait")
        .not_on_any(WITHOUT_EXPORTS, NOT_EXPORTABLE)
        .only_with(Payload::Fence, "a present signals nothing")
        .play(|mut scene, payload| {
            let way = scene.way;
            without_leak(&mut scene, |scene, number| {
                let (_, lack) = ERRORS[number];
                scene.stage.driver.fail_next(Command::GetSemaphoreFd, lack);
                let (index, frame) = scene.show();
                comes_back(scene, payload, index, &frame);
            });
            all_images_go_on(&mut scene);
            let report = scene.end();
            assert_eq!(report.counters.cpu_waits > 0, way == Way::Cpu, "{report:?}");
        });
}

/// A present that waits for one semaphore takes what is in it, and submits nothing.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_present_needs_no_submit() {
    Scenario::new("the driver would refuse the submit of a present: there is none")
        .not_on_any(WITHOUT_EXPORTS, NOT_EXPORTABLE)
        .only_with(Payload::Fence, "a present signals nothing")
        .play(|mut scene, payload| {
            for _ in 0..2 * scene.swapchain.images.len() {
                let index = scene.held.pop().unwrap();
                scene.swapchain.draw_now(index).unwrap();
                let refusal = vk::Result::ERROR_DEVICE_LOST;
                scene.stage.driver.fail_next(Command::QueueSubmit, refusal);
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
                comes_back(&mut scene, payload, index, &frame);
                // Each in its turn.
                scene.held.rotate_right(1);
            }
            scene.end();
        });
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_semaphore_has_a_payload_already() {
    Scenario::new("the semaphore or fence has a temporary payload already")
        .not_in(Way::Cpu, "the CPU waits before")
        .play(|mut scene, payload| {
            without_leak(&mut scene, |scene, _| {
                let (index, reader) = come_back_read(scene);
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
        });
}

/// `vkImportSemaphoreFdKHR` of a payload of another kind than a sync_file, by a descriptor of the driver's.
fn import_opaque(
    device: &Device,
    semaphore: vk::Semaphore,
    flags: vk::SemaphoreImportFlags,
) -> Result<(), vk::Result> {
    let descriptor: OwnedFd = std::fs::File::open("/dev/null").unwrap().into();
    let info = vk::ImportSemaphoreFdInfoKHR::default()
        .semaphore(semaphore)
        .flags(flags)
        .handle_type(vk::ExternalSemaphoreHandleTypeFlags::OPAQUE_FD)
        .fd(descriptor.as_raw_fd());
    let commands = khr::external_semaphore_fd::Device::new(&device.instance.raw, &device.raw);
    // SAFETY: the semaphore is the device's, and nothing uses it; a success takes the descriptor.
    unsafe { commands.import_semaphore_fd(&info) }?;
    let _ = descriptor.into_raw_fd();
    Ok(())
}

/// "If the import is temporary, the implementation must restore the semaphore to its prior permanent state after
/// submitting the next semaphore wait operation" (Importing Semaphore Payloads): up to then a present submits, and
/// from then on it takes what it waits for.
#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn a_semaphore_has_a_payload_of_another_kind() {
    Scenario::new("a wait semaphore has a payload of another kind: submitted as long as it has")
        .not_on_any(WITHOUT_EXPORTS, NOT_EXPORTABLE)
        .only_with(Payload::Fence, "a present signals nothing")
        .play(|mut scene, payload| {
            let device = Arc::clone(&scene.swapchain.device);
            let commands = |scene: &Scene<'_>| -> Vec<String> {
                let driver = &scene.stage.driver;
                (1..).map_while(|number| driver.called(number)).collect()
            };
            // Presents after this semaphore, and answers whether that was submitted.
            let submits = |scene: &mut Scene<'_>, semaphore: vk::Semaphore| {
                let index = scene.held.pop().unwrap();
                let driver = &scene.stage.driver;
                driver.fail_from(0, 0, vk::Result::SUCCESS, true);
                driver
                    .counting(|| {
                        let Scene {
                            kernel, swapchain, ..
                        } = scene;
                        kernel.run(|| swapchain.present_after(index, semaphore))
                    })
                    .expect("a present");
                let called = commands(scene);
                let frame = scene.compositor.next_commit();
                comes_back(scene, payload, index, &frame);
                scene.held.rotate_right(1);
                called.iter().any(|command| command == "vkQueueSubmit")
            };
            let signal = |semaphore: vk::Semaphore| {
                let signals = [semaphore];
                let submit = vk::SubmitInfo::default().signal_semaphores(&signals);
                // SAFETY: the semaphore is the device's, and unsignalled.
                device
                    .with_queue(|queue| unsafe {
                        device.raw.queue_submit(queue, &[submit], vk::Fence::null())
                    })
                    .expect("a submit");
            };
            let temporary = vk::SemaphoreImportFlags::TEMPORARY;
            let semaphore = Semaphore::new(&device).unwrap();
            for _ in 0..2 {
                signal(semaphore.raw);
                assert!(!submits(&mut scene, semaphore.raw), "its own payload");
                import_opaque(&device, semaphore.raw, temporary).unwrap();
                assert!(
                    submits(&mut scene, semaphore.raw),
                    "a payload of another kind"
                );
            }
            // What is not imported changes nothing.
            let lack = vk::Result::ERROR_OUT_OF_HOST_MEMORY;
            scene
                .stage
                .driver
                .fail_next(Command::ImportSemaphoreFd, lack);
            let refused = import_opaque(&device, semaphore.raw, temporary);
            assert_eq!(refused, Err(lack));
            signal(semaphore.raw);
            assert!(!submits(&mut scene, semaphore.raw), "nothing was imported");
            // For good.
            import_opaque(&device, semaphore.raw, Default::default()).unwrap();
            assert!(submits(&mut scene, semaphore.raw));
            signal(semaphore.raw);
            assert!(
                submits(&mut scene, semaphore.raw),
                "its own payload is gone"
            );
            device.wait_idle().unwrap();
            drop(semaphore);
            all_images_go_on(&mut scene);
            scene.end();
        });
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_compositor_releases_what_it_does_not_hold() {
    Scenario::new("the compositor releases twice, and what it never had").play(
        |mut scene, payload| {
            without_leak(&mut scene, |scene, _| {
                let (index, frame) = scene.show();
                let buffer = frame.buffer();
                scene.compositor.release(&frame, With::nothing());
                assert!(scene.compositor.misbehave().release_event(buffer));
                comes_at_once(scene, payload, index);
                // The application has it now, and nobody gets it a second time.
                assert!(scene.compositor.misbehave().release_event(buffer));
                let answer = scene.try_acquire(payload, 100_000_000).map(drop);
                assert_eq!(answer, Err(vk::Result::TIMEOUT));
            });
            all_images_go_on(&mut scene);
        },
    );
}

#[test]
#[ignore = "needs a driver, vgem, and a DRM node with timelines: scripts/test"]
fn the_other_end_goes() {
    Scenario::new("the compositor goes with image and timelines: surface lost").play(
        |mut scene, payload| {
            let (_, frame) = scene.show();
            if scene.way == Way::Syncobj {
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
            let done = Fence::new(&scene.swapchain.device).unwrap();
            scene.swapchain.draw_now(index).unwrap();
            let told = vk::Result::ERROR_SURFACE_LOST_KHR;
            assert_eq!(scene.present(index, 0, done.raw), (Err(told), told));
            // What it waits for is waited for.
            assert!(signals(&done), "the fence of a present");
        },
    );
}

/// Mesa's Honeykrisp has answered so where the kernel refused.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_driver_says_success_and_gives_nothing() {
    let driver = AsynchronousDriver::new();
    let compositor = Compositor::new(Offer::default());
    let application = Application::at(compositor.connect());
    for command in [
        Command::CreateImage,
        Command::AllocateMemory,
        Command::GetMemoryFd,
    ] {
        driver.fail_next(command, vk::Result::SUCCESS);
        let (answer, said) = captured(|| application.try_swapchain(Wanted::default()).map(drop));
        let expected = Err(vk::Result::ERROR_INITIALIZATION_FAILED);
        assert_eq!(answer, expected, "{command:?}");
        assert!(said.contains("success, and no"), "{command:?}: {said}");
        assert!(!said.contains("a bug in Wayfence"), "{command:?}: {said}");
    }
    let mut swapchain = application.try_swapchain(Wanted::mailbox()).unwrap();
    swapchain.frame().unwrap();
    drop(swapchain);
    assert!(compositor.protocol_errors().is_empty());
}
