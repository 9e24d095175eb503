//! Destruction, in every order that the specification allows.

use ash::{khr, vk};
use wayfence_tests::instance::Options;
use wayfence_tests::swapchain::plain;
use wayfence_tests::{Application, Device, Surface, Swapchain, Wanted};

use crate::case::cases;
use crate::frames::hold_all;
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    null_handles_are_ignored,
    a_swapchain_may_go_unused,
    a_swapchain_may_go_with_images_acquired,
    a_swapchain_may_go_right_after_a_present,
    swapchains_may_go_in_any_order,
    a_surface_may_be_made_again_on_the_same_window,
    two_surfaces_go_in_any_order,
    another_device_may_have_the_surface_afterwards,
    everything_goes_with_an_instance_of_its_own,
    a_window_may_go_before_the_others_of_its_connection,
];

/// Handles may be VK_NULL_HANDLE (vkDestroySwapchainKHR, vkDestroySurfaceKHR).
fn null_handles_are_ignored(stage: &Stage) -> Outcome {
    let app = stage.app();
    // SAFETY: destroying nothing is allowed.
    unsafe {
        app.device
            .swapchain
            .destroy_swapchain(vk::SwapchainKHR::null(), None);
        stage
            .instance()
            .surface
            .destroy_surface(vk::SurfaceKHR::null(), None);
    }
    app.swapchain().frame().unwrap();
    Ok(())
}

/// vkDestroySwapchainKHR: without an acquire.
fn a_swapchain_may_go_unused(stage: &Stage) -> Outcome {
    let app = stage.app();
    for _ in 0..5 {
        drop(app.swapchain());
    }
    app.swapchain().frame().unwrap();
    app.surface.window().assert_alive();
    Ok(())
}

/// "The application must not destroy a swapchain until after completion of all outstanding operations on images
/// that were acquired from the swapchain": acquired images without operations do not prevent it.
fn a_swapchain_may_go_with_images_acquired(stage: &Stage) -> Outcome {
    let app = stage.app();
    for _ in 0..2 {
        let mut swapchain = app.swapchain_with(Wanted::mailbox());
        swapchain.frame().unwrap();
        let _held = hold_all(&swapchain);
    }
    app.swapchain().frame().unwrap();
    app.surface.window().assert_alive();
    Ok(())
}

/// "The memory of each VkImage will only be freed after that image is no longer used by the presentation
/// engine" (vkDestroySwapchainKHR): the implementation takes care of that.
fn a_swapchain_may_go_right_after_a_present(stage: &Stage) -> Outcome {
    let app = stage.app();
    for turn in 0..10 {
        let mut swapchain = app.swapchain_with(match turn % 2 {
            0 => Wanted::default(),
            _ => Wanted::mailbox(),
        });
        swapchain.frame().unwrap();
    }
    app.surface.window().assert_alive();
    Ok(())
}

/// A retired swapchain may go before that which has replaced it, or after it.
fn swapchains_may_go_in_any_order(stage: &Stage) -> Outcome {
    let app = stage.app();
    for newest_first in [true, false] {
        let mut all = vec![app.swapchain()];
        for _ in 0..3 {
            let last = all.last_mut().unwrap();
            last.frame().unwrap();
            let next = last.replaced_by(Wanted::default()).unwrap();
            all.push(next);
        }
        if newest_first {
            all.reverse();
        }
        for swapchain in all {
            drop(swapchain);
            app.surface.window().assert_alive();
        }
    }
    app.swapchain().frame().unwrap();
    Ok(())
}

/// vkDestroySurfaceKHR leaves the `wl_surface` to the application.
fn a_surface_may_be_made_again_on_the_same_window(stage: &Stage) -> Outcome {
    let instance = stage.instance();
    let window = stage.window();
    let create_info = vk::WaylandSurfaceCreateInfoKHR::default()
        .display(window.display_ptr())
        .surface(window.surface_ptr());
    let device = stage.device();
    for _ in 0..3 {
        // SAFETY: display and surface outlive what is made here, all of which goes in this turn.
        unsafe {
            let surface = instance
                .wayland_surface
                .create_wayland_surface(&create_info, None)
                .unwrap();
            let formats = instance
                .surface
                .get_physical_device_surface_formats(device.physical, surface)
                .unwrap();
            let told = instance
                .surface
                .get_physical_device_surface_capabilities(device.physical, surface)
                .unwrap();
            let supported = instance
                .surface
                .get_physical_device_surface_support(device.physical, device.queue_family, surface)
                .unwrap();
            assert!(supported);
            let create_info = plain(surface, formats[0], &told);
            let swapchain = device
                .swapchain
                .create_swapchain(&create_info, None)
                .unwrap();
            device.swapchain.destroy_swapchain(swapchain, None);
            instance.surface.destroy_surface(surface, None);
        }
        window.assert_alive();
    }
    Ok(())
}

/// Surfaces of one instance are independent.
fn two_surfaces_go_in_any_order(stage: &Stage) -> Outcome {
    for first_first in [true, false] {
        let first = stage.app();
        let second = stage.app();
        let mut left = match first_first {
            true => {
                first.swapchain().frame().unwrap();
                drop(first);
                second.swapchain()
            }
            false => {
                second.swapchain().frame().unwrap();
                drop(second);
                first.swapchain()
            }
        };
        for _ in 0..3 {
            left.frame().unwrap();
        }
        left.surface.window().assert_alive();
    }
    Ok(())
}

/// A surface belongs to an instance; its window is free once the swapchain of the first device is gone.
fn another_device_may_have_the_surface_afterwards(stage: &Stage) -> Outcome {
    let app = stage.app();
    app.swapchain().frame().unwrap();
    let second = Device::with_extensions(stage.instance(), &[khr::swapchain::NAME]);
    let mut swapchain = Swapchain::new(&second, &app.surface, Wanted::default()).unwrap();
    for _ in 0..3 {
        swapchain.frame().unwrap();
    }
    drop(swapchain);
    drop(second);
    app.swapchain().frame().unwrap();
    app.surface.window().assert_alive();
    Ok(())
}

/// Instance, device and surface go while others in the process stay.
fn everything_goes_with_an_instance_of_its_own(stage: &Stage) -> Outcome {
    let stays = stage.app();
    let mut swapchain = stays.swapchain();
    for _ in 0..2 {
        let app = stage.app_with(Options::default());
        app.swapchain().frame().unwrap();
        drop(app);
        swapchain.frame().unwrap();
    }
    Ok(())
}

/// A window's objects go; the connection stays, with another window on it.
fn a_window_may_go_before_the_others_of_its_connection(stage: &Stage) -> Outcome {
    let first = stage.app();
    let beside = first.surface.window().open_beside();
    let second = Application {
        surface: Surface::of_window(stage.instance(), beside),
        device: std::sync::Arc::clone(stage.device()),
    };
    let mut swapchain = second.swapchain();
    swapchain.frame().unwrap();
    first.swapchain().frame().unwrap();
    drop(first);
    for _ in 0..3 {
        swapchain.frame().unwrap();
    }
    drop(swapchain);
    second.surface.window().assert_alive();
    Ok(())
}
