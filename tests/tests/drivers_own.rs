//! Devices that enable what only the driver's swapchains have, and keep those: they get everything that they
//! would get without the layer.

use std::ffi::CStr;
use std::sync::Arc;

use ash::{khr, vk};
use wayfence_test_compositor::{Behaviour, Compositor, Offer};
use wayfence_tests::asynchronous::AsynchronousDriver;
use wayfence_tests::footprint::dma_bufs;
use wayfence_tests::instance::{Instance, Options};
use wayfence_tests::stderr::captured;
use wayfence_tests::{Device, Surface, Swapchain, Wanted, Window, layers};

const LOW_LATENCY2: &CStr = c"VK_NV_low_latency2";
/// What is logged for such a device.
const KEPT: &str = "a device keeps the driver's swapchains";

/// A surface on an automatic compositor.
fn surface() -> (Arc<Compositor>, Arc<Surface>) {
    layers::set_up();
    let compositor = Arc::new(Compositor::new(Offer {
        behaviour: Behaviour::Automatic {
            refresh: std::time::Duration::from_millis(20),
        },
        ..Offer::default()
    }));
    let instance = Instance::new(Options {
        settings: &[(c"log", c"info")],
        ..Options::default()
    });
    let window = Window::open_at(compositor.connect());
    (compositor, Surface::of_window(&instance, window))
}

/// How often it is listed.
fn times_told(instance: &Instance, name: &CStr) -> usize {
    let physical = instance.physical_device();
    // SAFETY: the device is the instance's.
    unsafe { instance.raw.enumerate_device_extension_properties(physical) }
        .unwrap()
        .iter()
        .filter(|one| one.extension_name_as_c_str() == Ok(name))
        .count()
}

/// Draws frames of a new swapchain; answers whether its images are the layer's dma-bufs.
fn draws(device: &Arc<Device>, surface: &Arc<Surface>) -> bool {
    let before = dma_bufs().len();
    let mut swapchain = Swapchain::new(device, surface, Wanted::default()).unwrap();
    for _ in 0..5 {
        swapchain.frame().unwrap();
    }
    dma_bufs().len() > before
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_device_that_enables_what_only_the_driver_can_do_keeps_its_swapchains() {
    let driver = AsynchronousDriver::new();
    driver.add_extension(LOW_LATENCY2);
    let (compositor, surface) = surface();
    let instance = &surface.instance;
    assert_eq!(times_told(instance, LOW_LATENCY2), 1, "nothing is hidden");

    let plain = Device::new(instance);
    let offered = surface.formats(plain.physical).unwrap();
    assert!(draws(&plain, &surface));

    let names = [khr::swapchain::NAME, LOW_LATENCY2];
    let (kept, log) = captured(|| Device::with_extensions(instance, &names));
    assert!(
        log.contains(KEPT) && log.contains("VK_NV_low_latency2"),
        "{log}"
    );
    // Surface queries answer for those swapchains.
    let of_driver = surface.formats(plain.physical).unwrap();
    assert_ne!(of_driver, offered);
    assert!(!draws(&kept, &surface));
    // Other devices of the same physical device are unaffected.
    drop(kept);
    assert_eq!(surface.formats(plain.physical).unwrap(), offered);
    assert!(draws(&plain, &surface));
    drop(plain);
    drop(surface);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
}

/// Memory may have an instance on each of them, but has one dma-buf.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_device_of_several_physical_devices_keeps_the_drivers_swapchains() {
    let _driver = AsynchronousDriver::new();
    let (compositor, surface) = surface();
    let instance = &surface.instance;
    // There is one driver, which looks at the first of them only.
    let all = [instance.physical_device(); 2];
    for count in [1, 2] {
        let mut group = vk::DeviceGroupDeviceCreateInfo::default().physical_devices(&all[..count]);
        let mut features = vk::PhysicalDeviceFeatures2 {
            p_next: (&raw mut group).cast(),
            ..Default::default()
        };
        let (device, log) =
            captured(|| Device::with_features(instance, &[khr::swapchain::NAME], &mut features));
        let is_kept = count > 1;
        assert_eq!(log.contains(KEPT), is_kept, "{log}");
        assert_eq!(draws(&device, &surface), !is_kept);
    }
    drop(surface);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn an_extension_of_layer_and_driver_is_listed_once() {
    let driver = AsynchronousDriver::new();
    let names = [c"VK_GOOGLE_display_timing", c"VK_EXT_present_timing"];
    for name in names {
        driver.add_extension(name);
    }
    let (_compositor, surface) = surface();
    for name in names {
        assert_eq!(times_told(&surface.instance, name), 1, "{name:?}");
    }
}

/// A query without a surface lists formats, but none that surfaces lack.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn formats_without_a_surface_are_those_of_surfaces() {
    let driver = AsynchronousDriver::new();
    driver.tell_without_surface();
    let (_compositor, surface) = surface();
    let instance = Instance::new(Options {
        extensions: &[
            khr::surface::NAME,
            khr::wayland_surface::NAME,
            khr::get_surface_capabilities2::NAME,
            c"VK_GOOGLE_surfaceless_query",
        ],
        ..Options::default()
    });
    let physical = instance.physical_device();
    // SAFETY: the device is the instance's; the extension lets the surface be null.
    let told = unsafe {
        instance
            .surface
            .get_physical_device_surface_formats(physical, vk::SurfaceKHR::null())
    }
    .unwrap();
    let had = surface.formats(surface.instance.physical_device()).unwrap();
    assert!(!told.is_empty());
    for format in told {
        assert!(had.contains(&format), "{format:?} is not among {had:?}");
    }
}
