//! Presenting images: "WSI Swapchain", vkQueuePresentKHR.

use ash::vk;
use wayfence_tests::instance::{Options, WAYLAND};
use wayfence_tests::{Fence, Semaphore, Surface, Swapchain, Wanted};

use crate::case::cases;
use crate::frames::{
    SECOND, draw_one_of_each, draw_without_semaphore, present_together, signal_and_wait,
};
use crate::maintenance1::signals;
use crate::names::MAINTENANCE1;
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    frames_flow_in_fifo_and_in_mailbox,
    frames_flow_at_every_api_version,
    frames_flow_with_the_fewest_extensions,
    images_may_be_presented_in_any_order,
    a_present_may_wait_for_no_semaphore,
    a_present_may_wait_for_several_semaphores,
    one_present_shows_two_windows,
    one_present_shows_a_window_and_a_headless_surface,
    each_present_is_a_commit_of_its_own,
    a_dead_compositor_ends_a_swapchain,
    each_swapchain_of_a_present_has_its_result,
];

/// The two modes that every Wayland surface has.
fn frames_flow_in_fifo_and_in_mailbox(stage: &Stage) -> Outcome {
    let app = stage.app();
    for wanted in [Wanted::default(), Wanted::mailbox()] {
        let mut swapchain = app.swapchain_with(wanted);
        for _ in 0..15 {
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    }
    Ok(())
}

/// Which extensions the layer adds below it depends on the application's API version: they suffice for every
/// version.
fn frames_flow_at_every_api_version(stage: &Stage) -> Outcome {
    for api_version in [
        vk::API_VERSION_1_0,
        vk::API_VERSION_1_1,
        vk::API_VERSION_1_2,
        vk::API_VERSION_1_3,
    ] {
        let app = stage.app_with(Options {
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
    Ok(())
}

/// An application that enables only what it must, without `VK_KHR_get_surface_capabilities2`.
fn frames_flow_with_the_fewest_extensions(stage: &Stage) -> Outcome {
    let app = stage.app_with(Options {
        api_version: vk::API_VERSION_1_0,
        extensions: &WAYLAND[..2],
        ..Options::default()
    });
    let mut swapchain = app.swapchain();
    for _ in 0..5 {
        swapchain.frame().unwrap();
    }
    Ok(())
}

/// `swapchainCount`, and `pResults`: "an array of VkResult typed elements with swapchainCount entries"
/// (VkPresentInfoKHR).
fn one_present_shows_two_windows(stage: &Stage) -> Outcome {
    let first = stage.app();
    let second = first.second_window();
    let mut chains = [
        first.swapchain_with(Wanted::mailbox()),
        second.swapchain_with(Wanted {
            extent: (128, 64),
            ..Wanted::mailbox()
        }),
    ];
    for _ in 0..8 {
        let indices = draw_one_of_each(&mut chains);
        let mut results = [vk::Result::ERROR_UNKNOWN; 2];
        present_together(&chains, indices, Some(&mut results), std::ptr::null()).unwrap();
        assert_eq!(results, [vk::Result::SUCCESS; 2]);
        first.surface.dispatch();
        second.surface.dispatch();
    }
    drop(chains);
    first.surface.window().assert_alive();
    second.surface.window().assert_alive();
    Ok(())
}

/// One swapchain of the two in a present is the layer's, the other the driver's.
fn one_present_shows_a_window_and_a_headless_surface(stage: &Stage) -> Outcome {
    stage.needs_of_instance(ash::ext::headless_surface::NAME)?;
    let app = stage.app();
    let headless = Surface::headless(&app.device.instance);
    let device = &app.device;
    let mut chains = [
        app.swapchain_with(Wanted::mailbox()),
        Swapchain::new(device, &headless, Wanted::default()).unwrap(),
    ];
    for turn in 0..8 {
        // In either order.
        chains.reverse();
        let indices = draw_one_of_each(&mut chains);
        let mut results = [vk::Result::ERROR_UNKNOWN; 2];
        present_together(&chains, indices, Some(&mut results), std::ptr::null()).unwrap();
        assert_eq!(results, [vk::Result::SUCCESS; 2], "turn {turn}");
        app.surface.dispatch();
    }
    drop(chains);
    app.surface.window().assert_alive();
    Ok(())
}

/// A present that waits for nothing shows what earlier submissions drew.
fn a_present_may_wait_for_no_semaphore(stage: &Stage) -> Outcome {
    let app = stage.app();
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
    Ok(())
}

/// "applications can arbitrarily present any image that is currently acquired" (vkQueuePresentKHR).
fn images_may_be_presented_in_any_order(stage: &Stage) -> Outcome {
    let app = stage.app();
    let least = app
        .surface
        .capabilities(app.device.physical)
        .unwrap()
        .min_image_count;
    let mut swapchain = app.swapchain_with(Wanted {
        // One image may be held without losing forward progress.
        images: least + 1,
        ..Wanted::mailbox()
    });
    for turn in 0..10 {
        let mut held = [0; 2];
        for index in &mut held {
            *index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        }
        if turn % 2 == 0 {
            held.reverse();
        }
        for index in held {
            swapchain.draw_and_present(index).unwrap();
            app.surface.dispatch();
        }
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// `waitSemaphoreCount`: each is waited for.
fn a_present_may_wait_for_several_semaphores(stage: &Stage) -> Outcome {
    let app = stage.app();
    let device = &app.device;
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    // Without a present fence nothing says when one may be used again, so each frame has its own.
    let mut used = Vec::new();
    for _ in 0..5 {
        let more = [(); 3].map(|()| Semaphore::new(device).unwrap());
        let signal = more.each_ref().map(|semaphore| semaphore.raw);
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        let submit = vk::SubmitInfo::default().signal_semaphores(&signal);
        let wait = [signal.as_slice(), &[swapchain.drawn(index)]].concat();
        let swapchains = [swapchain.raw];
        let indices = [index];
        let info = vk::PresentInfoKHR::default()
            .wait_semaphores(&wait)
            .swapchains(&swapchains)
            .image_indices(&indices);
        device
            // SAFETY: everything is the device's; the image is held and drawn, and each semaphore has
            // a signal pending.
            .with_queue(|queue| unsafe {
                device
                    .raw
                    .queue_submit(queue, &[submit], vk::Fence::null())?;
                device.swapchain.queue_present(queue, &info)
            })
            .unwrap();
        device.wait_idle().unwrap();
        app.surface.dispatch();
        used.extend(more);
    }
    drop(swapchain);
    drop(used);
    app.surface.window().assert_alive();
    Ok(())
}

/// vkQueuePresentKHR, "Queue an image for presentation": the compositor gets that image, in the order of the
/// presents.
fn each_present_is_a_commit_of_its_own(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    // One has mapped the window.
    let before = compositor.commit_count();
    for frame in 1..=5 {
        swapchain.frame().unwrap();
        app.surface.window().roundtrip().unwrap();
        assert_eq!(compositor.commit_count(), before + frame);
    }
    Ok(())
}

/// "VK_ERROR_SURFACE_LOST_KHR: a surface is no longer available", or VK_ERROR_OUT_OF_DATE_KHR, which an
/// implementation may choose (VkResult): soon after the connection is gone a call says so, and everything can
/// still be destroyed.
fn a_dead_compositor_ends_a_swapchain(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = app.swapchain();
    swapchain.frame().unwrap();
    compositor.disconnect(compositor.clients()[0]);
    let told = (0..swapchain.images.len() + 1)
        .find_map(|_| swapchain.frame_within(SECOND).err())
        .expect("an error");
    let ends = [
        vk::Result::ERROR_SURFACE_LOST_KHR,
        vk::Result::ERROR_OUT_OF_DATE_KHR,
    ];
    assert!(ends.contains(&told), "{told:?}");
    Ok(())
}

/// Of two windows one is lost. "If multiple swapchains are presented, the result code is determined by
/// applying the following rules in order: If the device is lost [...]. If any of the target surfaces are no
/// longer available [...]. If any of the presents would have a result of VK_ERROR_OUT_OF_DATE_KHR [...]"
/// (vkQueuePresentKHR), and "each entry in pResults will be set" (VkPresentInfoKHR).
fn each_swapchain_of_a_present_has_its_result(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    stage.needs_one(MAINTENANCE1)?;
    for lost in 0..2 {
        let before = compositor.clients();
        let apps = [stage.app(), stage.app()];
        let mut clients = compositor.clients();
        clients.retain(|client| !before.contains(client));
        let mut chains = apps
            .each_ref()
            .map(|app| app.swapchain_with(Wanted::mailbox()));
        let indices = draw_one_of_each(&mut chains);
        compositor.disconnect(clients[lost]);
        let device = stage.device();
        let done = [(); 2].map(|()| Fence::new(device).unwrap());
        let fences = done.each_ref().map(|fence| fence.raw);
        let of_fences = vk::SwapchainPresentFenceInfoEXT::default().fences(&fences);
        // No present answers this.
        let mut results = [vk::Result::EVENT_SET; 2];
        let chain = (&raw const of_fences).cast();
        let whole = present_together(&chains, indices, Some(&mut results), chain);
        assert_eq!(results[1 - lost], vk::Result::SUCCESS, "{results:?}");
        // An implementation need not notice at once.
        let known = [
            vk::Result::SUCCESS,
            vk::Result::ERROR_OUT_OF_DATE_KHR,
            vk::Result::ERROR_SURFACE_LOST_KHR,
        ];
        assert!(known.contains(&results[lost]), "{results:?}");
        let worst = whole.map_or_else(|error| error, |_| vk::Result::SUCCESS);
        assert_eq!(worst, results[lost]);
        // The semaphores are waited for in any case.
        done.iter().for_each(signals);
        for (index, chain) in indices.iter().zip(&chains) {
            signal_and_wait(device, chain.drawn(*index));
        }
        chains[1 - lost].frame().unwrap();
        drop(chains);
        apps[1 - lost].surface.window().assert_alive();
    }
    Ok(())
}
