//! The states of a swapchain and the errors that the specification names.

use std::time::{Duration, Instant};

use ash::{khr, vk};
use wayfence_tests::footprint::dma_bufs;
use wayfence_tests::instance::{Options, WAYLAND};
use wayfence_tests::swapchain::{clear, fence, semaphore};
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Device, Swapchain, Wanted, layers};

const NONE: vk::Semaphore = vk::Semaphore::null();
const MILLISECOND: u64 = 1_000_000;

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn frames_flow_in_fifo_and_in_mailbox() {
    let app = Application::new();
    for wanted in [Wanted::default(), Wanted::mailbox()] {
        let mut swapchain = app.swapchain_with(wanted);
        for _ in 0..30 {
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    }
}

/// The layer adds extensions below it by the application's API version; whichever that is, they
/// are complete.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn frames_flow_at_every_api_version() {
    for api_version in [
        vk::API_VERSION_1_0,
        vk::API_VERSION_1_1,
        vk::API_VERSION_1_2,
        vk::API_VERSION_1_3,
    ] {
        let app = Application::with(Options {
            api_version,
            ..Options::default()
        });
        let mut swapchain = app.swapchain();
        for _ in 0..5 {
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    }
}

/// An application that asks for no more than it must: `VK_KHR_get_surface_capabilities2` is not
/// among it.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn frames_flow_with_the_fewest_extensions() {
    let app = Application::with(Options {
        api_version: vk::API_VERSION_1_0,
        extensions: &WAYLAND[..2],
        ..Options::default()
    });
    let mut swapchain = app.swapchain();
    for _ in 0..5 {
        swapchain.frame().unwrap();
    }
}

/// "minImageCount is the minimum number of presentable images that the application needs. The
/// implementation will either create the swapchain with at least that many images, or it will
/// fail" (VkSwapchainCreateInfoKHR).
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn there_are_as_many_images_as_wanted() {
    let app = Application::new();
    let capabilities = app.surface.capabilities(app.device.physical).unwrap();
    let most = match capabilities.max_image_count {
        0 => 8,
        limit => limit.min(8),
    };
    for images in capabilities.min_image_count..=most {
        let swapchain = app.swapchain_with(Wanted {
            images,
            extent: (64, 64),
            ..Wanted::default()
        });
        assert!(
            swapchain.images.len() >= images as usize,
            "{} of {images}",
            swapchain.images.len()
        );
    }
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn an_array_of_images_that_is_too_short_is_filled_and_incomplete() {
    let app = Application::new();
    let swapchain = app.swapchain();
    let get = app.device.swapchain.fp().get_swapchain_images_khr;
    let device = app.device.raw.handle();
    for capacity in 0..=swapchain.images.len() + 1 {
        let written = capacity.min(swapchain.images.len());
        let mut some = vec![vk::Image::null(); capacity + 1];
        let mut count = capacity as u32;
        // SAFETY: the swapchain is the device's; the array has room for `count` and one more.
        let result = unsafe { get(device, swapchain.raw, &mut count, some.as_mut_ptr()) };
        assert_eq!(
            result,
            if capacity < swapchain.images.len() {
                vk::Result::INCOMPLETE
            } else {
                vk::Result::SUCCESS
            }
        );
        assert_eq!(count as usize, written);
        assert_eq!(some[..written], swapchain.images[..written]);
        assert!(
            some[written..]
                .iter()
                .all(|&image| image == vk::Image::null())
        );
    }
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn an_acquire_signals_semaphore_and_fence_alone_and_together() {
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let device = &app.device;
    let acquired = semaphore(device).unwrap();
    let ready = fence(device, false).unwrap();
    for round in 0..30 {
        let (with_semaphore, with_fence) = [(true, false), (false, true), (true, true)][round % 3];
        let index = swapchain
            .acquire(
                u64::MAX,
                if with_semaphore { acquired } else { NONE },
                if with_fence { ready } else { vk::Fence::null() },
            )
            .unwrap();
        if with_semaphore {
            wait_by_submit(device, acquired);
        }
        if with_fence {
            // SAFETY: the fence is the device's and is signalled by the acquire.
            unsafe {
                device
                    .raw
                    .wait_for_fences(&[ready], true, u64::MAX)
                    .unwrap();
                device.raw.reset_fences(&[ready]).unwrap();
            }
        }
        swapchain.draw_and_present(index).unwrap();
        app.surface.dispatch();
    }
    device.wait_idle().unwrap();
    // SAFETY: nothing uses them any more.
    unsafe {
        device.raw.destroy_semaphore(acquired, None);
        device.raw.destroy_fence(ready, None);
    }
}

/// "If timeout is zero, then vkAcquireNextImageKHR does not wait, and will either successfully
/// acquire an image, or fail and return VK_NOT_READY if no image is available."
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn without_a_timeout_an_acquire_does_not_wait() {
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let mut held = Vec::new();
    let error = loop {
        let begun = Instant::now();
        let answer = swapchain.acquire_and_wait(0);
        assert!(begun.elapsed() < Duration::from_secs(1));
        match answer {
            Ok(index) => held.push(index),
            Err(error) => break error,
        }
    };
    assert_eq!(error, vk::Result::NOT_READY);
    assert_eq!(held.len(), swapchain.images.len());
    for index in held {
        swapchain.draw_and_present(index).unwrap();
    }
    // What was presented comes back.
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
}

/// "… otherwise VK_TIMEOUT if the timeout expires"; and not much later than that.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_finite_timeout_ends_an_acquire_in_time() {
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let held = hold_all(&swapchain);
    for timeout in [MILLISECOND, 50 * MILLISECOND, 300 * MILLISECOND] {
        let begun = Instant::now();
        let answer = swapchain.acquire_and_wait(timeout);
        let elapsed = begun.elapsed();
        assert_eq!(answer, Err(vk::Result::TIMEOUT));
        assert!(
            elapsed >= Duration::from_nanos(timeout),
            "{elapsed:?} of {timeout} ns"
        );
        assert!(
            elapsed < Duration::from_nanos(timeout) + Duration::from_secs(1),
            "{elapsed:?} of {timeout} ns"
        );
    }
    for index in held {
        swapchain.draw_and_present(index).unwrap();
    }
    for _ in 0..5 {
        swapchain.frame().unwrap();
    }
}

/// A failed acquire leaves semaphore and fence as they were, to be used at once by the next.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_failed_acquire_signals_nothing() {
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let device = &app.device;
    let mut held = hold_all(&swapchain);
    let acquired = semaphore(device).unwrap();
    let ready = fence(device, false).unwrap();
    for timeout in [0, MILLISECOND] {
        assert!(swapchain.acquire(timeout, acquired, ready).is_err());
        // SAFETY: the fence is the device's.
        assert!(!unsafe { device.raw.get_fence_status(ready) }.unwrap());
    }
    let index = held.pop().unwrap();
    swapchain.draw_and_present(index).unwrap();
    let index = held.pop().unwrap();
    swapchain.draw_and_present(index).unwrap();
    let _watchdog = Watchdog::new(Duration::from_secs(30), "an acquire after two presents");
    let index = swapchain.acquire(u64::MAX, acquired, ready).unwrap();
    wait_by_submit(device, acquired);
    // SAFETY: the fence is the device's and is signalled by the acquire.
    unsafe { device.raw.wait_for_fences(&[ready], true, u64::MAX) }.unwrap();
    swapchain.draw_and_present(index).unwrap();
    for index in held {
        swapchain.draw_and_present(index).unwrap();
    }
    device.wait_idle().unwrap();
    // SAFETY: nothing uses them any more.
    unsafe {
        device.raw.destroy_semaphore(acquired, None);
        device.raw.destroy_fence(ready, None);
    }
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn an_infinite_acquire_waits_for_a_release() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "an infinite acquire in FIFO");
    let app = Application::new();
    let mut swapchain = app.swapchain();
    for _ in 0..30 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_and_present(index).unwrap();
        app.surface.dispatch();
    }
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn acquire_2_is_acquire() {
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let device = &app.device;
    let ready = fence(device, false).unwrap();
    for _ in 0..10 {
        let info = vk::AcquireNextImageInfoKHR::default()
            .swapchain(swapchain.raw)
            .timeout(u64::MAX)
            .fence(ready)
            .device_mask(1);
        // SAFETY: swapchain and fence are the device's; the fence is unsignalled, then waited for.
        let index = unsafe {
            let (index, _) = device.swapchain.acquire_next_image2(&info).unwrap();
            device
                .raw
                .wait_for_fences(&[ready], true, u64::MAX)
                .unwrap();
            device.raw.reset_fences(&[ready]).unwrap();
            index
        };
        swapchain.draw_and_present(index).unwrap();
    }
    device.wait_idle().unwrap();
    // SAFETY: nothing uses it any more.
    unsafe { device.raw.destroy_fence(ready, None) };
}

/// "oldSwapchain … the application will not be able to acquire any more images from it": it is
/// retired, and an acquire answers out of date.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_replaced_swapchain_is_out_of_date() {
    let app = Application::new();
    let mut old = app.swapchain();
    for _ in 0..3 {
        old.frame().unwrap();
    }
    let mut new = old.replaced_by(Wanted::default()).unwrap();
    for timeout in [0, 10 * MILLISECOND, u64::MAX] {
        assert_eq!(
            old.acquire(timeout, NONE, vk::Fence::null()),
            Err(vk::Result::ERROR_OUT_OF_DATE_KHR)
        );
    }
    for _ in 0..3 {
        new.frame().unwrap();
    }
    drop(old);
    for _ in 0..3 {
        new.frame().unwrap();
    }
    app.surface.window().assert_alive();
}

/// "Any images from oldSwapchain that are not acquired by the application may be freed … the
/// application can continue to present any already acquired images": a present of one succeeds or
/// says that the swapchain is out of date, and breaks nothing.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn what_was_acquired_before_may_be_presented_after_the_replacement() {
    let app = Application::new();
    let mut old = app.swapchain();
    old.frame().unwrap();
    let held = old.acquire_and_wait(u64::MAX).unwrap();
    let mut new = old.replaced_by(Wanted::default()).unwrap();
    match old.draw_and_present(held) {
        Ok(()) | Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => {}
        Err(error) => panic!("{error}"),
    }
    for _ in 0..5 {
        new.frame().unwrap();
    }
    drop(old);
    for _ in 0..5 {
        new.frame().unwrap();
    }
    app.surface.window().assert_alive();
}

/// "VK_ERROR_NATIVE_WINDOW_IN_USE_KHR: the requested window is already in use": a surface has one
/// swapchain that is not retired.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_second_swapchain_of_a_surface_is_refused() {
    let app = Application::new();
    let mut first = app.swapchain();
    first.frame().unwrap();
    let second = app.try_swapchain(Wanted::default());
    assert_eq!(
        second.err(),
        Some(vk::Result::ERROR_NATIVE_WINDOW_IN_USE_KHR)
    );
    // The refusal has retired nothing.
    first.frame().unwrap();
    drop(first);
    // And the window is free again.
    app.swapchain().frame().unwrap();
}

/// "oldSwapchain … is retired … even if creation of the new swapchain fails".
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_retired_swapchain_can_be_replaced_again_after_it_is_destroyed() {
    let app = Application::new();
    let first = app.swapchain();
    let second = first.replaced_by(Wanted::default()).unwrap();
    drop(second);
    // The window is free though the retired one still exists.
    let mut third = app.swapchain();
    for _ in 0..5 {
        third.frame().unwrap();
    }
    drop(first);
    third.frame().unwrap();
}

/// An application may make images of its own on the swapchain's memory
/// (VkImageSwapchainCreateInfoKHR, VkBindImageMemorySwapchainInfoKHR).
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn an_application_may_bind_images_of_its_own() {
    let app = Application::new();
    let mut swapchain = app.swapchain();
    let device = &app.device;
    let own: Vec<_> = (0..swapchain.images.len() as u32)
        .map(|index| own_image(&swapchain, index))
        .collect();
    // Drawn through the application's own image, shown through the swapchain's.
    let theirs = std::mem::replace(&mut swapchain.images, own.clone());
    assert!(own.iter().all(|image| !theirs.contains(image)));
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    device.wait_idle().unwrap();
    // "Applications must destroy these before the swapchain": nothing uses them any more.
    for image in own {
        // SAFETY: the image is the application's own, and the queue is idle.
        unsafe { device.raw.destroy_image(image, None) };
    }
    swapchain.images = theirs;
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn one_present_shows_two_windows() {
    let first = Application::new();
    let second = first.second_window();
    let device = &first.device;
    let mut chains = [
        first.swapchain_with(Wanted::mailbox()),
        second.swapchain_with(Wanted {
            extent: (128, 64),
            ..Wanted::mailbox()
        }),
    ];
    for _ in 0..20 {
        let mut indices = [0; 2];
        for (index, chain) in indices.iter_mut().zip(&mut chains) {
            *index = chain.acquire_and_wait(u64::MAX).unwrap();
            chain.draw_now(*index).unwrap();
        }
        let swapchains = [chains[0].raw, chains[1].raw];
        let wait = [chains[0].drawn(indices[0]), chains[1].drawn(indices[1])];
        let mut results = [vk::Result::ERROR_UNKNOWN; 2];
        let info = vk::PresentInfoKHR::default()
            .wait_semaphores(&wait)
            .swapchains(&swapchains)
            .image_indices(&indices)
            .results(&mut results);
        device
            // SAFETY: everything is the device's; both images are held and drawn.
            .with_queue(|queue| unsafe { device.swapchain.queue_present(queue, &info) })
            .unwrap();
        assert_eq!(results, [vk::Result::SUCCESS; 2]);
        first.surface.dispatch();
        second.surface.dispatch();
    }
    drop(chains);
    first.surface.window().assert_alive();
    second.surface.window().assert_alive();
}

/// One swapchain of the two in a present is the layer's, the other the driver's.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn one_present_shows_a_window_and_a_headless_surface() {
    let mut extensions = WAYLAND.to_vec();
    extensions.push(ash::ext::headless_surface::NAME);
    let app = Application::with(Options {
        extensions: &extensions,
        ..Options::default()
    });
    let headless = wayfence_tests::Surface::headless(&app.device.instance);
    let device = &app.device;
    let mut chains = [
        app.swapchain_with(Wanted::mailbox()),
        Swapchain::new(device, &headless, Wanted::default()).unwrap(),
    ];
    for turn in 0..20 {
        // In either order.
        chains.reverse();
        let mut indices = [0; 2];
        for (index, chain) in indices.iter_mut().zip(&mut chains) {
            *index = chain.acquire_and_wait(u64::MAX).unwrap();
            chain.draw_now(*index).unwrap();
        }
        let swapchains = [chains[0].raw, chains[1].raw];
        let wait = [chains[0].drawn(indices[0]), chains[1].drawn(indices[1])];
        let mut results = [vk::Result::ERROR_UNKNOWN; 2];
        let info = vk::PresentInfoKHR::default()
            .wait_semaphores(&wait)
            .swapchains(&swapchains)
            .image_indices(&indices)
            .results(&mut results);
        device
            // SAFETY: everything is the device's; both images are held and drawn.
            .with_queue(|queue| unsafe { device.swapchain.queue_present(queue, &info) })
            .unwrap();
        assert_eq!(results, [vk::Result::SUCCESS; 2], "turn {turn}");
        app.surface.dispatch();
    }
    drop(chains);
    app.surface.window().assert_alive();
}

/// A present that waits for nothing shows what earlier submissions drew.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_present_may_wait_for_no_semaphore() {
    let app = Application::new();
    let swapchain = app.swapchain_with(Wanted::mailbox());
    let device = &app.device;
    for _ in 0..10 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        draw_without_semaphore(&swapchain, index);
        let swapchains = [swapchain.raw];
        let indices = [index];
        let info = vk::PresentInfoKHR::default()
            .swapchains(&swapchains)
            .image_indices(&indices);
        device
            // SAFETY: everything is the device's; the image is held and drawn.
            .with_queue(|queue| unsafe { device.swapchain.queue_present(queue, &info) })
            .unwrap();
        app.surface.dispatch();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
}

/// The present's wait semaphores are waited for, whatever the extent or format; and the same
/// semaphore can be used for the next frame of the image, so a present consumes it.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_swapchain_of_every_size_is_shown() {
    let app = Application::new();
    for extent in [(1, 1), (2, 3), (17, 33), (640, 480), (1920, 1080)] {
        let mut swapchain = app.swapchain_with(Wanted {
            extent,
            ..Wanted::mailbox()
        });
        for _ in 0..5 {
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    }
}

/// `VK_KHR_incremental_present` describes what changed; it changes nothing in what is allowed.
#[test]
#[ignore = "needs a Wayland compositor, a driver with VK_KHR_incremental_present: scripts/test"]
fn the_regions_of_an_incremental_present_are_taken() {
    let instance = wayfence_tests::Instance::new(Options::default());
    let window = wayfence_tests::Window::open();
    let surface = wayfence_tests::Surface::of_window(&instance, window);
    // SAFETY: the physical device is the instance's.
    let offered = unsafe {
        instance
            .raw
            .enumerate_device_extension_properties(instance.physical_device())
    }
    .unwrap()
    .iter()
    .any(|extension| extension.extension_name_as_c_str() == Ok(khr::incremental_present::NAME));
    assert!(offered, "the driver has no VK_KHR_incremental_present");
    let device = Device::with_extensions(
        &instance,
        &[khr::swapchain::NAME, khr::incremental_present::NAME],
    );
    let mut swapchain = Swapchain::new(&device, &surface, Wanted::mailbox()).unwrap();
    for turn in 0..10 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        let rectangles = [vk::RectLayerKHR::default()
            .offset(vk::Offset2D { x: turn, y: 5 })
            .extent(vk::Extent2D {
                width: 10,
                height: 20,
            })];
        let regions = [vk::PresentRegionKHR::default().rectangles(&rectangles)];
        let mut regions = vk::PresentRegionsKHR::default().regions(&regions);
        let wait = [swapchain.drawn(index)];
        let swapchains = [swapchain.raw];
        let indices = [index];
        let info = vk::PresentInfoKHR::default()
            .wait_semaphores(&wait)
            .swapchains(&swapchains)
            .image_indices(&indices)
            .push_next(&mut regions);
        device
            // SAFETY: everything is the device's; the image is held and drawn.
            .with_queue(|queue| unsafe { device.swapchain.queue_present(queue, &info) })
            .unwrap();
        surface.dispatch();
    }
    drop(swapchain);
    surface.window().assert_alive();
}

/// Two devices of one instance, each with its window, in two threads.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn applications_in_several_threads_do_not_meet() {
    let _watchdog = Watchdog::new(Duration::from_secs(120), "frames in four threads");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let app = Application::new();
                let mut swapchain = app.swapchain_with(if thread % 2 == 0 {
                    Wanted::default()
                } else {
                    Wanted::mailbox()
                });
                for _ in 0..30 {
                    swapchain.frame().unwrap();
                }
                drop(swapchain);
                app.surface.window().assert_alive();
            });
        }
    });
}

/// Windows of one application share its connection; each thread waits for its own images.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn windows_on_one_connection_are_drawn_in_several_threads() {
    let _watchdog = Watchdog::new(Duration::from_secs(120), "three windows in three threads");
    let first = Application::new();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let app = first.second_window();
            scope.spawn(move || {
                let mut swapchain = app.swapchain();
                for _ in 0..30 {
                    swapchain.frame().unwrap();
                }
                drop(swapchain);
                app.surface.window().assert_alive();
            });
        }
    });
}

/// The other tests hold for a driver's own swapchains, too. This one fails in a run without the layer,
/// so that such a run is never mistaken for one with it.
#[test]
#[ignore = "needs a Wayland compositor and the layer: scripts/test"]
fn the_swapchain_is_the_layers() {
    assert!(
        layers::wayfence_is_on(),
        "the driver's own swapchains are not what this is about"
    );
    let before = dma_bufs().len();
    let app = Application::new();
    let extent = (111, 110);
    let swapchain = app.swapchain_with(Wanted {
        extent,
        ..Wanted::default()
    });
    assert!(
        dma_bufs().len() >= before + swapchain.images.len(),
        "the layer holds a dma-buf for each image; did it step aside?"
    );
    drop(swapchain);
    assert_eq!(layers::report_of(extent).counters.presents, 0);
}

/// Acquires every image. No later acquire may be infinite until one is presented.
fn hold_all(swapchain: &Swapchain) -> Vec<u32> {
    let mut held = Vec::new();
    while held.len() < swapchain.images.len() {
        held.push(swapchain.acquire_and_wait(1000 * MILLISECOND).unwrap());
    }
    held
}

/// Waits until an empty submission that waits for the semaphore is done.
fn wait_by_submit(device: &Device, semaphore: vk::Semaphore) {
    let wait = [semaphore];
    let stages = [vk::PipelineStageFlags::ALL_COMMANDS];
    let submit = vk::SubmitInfo::default()
        .wait_semaphores(&wait)
        .wait_dst_stage_mask(&stages);
    device
        // SAFETY: the semaphore is the device's and has a signal pending.
        .with_queue(|queue| unsafe { device.raw.queue_submit(queue, &[submit], vk::Fence::null()) })
        .unwrap();
    device.wait_idle().unwrap();
}

fn draw_without_semaphore(swapchain: &Swapchain, index: u32) {
    let device = &swapchain.device;
    let pool_info = vk::CommandPoolCreateInfo::default().queue_family_index(device.queue_family);
    // SAFETY: everything is the device's and is used by this thread alone; the queue is idle
    // before the pool goes.
    unsafe {
        let pool = device.raw.create_command_pool(&pool_info, None).unwrap();
        let allocate = vk::CommandBufferAllocateInfo::default()
            .command_pool(pool)
            .command_buffer_count(1);
        let commands = device.raw.allocate_command_buffers(&allocate).unwrap();
        device
            .raw
            .begin_command_buffer(commands[0], &vk::CommandBufferBeginInfo::default())
            .unwrap();
        clear(
            &device.raw,
            commands[0],
            swapchain.images[index as usize],
            [1.0, 0.5, 0.0, 1.0],
        );
        device.raw.end_command_buffer(commands[0]).unwrap();
        let submit = vk::SubmitInfo::default().command_buffers(&commands);
        device
            .with_queue(|queue| device.raw.queue_submit(queue, &[submit], vk::Fence::null()))
            .unwrap();
        device.wait_idle().unwrap();
        device.raw.destroy_command_pool(pool, None);
    }
}

/// An image of the application's own on the memory of one of the swapchain's.
fn own_image(swapchain: &Swapchain, index: u32) -> vk::Image {
    let device = &swapchain.device;
    let (width, height) = swapchain.wanted.extent;
    let mut of_swapchain = vk::ImageSwapchainCreateInfoKHR::default().swapchain(swapchain.raw);
    let create_info = vk::ImageCreateInfo::default()
        .image_type(vk::ImageType::TYPE_2D)
        .format(swapchain.wanted.format.unwrap().format)
        .extent(vk::Extent3D {
            width,
            height,
            depth: 1,
        })
        .mip_levels(1)
        .array_layers(1)
        .samples(vk::SampleCountFlags::TYPE_1)
        .tiling(vk::ImageTiling::OPTIMAL)
        .usage(vk::ImageUsageFlags::TRANSFER_DST | vk::ImageUsageFlags::COLOR_ATTACHMENT)
        .sharing_mode(vk::SharingMode::EXCLUSIVE)
        .initial_layout(vk::ImageLayout::UNDEFINED)
        .push_next(&mut of_swapchain);
    // SAFETY: the create info matches the swapchain's (VkSwapchainCreateInfoKHR, "the swapchain
    // images have these parameters"); what it points to outlives the call.
    unsafe {
        let image = device
            .raw
            .create_image(&create_info, None)
            .unwrap_or_else(|error| panic!("vkCreateImage: {error}"));
        let mut from_swapchain = vk::BindImageMemorySwapchainInfoKHR::default()
            .swapchain(swapchain.raw)
            .image_index(index);
        let bind = vk::BindImageMemoryInfo::default()
            .image(image)
            .push_next(&mut from_swapchain);
        device
            .raw
            .bind_image_memory2(&[bind])
            .unwrap_or_else(|error| panic!("vkBindImageMemory2: {error}"));
        image
    }
}
