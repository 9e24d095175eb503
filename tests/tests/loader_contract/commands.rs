//! Command look-up.

use std::ffi::CStr;

use ash::{khr, vk};
use wayfence_tests::driver::{self, UNTOUCHED, draw};
use wayfence_tests::instance::WAYLAND;
use wayfence_tests::loader::{LayerDevice, LayerInstance, Library};

use crate::names::{DEVICE_EXTENSIONS, INSTANCE_EXTENSIONS, NO_INSTANCE, SWAPCHAIN_FUNCTIONS};

#[test]
fn without_an_instance_only_global_functions_are_known() {
    let library = Library::open();
    // SAFETY: no instance.
    let knows = |name| unsafe { library.instance_function(NO_INSTANCE, name) }.is_some();
    assert!(knows(c"vkCreateInstance"));
    assert!(knows(c"vkGetInstanceProcAddr"));
    assert!(knows(c"vkEnumerateInstanceExtensionProperties"));
    assert!(knows(c"vkEnumerateInstanceLayerProperties"));
    // Overlays above the layer look it up without an instance.
    assert!(knows(c"vkCreateDevice"));
    assert!(!knows(c"vkNoSuchFunction"));
    assert!(!knows(c""));
    for instance_or_device in [
        c"vkDestroyInstance",
        c"vkCreateWaylandSurfaceKHR",
        c"vkGetPhysicalDeviceSurfaceFormatsKHR",
        c"vkCreateSwapchainKHR",
    ] {
        assert!(!knows(instance_or_device), "{instance_or_device:?}");
    }
}

#[test]
fn what_is_not_intercepted_is_the_drivers_own() {
    driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
    let library = Library::open();
    let instance = LayerInstance::new(&library, vk::API_VERSION_1_3, WAYLAND).unwrap();
    let device = LayerDevice::new(&instance, &[khr::swapchain::NAME]).unwrap();
    for &name in UNTOUCHED {
        for answer in [device.function(name), instance.function(name)] {
            let answer = answer.unwrap_or_else(|| panic!("{name:?}"));
            assert_eq!(answer as usize, draw as *const () as usize, "{name:?}");
        }
    }
    assert_eq!(
        instance
            .physical_device_function(c"vkGetPhysicalDeviceVendorSpecificTEST")
            .map(|function| function as usize),
        Some(draw as *const () as usize)
    );
    for unknown in [c"vkNoSuchFunction", c"", c"vkcreateswapchainkhr"] {
        assert!(instance.function(unknown).is_none());
        assert!(device.function(unknown).is_none());
        assert!(instance.physical_device_function(unknown).is_none());
    }
}

/// "vk_layerGetPhysicalDeviceProcAddr … should only return physical device functions": the loader
/// takes whatever it answers for one.
#[test]
fn only_commands_of_physical_devices_are_answered_as_such() {
    driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
    let library = Library::open();
    let instance = LayerInstance::new(&library, vk::API_VERSION_1_3, WAYLAND).unwrap();
    for name in [
        c"vkGetPhysicalDeviceSurfaceSupportKHR",
        c"vkGetPhysicalDeviceSurfaceCapabilitiesKHR",
        c"vkGetPhysicalDeviceSurfaceFormatsKHR",
        c"vkGetPhysicalDeviceSurfacePresentModesKHR",
        c"vkGetPhysicalDeviceSurfaceCapabilities2KHR",
        c"vkGetPhysicalDeviceSurfaceFormats2KHR",
        c"vkGetPhysicalDeviceWaylandPresentationSupportKHR",
    ] {
        assert!(
            instance.physical_device_function(name).is_some(),
            "{name:?}"
        );
    }
    for name in SWAPCHAIN_FUNCTIONS.iter().copied().chain([
        c"vkDestroyInstance",
        c"vkCreateWaylandSurfaceKHR",
        c"vkDestroySurfaceKHR",
    ]) {
        assert!(
            instance.physical_device_function(name).is_none(),
            "{name:?}"
        );
    }
}

#[test]
fn functions_of_instance_extensions_that_are_not_enabled_are_null() {
    driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
    let library = Library::open();
    let functions: [(&CStr, &[&CStr]); 3] = [
        (
            khr::surface::NAME,
            &[
                c"vkDestroySurfaceKHR",
                c"vkGetPhysicalDeviceSurfaceSupportKHR",
                c"vkGetPhysicalDeviceSurfaceCapabilitiesKHR",
                c"vkGetPhysicalDeviceSurfaceFormatsKHR",
                c"vkGetPhysicalDeviceSurfacePresentModesKHR",
            ],
        ),
        (
            khr::wayland_surface::NAME,
            &[
                c"vkCreateWaylandSurfaceKHR",
                c"vkGetPhysicalDeviceWaylandPresentationSupportKHR",
            ],
        ),
        (
            khr::get_surface_capabilities2::NAME,
            &[
                c"vkGetPhysicalDeviceSurfaceCapabilities2KHR",
                c"vkGetPhysicalDeviceSurfaceFormats2KHR",
            ],
        ),
    ];
    // Every prefix of the list, since each extension needs those before it.
    for enabled in 0..=functions.len() {
        let extensions: Vec<_> = functions[..enabled].iter().map(|(name, _)| *name).collect();
        let instance = LayerInstance::new(&library, vk::API_VERSION_1_0, &extensions).unwrap();
        for (index, (_, names)) in functions.iter().enumerate() {
            for name in *names {
                let answer = instance.function(name);
                assert_eq!(answer.is_some(), index < enabled, "{name:?} {extensions:?}");
            }
        }
    }
}

#[test]
fn functions_of_swapchains_need_the_extension() {
    driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
    let library = Library::open();
    let instance = LayerInstance::new(&library, vk::API_VERSION_1_1, WAYLAND).unwrap();
    let without = LayerDevice::new(&instance, &[]).unwrap();
    let with = LayerDevice::new(&instance, &[khr::swapchain::NAME]).unwrap();
    for name in SWAPCHAIN_FUNCTIONS {
        assert!(without.function(name).is_none(), "{name:?}");
        assert!(with.function(name).is_some(), "{name:?}");
        // "or a function pointer that may be called with a device that has it".
        assert!(instance.function(name).is_some());
    }
}
