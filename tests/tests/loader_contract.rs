//! What a layer owes to the loader (Vulkan-Loader, `LoaderLayerInterface.md`).
//!
//! The first half speaks to the library itself and needs nothing else; the second goes through the
//! real loader and a real driver.

use std::collections::HashSet;
use std::ffi::{CStr, c_char};
use std::fs;
use std::sync::Arc;

use ash::vk::Handle;
use ash::{ext, khr, vk};
use wayfence_test_compositor::{Compositor, Offer};
use wayfence_tests::driver::{self, UNTOUCHED, draw};
use wayfence_tests::instance::{Options, WAYLAND};
use wayfence_tests::loader::{LayerDevice, LayerInstance, Library, interface};
use wayfence_tests::{Device, Instance, Window, layers};

/// What a driver with everything has.
const INSTANCE_EXTENSIONS: &[&CStr] = &[
    khr::surface::NAME,
    khr::wayland_surface::NAME,
    khr::get_surface_capabilities2::NAME,
    khr::get_physical_device_properties2::NAME,
    khr::external_memory_capabilities::NAME,
    khr::external_semaphore_capabilities::NAME,
    khr::external_fence_capabilities::NAME,
    ext::debug_utils::NAME,
];

const DEVICE_EXTENSIONS: &[&CStr] = &[
    khr::swapchain::NAME,
    khr::maintenance1::NAME,
    khr::bind_memory2::NAME,
    khr::get_memory_requirements2::NAME,
    khr::dedicated_allocation::NAME,
    khr::sampler_ycbcr_conversion::NAME,
    khr::external_memory::NAME,
    khr::external_semaphore::NAME,
    khr::external_fence::NAME,
    khr::image_format_list::NAME,
    khr::external_memory_fd::NAME,
    khr::external_semaphore_fd::NAME,
    khr::external_fence_fd::NAME,
    ext::external_memory_dma_buf::NAME,
    ext::image_drm_format_modifier::NAME,
    ext::queue_family_foreign::NAME,
];

/// What the layer must add where the application's version is 1.2 or more.
const NEEDED_SINCE_1_2: &[&CStr] = &[
    khr::external_memory_fd::NAME,
    khr::external_semaphore_fd::NAME,
    khr::external_fence_fd::NAME,
    ext::external_memory_dma_buf::NAME,
    ext::image_drm_format_modifier::NAME,
    ext::queue_family_foreign::NAME,
];

const SWAPCHAIN_FUNCTIONS: &[&CStr] = &[
    c"vkCreateSwapchainKHR",
    c"vkDestroySwapchainKHR",
    c"vkGetSwapchainImagesKHR",
    c"vkAcquireNextImageKHR",
    c"vkAcquireNextImage2KHR",
    c"vkQueuePresentKHR",
];

const NO_INSTANCE: vk::Instance = vk::Instance::null();
const WAYFENCE: &CStr = c"VK_LAYER_WAYFENCE_wsi";

fn string_setting<'a>(
    layer: &'a CStr,
    name: &'a CStr,
    values: &'a [*const c_char],
) -> vk::LayerSettingEXT<'a> {
    vk::LayerSettingEXT {
        p_layer_name: layer.as_ptr(),
        p_setting_name: name.as_ptr(),
        ty: vk::LayerSettingTypeEXT::STRING,
        value_count: values.len() as u32,
        p_values: values.as_ptr().cast(),
        ..Default::default()
    }
}

// ---------------------------------------------------------------- the library itself

#[test]
fn both_sides_agree_on_version_2() {
    let library = Library::open();
    for offered in [2, 3, 99] {
        let mut asked = interface(offered);
        // SAFETY: the structure is valid.
        let answer = unsafe { (library.negotiate())(&mut asked) };
        assert_eq!(answer, vk::Result::SUCCESS);
        assert_eq!(asked.loader_layer_interface_version, 2);
        assert!(asked.get_instance_proc_addr.is_some());
        assert!(asked.get_device_proc_addr.is_some());
        assert!(asked.get_physical_device_proc_addr.is_some());
    }
}

#[test]
fn another_interface_is_refused() {
    let library = Library::open();
    let mut too_old = interface(1);
    let mut unknown = interface(2);
    unknown.s_type = 0;
    for asked in [&mut too_old, &mut unknown] {
        // SAFETY: the structure is valid.
        let answer = unsafe { (library.negotiate())(asked) };
        assert_eq!(answer, vk::Result::ERROR_INITIALIZATION_FAILED);
    }
}

/// "The layer's library must stay mapped": a proxy listener or a thread-local destructor may
/// outlive the loader's `dlclose`.
#[test]
fn the_library_stays_mapped_after_it_is_closed() {
    // A copy, which no other test of this process has open.
    let copy = std::env::temp_dir().join(format!("wayfence-nodelete-{}.so", std::process::id()));
    fs::copy(layers::library(), &copy).unwrap();
    let is_mapped = || {
        fs::read_to_string("/proc/self/maps")
            .unwrap()
            .contains(copy.to_str().unwrap())
    };
    assert!(!is_mapped());
    // SAFETY: the library's constructors have no precondition.
    let library = unsafe { libloading::Library::new(&copy) }.unwrap();
    assert!(is_mapped());
    library.close().unwrap();
    assert!(is_mapped());
    fs::remove_file(&copy).unwrap();
}

#[test]
fn without_an_instance_only_global_functions_are_known() {
    let library = Library::open();
    // SAFETY: no instance.
    let knows = |name| unsafe { library.instance_function(NO_INSTANCE, name) }.is_some();
    assert!(knows(c"vkCreateInstance"));
    assert!(knows(c"vkGetInstanceProcAddr"));
    assert!(knows(c"vkEnumerateInstanceExtensionProperties"));
    assert!(knows(c"vkEnumerateInstanceLayerProperties"));
    // Overlays above us look for it so.
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
fn the_layer_describes_itself_and_nobody_else() {
    let library = Library::open();
    // SAFETY: global functions of these names have these types.
    let (layers, extensions): (
        vk::PFN_vkEnumerateInstanceLayerProperties,
        vk::PFN_vkEnumerateInstanceExtensionProperties,
    ) = unsafe {
        (
            library.function(NO_INSTANCE, c"vkEnumerateInstanceLayerProperties"),
            library.function(NO_INSTANCE, c"vkEnumerateInstanceExtensionProperties"),
        )
    };
    let mut count = 0;
    // SAFETY: a null array asks for the count.
    let answer = unsafe { layers(&mut count, std::ptr::null_mut()) };
    assert_eq!((answer, count), (vk::Result::SUCCESS, 1));
    let mut own = [vk::LayerProperties::default()];
    // SAFETY: there is room for `count`.
    let answer = unsafe { layers(&mut count, own.as_mut_ptr()) };
    assert_eq!((answer, count), (vk::Result::SUCCESS, 1));
    assert_eq!(
        own[0].layer_name_as_c_str().unwrap().to_str().unwrap(),
        layers::WAYFENCE
    );
    count = 0;
    // SAFETY: there is room for none.
    let answer = unsafe { layers(&mut count, own.as_mut_ptr()) };
    assert_eq!((answer, count), (vk::Result::INCOMPLETE, 0));

    let ask = |layer: &CStr, capacity: Option<u32>| {
        let mut count = capacity.unwrap_or(0);
        let mut some = vec![vk::ExtensionProperties::default(); count as usize + 1];
        let array = match capacity {
            Some(_) => some.as_mut_ptr(),
            None => std::ptr::null_mut(),
        };
        // SAFETY: a null array asks for the count, another has room for it.
        let answer = unsafe { extensions(layer.as_ptr(), &mut count, array) };
        some.truncate(count as usize);
        (answer, count, some)
    };
    let own = c"VK_LAYER_WAYFENCE_wsi";
    let (answer, all, _) = ask(own, None);
    assert_eq!(answer, vk::Result::SUCCESS);
    for capacity in 0..=all + 1 {
        let (answer, written, some) = ask(own, Some(capacity));
        assert_eq!(written, capacity.min(all));
        assert_eq!(
            answer,
            if capacity < all {
                vk::Result::INCOMPLETE
            } else {
                vk::Result::SUCCESS
            }
        );
        assert!(some.iter().all(|one| one.spec_version > 0));
    }
    assert_eq!(
        ask(c"VK_LAYER_KHRONOS_validation", None).0,
        vk::Result::ERROR_LAYER_NOT_PRESENT
    );
}

/// The loader reads the manifest, applications may ask the layer: both say the same.
#[test]
fn the_manifest_promises_what_the_layer_has() {
    let library = Library::open();
    let manifest = include_str!("../../manifest/VkLayer_wayfence.json");
    // SAFETY: the global function of this name has this type.
    let extensions: vk::PFN_vkEnumerateInstanceExtensionProperties =
        unsafe { library.function(NO_INSTANCE, c"vkEnumerateInstanceExtensionProperties") };
    let mut count = 16;
    let mut own = [vk::ExtensionProperties::default(); 16];
    // SAFETY: there is room for `count`.
    let answer = unsafe {
        extensions(
            c"VK_LAYER_WAYFENCE_wsi".as_ptr(),
            &mut count,
            own.as_mut_ptr(),
        )
    };
    assert_eq!(answer, vk::Result::SUCCESS);
    for extension in &own[..count as usize] {
        let name = extension.extension_name_as_c_str().unwrap();
        let promise = format!(
            "\"name\": {name:?}, \"spec_version\": \"{}\"",
            extension.spec_version
        );
        assert!(manifest.contains(&promise), "{promise} in the manifest");
    }
    assert!(manifest.contains("\"name\": \"VK_LAYER_WAYFENCE_wsi\""));
    assert!(manifest.contains("\"vkNegotiateLoaderLayerInterfaceVersion\""));
}

/// Where the scripted driver makes instance and device, it checks that the link is advanced.
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
fn only_functions_of_physical_devices_are_told_as_such() {
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
    // Each prefix of the extensions, as each needs those before it.
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

/// `VkDeviceCreateInfo::pNext` is `const`: a chain may lie in memory that nobody can write to, and another
/// thread may make a device of it, too. What the driver does not know is not in its chain all the same.
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

/// With Vulkan 1.1, `VK_KHR_swapchain` has the commands of device groups, also on a driver that knows of no
/// swapchains.
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

/// What does not present is not touched: neither an instance without Wayland nor a device without
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

/// On a driver without Wayland surfaces they are the layer's, and their handles are addresses: the next one may have the same.
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

/// Layers below may want to know of the application's settings, a driver does not.
#[test]
fn an_instance_with_settings_is_made_on_any_driver() {
    let library = Library::open();
    let with_settings: Vec<_> = INSTANCE_EXTENSIONS
        .iter()
        .copied()
        .chain([ext::layer_settings::NAME])
        .collect();
    let only_needs = &INSTANCE_EXTENSIONS[3..];
    let nothing: &[&CStr] = &[];
    for (has, wayland) in [
        (with_settings.as_slice(), true),
        (INSTANCE_EXTENSIONS, true),
        (only_needs, true),
        (INSTANCE_EXTENSIONS, false),
        (nothing, false),
    ] {
        driver::install(has, DEVICE_EXTENSIONS);
        let mut asked = vec![ext::layer_settings::NAME];
        if wayland {
            asked.extend(WAYLAND);
        }
        let value = [c"cpu".as_ptr()];
        let setting = string_setting(WAYFENCE, c"sync", &value);
        let _instance =
            LayerInstance::with_settings(&library, vk::API_VERSION_1_0, &asked, &[setting])
                .unwrap();
        let seen = driver::driver();
        let got = seen.instances.last().unwrap();
        for name in &asked {
            assert_eq!(
                got.iter().any(|got| got.as_c_str() == *name),
                has.contains(name),
                "{name:?} of {has:?}"
            );
        }
        assert!(
            seen.chained
                .contains(&vk::StructureType::LAYER_SETTINGS_CREATE_INFO_EXT),
            "the application's structures reach the driver"
        );
    }
}

/// Settings of others, unknown ones and broken ones are nobody's reason to refuse an instance.
#[test]
fn settings_that_are_not_understood_are_left_alone() {
    driver::install(INSTANCE_EXTENSIONS, DEVICE_EXTENSIONS);
    let library = Library::open();
    let texts = [c"nonsense".as_ptr(), c"cpu".as_ptr()];
    let number = [7_u32];
    let of = |name: &'static CStr| string_setting(WAYFENCE, name, &texts[..1]);
    let settings = [
        string_setting(c"VK_LAYER_TEST_other", c"sync", &texts[..1]),
        of(c"unknown"),
        of(c""),
        of(c"sync"),
        of(c"sync"),
        of(c"log"),
        vk::LayerSettingEXT {
            ty: vk::LayerSettingTypeEXT::UINT32,
            p_values: number.as_ptr().cast(),
            ..of(c"report")
        },
        vk::LayerSettingEXT {
            value_count: 2,
            p_values: texts.as_ptr().cast(),
            ..of(c"sync")
        },
        vk::LayerSettingEXT {
            value_count: 0,
            p_values: std::ptr::null(),
            ..of(c"log")
        },
    ];
    for count in 0..=settings.len() {
        let settings = &settings[..count];
        LayerInstance::with_settings(&library, vk::API_VERSION_1_1, WAYLAND, settings).unwrap();
    }
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

/// Thousands of instances and devices, living at the same time, in several threads, gone in an
/// order of their own.
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
                        // With the second goes the instance.
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

// ---------------------------------------------------------------- the real loader

/// A device of an instance with Wayland surfaces, though there need not be a compositor.
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
    let manifest = include_str!("../../manifest/VkLayer_wayfence.json");
    for name in &of_layer {
        assert!(
            manifest.contains(&format!("\"name\": {name:?}")),
            "{name:?}"
        );
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
