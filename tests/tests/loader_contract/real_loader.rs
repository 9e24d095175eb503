//! Through the real loader, with a real driver.

use std::collections::HashSet;
use std::ffi::CStr;
use std::sync::Arc;

use ash::{ext, khr, vk};
use wayfence_tests::instance::Options;
use wayfence_tests::{Device, Instance, layers};

use crate::names::SWAPCHAIN_FUNCTIONS;

/// A device of an instance with Wayland surfaces, which needs no compositor.
fn device(extensions: &[&CStr]) -> Arc<Device> {
    let instance = Instance::new(Options::default());
    Device::with_extensions(&instance, extensions)
}

#[test]
#[ignore = "needs a Vulkan loader and driver: scripts/test"]
fn the_loader_lists_the_layer_once() {
    let instance = Instance::new(Options::default());
    // SAFETY: the loader is open.
    let all = unsafe { instance.entry.enumerate_instance_layer_properties() }.unwrap();
    let ours = all
        .iter()
        .filter(|layer| {
            layer
                .layer_name_as_c_str()
                .ok()
                .and_then(|name| name.to_str().ok())
                == Some(layers::WAYFENCE)
        })
        .count();
    assert_eq!(ours, usize::from(layers::wayfence_is_on()));
}

#[test]
#[ignore = "needs a Vulkan loader and driver: scripts/test"]
fn the_loader_tells_the_layers_extensions() {
    let instance = Instance::new(Options::default());
    let names = |properties: &[vk::ExtensionProperties]| -> Vec<_> {
        properties
            .iter()
            .map(|one| one.extension_name_as_c_str().unwrap().to_owned())
            .collect()
    };
    // SAFETY: the loader is open.
    let of_layer = unsafe {
        instance
            .entry
            .enumerate_instance_extension_properties(Some(c"VK_LAYER_WAYFENCE_wsi"))
    };
    let of_layer = names(&of_layer.unwrap());
    assert!(of_layer.contains(&khr::wayland_surface::NAME.to_owned()));
    assert!(of_layer.contains(&ext::layer_settings::NAME.to_owned()));
    // SAFETY: as above.
    let unknown = unsafe {
        instance
            .entry
            .enumerate_instance_extension_properties(Some(c"VK_LAYER_TEST_unknown"))
    };
    assert_eq!(unknown.err(), Some(vk::Result::ERROR_LAYER_NOT_PRESENT));

    let enumerate = instance.raw.fp_v1_0().enumerate_device_extension_properties;
    let physical = instance.physical_device();
    let ask = |layer: Option<&CStr>, capacity: Option<u32>| {
        let mut count = capacity.unwrap_or(0);
        let mut some = vec![vk::ExtensionProperties::default(); count as usize];
        // SAFETY: the device is the instance's; a null array asks for the count, another has room.
        let answer = unsafe {
            enumerate(
                physical,
                layer.map_or(std::ptr::null(), CStr::as_ptr),
                &mut count,
                match capacity {
                    Some(_) => some.as_mut_ptr(),
                    None => std::ptr::null_mut(),
                },
            )
        };
        some.truncate(count as usize);
        (answer, count, names(&some))
    };
    let (answer, count, _) = ask(Some(c"VK_LAYER_WAYFENCE_wsi"), None);
    assert_eq!(answer, vk::Result::SUCCESS);
    let (_, _, of_layer) = ask(Some(c"VK_LAYER_WAYFENCE_wsi"), Some(count));
    assert!(of_layer.contains(&khr::swapchain::NAME.to_owned()));
    let documented = include_str!("../../../docs/features.md");
    for name in &of_layer {
        let name = name.to_str().unwrap();
        assert!(documented.contains(&format!("`{name}`")), "{name}");
    }

    let (answer, count, _) = ask(None, None);
    assert_eq!(answer, vk::Result::SUCCESS);
    let (answer, _, all) = ask(None, Some(count));
    assert_eq!(answer, vk::Result::SUCCESS);
    let distinct: HashSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
    assert!(all.contains(&khr::swapchain::NAME.to_owned()));
    let (answer, written, some) = ask(None, Some(count - 1));
    assert_eq!((answer, written), (vk::Result::INCOMPLETE, count - 1));
    assert_eq!(some, all[..some.len()]);
}

#[test]
#[ignore = "needs a Vulkan loader and driver: scripts/test"]
fn a_device_without_swapchains_has_no_functions_for_them() {
    let without = device(&[]);
    let with = device(&[khr::swapchain::NAME]);
    for name in SWAPCHAIN_FUNCTIONS {
        assert!(without.function(name).is_none(), "{name:?}");
        assert!(with.function(name).is_some(), "{name:?}");
    }
    for device in [&without, &with] {
        assert!(device.function(c"vkNoSuchFunction").is_none());
        assert!(device.function(c"vkCmdDraw").is_some());
    }
}

#[test]
#[ignore = "needs a Vulkan loader and driver: scripts/test"]
fn an_instance_without_surfaces_has_no_functions_for_them() {
    let plain = Instance::new(Options {
        extensions: &[],
        ..Options::default()
    });
    let wayland = Instance::new(Options::default());
    for name in [
        c"vkCreateWaylandSurfaceKHR",
        c"vkDestroySurfaceKHR",
        c"vkGetPhysicalDeviceSurfaceFormatsKHR",
        c"vkGetPhysicalDeviceSurfaceFormats2KHR",
    ] {
        assert!(plain.function(name).is_none(), "{name:?}");
        assert!(wayland.function(name).is_some(), "{name:?}");
    }
    assert!(wayland.function(c"vkNoSuchFunction").is_none());
}

#[test]
#[ignore = "needs a Vulkan loader and driver: scripts/test"]
fn real_instances_and_devices_go_in_any_order() {
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                for round in 0..2 {
                    let first = Instance::new(Options::default());
                    let second = Instance::new(Options {
                        api_version: vk::API_VERSION_1_3,
                        ..Options::default()
                    });
                    let a = Device::new(&first);
                    let b = Device::with_extensions(&second, &[]);
                    let c = Device::new(&first);
                    assert!(a.function(c"vkQueuePresentKHR").is_some());
                    assert!(b.function(c"vkQueuePresentKHR").is_none());
                    a.wait_idle().unwrap();
                    if (thread + round) % 2 == 0 {
                        drop((first, a, second, b));
                    } else {
                        drop((b, second, a, first));
                    }
                    c.wait_idle().unwrap();
                }
            });
        }
    });
}
