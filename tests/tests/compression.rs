//! `VK_EXT_image_compression_control_swapchain`: where the driver has `VK_EXT_image_compression_control`,
//! and only there.

use std::sync::Arc;

use ash::{ext, khr, vk};
use wayfence_test_compositor::{Behaviour, Compositor, Offer};
use wayfence_tests::asynchronous::AsynchronousDriver;
use wayfence_tests::instance::{Instance, Options};
use wayfence_tests::swapchain::plain;
use wayfence_tests::{Device, Surface, Window, layers};

const NAME: &std::ffi::CStr = ext::image_compression_control_swapchain::NAME;

/// Whether the device has the extension, and the feature.
fn offered(instance: &Instance) -> (bool, bool) {
    let physical = instance.physical_device();
    let mut swapchain = vk::PhysicalDeviceImageCompressionControlSwapchainFeaturesEXT::default();
    let mut features = vk::PhysicalDeviceFeatures2::default().push_next(&mut swapchain);
    // SAFETY: the device is the instance's.
    let extensions = unsafe {
        instance
            .raw
            .get_physical_device_features2(physical, &mut features);
        instance.raw.enumerate_device_extension_properties(physical)
    }
    .unwrap();
    let has = extensions
        .iter()
        .any(|one| one.extension_name_as_c_str() == Ok(NAME));
    (
        has,
        swapchain.image_compression_control_swapchain == vk::TRUE,
    )
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn what_a_swapchain_says_of_compression_reaches_a_driver_that_can_do_it() {
    let driver = AsynchronousDriver::new();
    layers::set_up();
    let compositor = Arc::new(Compositor::new(Offer {
        behaviour: Behaviour::Automatic {
            refresh: std::time::Duration::from_millis(20),
        },
        ..Offer::default()
    }));
    let without = Instance::new(Options::default());
    let surface = Surface::of_window(&without, Window::open_at(compositor.connect()));
    assert_eq!(offered(&without), (false, false));
    drop(surface);

    driver.add_compression();
    let instance = Instance::new(Options::default());
    let surface = Surface::of_window(&instance, Window::open_at(compositor.connect()));
    assert_eq!(offered(&instance), (true, true));
    // The driver knows nothing of it, and must not see it.
    let mut feature = vk::PhysicalDeviceImageCompressionControlSwapchainFeaturesEXT::default()
        .image_compression_control_swapchain(true);
    let device = Device::with_features(
        &instance,
        &[khr::swapchain::NAME, NAME],
        &mut vk::PhysicalDeviceFeatures2::default().push_next(&mut feature),
    );

    let rates = vk::ImageCompressionFixedRateFlagsEXT::TYPE_2BPC
        | vk::ImageCompressionFixedRateFlagsEXT::TYPE_4BPC;
    let mut properties = vk::ImageCompressionPropertiesEXT::default();
    let mut format = vk::SurfaceFormat2KHR::default().push_next(&mut properties);
    // SAFETY: surface and device are alive; there is room for one format.
    let answer = unsafe {
        let functions = &instance.capabilities2;
        let formats = std::slice::from_mut(&mut format);
        functions.get_physical_device_surface_formats2(device.physical, &surface.info2(), formats)
    };
    assert_eq!(answer, Err(vk::Result::INCOMPLETE), "there are more");
    let format = format.surface_format;
    assert_eq!(properties.image_compression_fixed_rate_flags, rates);
    assert_eq!(
        properties.image_compression_flags,
        vk::ImageCompressionFlagsEXT::FIXED_RATE_EXPLICIT
    );

    assert!(surface.is_supported(device.physical, 0).unwrap());
    assert_eq!(driver.compression(), None);
    let mut rate = [vk::ImageCompressionFixedRateFlagsEXT::TYPE_4BPC];
    let mut control = vk::ImageCompressionControlEXT::default()
        .flags(vk::ImageCompressionFlagsEXT::FIXED_RATE_EXPLICIT)
        .fixed_rate_flags(&mut rate);
    let told = surface.capabilities(device.physical).unwrap();
    let info = plain(surface.raw, format, &told).push_next(&mut control);
    // SAFETY: surface and device are alive, and the surface offers all of this.
    unsafe {
        let swapchain = device.swapchain.create_swapchain(&info, None).unwrap();
        device.swapchain.destroy_swapchain(swapchain, None);
    }
    let asked = (
        vk::ImageCompressionFlagsEXT::FIXED_RATE_EXPLICIT.as_raw(),
        rate[0].as_raw(),
    );
    assert_eq!(driver.compression(), Some(asked));
    drop((device, surface));
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
}
