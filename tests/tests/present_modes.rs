//! Which present modes there are, which requests each makes, and how a swapchain changes its mode.

use std::sync::Arc;
use std::time::Duration;

use ash::{ext, khr, vk};
use wayfence_test_compositor::{Behaviour, Commit, Compositor, Dmabuf, Offer, With};
use wayfence_tests::asynchronous::AsynchronousDriver;
use wayfence_tests::instance::{Instance, Options, WAYLAND};
use wayfence_tests::registry::{
    EXT_FIFO_LATEST_READY, FIFO_LATEST_READY, FIFO_LATEST_READY_FEATURES, KHR_FIFO_LATEST_READY,
    KHR_SURFACE_MAINTENANCE1, KHR_SWAPCHAIN_MAINTENANCE1,
};
use wayfence_tests::{Application, Device, Fence, Surface, Swapchain, Wanted, Window};

const ALL: &[vk::PresentModeKHR] = &[
    vk::PresentModeKHR::FIFO,
    vk::PresentModeKHR::MAILBOX,
    vk::PresentModeKHR::FIFO_RELAXED,
    vk::PresentModeKHR::IMMEDIATE,
    FIFO_LATEST_READY,
];

/// An application with everything enabled, on a compositor that offers these protocols.
fn application(fifo: bool, tearing_control: bool) -> (Arc<Compositor>, Application) {
    let compositor = Arc::new(Compositor::new(Offer {
        fifo,
        tearing_control,
        ..Offer::default()
    }));
    let mut maintenance =
        vk::PhysicalDeviceSwapchainMaintenance1FeaturesEXT::default().swapchain_maintenance1(true);
    let mut features = vk::PhysicalDeviceFeatures2::default().push_next(&mut maintenance);
    let app = Application::at_with(
        compositor.connect(),
        &[KHR_SURFACE_MAINTENANCE1, ext::surface_maintenance1::NAME],
        &[KHR_SWAPCHAIN_MAINTENANCE1, KHR_FIFO_LATEST_READY],
        &mut features,
    );
    (compositor, app)
}

fn sorted(mut modes: Vec<vk::PresentModeKHR>) -> Vec<vk::PresentModeKHR> {
    modes.sort();
    modes
}

/// What a commit in this mode requests: a barrier, a wait for one, tearing, a frame callback.
fn expected(mode: vk::PresentModeKHR) -> (bool, bool, bool, usize) {
    match mode {
        vk::PresentModeKHR::FIFO => (true, true, false, 1),
        vk::PresentModeKHR::FIFO_RELAXED => (true, true, true, 1),
        vk::PresentModeKHR::IMMEDIATE => (false, false, true, 0),
        FIFO_LATEST_READY => (true, false, false, 0),
        _ => (false, false, false, 0),
    }
}

fn asked(commit: &Commit) -> (bool, bool, bool, usize) {
    (
        commit.pacing.set_barrier,
        commit.pacing.wait_barrier,
        commit.tearing,
        commit.frame_callbacks,
    )
}

/// Makes the compositor show the commit at once.
fn answer(compositor: &Compositor, commit: &Commit) {
    compositor.release(commit, With::nothing());
    compositor.frame_done(commit.surface);
}

fn end(compositor: &Compositor, app: Application) {
    app.device.wait_idle().expect("an idle device");
    drop(app);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn the_compositors_protocols_decide_which_modes_there_are() {
    use vk::PresentModeKHR as Mode;
    for (fifo, tearing, modes) in [
        (false, false, vec![Mode::FIFO, Mode::MAILBOX]),
        (
            true,
            false,
            vec![Mode::FIFO, Mode::MAILBOX, FIFO_LATEST_READY],
        ),
        (
            false,
            true,
            vec![Mode::FIFO, Mode::MAILBOX, Mode::IMMEDIATE],
        ),
        (true, true, ALL.to_vec()),
    ] {
        let (compositor, app) = application(fifo, tearing);
        let told = app.surface.present_modes(app.device.physical).unwrap();
        assert_eq!(sorted(told), sorted(modes.clone()), "{fifo} {tearing}");
        for mode in ALL.iter().filter(|mode| !modes.contains(mode)) {
            let refused = app.try_swapchain(Wanted {
                present_mode: *mode,
                ..Wanted::default()
            });
            assert_eq!(
                refused.err(),
                Some(vk::Result::ERROR_INITIALIZATION_FAILED),
                "{mode:?}"
            );
        }
        end(&compositor, app);
    }
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn each_mode_asks_the_compositor_for_what_it_is() {
    let (compositor, app) = application(true, true);
    let mut swapchain: Option<Swapchain> = None;
    for mode in ALL {
        let wanted = Wanted {
            present_mode: *mode,
            images: 1,
            ..Wanted::default()
        };
        // The replaced swapchain still exists, and must not affect this.
        let mut next = match &swapchain {
            Some(old) => old.replaced_by(wanted).unwrap(),
            None => app.swapchain_with(wanted),
        };
        for _ in 0..3 {
            next.frame().unwrap();
            let commit = compositor.next_commit();
            assert_eq!(asked(&commit), expected(*mode), "{mode:?}");
            answer(&compositor, &commit);
        }
        swapchain = Some(next);
    }
    drop(swapchain);
    end(&compositor, app);
}

/// `VkSwapchainPresentModeInfoKHR`: the images stay.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_swapchain_changes_its_mode_from_one_present_to_the_next() {
    let (compositor, app) = application(true, true);
    let mut swapchain = app.swapchain_with(Wanted {
        present_modes: ALL,
        images: 1,
        ..Wanted::default()
    });
    let mut buffers = None;
    let mut last = vk::PresentModeKHR::FIFO;
    let orders = [0, 1, 2, 3, 4, 2, 0, 4, 1, 3];
    for mode in orders.map(|at| ALL[at]) {
        for change in [false, true] {
            let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
            swapchain.draw_now(index).unwrap();
            if change {
                swapchain.present_as(index, mode).unwrap();
                last = mode;
            } else {
                // Without the structure the mode stays.
                swapchain.present(index).unwrap();
            }
            let commit = compositor.next_commit();
            assert_eq!(asked(&commit), expected(last), "{last:?}");
            answer(&compositor, &commit);
            let count = compositor.buffers(compositor.clients()[0]).len();
            assert_eq!(*buffers.get_or_insert(count), count);
        }
    }
    drop(swapchain);
    end(&compositor, app);
}

/// `VkSurfacePresentModeKHR`, `VkSurfacePresentModeCompatibilityKHR`, and their answers.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn modes_have_their_own_image_counts_and_can_follow_each_other() {
    let (compositor, app) = application(true, true);
    for mode in ALL {
        let mut asked_mode = vk::SurfacePresentModeEXT::default().present_mode(*mode);
        let mut info = app.surface.info2();
        info.p_next = (&raw mut asked_mode).cast();
        let ask = |modes: &mut [vk::PresentModeKHR], room: u32| {
            let mut compatible = vk::SurfacePresentModeCompatibilityEXT {
                present_mode_count: room,
                p_present_modes: match modes {
                    [] => std::ptr::null_mut(),
                    some => some.as_mut_ptr(),
                },
                ..Default::default()
            };
            let mut capabilities =
                vk::SurfaceCapabilities2KHR::default().push_next(&mut compatible);
            // SAFETY: surface and device are alive; the array has the room that is told.
            let answer = unsafe {
                app.surface
                    .ask_capabilities2(app.device.physical, &info, &mut capabilities)
            };
            let minimum = capabilities.surface_capabilities.min_image_count;
            (answer, minimum, compatible.present_mode_count as usize)
        };
        let (answer, minimum, count) = ask(&mut [], 0);
        assert_eq!((answer, count), (Ok(()), ALL.len()));
        let mut modes = vec![vk::PresentModeKHR::default(); count];
        ask(&mut modes, count as u32).0.unwrap();
        assert_eq!(sorted(modes.clone()), sorted(ALL.to_vec()));
        let paced = [vk::PresentModeKHR::FIFO, vk::PresentModeKHR::FIFO_RELAXED].contains(mode);
        assert_eq!(minimum, if paced { 3 } else { 4 }, "{mode:?}");
        let swapchain = app.swapchain_with(Wanted {
            present_mode: *mode,
            images: 1,
            ..Wanted::default()
        });
        assert_eq!(swapchain.images.len() as u32, minimum);
    }
    let all = app.swapchain_with(Wanted {
        present_modes: ALL,
        images: 1,
        ..Wanted::default()
    });
    assert_eq!(all.images.len(), 4, "enough for each of its modes");
    drop(all);
    end(&compositor, app);
}

/// On a surface that the layer leaves to the driver, surface queries offer only what the driver knows; what the
/// extensions promise for a device, which may have other surfaces, still holds.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn where_the_layer_steps_aside_fences_signal_and_modes_stay_alone() {
    let _driver = AsynchronousDriver::without(&[
        "VK_KHR_swapchain_maintenance1",
        "VK_EXT_swapchain_maintenance1",
    ]);
    let compositor = Arc::new(Compositor::new(Offer {
        dmabuf: Dmabuf::None,
        behaviour: Behaviour::Automatic {
            refresh: Duration::from_millis(20),
        },
        ..Offer::default()
    }));
    let instance = Instance::new(Options {
        extensions: &[WAYLAND, &[KHR_SURFACE_MAINTENANCE1]].concat(),
        ..Options::default()
    });
    let window = Window::open_at(compositor.connect());
    // Such a surface may follow when a device was told of the extensions.
    assert!(instance.presents_on(&window));
    let physical = instance.physical_device();
    // SAFETY: the device is the instance's.
    let told = unsafe { instance.raw.enumerate_device_extension_properties(physical) }.unwrap();
    assert!(
        told.iter()
            .any(|one| one.extension_name_as_c_str() == Ok(KHR_SWAPCHAIN_MAINTENANCE1))
    );
    let surface = Surface::of_window(&instance, window);
    let device = Device::with_features(
        &instance,
        &[khr::swapchain::NAME, KHR_SWAPCHAIN_MAINTENANCE1],
        &mut vk::PhysicalDeviceFeatures2::default().push_next(
            &mut vk::PhysicalDeviceSwapchainMaintenance1FeaturesEXT::default()
                .swapchain_maintenance1(true),
        ),
    );
    let app = Application { surface, device };
    for mode in [vk::PresentModeKHR::FIFO, vk::PresentModeKHR::MAILBOX] {
        let mut of_mode = vk::SurfacePresentModeEXT::default().present_mode(mode);
        let mut info = app.surface.info2();
        info.p_next = (&raw mut of_mode).cast();
        let mut modes = [vk::PresentModeKHR::IMMEDIATE; 8];
        let mut compatible =
            vk::SurfacePresentModeCompatibilityEXT::default().present_modes(&mut modes);
        let mut capabilities = vk::SurfaceCapabilities2KHR::default().push_next(&mut compatible);
        // SAFETY: surface and device are alive; the array has the room that is told.
        unsafe {
            app.surface
                .ask_capabilities2(app.device.physical, &info, &mut capabilities)
        }
        .unwrap();
        assert_eq!(compatible.present_mode_count, 1);
        assert_eq!(modes[0], mode);
    }
    let mut swapchain = app.swapchain();
    let done = Fence::new(&app.device).unwrap();
    for _ in 0..3 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        let fences = [done.raw];
        let info = vk::SwapchainPresentFenceInfoEXT::default().fences(&fences);
        swapchain
            .present_with(index, (&raw const info).cast())
            .unwrap();
        done.wait(5_000_000_000).expect("the fence of a present");
        done.reset();
    }
    // The driver uses shared memory.
    assert!(compositor.next_commit().buffer().image().is_none());
    drop(swapchain);
    drop(done);
    end(&compositor, app);
}

/// The layer needs nothing of the driver for this: a driver without the extensions does not see them.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_driver_need_not_know_the_extensions() {
    let driver = AsynchronousDriver::without(&[
        "VK_KHR_swapchain_maintenance1",
        "VK_EXT_swapchain_maintenance1",
        "VK_KHR_present_mode_fifo_latest_ready",
        "VK_EXT_present_mode_fifo_latest_ready",
        "VK_KHR_surface_maintenance1",
        "VK_EXT_surface_maintenance1",
        "VK_KHR_incremental_present",
        "VK_KHR_swapchain_mutable_format",
    ]);
    let (compositor, app) = application(true, true);
    let instance = &app.device.instance.raw;
    // SAFETY: the device is the instance's.
    let extensions =
        unsafe { instance.enumerate_device_extension_properties(app.device.physical) }.unwrap();
    for name in [
        KHR_SWAPCHAIN_MAINTENANCE1,
        ext::swapchain_maintenance1::NAME,
        KHR_FIFO_LATEST_READY,
        EXT_FIFO_LATEST_READY,
        khr::incremental_present::NAME,
        khr::swapchain_mutable_format::NAME,
    ] {
        let found = extensions
            .iter()
            .filter(|one| one.extension_name_as_c_str() == Ok(name));
        assert_eq!(found.count(), 1, "{name:?}");
    }
    let mut maintenance = vk::PhysicalDeviceSwapchainMaintenance1FeaturesEXT::default();
    let mut latest_ready = vk::PhysicalDeviceSwapchainMaintenance1FeaturesEXT {
        s_type: FIFO_LATEST_READY_FEATURES,
        ..Default::default()
    };
    let mut features = vk::PhysicalDeviceFeatures2::default().push_next(&mut maintenance);
    latest_ready.p_next = features.p_next;
    features.p_next = (&raw mut latest_ready).cast();
    // SAFETY: the device is the instance's; both structures are laid out alike.
    unsafe { instance.get_physical_device_features2(app.device.physical, &mut features) };
    assert_eq!(maintenance.swapchain_maintenance1, vk::TRUE);
    assert_eq!(latest_ready.swapchain_maintenance1, vk::TRUE);

    let mut swapchain = app.swapchain_with(Wanted {
        present_modes: ALL,
        ..Wanted::default()
    });
    swapchain.frame().unwrap();
    answer(&compositor, &compositor.next_commit());
    for name in [
        c"vkReleaseSwapchainImagesKHR",
        c"vkReleaseSwapchainImagesEXT",
    ] {
        let known = app.device.function(name).is_some();
        assert_eq!(known, name == c"vkReleaseSwapchainImagesKHR", "{name:?}");
    }
    drop(swapchain);
    end(&compositor, app);
    drop(driver);
}
