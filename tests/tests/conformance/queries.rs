//! Surface queries: the plain ones and those whose names end in 2.

use std::collections::HashSet;
use std::ffi::c_void;

use ash::{khr, vk};
use wayfence_tests::{Application, Wanted};

use crate::case::cases;
use crate::names;
use crate::outcome::{NotSupported, Outcome};
use crate::stage::Stage;

cases![
    capabilities_are_those_of_a_wayland_surface,
    capabilities_hold_together,
    plain_and_2_capabilities_agree,
    capabilities_fill_each_structure_of_their_chain_and_nothing_else,
    plain_and_2_formats_agree,
    formats_are_shown_once_and_the_usual_ones_are_there,
    fifo_and_mailbox_are_there,
    modes_are_shown_once,
    a_queue_that_draws_can_present,
    formats_fill_the_room_that_there_is,
    formats_2_fill_the_room_that_there_is,
    modes_fill_the_room_that_there_is,
    rectangles_fill_the_room_that_there_is,
    answers_do_not_change_and_come_from_any_thread,
    surfaces_of_one_display_answer_alike,
    every_format_that_is_offered_can_be_shown,
    presentation_support_of_the_display_is_that_of_the_surface,
    every_queue_family_is_answered,
    a_surface_tells_whether_it_can_be_protected,
    ids_and_waits_of_a_surface_are_those_of_the_device,
];

/// Everything but the current extent, which on Wayland is the application's choice, agrees.
fn capabilities_are_those_of_a_wayland_surface(stage: &Stage) -> Outcome {
    let app = stage.app();
    let capabilities = app.surface.capabilities(app.device.physical).unwrap();
    // "On Wayland … currentExtent is the special value (0xFFFFFFFF, 0xFFFFFFFF), indicating that
    // the surface size will be determined by the extent of a swapchain targeting the surface"
    // (vkCreateWaylandSurfaceKHR).
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
    Ok(())
}

/// "behaves similarly to vkGetPhysicalDeviceSurfaceCapabilitiesKHR" ("Surface Queries").
fn plain_and_2_capabilities_agree(stage: &Stage) -> Outcome {
    let app = stage.app();
    let plain = app.surface.capabilities(app.device.physical).unwrap();
    let two = app.surface.capabilities2(app.device.physical).unwrap();
    assert_eq!(format!("{plain:?}"), format!("{two:?}"));
    Ok(())
}

/// "behaves similarly to vkGetPhysicalDeviceSurfaceFormatsKHR" ("Surface Queries").
fn plain_and_2_formats_agree(stage: &Stage) -> Outcome {
    let app = stage.app();
    let plain = app.surface.formats(app.device.physical).unwrap();
    let two = app.surface.formats2(app.device.physical).unwrap();
    assert_eq!(plain, two);
    Ok(())
}

/// "format must not be VK_FORMAT_UNDEFINED"; the 8 bit formats that every
/// compositor can show are there (VkSurfaceFormatKHR).
fn formats_are_shown_once_and_the_usual_ones_are_there(stage: &Stage) -> Outcome {
    let app = stage.app();
    let formats = app.surface.formats(app.device.physical).unwrap();
    let distinct: HashSet<_> = formats
        .iter()
        .map(|format| (format.format, format.color_space))
        .collect();
    assert_eq!(distinct.len(), formats.len(), "{formats:?}");
    let undefined = formats
        .iter()
        .any(|format| format.format == vk::Format::UNDEFINED);
    assert!(!undefined, "{formats:?}");
    for usual in [vk::Format::B8G8R8A8_UNORM, vk::Format::B8G8R8A8_SRGB] {
        assert!(
            distinct.contains(&(usual, vk::ColorSpaceKHR::SRGB_NONLINEAR)),
            "{usual:?} in {formats:?}"
        );
    }
    Ok(())
}

/// "VK_PRESENT_MODE_FIFO_KHR … is the only value of presentMode that is required to be supported"
/// (VkPresentModeKHR), and on Wayland mailbox is (VK_KHR_wayland_surface, issue 2).
fn fifo_and_mailbox_are_there(stage: &Stage) -> Outcome {
    let app = stage.app();
    let modes = app.surface.present_modes(app.device.physical).unwrap();
    assert!(modes.contains(&vk::PresentModeKHR::FIFO), "{modes:?}");
    assert!(modes.contains(&vk::PresentModeKHR::MAILBOX), "{modes:?}");
    Ok(())
}

/// vkGetPhysicalDeviceSurfaceSupportKHR: at least one queue that draws can present.
fn a_queue_that_draws_can_present(stage: &Stage) -> Outcome {
    let app = stage.app();
    assert!(
        app.surface
            .is_supported(app.device.physical, app.device.queue_family)
            .unwrap()
    );
    Ok(())
}

/// Asserts what an enumeration writes and answers for every `capacity` ("If pSurfaceFormatCount is less than
/// the number of format pairs supported, at most pSurfaceFormatCount structures will be written, and
/// VK_INCOMPLETE will be returned instead of VK_SUCCESS", likewise for the others).
fn fills_its_room<T: Copy + PartialEq + std::fmt::Debug>(
    untouched: T,
    mut ask: impl FnMut(&mut u32, Option<&mut [T]>) -> vk::Result,
) {
    let mut count = 7777;
    assert_eq!(ask(&mut count, None), vk::Result::SUCCESS);
    let total = count as usize;
    assert!(total < 7777, "the count is not written");
    let mut all = vec![untouched; total];
    assert_eq!(ask(&mut count, Some(&mut all)), vk::Result::SUCCESS);
    assert_eq!(count as usize, total);
    assert!(all.iter().all(|one| *one != untouched), "{all:?}");
    for capacity in 0..=total + 1 {
        let written = capacity.min(total);
        let expected = match capacity < total {
            true => vk::Result::INCOMPLETE,
            false => vk::Result::SUCCESS,
        };
        // Room for one more than the count says.
        let mut some = vec![untouched; capacity + 1];
        let mut count = capacity as u32;
        assert_eq!(
            ask(&mut count, Some(&mut some)),
            expected,
            "{capacity} of {total}"
        );
        assert_eq!(count as usize, written);
        assert_eq!(some[..written], all[..written]);
        assert!(some[written..].iter().all(|one| *one == untouched));
    }
}

fn array<T>(room: Option<&mut [T]>) -> *mut T {
    room.map_or(std::ptr::null_mut(), <[T]>::as_mut_ptr)
}

const NO_FORMAT: vk::SurfaceFormatKHR = vk::SurfaceFormatKHR {
    format: vk::Format::from_raw(-1),
    color_space: vk::ColorSpaceKHR::from_raw(-1),
};

/// vkGetPhysicalDeviceSurfaceFormatsKHR, "Surface Queries".
fn formats_fill_the_room_that_there_is(stage: &Stage) -> Outcome {
    let app = stage.app();
    let query = stage
        .instance()
        .surface
        .fp()
        .get_physical_device_surface_formats_khr;
    fills_its_room(NO_FORMAT, |count, room| {
        // SAFETY: device and surface are alive; the array has room for `count`; so for all here.
        unsafe { query(app.device.physical, app.surface.raw, count, array(room)) }
    });
    Ok(())
}

/// vkGetPhysicalDeviceSurfaceFormats2KHR: and `pNext` of each structure is unchanged.
fn formats_2_fill_the_room_that_there_is(stage: &Stage) -> Outcome {
    let app = stage.app();
    let query = stage
        .instance()
        .capabilities2
        .fp()
        .get_physical_device_surface_formats2_khr;
    let info = app.surface.info2();
    fills_its_room(NO_FORMAT, |count, room| {
        let Some(room) = room else {
            // SAFETY: see above.
            return unsafe { query(app.device.physical, &info, count, std::ptr::null_mut()) };
        };
        let mut all: Vec<_> = room
            .iter()
            .map(|format| vk::SurfaceFormat2KHR::default().surface_format(*format))
            .collect();
        // SAFETY: see above.
        let answer = unsafe { query(app.device.physical, &info, count, all.as_mut_ptr()) };
        for (to, from) in room.iter_mut().zip(&all) {
            assert_eq!(from.s_type, vk::StructureType::SURFACE_FORMAT_2_KHR);
            assert!(from.p_next.is_null());
            *to = from.surface_format;
        }
        answer
    });
    Ok(())
}

/// vkGetPhysicalDeviceSurfacePresentModesKHR, "Surface Queries".
fn modes_fill_the_room_that_there_is(stage: &Stage) -> Outcome {
    let app = stage.app();
    let query = stage
        .instance()
        .surface
        .fp()
        .get_physical_device_surface_present_modes_khr;
    fills_its_room(vk::PresentModeKHR::from_raw(-1), |count, room| {
        // SAFETY: see above.
        unsafe { query(app.device.physical, app.surface.raw, count, array(room)) }
    });
    Ok(())
}

/// vkGetPhysicalDevicePresentRectanglesKHR, "Device Group Queries".
fn rectangles_fill_the_room_that_there_is(stage: &Stage) -> Outcome {
    let app = stage.app();
    let query = stage
        .instance()
        .swapchain
        .fp()
        .get_physical_device_present_rectangles_khr;
    let nowhere = vk::Rect2D {
        offset: vk::Offset2D { x: -1, y: -1 },
        extent: vk::Extent2D {
            width: 0,
            height: 0,
        },
    };
    fills_its_room(nowhere, |count, room| {
        // SAFETY: see above.
        unsafe { query(app.device.physical, app.surface.raw, count, array(room)) }
    });
    Ok(())
}

/// VkSurfaceCapabilitiesKHR: the least is not more than the most, where there is one; COLOR_ATTACHMENT is among
/// the usages; one transform, and one way to composite at the least.
fn capabilities_hold_together(stage: &Stage) -> Outcome {
    let app = stage.app();
    let told = app.surface.capabilities(app.device.physical).unwrap();
    assert!(told.min_image_count >= 1);
    assert!(told.max_image_count == 0 || told.max_image_count >= told.min_image_count);
    assert!(told.min_image_extent.width <= told.max_image_extent.width);
    assert!(told.min_image_extent.height <= told.max_image_extent.height);
    assert!(told.max_image_array_layers >= 1);
    assert!(!told.supported_composite_alpha.is_empty());
    assert!(told.supported_transforms.contains(told.current_transform));
    assert_eq!(told.current_transform.as_raw().count_ones(), 1);
    assert!(
        told.supported_usage_flags
            .contains(vk::ImageUsageFlags::COLOR_ATTACHMENT)
    );
    Ok(())
}

/// Known structures of a chain are filled, and the chain itself is unchanged (VkSurfaceCapabilities2KHR; "Valid
/// Usage for pNext Chains").
fn capabilities_fill_each_structure_of_their_chain_and_nothing_else(stage: &Stage) -> Outcome {
    stage.needs_of_instance(names::KHR_SURFACE_MAINTENANCE1)?;
    let app = stage.app();
    let mut mode = vk::SurfacePresentModeEXT::default().present_mode(vk::PresentModeKHR::FIFO);
    let mut info = app.surface.info2();
    info.p_next = (&raw mut mode).cast();
    let mut scaling = vk::SurfacePresentScalingCapabilitiesEXT {
        supported_present_scaling: vk::PresentScalingFlagsEXT::from_raw(1 << 31),
        ..Default::default()
    };
    let mut compatible = vk::SurfacePresentModeCompatibilityEXT {
        present_mode_count: u32::MAX,
        ..Default::default()
    };
    scaling.p_next = (&raw mut compatible).cast();
    let mut capabilities = vk::SurfaceCapabilities2KHR {
        p_next: (&raw mut scaling).cast(),
        ..Default::default()
    };
    // SAFETY: device and surface are alive; a valid chain of structures that outlive the call.
    unsafe {
        app.surface
            .ask_capabilities2(app.device.physical, &info, &mut capabilities)
    }
    .unwrap();
    assert!(compatible.present_mode_count < u32::MAX);
    assert_eq!(scaling.supported_present_scaling.as_raw() & (1 << 31), 0);
    assert_eq!(capabilities.p_next, (&raw mut scaling).cast::<c_void>());
    assert_eq!(scaling.p_next, (&raw mut compatible).cast::<c_void>());
    assert!(compatible.p_next.is_null());
    assert_eq!(
        capabilities.s_type,
        vk::StructureType::SURFACE_CAPABILITIES_2_KHR
    );
    assert!(capabilities.surface_capabilities.min_image_count >= 1);
    Ok(())
}

/// An enumeration has each value once.
fn modes_are_shown_once(stage: &Stage) -> Outcome {
    let app = stage.app();
    let modes = app.surface.present_modes(app.device.physical).unwrap();
    let distinct: HashSet<_> = modes.iter().collect();
    assert_eq!(distinct.len(), modes.len(), "{modes:?}");
    Ok(())
}

/// On Wayland the answers depend on device and display only.
fn surfaces_of_one_display_answer_alike(stage: &Stage) -> Outcome {
    let first = stage.app();
    let second = first.second_window();
    let ask = |app: &Application| {
        (
            format!("{:?}", app.surface.capabilities(app.device.physical)),
            app.surface.formats(app.device.physical),
            app.surface.present_modes(app.device.physical),
        )
    };
    assert_eq!(ask(&first), ask(&second));
    Ok(())
}

/// vkGetPhysicalDeviceSurfaceSupportKHR answers for each family, with a boolean.
fn every_queue_family_is_answered(stage: &Stage) -> Outcome {
    let app = stage.app();
    let query = stage
        .instance()
        .surface
        .fp()
        .get_physical_device_surface_support_khr;
    // SAFETY: the device is the instance's.
    let families = unsafe {
        stage
            .instance()
            .raw
            .get_physical_device_queue_family_properties(app.device.physical)
    };
    for family in 0..families.len() as u32 {
        let mut supported = 7;
        // SAFETY: device and surface are alive; the family is one of the device's.
        let answer = unsafe { query(app.device.physical, family, app.surface.raw, &mut supported) };
        assert_eq!(answer, vk::Result::SUCCESS);
        assert!([vk::TRUE, vk::FALSE].contains(&supported), "{supported}");
    }
    Ok(())
}

/// `supportsProtected` (VkSurfaceProtectedCapabilitiesKHR): a boolean, and false where the device has no protected memory.
fn a_surface_tells_whether_it_can_be_protected(stage: &Stage) -> Outcome {
    stage.needs_of_instance(khr::surface_protected_capabilities::NAME)?;
    let app = stage.app();
    let mut memory = vk::PhysicalDeviceProtectedMemoryFeatures::default();
    let mut features = vk::PhysicalDeviceFeatures2::default().push_next(&mut memory);
    // SAFETY: the device is the instance's.
    unsafe {
        stage
            .instance()
            .raw
            .get_physical_device_features2(app.device.physical, &mut features);
    }
    let mut protected = vk::SurfaceProtectedCapabilitiesKHR {
        supports_protected: 7,
        ..Default::default()
    };
    let mut capabilities = vk::SurfaceCapabilities2KHR::default().push_next(&mut protected);
    // SAFETY: device and surface are alive; the chain outlives the call.
    unsafe {
        app.surface
            .ask_capabilities2(app.device.physical, &app.surface.info2(), &mut capabilities)
    }
    .unwrap();
    let told = protected.supports_protected;
    assert!([vk::TRUE, vk::FALSE].contains(&told), "{told}");
    if memory.protected_memory == vk::FALSE {
        assert_eq!(told, vk::FALSE);
    }
    Ok(())
}

/// `presentId2Supported`, a boolean of the surface (VkSurfaceCapabilitiesPresentId2KHR;
/// VkSurfaceCapabilitiesPresentWait2KHR likewise).
fn ids_and_waits_of_a_surface_are_those_of_the_device(stage: &Stage) -> Outcome {
    stage.needs(names::PRESENT_ID2)?;
    stage.needs(names::PRESENT_WAIT2)?;
    let app = stage.app();
    let mut wait = names::Feature::of(names::SURFACE_CAPABILITIES_PRESENT_WAIT_2);
    wait.feature = 7;
    let mut id = names::Feature::of(names::SURFACE_CAPABILITIES_PRESENT_ID_2);
    id.feature = 7;
    id.p_next = (&raw mut wait).cast();
    let mut capabilities = vk::SurfaceCapabilities2KHR {
        p_next: (&raw mut id).cast(),
        ..Default::default()
    };
    // SAFETY: device and surface are alive; the chain outlives the call.
    unsafe {
        app.surface
            .ask_capabilities2(app.device.physical, &app.surface.info2(), &mut capabilities)
    }
    .unwrap();
    for told in [id.feature, wait.feature] {
        assert!([vk::TRUE, vk::FALSE].contains(&told), "{told}");
    }
    if id.feature == vk::FALSE || wait.feature == vk::FALSE {
        return Err(NotSupported::because("this surface has no ids and waits"));
    }
    Ok(())
}

/// Answers are cached: every one is the same, from any thread.
fn answers_do_not_change_and_come_from_any_thread(stage: &Stage) -> Outcome {
    let app = stage.app();
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
    Ok(())
}

/// Every offered format makes a swapchain, opaque and with alpha.
fn every_format_that_is_offered_can_be_shown(stage: &Stage) -> Outcome {
    let app = stage.app();
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
    Ok(())
}

/// `vkGetPhysicalDeviceWaylandPresentationSupportKHR` agrees with the surface.
fn presentation_support_of_the_display_is_that_of_the_surface(stage: &Stage) -> Outcome {
    let app = stage.app();
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
    Ok(())
}
