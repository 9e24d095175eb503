#![allow(non_snake_case, reason = "the library bears the name that layers have")]
#![allow(
    rustdoc::private_intra_doc_links,
    reason = "nobody links to a layer: its readers are here"
)]
//! The meter: a Vulkan layer above all others that measures what acquire, present, swapchain creation and
//! surface queries cost in any application, on the layer or on the driver's own swapchains.
//!
//! Every figure of the benchmark comes from here, for the layer and for the driver's own swapchains alike. The
//! commands that it measures go down unchanged; all others do not pass through it.
//!
//! It is for applications with one instance and one device, as those of the benchmark: of several it knows the
//! last. Loaded as a layer it measures times. In `LD_PRELOAD` it counts heap allocations, too
//! ([`allocations`]). With [`TRACE`](wayfence_bench::measurement::TRACE) set it starts strace for the system
//! calls ([`tracer`]), and writes a mark to an invalid descriptor where a measured call begins and ends, which
//! strace shows among them.

mod allocations;
// The contract is that of every layer.
#[path = "../../../layer/src/vulkan/contract.rs"]
mod loader;
mod modules;
mod next;
mod recorder;
mod tracer;

use std::{
    ffi::{CStr, c_char},
    mem::transmute,
    time::Instant,
};

use ash::vk;
use loader::{
    Chain, INTERFACE_VERSION, LAYER_NEGOTIATE_INTERFACE_STRUCT, VkLayerDeviceLink,
    VkLayerInstanceLink, VkNegotiateLayerInterface,
};
use wayfence_bench::measurement::{Creation, MARK_ACQUIRE, MARK_PRESENT, Query};

use crate::{next::next, recorder::recorder};

/// `vkNegotiateLoaderLayerInterfaceVersion`: the loader's first call.
///
/// # Safety
/// `interface` is null or valid, as the loader guarantees.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkNegotiateLoaderLayerInterfaceVersion(
    interface: *mut VkNegotiateLayerInterface,
) -> vk::Result {
    // SAFETY: the caller guarantees it.
    let Some(interface) = (unsafe { interface.as_mut() }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    if interface.s_type != LAYER_NEGOTIATE_INTERFACE_STRUCT
        || interface.loader_layer_interface_version < INTERFACE_VERSION
    {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    }
    interface.loader_layer_interface_version = INTERFACE_VERSION;
    interface.pfn_get_instance_proc_addr = Some(get_instance_proc_addr);
    interface.pfn_get_device_proc_addr = Some(get_device_proc_addr);
    interface.pfn_get_physical_device_proc_addr = None;
    vk::Result::SUCCESS
}

/// A function of ours as the loader takes it.
macro_rules! command {
    ($function:path as $type:ty) => {{
        let function: $type = $function;
        // SAFETY: a function pointer; who gets it casts it back to the type that its name tells.
        unsafe { transmute::<$type, vk::PFN_vkVoidFunction>(function) }
    }};
}

unsafe extern "system" fn get_instance_proc_addr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: a valid C string by the specification.
    let ours = match unsafe { CStr::from_ptr(name) }.to_bytes() {
        b"vkGetInstanceProcAddr" => {
            command!(get_instance_proc_addr as vk::PFN_vkGetInstanceProcAddr)
        }
        b"vkCreateInstance" => command!(create_instance as vk::PFN_vkCreateInstance),
        b"vkCreateDevice" => command!(create_device as vk::PFN_vkCreateDevice),
        b"vkGetPhysicalDeviceSurfaceSupportKHR" => {
            command!(surface_support as vk::PFN_vkGetPhysicalDeviceSurfaceSupportKHR)
        }
        b"vkGetPhysicalDeviceSurfaceCapabilitiesKHR" => {
            command!(surface_capabilities as vk::PFN_vkGetPhysicalDeviceSurfaceCapabilitiesKHR)
        }
        b"vkGetPhysicalDeviceSurfaceFormatsKHR" => {
            command!(surface_formats as vk::PFN_vkGetPhysicalDeviceSurfaceFormatsKHR)
        }
        b"vkGetPhysicalDeviceSurfacePresentModesKHR" => {
            command!(surface_present_modes as vk::PFN_vkGetPhysicalDeviceSurfacePresentModesKHR)
        }
        _ => device_command(name),
    };
    if ours.is_some() {
        return ours;
    }
    let get = next(&next::GET_INSTANCE_PROC_ADDR)?;
    // SAFETY: the next layer's function, with the application's own parameters.
    unsafe { get(instance, name) }
}

unsafe extern "system" fn get_device_proc_addr(
    device: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    let ours = device_command(name);
    if ours.is_some() {
        return ours;
    }
    let get = next(&next::GET_DEVICE_PROC_ADDR)?;
    // SAFETY: the next layer's function, with the application's own parameters.
    unsafe { get(device, name) }
}

fn device_command(name: *const c_char) -> vk::PFN_vkVoidFunction {
    // SAFETY: a valid C string by the specification.
    match unsafe { CStr::from_ptr(name) }.to_bytes() {
        b"vkGetDeviceProcAddr" => command!(get_device_proc_addr as vk::PFN_vkGetDeviceProcAddr),
        b"vkDestroyDevice" => command!(destroy_device as vk::PFN_vkDestroyDevice),
        b"vkCreateSwapchainKHR" => command!(create_swapchain as vk::PFN_vkCreateSwapchainKHR),
        b"vkAcquireNextImageKHR" => command!(acquire_next_image as vk::PFN_vkAcquireNextImageKHR),
        b"vkAcquireNextImage2KHR" => {
            command!(acquire_next_image2 as vk::PFN_vkAcquireNextImage2KHR)
        }
        b"vkQueuePresentKHR" => command!(queue_present as vk::PFN_vkQueuePresentKHR),
        _ => None,
    }
}

unsafe extern "system" fn create_instance(
    info: *const vk::InstanceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    instance: *mut vk::Instance,
) -> vk::Result {
    // SAFETY: the loader's chain, which lives during this call.
    let Some(mut chain) = (unsafe { Chain::<VkLayerInstanceLink>::find((*info).p_next) }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let get = chain.link().pfn_next_get_instance_proc_addr;
    chain.advance();
    // SAFETY: a command that needs no instance.
    let create = unsafe { get(vk::Instance::null(), c"vkCreateInstance".as_ptr()) };
    // SAFETY: a command's pointer, or nothing, of the type that its name tells.
    let create: Option<vk::PFN_vkCreateInstance> = unsafe { transmute(create) };
    let Some(create) = create else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: the application's own parameters, the chain moved on.
    let created = unsafe { create(info, allocator, instance) };
    if created == vk::Result::SUCCESS {
        // SAFETY: the next layer's function, and the instance that it has made.
        unsafe { next::of_instance(get, *instance) };
    }
    created
}

unsafe extern "system" fn create_device(
    physical: vk::PhysicalDevice,
    info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    device: *mut vk::Device,
) -> vk::Result {
    // SAFETY: the loader's chain, which lives during this call.
    let Some(mut chain) = (unsafe { Chain::<VkLayerDeviceLink>::find((*info).p_next) }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let get = chain.link().pfn_next_get_device_proc_addr;
    chain.advance();
    let Some(create) = next(&next::CREATE_DEVICE) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: the application's own parameters, the chain moved on.
    let created = unsafe { create(physical, info, allocator, device) };
    if created == vk::Result::SUCCESS {
        // SAFETY: the next layer's function, and the device that it has made.
        unsafe { next::of_device(get, *device) };
        if let Some(acquire) = next(&next::ACQUIRE_NEXT_IMAGE) {
            recorder().below(modules::place(acquire as usize).module);
        }
    }
    created
}

unsafe extern "system" fn destroy_device(
    device: vk::Device,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    recorder().write();
    if let Some(destroy) = next(&next::DESTROY_DEVICE) {
        // SAFETY: the application's own parameters.
        unsafe { destroy(device, allocator) };
    }
}

unsafe extern "system" fn create_swapchain(
    device: vk::Device,
    info: *const vk::SwapchainCreateInfoKHR<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    swapchain: *mut vk::SwapchainKHR,
) -> vk::Result {
    let Some(create) = next(&next::CREATE_SWAPCHAIN) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: valid by the specification.
    let replaces = unsafe { (*info).old_swapchain } != vk::SwapchainKHR::null();
    let begin = Instant::now();
    // SAFETY: the application's own parameters.
    let created = unsafe { create(device, info, allocator, swapchain) };
    let wall = begin.elapsed().as_nanos() as u64;
    if created == vk::Result::SUCCESS {
        recorder().creation(Creation {
            replaces,
            wall,
            images: None,
        });
    }
    created
}

unsafe extern "system" fn acquire_next_image(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    timeout: u64,
    semaphore: vk::Semaphore,
    fence: vk::Fence,
    index: *mut u32,
) -> vk::Result {
    let Some(acquire) = next(&next::ACQUIRE_NEXT_IMAGE) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let (result, call) = recorder::measured(MARK_ACQUIRE, || {
        // SAFETY: the application's own parameters.
        unsafe { acquire(device, swapchain, timeout, semaphore, fence, index) }
    });
    recorder().acquired(result, call);
    result
}

unsafe extern "system" fn acquire_next_image2(
    device: vk::Device,
    info: *const vk::AcquireNextImageInfoKHR<'_>,
    index: *mut u32,
) -> vk::Result {
    let Some(acquire) = next(&next::ACQUIRE_NEXT_IMAGE2) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let (result, call) = recorder::measured(MARK_ACQUIRE, || {
        // SAFETY: the application's own parameters.
        unsafe { acquire(device, info, index) }
    });
    recorder().acquired(result, call);
    result
}

unsafe extern "system" fn queue_present(
    queue: vk::Queue,
    info: *const vk::PresentInfoKHR<'_>,
) -> vk::Result {
    let Some(present) = next(&next::QUEUE_PRESENT) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let (result, call) = recorder::measured(MARK_PRESENT, || {
        // SAFETY: the application's own parameters.
        unsafe { present(queue, info) }
    });
    recorder().presented(call);
    result
}

/// Defines a surface query, which goes down and is timed.
macro_rules! query {
    ($name:ident, $command:literal, $next:ident, ($($parameter:ident: $type:ty),*)) => {
        unsafe extern "system" fn $name(
            device: vk::PhysicalDevice,
            $($parameter: $type),*
        ) -> vk::Result {
            let Some(query) = next(&next::$next) else {
                return vk::Result::ERROR_EXTENSION_NOT_PRESENT;
            };
            let begin = Instant::now();
            // SAFETY: the application's own parameters.
            let result = unsafe { query(device, $($parameter),*) };
            let wall = begin.elapsed().as_nanos() as u64;
            recorder().query(Query { command: $command.to_owned(), wall });
            result
        }
    };
}

query! {
    surface_support, "vkGetPhysicalDeviceSurfaceSupportKHR", SURFACE_SUPPORT,
    (family: u32, surface: vk::SurfaceKHR, supported: *mut vk::Bool32)
}
query! {
    surface_capabilities, "vkGetPhysicalDeviceSurfaceCapabilitiesKHR", SURFACE_CAPABILITIES,
    (surface: vk::SurfaceKHR, capabilities: *mut vk::SurfaceCapabilitiesKHR)
}
query! {
    surface_formats, "vkGetPhysicalDeviceSurfaceFormatsKHR", SURFACE_FORMATS,
    (surface: vk::SurfaceKHR, count: *mut u32, formats: *mut vk::SurfaceFormatKHR)
}
query! {
    surface_present_modes, "vkGetPhysicalDeviceSurfacePresentModesKHR", SURFACE_PRESENT_MODES,
    (surface: vk::SurfaceKHR, count: *mut u32, modes: *mut vk::PresentModeKHR)
}
