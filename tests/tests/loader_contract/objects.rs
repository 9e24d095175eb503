//! Instances and devices: what the driver gets, and how they end.

use std::collections::HashSet;

use ash::vk::Handle;
use ash::{ext, khr, vk};
use wayfence_test_compositor::{Compositor, Offer};
use wayfence_tests::Window;
use wayfence_tests::driver;
use wayfence_tests::instance::WAYLAND;
use wayfence_tests::loader::{LayerDevice, LayerInstance, Library};

use crate::names::{DEVICE_EXTENSIONS, INSTANCE_EXTENSIONS, NEEDED_SINCE_1_2};

/// The scripted driver checks in its create functions that the link is advanced.
#[test]
fn the_chain_is_advanced_and_passed_on() {
    driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
    let library = Library::open();
    let instance = LayerInstance::new(&library, vk::API_VERSION_1_3, WAYLAND).unwrap();
    let _device = LayerDevice::new(&instance, &[khr::swapchain::NAME]).unwrap();
    assert!(
        driver::driver()
            .chained
            .contains(&vk::StructureType::PHYSICAL_DEVICE_FEATURES_2),
        "the application's structures reach the driver"
    );
}

/// An application that presents on Wayland gets what the layer needs below, each once; the names
/// that it gave come first and in its order.
#[test]
fn a_device_gets_what_the_layer_needs_once() {
    let library = Library::open();
    for (version, needed) in [
        (vk::API_VERSION_1_0, &DEVICE_EXTENSIONS[1..]),
        (vk::API_VERSION_1_2, NEEDED_SINCE_1_2),
        (vk::API_VERSION_1_3, NEEDED_SINCE_1_2),
    ] {
        driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
        let instance = LayerInstance::new(&library, version, WAYLAND).unwrap();
        let asked = [
            khr::swapchain::NAME,
            khr::external_fence_fd::NAME,
            khr::bind_memory2::NAME,
        ];
        let _device = LayerDevice::new(&instance, &asked).unwrap();
        let got = driver::driver().devices.pop().unwrap();
        assert!(got.iter().map(|name| name.as_c_str()).take(3).eq(asked));
        let distinct: HashSet<_> = got.iter().collect();
        assert_eq!(distinct.len(), got.len(), "{got:?}");
        for &name in needed {
            assert!(got.iter().any(|got| got.as_c_str() == name), "{name:?}");
        }
    }
}

/// `VkDeviceCreateInfo::pNext` is `const`: a chain may be in read-only memory, or in use by another thread. The
/// driver still does not get structures that it does not know.
#[test]
fn a_chain_that_cannot_be_written_to_is_left_alone() {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};
    use vk::StructureType as Type;

    #[repr(C)]
    struct Chain {
        first: vk::PhysicalDeviceVulkan12Features<'static>,
        /// `VK_KHR_present_mode_fifo_latest_ready`, which this driver has.
        passed: vk::PhysicalDeviceSwapchainMaintenance1FeaturesEXT<'static>,
        withheld: vk::PhysicalDevicePresentIdFeaturesKHR<'static>,
        last: vk::PhysicalDeviceVulkan13Features<'static>,
    }
    const SIZE: usize = 4096;
    const FIFO_LATEST_READY: Type = Type::from_raw(1_000_361_000);
    // SAFETY: new memory, large enough and aligned, which is written to before that is forbidden.
    let chain = unsafe {
        let memory = mmap_anonymous(
            std::ptr::null_mut(),
            SIZE,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
        .unwrap();
        let chain = memory.cast::<Chain>();
        chain.write(Chain {
            first: vk::PhysicalDeviceVulkan12Features {
                p_next: (&raw mut (*chain).passed).cast(),
                ..Default::default()
            },
            passed: vk::PhysicalDeviceSwapchainMaintenance1FeaturesEXT {
                s_type: FIFO_LATEST_READY,
                p_next: (&raw mut (*chain).withheld).cast(),
                ..Default::default()
            },
            withheld: vk::PhysicalDevicePresentIdFeaturesKHR {
                p_next: (&raw mut (*chain).last).cast(),
                present_id: vk::TRUE,
                ..Default::default()
            },
            last: vk::PhysicalDeviceVulkan13Features::default(),
        });
        mprotect(memory, SIZE, MprotectFlags::READ).unwrap();
        &*chain
    };
    let latest_ready = c"VK_KHR_present_mode_fifo_latest_ready";
    let has = [DEVICE_EXTENSIONS, &[latest_ready]].concat();
    driver::install(INSTANCE_EXTENSIONS, &has);
    let library = Library::open();
    let instance = LayerInstance::new(&library, vk::API_VERSION_1_3, WAYLAND).unwrap();
    let asked = [khr::swapchain::NAME, khr::present_id::NAME, latest_ready];
    // SAFETY: a valid chain.
    let _device =
        unsafe { LayerDevice::with_chain(&instance, &asked, (&raw const *chain).cast()) }.unwrap();
    let chained = driver::driver().chained;
    let features: Vec<_> = chained
        .into_iter()
        .filter(|structure| *structure != Type::LOADER_DEVICE_CREATE_INFO)
        .collect();
    assert_eq!(
        features,
        [
            Type::PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
            FIFO_LATEST_READY,
            Type::PHYSICAL_DEVICE_VULKAN_1_3_FEATURES
        ]
    );
}

/// With Vulkan 1.1, `VK_KHR_swapchain` has the commands of device groups, also on a driver without swapchains.
#[test]
fn a_device_alone_is_a_group_that_presents() {
    let without_swapchains = &DEVICE_EXTENSIONS[1..];
    driver::install(INSTANCE_EXTENSIONS, without_swapchains);
    let library = Library::open();
    let instance = LayerInstance::new(&library, vk::API_VERSION_1_1, WAYLAND).unwrap();
    let device = LayerDevice::new(&instance, &[khr::swapchain::NAME]).unwrap();
    let mut told = vk::DeviceGroupPresentCapabilitiesKHR::default();
    // SAFETY: the command of this name has this type; the device is alive.
    unsafe {
        let ask: vk::PFN_vkGetDeviceGroupPresentCapabilitiesKHR =
            device.command(c"vkGetDeviceGroupPresentCapabilitiesKHR");
        assert_eq!(ask(device.raw(), &mut told), vk::Result::SUCCESS);
    }
    assert_eq!(told.present_mask[0], 1);
    assert!(told.present_mask[1..].iter().all(|mask| *mask == 0));
    assert_eq!(told.modes, vk::DeviceGroupPresentModeFlagsKHR::LOCAL);
}

/// A driver that lacks one of them gets exactly what the application asked for.
#[test]
fn a_device_that_lacks_something_is_left_alone() {
    let library = Library::open();
    for missing in NEEDED_SINCE_1_2 {
        let has: Vec<_> = DEVICE_EXTENSIONS
            .iter()
            .copied()
            .filter(|name| name != missing)
            .collect();
        driver::install(INSTANCE_EXTENSIONS, &has);
        let instance = LayerInstance::new(&library, vk::API_VERSION_1_3, WAYLAND).unwrap();
        let asked = [khr::swapchain::NAME];
        let _device = LayerDevice::new(&instance, &asked).unwrap();
        let devices = driver::driver().devices;
        assert_eq!(devices.len(), 1, "one attempt");
        assert!(devices[0].iter().map(|name| name.as_c_str()).eq(asked));
    }
}

/// Applications that do not present get what they ask for: instances without Wayland, and devices without
/// swapchains.
#[test]
fn an_application_that_does_not_present_is_left_alone() {
    driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
    let library = Library::open();
    let instance =
        LayerInstance::new(&library, vk::API_VERSION_1_0, &[ext::debug_utils::NAME]).unwrap();
    let _device = LayerDevice::new(&instance, &[khr::maintenance1::NAME]).unwrap();
    let seen = driver::driver();
    assert_eq!(seen.instances, [[ext::debug_utils::NAME.to_owned()]]);
    assert_eq!(seen.devices, [[khr::maintenance1::NAME.to_owned()]]);
}

/// A driver with no Wayland surfaces of its own gets them from the layer.
#[test]
fn a_driver_without_wayland_surfaces_makes_an_instance() {
    let has: Vec<_> = INSTANCE_EXTENSIONS
        .iter()
        .copied()
        .filter(|name| !WAYLAND.contains(name))
        .collect();
    driver::install(&has, DEVICE_EXTENSIONS);
    let library = Library::open();
    let instance = LayerInstance::new(&library, vk::API_VERSION_1_0, WAYLAND).unwrap();
    for name in [
        c"vkCreateWaylandSurfaceKHR",
        c"vkGetPhysicalDeviceSurfaceFormatsKHR",
    ] {
        assert!(instance.function(name).is_some());
    }
}

/// On a driver without Wayland surfaces their handles are addresses of the layer's, and a new surface may reuse
/// one.
#[test]
fn a_surface_inherits_no_private_data() {
    const DATA: u64 = 7;
    let extensions = [khr::surface::NAME, khr::wayland_surface::NAME];
    driver::install(&[], DEVICE_EXTENSIONS);
    let library = Library::open();
    let compositor = Compositor::new(Offer::default());
    let window = Window::open_at(compositor.connect());
    let info = vk::WaylandSurfaceCreateInfoKHR::default()
        .display(window.display_ptr())
        .surface(window.surface_ptr());
    let instance = LayerInstance::new(&library, vk::API_VERSION_1_3, &extensions).unwrap();
    let device = LayerDevice::new(&instance, &[]).unwrap();
    // SAFETY: the commands of these names have these types; instance, device and window are alive, and
    // so is each surface until it is destroyed.
    unsafe {
        let create: vk::PFN_vkCreateWaylandSurfaceKHR =
            instance.command(c"vkCreateWaylandSurfaceKHR");
        let destroy: vk::PFN_vkDestroySurfaceKHR = instance.command(c"vkDestroySurfaceKHR");
        let set: vk::PFN_vkSetPrivateData = device.command(c"vkSetPrivateData");
        let get: vk::PFN_vkGetPrivateData = device.command(c"vkGetPrivateData");
        let (instance, device) = (instance.raw(), device.raw());
        let surface = || {
            let mut surface = vk::SurfaceKHR::null();
            let created = create(instance, &info, std::ptr::null(), &mut surface);
            assert_eq!(created, vk::Result::SUCCESS);
            surface
        };
        let slot = vk::PrivateDataSlot::from_raw(1);
        let of = |surface: vk::SurfaceKHR| {
            let mut data = u64::MAX;
            let kind = vk::ObjectType::SURFACE_KHR;
            get(device, kind, surface.as_raw(), slot, &mut data);
            data
        };
        let first = surface();
        let kind = vk::ObjectType::SURFACE_KHR;
        let done = set(device, kind, first.as_raw(), slot, DATA);
        assert_eq!((done, of(first)), (vk::Result::SUCCESS, DATA));
        destroy(instance, first, std::ptr::null());
        let others: Vec<_> = (0..100).map(|_| surface()).collect();
        assert!(
            others.contains(&first),
            "malloc gives the same address again"
        );
        assert_eq!(of(first), 0);
        for surface in others {
            destroy(instance, surface, std::ptr::null());
        }
    }
    window.assert_alive();
}

#[test]
fn what_the_driver_refuses_is_refused() {
    driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
    let library = Library::open();
    let unknown = c"VK_TEST_unknown";
    assert_eq!(
        LayerInstance::new(&library, vk::API_VERSION_1_3, &[unknown]).err(),
        Some(vk::Result::ERROR_EXTENSION_NOT_PRESENT)
    );
    let instance = LayerInstance::new(&library, vk::API_VERSION_1_3, WAYLAND).unwrap();
    assert_eq!(
        LayerDevice::new(&instance, &[khr::swapchain::NAME, unknown]).err(),
        Some(vk::Result::ERROR_EXTENSION_NOT_PRESENT)
    );
}

/// Thousands of instances and devices at the same time, in several threads, destroyed in any order.
#[test]
fn many_live_at_once_and_go_in_any_order() {
    let library = Library::open();
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let library = &library;
            scope.spawn(move || {
                driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
                for round in 0..20 {
                    let mut alive: Vec<_> = (0..10)
                        .map(|_| {
                            let instance =
                                LayerInstance::new(library, vk::API_VERSION_1_3, WAYLAND).unwrap();
                            [(); 2].map(|()| {
                                LayerDevice::new(&instance, &[khr::swapchain::NAME]).unwrap()
                            })
                        })
                        .collect();
                    while !alive.is_empty() {
                        // The instance goes with the second.
                        let mut devices = alive.swap_remove((thread * 7 + round * 3) % alive.len());
                        if round % 2 == 0 {
                            devices.reverse();
                        }
                        for device in devices {
                            assert!(device.function(c"vkQueuePresentKHR").is_some());
                        }
                    }
                }
            });
        }
    });
}
