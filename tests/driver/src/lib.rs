//! A Vulkan driver for tests, and nothing else: a real driver, changed in what a test needs.
//!
//! It stands for drivers that the test machines lack: those without any window system, those that lack what the
//! layer needs, those whose GPU is still at work when they export a sync_file, and those that fail. Everything
//! else is the real driver's.
//!
//! - `WAYFENCE_TEST_DRIVER`: the real driver's library (`libvulkan_lvp.so`).
//! - `WAYFENCE_TEST_HIDE`: the extensions to hide, separated by commas. Commands of the window system
//!   are hidden with `VK_KHR_surface` and `VK_KHR_swapchain`.
//!
//! - `WAYFENCE_TEST_TELL`: device extensions that it lists and accepts, and that do nothing, separated by commas.
//! - `WAYFENCE_TEST_RENDER_NODE`: the device's render node, as `MAJOR:MINOR`.
//! - `WAYFENCE_TEST_BUSY_MS`: how many milliseconds the fences of exported sync_files stay pending.
//! - `WAYFENCE_TEST_FAULTS`: its faults, separated by commas, by their names in [`faults`].
//!
//! - `WAYFENCE_TEST_MANNER`: how it treats shared memory (see [`manner`]).
//!
//! A test in the same process controls the next exports and imports with the exported functions in
//! [`external_fd`] and [`memory`], which calls fail with those in [`requests`], and before the first instance the
//! hardware with those in [`hardware`]. [`objects`] counts the objects that exist.

mod extensions;
pub mod external_fd;
pub mod faults;
mod gpu;
pub mod hardware;
pub mod manner;
pub mod memory;
pub mod objects;
mod payloads;
mod queue;
mod real;
pub mod requests;

use std::{
    ffi::{CStr, c_char},
    mem::transmute,
};

use ash::vk;

use crate::{
    extensions::{REAL_DEVICE_EXTENSIONS, device_extensions, instance_extensions},
    real::{Function, real},
};

/// The loader's first call.
///
/// # Safety
/// `version` is valid, as the loader guarantees.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdNegotiateLoaderICDInterfaceVersion(
    version: *mut u32,
) -> vk::Result {
    // Before a test puts a filter on a thread of the application's.
    wayfence_test_fences::kernel::start();
    // SAFETY: the caller guarantees it.
    unsafe { real().negotiate(version) }
}

/// The real driver's commands, except those hidden or replaced.
///
/// # Safety
/// As of `vkGetInstanceProcAddr`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdGetInstanceProcAddr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: a valid C string by the loader's interface to drivers.
    let name = unsafe { CStr::from_ptr(name) };
    let text = name.to_str().unwrap_or_default();
    if real().hides_command(text) {
        return None;
    }
    // SAFETY: function pointers; whoever gets one casts it back to the type that its name tells.
    unsafe {
        match text {
            "vkGetInstanceProcAddr" => Some(transmute::<vk::PFN_vkGetInstanceProcAddr, Function>(
                vk_icdGetInstanceProcAddr,
            )),
            "vkEnumerateInstanceExtensionProperties" => Some(transmute::<
                vk::PFN_vkEnumerateInstanceExtensionProperties,
                Function,
            >(instance_extensions)),
            "vkEnumerateDeviceExtensionProperties" => {
                // The real one, for the replacement to call.
                let _ = REAL_DEVICE_EXTENSIONS.set(transmute::<
                    vk::PFN_vkVoidFunction,
                    Option<vk::PFN_vkEnumerateDeviceExtensionProperties>,
                >(
                    real().command(instance, name)
                )?);
                Some(transmute::<
                    vk::PFN_vkEnumerateDeviceExtensionProperties,
                    Function,
                >(device_extensions))
            }
            "vkGetDeviceProcAddr" => real()
                .learn_device_commands(instance)
                .then_some(transmute::<vk::PFN_vkGetDeviceProcAddr, Function>(
                    device_command,
                )),
            _ => {
                let command = real().command(instance, name)?;
                if let Some(ours) =
                    hardware::query(name, command).or_else(|| objects::of_instance(name, command))
                {
                    return Some(ours);
                }
                match replacement(name, command) {
                    Some(ours) if real().learn_device_commands(instance) => Some(ours),
                    _ => Some(command),
                }
            }
        }
    }
}

unsafe extern "system" fn device_command(
    device: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: a valid C string by the specification.
    let name = unsafe { CStr::from_ptr(name) };
    if real().hides_command(name.to_str().unwrap_or_default()) {
        return None;
    }
    let command = real().device_command(device, name)?;
    replacement(name, command).or(Some(command))
}

/// Our command in place of the real one of this name, if there is one of a device's.
fn replacement(name: &CStr, command: Function) -> vk::PFN_vkVoidFunction {
    external_fd::replacement(name)
        .or_else(|| faults::replacement(name))
        .or_else(|| hardware::replacement(name))
        .or_else(|| memory::replacement(name))
        .or_else(|| objects::replacement(name))
        .or_else(|| queue::replacement(name, command))
}
