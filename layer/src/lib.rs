#![allow(non_snake_case, reason = "the library bears the name that layers have")]
#![allow(
    rustdoc::private_intra_doc_links,
    reason = "nobody links to a layer: its readers are here"
)]
//! The Vulkan layer `VK_LAYER_WAYFENCE_wsi`.
//!
//! A frame, in the order of the files: the application acquires ([`frame::acquire`]), which asks the library
//! for a free image and gives its fences to the driver as semaphore and fence; it renders; it presents
//! ([`frame::present`]), which turns its semaphores into a sync_file that the library puts on the image
//! before `wl_surface.commit`. Each folder's first comment says what a frame does there; `docs/architecture.md`
//! shows them all.
//!
//! An entry point finds its object, calls the library, and turns the answer into a `VkResult`.

mod catalogue;
mod driver;
mod entry;
mod extensions;
mod frame;
mod loader;
mod objects;
mod observe;
mod swapchain;
mod vulkan;

use std::ffi::c_char;

use ash::vk;
use loader::commands;
use objects::settings;
use vulkan::{
    contract::{INTERFACE_VERSION, LAYER_NEGOTIATE_INTERFACE_STRUCT, VkNegotiateLayerInterface},
    result,
};

/// `vkNegotiateLoaderLayerInterfaceVersion`: the loader's first call.
///
/// # Safety
/// `interface` is null or valid, as the loader guarantees.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkNegotiateLoaderLayerInterfaceVersion(
    interface: *mut VkNegotiateLayerInterface,
) -> vk::Result {
    result::guard(
        "vkNegotiateLoaderLayerInterfaceVersion",
        result::PANICKED,
        || {
            settings::start_log();
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
            interface.pfn_get_instance_proc_addr = Some(commands::get_instance_proc_addr);
            interface.pfn_get_device_proc_addr = Some(commands::get_device_proc_addr);
            interface.pfn_get_physical_device_proc_addr =
                Some(commands::get_physical_device_proc_addr);
            vk::Result::SUCCESS
        },
    )
}

/// `vkGetInstanceProcAddr`, by its exported name.
///
/// # Safety
/// As the specification says of `vkGetInstanceProcAddr`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkGetInstanceProcAddr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: the caller guarantees it.
    unsafe { commands::get_instance_proc_addr(instance, name) }
}

/// `vkGetDeviceProcAddr`, by its exported name.
///
/// # Safety
/// As the specification says of `vkGetDeviceProcAddr`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkGetDeviceProcAddr(
    device: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: the caller guarantees it.
    unsafe { commands::get_device_proc_addr(device, name) }
}

/// `vk_layerGetPhysicalDeviceProcAddr`, by its exported name.
///
/// # Safety
/// As the loader's contract says of it.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the loader's name")]
pub unsafe extern "system" fn vk_layerGetPhysicalDeviceProcAddr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: the caller guarantees it.
    unsafe { commands::get_physical_device_proc_addr(instance, name) }
}
