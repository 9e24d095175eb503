//! A driver that draws nothing: it has the extensions that a test gives it and remembers how it
//! was called. Each thread has its own.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_void};

use ash::vk::{self, Handle};

use crate::link::{LinkInfo, VkLayerDeviceLink, VkLayerInstanceLink};

/// What the driver has, and the calls that it got.
#[derive(Clone, Default)]
pub struct Driver {
    /// Its instance extensions; it refuses others.
    pub instance_extensions: Vec<CString>,
    /// Its device extensions; it refuses others.
    pub device_extensions: Vec<CString>,
    /// The extensions of each instance that was created or refused, in order.
    pub instances: Vec<Vec<CString>>,
    /// The extensions of each device that was created or refused, in order.
    pub devices: Vec<Vec<CString>>,
    /// The types of the structures chained to the create info of the last instance or device.
    pub chained: Vec<vk::StructureType>,
    /// The link to which the layer above must have advanced the chain, as an address.
    expected_link: usize,
}

thread_local! {
    static DRIVER: RefCell<Driver> = RefCell::default();
}

/// Gives this thread a new driver.
pub fn install(instance_extensions: &[&CStr], device_extensions: &[&CStr]) {
    let own = |names: &[&CStr]| names.iter().map(|&name| name.to_owned()).collect();
    DRIVER.replace(Driver {
        instance_extensions: own(instance_extensions),
        device_extensions: own(device_extensions),
        ..Driver::default()
    });
}

/// The driver of this thread, as it is now.
pub fn driver() -> Driver {
    DRIVER.with_borrow(Clone::clone)
}

/// The link that the layer must advance to before it calls the driver's next create function.
pub(crate) fn expect_link(link: *mut c_void) {
    DRIVER.with_borrow_mut(|driver| driver.expected_link = link.addr());
}

/// A function that only the driver has: the layer must give it out unchanged.
///
/// # Safety
/// None: it does nothing.
pub unsafe extern "system" fn draw() {}

/// The names under which [`draw`] is known: of every level, none of them the layer's.
pub const UNTOUCHED: &[&CStr] = &[
    c"vkCmdDraw",
    c"vkQueueSubmit",
    c"vkQueueSubmit2",
    c"vkAllocateMemory",
    c"vkWaitForFences",
    c"vkVendorSpecificTEST",
];

/// The driver's `vkGetInstanceProcAddr`.
///
/// # Safety
/// As Vulkan has it.
pub(crate) unsafe extern "system" fn get_instance_proc_addr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: a name ends with a NUL.
    let name = unsafe { CStr::from_ptr(name) };
    let global = matches!(name.to_bytes(), b"vkCreateInstance");
    if instance.is_null() != global {
        return None;
    }
    find(name)
}

/// The driver's `vkGetDeviceProcAddr`.
///
/// # Safety
/// As Vulkan has it.
pub(crate) unsafe extern "system" fn get_device_proc_addr(
    device: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    assert!(!device.is_null());
    // SAFETY: a name ends with a NUL.
    find(unsafe { CStr::from_ptr(name) })
}

/// The driver's `vk_icdGetPhysicalDeviceProcAddr`.
///
/// # Safety
/// As Vulkan has it.
pub(crate) unsafe extern "system" fn get_physical_device_proc_addr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    assert!(!instance.is_null());
    // SAFETY: a name ends with a NUL.
    let name = unsafe { CStr::from_ptr(name) };
    (name == c"vkGetPhysicalDeviceVendorSpecificTEST").then_some(draw)
}

macro_rules! function {
    ($function:expr, $type:ident) => {{
        let function: vk::$type = $function;
        // SAFETY: function pointers have one size; whoever asks for the name knows the type.
        Some(unsafe { std::mem::transmute::<vk::$type, unsafe extern "system" fn()>(function) })
    }};
}

fn find(name: &CStr) -> vk::PFN_vkVoidFunction {
    if UNTOUCHED.contains(&name) {
        return Some(draw);
    }
    match name.to_bytes() {
        // They exist, but the layer must never call them with an object that the driver does not know.
        b"vkSetPrivateData" | b"vkGetPrivateData" => Some(draw),
        b"vkCreateInstance" => function!(create_instance, PFN_vkCreateInstance),
        b"vkDestroyInstance" => function!(destroy_instance, PFN_vkDestroyInstance),
        b"vkEnumeratePhysicalDevices" => {
            function!(enumerate_physical_devices, PFN_vkEnumeratePhysicalDevices)
        }
        b"vkEnumerateDeviceExtensionProperties" => function!(
            enumerate_device_extension_properties,
            PFN_vkEnumerateDeviceExtensionProperties
        ),
        b"vkGetPhysicalDeviceProperties" => function!(
            get_physical_device_properties,
            PFN_vkGetPhysicalDeviceProperties
        ),
        b"vkGetPhysicalDeviceExternalSemaphoreProperties" => function!(
            get_external_semaphore_properties,
            PFN_vkGetPhysicalDeviceExternalSemaphoreProperties
        ),
        b"vkGetPhysicalDeviceExternalFenceProperties" => function!(
            get_external_fence_properties,
            PFN_vkGetPhysicalDeviceExternalFenceProperties
        ),
        b"vkCreateDevice" => function!(create_device, PFN_vkCreateDevice),
        b"vkDestroyDevice" => function!(destroy_device, PFN_vkDestroyDevice),
        b"vkGetDeviceProcAddr" => function!(get_device_proc_addr, PFN_vkGetDeviceProcAddr),
        _ => None,
    }
}

/// What a dispatchable handle points to: its first word is the dispatch table's address, the same
/// for an instance and its physical device, another for each device.
#[repr(C)]
struct Object {
    dispatch: *const c_void,
    physical_device: *mut Object,
}

fn new_object() -> *mut Object {
    let object = Box::into_raw(Box::new(Object {
        dispatch: std::ptr::null(),
        physical_device: std::ptr::null_mut(),
    }));
    // SAFETY: it was just made.
    unsafe { (*object).dispatch = object.cast() };
    object
}

unsafe extern "system" fn create_instance(
    info: *const vk::InstanceCreateInfo<'_>,
    _: *const vk::AllocationCallbacks<'_>,
    instance: *mut vk::Instance,
) -> vk::Result {
    // SAFETY: valid, as Vulkan has it.
    let info = unsafe { &*info };
    // SAFETY: as above.
    let asked = unsafe {
        names(
            info.pp_enabled_extension_names,
            info.enabled_extension_count,
        )
    };
    // SAFETY: the chain is valid and the loader's structures are its own.
    let (link, chained) = unsafe {
        (
            link::<VkLayerInstanceLink>(
                info.p_next,
                vk::StructureType::LOADER_INSTANCE_CREATE_INFO,
            ),
            chained(info.p_next),
        )
    };
    let known = DRIVER.with_borrow_mut(|driver| {
        assert_eq!(link, driver.expected_link, "the layer advances its link");
        driver.instances.push(asked.clone());
        driver.chained = chained;
        asked
            .iter()
            .all(|name| driver.instance_extensions.contains(name))
    });
    if !known {
        return vk::Result::ERROR_EXTENSION_NOT_PRESENT;
    }
    let object = new_object();
    let physical_device = new_object();
    // SAFETY: both were just made; there is room for the handle.
    unsafe {
        (*physical_device).dispatch = object.cast();
        (*object).physical_device = physical_device;
        *instance = vk::Instance::from_raw(object.expose_provenance() as u64);
    }
    vk::Result::SUCCESS
}

unsafe extern "system" fn destroy_instance(
    instance: vk::Instance,
    _: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: made by `create_instance`, and not used again, as Vulkan has it.
    unsafe {
        let object = Box::from_raw(std::ptr::with_exposed_provenance_mut::<Object>(
            instance.as_raw() as usize,
        ));
        drop(Box::from_raw(object.physical_device));
    }
}

unsafe extern "system" fn enumerate_physical_devices(
    instance: vk::Instance,
    count: *mut u32,
    devices: *mut vk::PhysicalDevice,
) -> vk::Result {
    // SAFETY: made by `create_instance`; count and array are valid, as Vulkan has it.
    unsafe {
        let object = std::ptr::with_exposed_provenance::<Object>(instance.as_raw() as usize);
        if !devices.is_null() {
            assert!(*count >= 1);
            *devices =
                vk::PhysicalDevice::from_raw((*object).physical_device.expose_provenance() as u64);
        }
        *count = 1;
    }
    vk::Result::SUCCESS
}

unsafe extern "system" fn enumerate_device_extension_properties(
    _: vk::PhysicalDevice,
    layer: *const c_char,
    count: *mut u32,
    properties: *mut vk::ExtensionProperties,
) -> vk::Result {
    if !layer.is_null() {
        return vk::Result::ERROR_LAYER_NOT_PRESENT;
    }
    let names = driver().device_extensions;
    // SAFETY: count and array are valid, as Vulkan has it.
    unsafe {
        if properties.is_null() {
            *count = names.len() as u32;
            return vk::Result::SUCCESS;
        }
        let room = *count as usize;
        for (index, name) in names.iter().take(room).enumerate() {
            *properties.add(index) = vk::ExtensionProperties::default()
                .extension_name(name)
                .expect("it fits")
                .spec_version(1);
        }
        *count = names.len().min(room) as u32;
        if room < names.len() {
            return vk::Result::INCOMPLETE;
        }
    }
    vk::Result::SUCCESS
}

unsafe extern "system" fn get_physical_device_properties(
    _: vk::PhysicalDevice,
    properties: *mut vk::PhysicalDeviceProperties,
) {
    // SAFETY: valid, as Vulkan has it.
    unsafe {
        *properties = vk::PhysicalDeviceProperties {
            api_version: vk::API_VERSION_1_3,
            ..vk::PhysicalDeviceProperties::default()
        };
    }
}

unsafe extern "system" fn get_external_semaphore_properties(
    _: vk::PhysicalDevice,
    _: *const vk::PhysicalDeviceExternalSemaphoreInfo<'_>,
    properties: *mut vk::ExternalSemaphoreProperties<'_>,
) {
    // SAFETY: valid, as Vulkan has it.
    unsafe {
        (*properties).external_semaphore_features = vk::ExternalSemaphoreFeatureFlags::EXPORTABLE
            | vk::ExternalSemaphoreFeatureFlags::IMPORTABLE;
    }
}

unsafe extern "system" fn get_external_fence_properties(
    _: vk::PhysicalDevice,
    _: *const vk::PhysicalDeviceExternalFenceInfo<'_>,
    properties: *mut vk::ExternalFenceProperties<'_>,
) {
    // SAFETY: valid, as Vulkan has it.
    unsafe {
        (*properties).external_fence_features =
            vk::ExternalFenceFeatureFlags::EXPORTABLE | vk::ExternalFenceFeatureFlags::IMPORTABLE;
    }
}

unsafe extern "system" fn create_device(
    _: vk::PhysicalDevice,
    info: *const vk::DeviceCreateInfo<'_>,
    _: *const vk::AllocationCallbacks<'_>,
    device: *mut vk::Device,
) -> vk::Result {
    // SAFETY: valid, as Vulkan has it.
    let info = unsafe { &*info };
    // SAFETY: as above.
    let asked = unsafe {
        names(
            info.pp_enabled_extension_names,
            info.enabled_extension_count,
        )
    };
    // SAFETY: the chain is valid and the loader's structures are its own.
    let (link, chained) = unsafe {
        (
            link::<VkLayerDeviceLink>(info.p_next, vk::StructureType::LOADER_DEVICE_CREATE_INFO),
            chained(info.p_next),
        )
    };
    let known = DRIVER.with_borrow_mut(|driver| {
        assert_eq!(link, driver.expected_link, "the layer advances its link");
        driver.devices.push(asked.clone());
        driver.chained = chained;
        asked
            .iter()
            .all(|name| driver.device_extensions.contains(name))
    });
    if !known {
        return vk::Result::ERROR_EXTENSION_NOT_PRESENT;
    }
    // SAFETY: there is room for the handle.
    unsafe { *device = vk::Device::from_raw(new_object().expose_provenance() as u64) };
    vk::Result::SUCCESS
}

unsafe extern "system" fn destroy_device(
    device: vk::Device,
    _: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: made by `create_device`, and not used again, as Vulkan has it.
    unsafe {
        drop(Box::from_raw(
            std::ptr::with_exposed_provenance_mut::<Object>(device.as_raw() as usize),
        ));
    }
}

/// # Safety
/// A valid array of C strings.
unsafe fn names(array: *const *const c_char, count: u32) -> Vec<CString> {
    (0..count as usize)
        // SAFETY: by the caller's word.
        .map(|index| unsafe { CStr::from_ptr(*array.add(index)) }.to_owned())
        .collect()
}

/// The address of the link in a create info's chain.
///
/// # Safety
/// A valid chain, whose structures of this type are the loader's.
unsafe fn link<Link>(p_next: *const c_void, s_type: vk::StructureType) -> usize {
    let mut current = p_next.cast::<vk::BaseInStructure<'_>>();
    // SAFETY: by the caller's word.
    while let Some(structure) = unsafe { current.as_ref() } {
        if structure.s_type == s_type {
            // SAFETY: by the caller's word.
            let info = unsafe { &*current.cast::<LinkInfo<Link>>() };
            if info.function == 0 {
                return info.link.addr();
            }
        }
        current = structure.p_next;
    }
    panic!("the loader's structure is passed on");
}

/// The types of the structures in a chain.
///
/// # Safety
/// A valid chain.
unsafe fn chained(p_next: *const c_void) -> Vec<vk::StructureType> {
    let mut types = Vec::new();
    let mut current = p_next.cast::<vk::BaseInStructure<'_>>();
    // SAFETY: by the caller's word.
    while let Some(structure) = unsafe { current.as_ref() } {
        types.push(structure.s_type);
        current = structure.p_next;
    }
    types
}
