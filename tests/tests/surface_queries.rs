//! What a surface says of itself: the plain queries and those whose names end in 2.

use std::collections::HashSet;

use ash::vk;
use wayfence_tests::{Application, Wanted};

/// Everything but the current extent, which on Wayland is the application's choice, agrees.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn capabilities_are_those_of_a_wayland_surface() {
    let app = Application::new();
    let capabilities = app.surface.capabilities(app.device.physical).unwrap();
    // "On Wayland … currentExtent is the special value (0xFFFFFFFF, 0xFFFFFFFF), indicating that
    // the surface size will be determined by the extent of a swapchain targeting the surface"
    // (Vulkan specification, 34.2.5 Wayland Platform).
    assert_eq!(capabilities.current_extent.width, u32::MAX);
    assert_eq!(capabilities.current_extent.height, u32::MAX);
    assert_eq!(capabilities.min_image_extent.width, 1);
    assert_eq!(capabilities.min_image_extent.height, 1);
    assert!(capabilities.max_image_extent.width >= 4096);
    assert!(capabilities.max_image_extent.height >= 4096);
    assert!((2..=4).contains(&capabilities.min_image_count));
    assert!(
        capabilities.max_image_count == 0
            || capabilities.max_image_count >= capabilities.min_image_count + 2
    );
    assert!(capabilities.max_image_array_layers >= 1);
    assert!(
        capabilities
            .supported_transforms
            .contains(vk::SurfaceTransformFlagsKHR::IDENTITY)
    );
    assert_eq!(
        capabilities.current_transform,
        vk::SurfaceTransformFlagsKHR::IDENTITY
    );
    assert!(
        capabilities.supported_composite_alpha.contains(
            vk::CompositeAlphaFlagsKHR::OPAQUE | vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED
        ),
        "{:?}",
        capabilities.supported_composite_alpha
    );
    assert!(
        capabilities
            .supported_usage_flags
            .contains(vk::ImageUsageFlags::COLOR_ATTACHMENT | vk::ImageUsageFlags::TRANSFER_DST),
        "{:?}",
        capabilities.supported_usage_flags
    );
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn plain_and_2_capabilities_agree() {
    let app = Application::new();
    let plain = app.surface.capabilities(app.device.physical).unwrap();
    let two = app.surface.capabilities2(app.device.physical).unwrap();
    assert_eq!(format!("{plain:?}"), format!("{two:?}"));
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn plain_and_2_formats_agree() {
    let app = Application::new();
    let plain = app.surface.formats(app.device.physical).unwrap();
    let two = app.surface.formats2(app.device.physical).unwrap();
    assert_eq!(plain, two);
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn formats_are_shown_once_and_the_usual_ones_are_there() {
    let app = Application::new();
    let formats = app.surface.formats(app.device.physical).unwrap();
    let distinct: HashSet<_> = formats
        .iter()
        .map(|format| (format.format, format.color_space))
        .collect();
    assert_eq!(distinct.len(), formats.len(), "{formats:?}");
    for usual in [vk::Format::B8G8R8A8_UNORM, vk::Format::B8G8R8A8_SRGB] {
        assert!(
            distinct.contains(&(usual, vk::ColorSpaceKHR::SRGB_NONLINEAR)),
            "{usual:?} in {formats:?}"
        );
    }
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn fifo_and_mailbox_are_there() {
    let app = Application::new();
    let modes = app.surface.present_modes(app.device.physical).unwrap();
    assert!(modes.contains(&vk::PresentModeKHR::FIFO), "{modes:?}");
    assert!(modes.contains(&vk::PresentModeKHR::MAILBOX), "{modes:?}");
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_queue_that_draws_can_present() {
    let app = Application::new();
    assert!(
        app.surface
            .is_supported(app.device.physical, app.device.queue_family)
            .unwrap()
    );
}

/// "If pSurfaceFormatCount is less than the number of format pairs supported, at most
/// pSurfaceFormatCount structures will be written, and VK_INCOMPLETE will be returned instead of
/// VK_SUCCESS" (vkGetPhysicalDeviceSurfaceFormatsKHR; the other queries likewise).
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn arrays_that_are_too_short_are_filled_and_incomplete() {
    let app = Application::new();
    let (device, surface) = (app.device.physical, app.surface.raw);
    let instance = &app.device.instance;
    let formats = app.surface.formats(device).unwrap();
    let modes = app.surface.present_modes(device).unwrap();
    let plain = instance.surface.fp();
    let two = instance.capabilities2.fp();
    let info = app.surface.info2();

    for capacity in 0..=formats.len() + 1 {
        let written = capacity.min(formats.len());
        let expected = if capacity < formats.len() {
            vk::Result::INCOMPLETE
        } else {
            vk::Result::SUCCESS
        };
        let untouched = vk::SurfaceFormatKHR {
            format: vk::Format::from_raw(-1),
            color_space: vk::ColorSpaceKHR::from_raw(-1),
        };

        let mut some = vec![untouched; capacity + 1];
        let mut count = capacity as u32;
        // SAFETY: surface and device are alive; the array has room for `count` and one more.
        let result = unsafe {
            (plain.get_physical_device_surface_formats_khr)(
                device,
                surface,
                &mut count,
                some.as_mut_ptr(),
            )
        };
        assert_eq!(result, expected, "{capacity} of {}", formats.len());
        assert_eq!(count as usize, written);
        assert_eq!(some[..written], formats[..written]);
        assert!(some[written..].iter().all(|format| *format == untouched));

        let mut some: Vec<_> = (0..=capacity)
            .map(|_| vk::SurfaceFormat2KHR::default().surface_format(untouched))
            .collect();
        let mut count = capacity as u32;
        // SAFETY: as above.
        let result = unsafe {
            (two.get_physical_device_surface_formats2_khr)(
                device,
                &info,
                &mut count,
                some.as_mut_ptr(),
            )
        };
        assert_eq!(result, expected, "{capacity} of {}", formats.len());
        assert_eq!(count as usize, written);
        let some: Vec<_> = some.iter().map(|format| format.surface_format).collect();
        assert_eq!(some[..written], formats[..written]);
        assert!(some[written..].iter().all(|format| *format == untouched));
    }

    for capacity in 0..=modes.len() + 1 {
        let written = capacity.min(modes.len());
        let untouched = vk::PresentModeKHR::from_raw(-1);
        let mut some = vec![untouched; capacity + 1];
        let mut count = capacity as u32;
        // SAFETY: as above.
        let result = unsafe {
            (plain.get_physical_device_surface_present_modes_khr)(
                device,
                surface,
                &mut count,
                some.as_mut_ptr(),
            )
        };
        let expected = if capacity < modes.len() {
            vk::Result::INCOMPLETE
        } else {
            vk::Result::SUCCESS
        };
        assert_eq!(result, expected, "{capacity} of {}", modes.len());
        assert_eq!(count as usize, written);
        assert_eq!(some[..written], modes[..written]);
        assert!(some[written..].iter().all(|mode| *mode == untouched));
    }
}

/// What the compositor says of itself is cached: every answer is the same, from any thread.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn answers_do_not_change_and_come_from_any_thread() {
    let app = Application::new();
    let ask = || {
        (
            format!("{:?}", app.surface.capabilities(app.device.physical)),
            app.surface.formats(app.device.physical),
            app.surface.present_modes(app.device.physical),
        )
    };
    let first = ask();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(ask(), first);
                }
            });
        }
    });
}

/// Every format that is offered makes a swapchain, opaque and with alpha.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn every_format_that_is_offered_can_be_shown() {
    let app = Application::new();
    let capabilities = app.surface.capabilities(app.device.physical).unwrap();
    for format in app.surface.formats(app.device.physical).unwrap() {
        for alpha in [
            vk::CompositeAlphaFlagsKHR::OPAQUE,
            vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED,
        ] {
            if !capabilities.supported_composite_alpha.contains(alpha) {
                continue;
            }
            let mut swapchain = app
                .try_swapchain(Wanted {
                    format: Some(format),
                    alpha,
                    extent: (64, 64),
                    ..Wanted::default()
                })
                .unwrap_or_else(|error| panic!("{format:?} {alpha:?}: {error}"));
            for _ in 0..3 {
                swapchain
                    .frame()
                    .unwrap_or_else(|error| panic!("{format:?} {alpha:?}: {error}"));
            }
            drop(swapchain);
            app.surface.window().assert_alive();
        }
    }
}

/// What `vkGetPhysicalDeviceWaylandPresentationSupportKHR` says of a queue is what the surface
/// says.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn presentation_support_of_the_display_is_that_of_the_surface() {
    let app = Application::new();
    // SAFETY: device and display are alive.
    let display = unsafe {
        app.device
            .instance
            .wayland_surface
            .get_physical_device_wayland_presentation_support(
                app.device.physical,
                app.device.queue_family,
                &mut *app.surface.window().display_ptr().cast(),
            )
    };
    assert!(display);
}

/// The queries of the present rectangles exist since Vulkan 1.1 and answer nothing that fails.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn present_rectangles_are_answered() {
    let app = Application::new();
    // SAFETY: device and surface are alive and of the same instance.
    let rectangles = unsafe {
        app.device
            .instance
            .swapchain
            .get_physical_device_present_rectangles(app.device.physical, app.surface.raw)
    };
    assert_eq!(rectangles.map(|all| all.len()), Ok(1));
}
