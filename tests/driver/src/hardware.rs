//! What a test adds to the device: image layouts, compression, and its DRM node.
//!
//! A software rasteriser has only linear layouts, and is no DRM device. An image in a layout that a test has
//! added is linear under another name. The driver prefers that layout to its own, and makes no images in it
//! that queue families share.

use std::{
    collections::HashMap,
    env,
    ffi::{CStr, CString, c_char, c_void},
    mem::transmute,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use ash::{ext, vk};

use crate::{
    faults::{self, Fault},
    manner::manner,
    objects::{DEVICES, IMAGES, INSTANCES},
    real::{Function, real},
    requests::next_failure,
};

/// `DRM_FORMAT_MOD_LINEAR`.
const LINEAR: u64 = 0;

/// What tests have added, for the whole process.
#[derive(Default)]
struct Added {
    modifiers: Vec<u64>,
    /// Major and minor number.
    render_node: Option<(u32, u32)>,
    /// `VK_EXT_image_compression_control`.
    compresses: bool,
    /// The compression of the last image that had it set.
    compression: Option<(vk::ImageCompressionFlagsEXT, u32)>,
    /// Extensions that the driver only lists.
    extensions: Vec<&'static CStr>,
    /// `VK_GOOGLE_surfaceless_query`.
    tells_without_surface: bool,
    /// The images in added layouts.
    images: HashMap<vk::Image, u64>,
}

fn added() -> MutexGuard<'static, Added> {
    static ADDED: OnceLock<Mutex<Added>> = OnceLock::new();
    let added = ADDED.get_or_init(|| {
        let told = env::var("WAYFENCE_TEST_TELL").unwrap_or_default();
        let names = told.split(',').filter(|name| !name.is_empty());
        let node = env::var("WAYFENCE_TEST_RENDER_NODE").ok();
        Mutex::new(Added {
            extensions: names
                .filter_map(|name| CString::new(name).ok())
                .map(leaked)
                .collect(),
            render_node: node.map(|node| {
                let numbers = node.split_once(':').expect("major:minor");
                let [major, minor] = [numbers.0, numbers.1].map(str::parse);
                (major.expect("a number"), minor.expect("a number"))
            }),
            ..Added::default()
        })
    });
    added.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names of extensions live as long as the process.
fn leaked(name: CString) -> &'static CStr {
    Box::leak(name.into_boxed_c_str())
}

/// From now on the device supports this DRM format modifier, too, and uses it where it may.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_add_modifier(modifier: u64) {
    added().modifiers.push(modifier);
}

/// From now on this is the device's render node (`VK_EXT_physical_device_drm`).
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_set_render_node(major: u32, minor: u32) {
    added().render_node = Some((major, minor));
}

/// From now on the driver lists and accepts this device extension, which does nothing.
///
/// # Safety
/// `name` is a valid C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wayfence_test_driver_add_extension(name: *const c_char) {
    // SAFETY: the caller guarantees it.
    let name = unsafe { CStr::from_ptr(name) }.to_owned();
    added().extensions.push(leaked(name));
}

/// From now on the device has `VK_EXT_image_compression_control`: it claims 2 and 4 bits a component, and
/// compresses nothing.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_add_compression() {
    added().compresses = true;
}

/// The flags and the first plane's fixed rate of the last image for which they were given; `u64::MAX` if
/// they never were. The rate is in the upper half.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_compression() -> u64 {
    added().compression.map_or(u64::MAX, |(flags, rate)| {
        u64::from(rate) << 32 | u64::from(flags.as_raw())
    })
}

/// From now on the driver has `VK_GOOGLE_surfaceless_query`, and lists three formats by it: one that everybody
/// has, one that no compositor takes, and one in a colour space that needs more than a format.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_tell_without_surface() {
    added().tells_without_surface = true;
}

/// The formats that it lists.
const WITHOUT_SURFACE: [vk::SurfaceFormatKHR; 3] = [
    vk::SurfaceFormatKHR {
        format: vk::Format::B8G8R8A8_UNORM,
        color_space: vk::ColorSpaceKHR::SRGB_NONLINEAR,
    },
    vk::SurfaceFormatKHR {
        format: vk::Format::R8_UNORM,
        color_space: vk::ColorSpaceKHR::SRGB_NONLINEAR,
    },
    vk::SurfaceFormatKHR {
        format: vk::Format::B8G8R8A8_UNORM,
        color_space: vk::ColorSpaceKHR::DOLBYVISION_EXT,
    },
];

const SURFACELESS: &CStr = c"VK_GOOGLE_surfaceless_query";

/// The extensions that instances have by it.
pub fn instance_extensions() -> Vec<&'static CStr> {
    let tells = added().tells_without_surface;
    tells.then_some(SURFACELESS).into_iter().collect()
}

/// The extensions that the device has by it.
pub fn extensions() -> Vec<&'static CStr> {
    let added = added();
    let node = added.render_node.map(|_| ext::physical_device_drm::NAME);
    let compression = added
        .compresses
        .then_some(ext::image_compression_control::NAME);
    let others = added.extensions.iter().copied();
    node.into_iter().chain(compression).chain(others).collect()
}

static PROPERTIES: OnceLock<vk::PFN_vkGetPhysicalDeviceProperties2> = OnceLock::new();
static CREATE_INSTANCE: OnceLock<vk::PFN_vkCreateInstance> = OnceLock::new();
static SURFACE_FORMATS: OnceLock<vk::PFN_vkGetPhysicalDeviceSurfaceFormatsKHR> = OnceLock::new();
static CREATE_DEVICE: OnceLock<vk::PFN_vkCreateDevice> = OnceLock::new();
static FEATURES: OnceLock<vk::PFN_vkGetPhysicalDeviceFeatures2> = OnceLock::new();
static FORMAT: OnceLock<vk::PFN_vkGetPhysicalDeviceFormatProperties2> = OnceLock::new();
static IMAGE_FORMAT: OnceLock<vk::PFN_vkGetPhysicalDeviceImageFormatProperties2> = OnceLock::new();

/// Our query in place of the real one of this name, if there is one.
pub fn query(name: &CStr, command: Function) -> vk::PFN_vkVoidFunction {
    let name = name.to_str().unwrap_or_default();
    // SAFETY: function pointers of the types that the names tell.
    unsafe {
        match name.strip_suffix("KHR").unwrap_or(name) {
            "vkGetPhysicalDeviceProperties2" => {
                let _ = PROPERTIES
                    .set(transmute::<Function, vk::PFN_vkGetPhysicalDeviceProperties2>(command));
                Some(transmute::<vk::PFN_vkGetPhysicalDeviceProperties2, Function>(properties))
            }
            "vkCreateInstance" => {
                let _ =
                    CREATE_INSTANCE.set(transmute::<Function, vk::PFN_vkCreateInstance>(command));
                Some(transmute::<vk::PFN_vkCreateInstance, Function>(
                    create_instance,
                ))
            }
            "vkGetPhysicalDeviceSurfaceFormats" => {
                let _ = SURFACE_FORMATS.set(transmute::<
                    Function,
                    vk::PFN_vkGetPhysicalDeviceSurfaceFormatsKHR,
                >(command));
                Some(transmute::<
                    vk::PFN_vkGetPhysicalDeviceSurfaceFormatsKHR,
                    Function,
                >(surface_formats))
            }
            "vkCreateDevice" => {
                let _ = CREATE_DEVICE.set(transmute::<Function, vk::PFN_vkCreateDevice>(command));
                Some(transmute::<vk::PFN_vkCreateDevice, Function>(create_device))
            }
            "vkGetPhysicalDeviceFeatures2" => {
                let _ = FEATURES.set(transmute::<Function, vk::PFN_vkGetPhysicalDeviceFeatures2>(
                    command,
                ));
                Some(transmute::<vk::PFN_vkGetPhysicalDeviceFeatures2, Function>(
                    features,
                ))
            }
            "vkGetPhysicalDeviceFormatProperties2" => {
                let _ = FORMAT.set(transmute::<
                    Function,
                    vk::PFN_vkGetPhysicalDeviceFormatProperties2,
                >(command));
                Some(transmute::<
                    vk::PFN_vkGetPhysicalDeviceFormatProperties2,
                    Function,
                >(format_properties))
            }
            "vkGetPhysicalDeviceImageFormatProperties2" => {
                let _ = IMAGE_FORMAT.set(transmute::<
                    Function,
                    vk::PFN_vkGetPhysicalDeviceImageFormatProperties2,
                >(command));
                Some(transmute::<
                    vk::PFN_vkGetPhysicalDeviceImageFormatProperties2,
                    Function,
                >(image_format_properties))
            }
            _ => None,
        }
    }
}

/// See [`crate::external_fd::wayfence_test_driver_fail_next`].
pub const CREATE_IMAGE: &CStr = c"vkCreateImage";
const DESTROY_IMAGE: &CStr = c"vkDestroyImage";
const IMAGE_MODIFIER: &CStr = c"vkGetImageDrmFormatModifierPropertiesEXT";

/// Our command of this name, if it is one of a device's here.
pub fn replacement(name: &CStr) -> vk::PFN_vkVoidFunction {
    // SAFETY: function pointers; whoever gets one casts it back to the type that its name tells.
    unsafe {
        if name == CREATE_IMAGE {
            Some(transmute::<vk::PFN_vkCreateImage, Function>(create_image))
        } else if name == DESTROY_IMAGE {
            Some(transmute::<vk::PFN_vkDestroyImage, Function>(destroy_image))
        } else if name == IMAGE_MODIFIER {
            Some(transmute::<
                vk::PFN_vkGetImageDrmFormatModifierPropertiesEXT,
                Function,
            >(image_modifier))
        } else {
            None
        }
    }
}

/// The first structure of type `T` in a chain.
///
/// # Safety
/// The chain is valid, and may be written to while the answer is used.
pub unsafe fn find<'a, T: vk::TaggedStructure>(chain: *const c_void) -> Option<&'a mut T> {
    let mut current = chain.cast::<vk::BaseInStructure<'_>>();
    // SAFETY: every structure of a chain begins as `VkBaseInStructure` does, and its type names its
    // layout.
    unsafe {
        while let Some(structure) = current.as_ref() {
            if structure.s_type == T::STRUCTURE_TYPE {
                return Some(&mut *current.cast::<T>().cast_mut());
            }
            current = structure.p_next;
        }
    }
    None
}

unsafe extern "system" fn properties(
    device: vk::PhysicalDevice,
    out: *mut vk::PhysicalDeviceProperties2<'_>,
) {
    // SAFETY: the caller's parameters and chain; whoever does not know a structure leaves it as it is.
    unsafe {
        if let Some(query) = PROPERTIES.get() {
            query(device, out);
        }
        if faults::has(Fault::LateFences) {
            (*out).properties.device_type = vk::PhysicalDeviceType::DISCRETE_GPU;
        }
        let drm = find::<vk::PhysicalDeviceDrmPropertiesEXT<'_>>((*out).p_next);
        if let (Some((major, minor)), Some(drm)) = (added().render_node, drm) {
            drm.has_primary = vk::FALSE;
            drm.has_render = vk::TRUE;
            drm.render_major = major.into();
            drm.render_minor = minor.into();
        }
        if let Some(manner) = manner() {
            if let Some(driver) = find::<vk::PhysicalDeviceDriverProperties<'_>>((*out).p_next) {
                driver.driver_id = manner.id;
            }
            if let Some(driver) = find::<vk::PhysicalDeviceVulkan12Properties<'_>>((*out).p_next) {
                driver.driver_id = manner.id;
            }
        }
    }
}

/// The names that are not among `added`.
///
/// # Safety
/// `names` are `count` valid C strings.
unsafe fn others(names: *const *const c_char, count: u32, added: &[&CStr]) -> Vec<*const c_char> {
    (0..count as usize)
        // SAFETY: the caller guarantees it.
        .map(|at| unsafe { *names.add(at) })
        // SAFETY: as above.
        .filter(|name| !added.contains(&unsafe { CStr::from_ptr(*name) }))
        .collect()
}

unsafe extern "system" fn create_instance(
    info: *const vk::InstanceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    instance: *mut vk::Instance,
) -> vk::Result {
    if let Some(failure) = next_failure(c"vkCreateInstance") {
        return failure;
    }
    let Some(create) = CREATE_INSTANCE.get() else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the caller's parameters, whose names are valid C strings.
    unsafe {
        let names = others(
            (*info).pp_enabled_extension_names,
            (*info).enabled_extension_count,
            &instance_extensions(),
        );
        let info = vk::InstanceCreateInfo {
            enabled_extension_count: names.len() as u32,
            pp_enabled_extension_names: names.as_ptr(),
            ..*info
        };
        INSTANCES.made(create(&info, allocator, instance))
    }
}

unsafe extern "system" fn surface_formats(
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
    count: *mut u32,
    formats: *mut vk::SurfaceFormatKHR,
) -> vk::Result {
    if surface != vk::SurfaceKHR::null() {
        return match SURFACE_FORMATS.get() {
            // SAFETY: the caller's parameters.
            Some(query) => unsafe { query(device, surface, count, formats) },
            None => vk::Result::ERROR_UNKNOWN,
        };
    }
    // SAFETY: the caller's parameters: there is room for as many as `count` says.
    unsafe {
        let room = match formats.is_null() {
            true => WITHOUT_SURFACE.len(),
            false => WITHOUT_SURFACE.len().min(*count as usize),
        };
        if !formats.is_null() {
            std::ptr::copy_nonoverlapping(WITHOUT_SURFACE.as_ptr(), formats, room);
        }
        *count = room as u32;
        match room < WITHOUT_SURFACE.len() {
            true => vk::Result::INCOMPLETE,
            false => vk::Result::SUCCESS,
        }
    }
}

/// The features of extensions that tests hide.
const FEATURES_OF: [(&str, vk::StructureType); 5] = [
    (
        "VK_EXT_present_timing",
        vk::StructureType::from_raw(1_000_208_000),
    ),
    (
        "VK_KHR_present_id",
        vk::StructureType::PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
    ),
    (
        "VK_KHR_present_wait",
        vk::StructureType::PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
    ),
    (
        "VK_KHR_present_id2",
        vk::StructureType::from_raw(1_000_479_002),
    ),
    (
        "VK_KHR_present_wait2",
        vk::StructureType::from_raw(1_000_480_001),
    ),
];

/// Whether a device's chain asks for features that a driver without the hidden extensions refuses, as Mesa's do.
///
/// # Safety
/// `chain` is valid.
unsafe fn has_features_of_hidden_extensions(chain: *const c_void) -> bool {
    let mut current = chain.cast::<vk::BaseInStructure<'_>>();
    // SAFETY: every structure of a chain begins as `VkBaseInStructure` does.
    while let Some(structure) = unsafe { current.as_ref() } {
        let mut all = FEATURES_OF.iter();
        if all.any(|(name, features)| *features == structure.s_type && real().hides(name)) {
            return true;
        }
        current = structure.p_next;
    }
    false
}

unsafe extern "system" fn create_device(
    physical: vk::PhysicalDevice,
    info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    device: *mut vk::Device,
) -> vk::Result {
    if let Some(failure) = next_failure(c"vkCreateDevice") {
        return failure;
    }
    let Some(create) = CREATE_DEVICE.get() else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the caller's parameter and its chain.
    if unsafe { has_features_of_hidden_extensions((*info).p_next) } {
        return vk::Result::ERROR_FEATURE_NOT_PRESENT;
    }
    let added = added().extensions.clone();
    // SAFETY: the caller's parameters, whose names are valid C strings.
    unsafe {
        let names = others(
            (*info).pp_enabled_extension_names,
            (*info).enabled_extension_count,
            &added,
        );
        let info = vk::DeviceCreateInfo {
            enabled_extension_count: names.len() as u32,
            pp_enabled_extension_names: names.as_ptr(),
            ..*info
        };
        DEVICES.made(create(physical, &info, allocator, device))
    }
}

unsafe extern "system" fn features(
    device: vk::PhysicalDevice,
    out: *mut vk::PhysicalDeviceFeatures2<'_>,
) {
    // SAFETY: the caller's parameters and chain; whoever does not know a structure leaves it as it is.
    unsafe {
        if let Some(query) = FEATURES.get() {
            query(device, out);
        }
        let control =
            find::<vk::PhysicalDeviceImageCompressionControlFeaturesEXT<'_>>((*out).p_next);
        if let (true, Some(control)) = (added().compresses, control) {
            control.image_compression_control = vk::TRUE;
        }
    }
}

unsafe extern "system" fn format_properties(
    device: vk::PhysicalDevice,
    format: vk::Format,
    out: *mut vk::FormatProperties2<'_>,
) {
    let Some(query) = FORMAT.get() else { return };
    let modifiers = added().modifiers.clone();
    // SAFETY: the caller's parameters and chain; its array has room for as many as it says.
    unsafe {
        let list = find::<vk::DrmFormatModifierPropertiesListEXT<'_>>((*out).p_next);
        let list2 = find::<vk::DrmFormatModifierPropertiesList2EXT<'_>>((*out).p_next);
        let room = list.as_ref().map(|list| list.drm_format_modifier_count);
        let room2 = list2.as_ref().map(|list| list.drm_format_modifier_count);
        query(device, format, out);
        for modifier in modifiers {
            if let (Some(list), Some(room)) = (
                find::<vk::DrmFormatModifierPropertiesListEXT<'_>>((*out).p_next),
                room,
            ) {
                let all = list.p_drm_format_modifier_properties;
                let count = list.drm_format_modifier_count;
                if !all.is_null() && (1..room).contains(&count) {
                    *all.add(count as usize) = vk::DrmFormatModifierPropertiesEXT {
                        drm_format_modifier: modifier,
                        ..*all
                    };
                }
                if count > 0 && (all.is_null() || count < room) {
                    list.drm_format_modifier_count += 1;
                }
            }
            if let (Some(list), Some(room)) = (
                find::<vk::DrmFormatModifierPropertiesList2EXT<'_>>((*out).p_next),
                room2,
            ) {
                let all = list.p_drm_format_modifier_properties;
                let count = list.drm_format_modifier_count;
                if !all.is_null() && (1..room).contains(&count) {
                    *all.add(count as usize) = vk::DrmFormatModifierProperties2EXT {
                        drm_format_modifier: modifier,
                        ..*all
                    };
                }
                if count > 0 && (all.is_null() || count < room) {
                    list.drm_format_modifier_count += 1;
                }
            }
        }
    }
}

unsafe extern "system" fn image_format_properties(
    device: vk::PhysicalDevice,
    info: *const vk::PhysicalDeviceImageFormatInfo2<'_>,
    out: *mut vk::ImageFormatProperties2<'_>,
) -> vk::Result {
    if let Some(failure) = next_failure(c"vkGetPhysicalDeviceImageFormatProperties2") {
        return failure;
    }
    let Some(query) = IMAGE_FORMAT.get() else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the caller's parameters and chain, which is as it was when this returns.
    unsafe {
        let rates = find::<vk::ImageCompressionPropertiesEXT<'_>>((*out).p_next);
        let control = find::<vk::ImageCompressionControlEXT<'_>>((*info).p_next);
        if let (Some(rates), Some(_), true) = (rates, control, added().compresses) {
            rates.image_compression_flags = vk::ImageCompressionFlagsEXT::FIXED_RATE_EXPLICIT;
            rates.image_compression_fixed_rate_flags =
                vk::ImageCompressionFixedRateFlagsEXT::TYPE_2BPC
                    | vk::ImageCompressionFixedRateFlagsEXT::TYPE_4BPC;
        }
        let asked = find::<vk::PhysicalDeviceImageDrmFormatModifierInfoEXT<'_>>((*info).p_next);
        match asked {
            Some(asked)
                if added().modifiers.contains(&asked.drm_format_modifier)
                    && asked.sharing_mode == vk::SharingMode::CONCURRENT =>
            {
                vk::Result::ERROR_FORMAT_NOT_SUPPORTED
            }
            Some(asked) if added().modifiers.contains(&asked.drm_format_modifier) => {
                let modifier = std::mem::replace(&mut asked.drm_format_modifier, LINEAR);
                let answer = query(device, info, out);
                asked.drm_format_modifier = modifier;
                answer
            }
            _ => query(device, info, out),
        }
    }
}

unsafe extern "system" fn create_image(
    device: vk::Device,
    info: *const vk::ImageCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    image: *mut vk::Image,
) -> vk::Result {
    if let Some(answer) = next_failure(CREATE_IMAGE) {
        return answer;
    }
    let Some(create) = real().device_command(device, CREATE_IMAGE) else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the command of this name has this type; the caller's parameters and chain, which is as it
    // was when this returns.
    unsafe {
        let create = transmute::<Function, vk::PFN_vkCreateImage>(create);
        if let Some(control) = find::<vk::ImageCompressionControlEXT<'_>>((*info).p_next) {
            let rate = match control.compression_control_plane_count {
                0 => 0,
                _ => (*control.p_fixed_rate_flags).as_raw(),
            };
            added().compression = Some((control.flags, rate));
        }
        let list = find::<vk::ImageDrmFormatModifierListCreateInfoEXT<'_>>((*info).p_next);
        let chosen = list.as_ref().and_then(|list| {
            let asked = std::slice::from_raw_parts(
                list.p_drm_format_modifiers,
                list.drm_format_modifier_count as usize,
            );
            let modifiers = &added().modifiers;
            modifiers.iter().copied().find(|one| asked.contains(one))
        });
        if chosen.is_some() && (*info).sharing_mode == vk::SharingMode::CONCURRENT {
            return vk::Result::ERROR_FORMAT_NOT_SUPPORTED;
        }
        let (Some(list), Some(modifier)) = (list, chosen) else {
            return IMAGES.made(create(device, info, allocator, image));
        };
        let asked = (list.p_drm_format_modifiers, list.drm_format_modifier_count);
        (list.p_drm_format_modifiers, list.drm_format_modifier_count) = (&LINEAR, 1);
        let answer = IMAGES.made(create(device, info, allocator, image));
        (list.p_drm_format_modifiers, list.drm_format_modifier_count) = asked;
        if answer == vk::Result::SUCCESS {
            added().images.insert(*image, modifier);
        }
        answer
    }
}

unsafe extern "system" fn destroy_image(
    device: vk::Device,
    image: vk::Image,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    IMAGES.destroyed(image);
    added().images.remove(&image);
    if let Some(destroy) = real().device_command(device, DESTROY_IMAGE) {
        // SAFETY: the command of this name has this type; the caller's parameters.
        unsafe {
            transmute::<Function, vk::PFN_vkDestroyImage>(destroy)(device, image, allocator);
        }
    }
}

unsafe extern "system" fn image_modifier(
    device: vk::Device,
    image: vk::Image,
    properties: *mut vk::ImageDrmFormatModifierPropertiesEXT<'_>,
) -> vk::Result {
    if let Some(failure) = next_failure(IMAGE_MODIFIER) {
        return failure;
    }
    let Some(query) = real().device_command(device, IMAGE_MODIFIER) else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the command of this name has this type; the caller's parameters.
    unsafe {
        let query = transmute::<Function, vk::PFN_vkGetImageDrmFormatModifierPropertiesEXT>(query);
        let answer = query(device, image, properties);
        if let Some(modifier) = added().images.get(&image) {
            (*properties).drm_format_modifier = *modifier;
        }
        answer
    }
}
