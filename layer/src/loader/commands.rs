//! The commands that the layer gives out: those of its place in the chain, listed here, and those of its
//! extensions. For any other command the loader gets the next layer's pointer, so a draw call costs nothing.

use std::ffi::{CStr, c_char};

use ash::{khr, vk};

use super::{device, instance, physical_device};
use crate::{
    catalogue::command::{Command, Given, Level, command},
    entry::dispatch,
    extensions::EXTENSIONS,
    vulkan::result,
};

/// The layer's own place in the chain.
static CHAIN: &[Command] = &[
    command!(
        c"vkGetInstanceProcAddr",
        Global,
        Given::Always,
        get_instance_proc_addr,
        PFN_vkGetInstanceProcAddr
    ),
    command!(
        c"vkGetDeviceProcAddr",
        Device,
        Given::Always,
        get_device_proc_addr,
        PFN_vkGetDeviceProcAddr
    ),
    command!(
        c"vkCreateInstance",
        Global,
        Given::Always,
        instance::create_instance,
        PFN_vkCreateInstance
    ),
    command!(
        c"vkDestroyInstance",
        Instance,
        Given::Always,
        instance::destroy_instance,
        PFN_vkDestroyInstance
    ),
    command!(
        c"vkCreateDevice",
        PhysicalDevice,
        Given::Always,
        device::create_device,
        PFN_vkCreateDevice
    ),
    command!(
        c"vkDestroyDevice",
        Device,
        Given::Always,
        device::destroy_device,
        PFN_vkDestroyDevice
    ),
    command!(
        c"vkEnumerateInstanceLayerProperties",
        Global,
        Given::Always,
        instance::enumerate_instance_layer_properties,
        PFN_vkEnumerateInstanceLayerProperties
    ),
    command!(
        c"vkEnumerateInstanceExtensionProperties",
        Global,
        Given::Always,
        instance::enumerate_instance_extension_properties,
        PFN_vkEnumerateInstanceExtensionProperties
    ),
    command!(
        c"vkEnumerateDeviceLayerProperties",
        PhysicalDevice,
        Given::Always,
        physical_device::enumerate_device_layer_properties,
        PFN_vkEnumerateDeviceLayerProperties
    ),
    command!(
        c"vkEnumerateDeviceExtensionProperties",
        PhysicalDevice,
        Given::Always,
        physical_device::enumerate_device_extension_properties,
        PFN_vkEnumerateDeviceExtensionProperties
    ),
];

fn find(name: &CStr) -> Option<&'static Command> {
    CHAIN
        .iter()
        .find(|command| command.name == name)
        .or_else(|| EXTENSIONS.command(name))
}

/// `vkGetInstanceProcAddr`: commands of every level. Gives out a device command if a device of the instance
/// may have it.
pub unsafe extern "system" fn get_instance_proc_addr(
    handle: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    result::guard("vkGetInstanceProcAddr", None, || {
        // SAFETY: a valid C string by the specification.
        let name = unsafe { CStr::from_ptr(name) };
        let command = find(name);
        // While it makes an instance, the loader asks for `vkCreateInstance` with a handle of its own
        // that no layer has seen.
        if let Some(global) = command.filter(|command| command.level == Level::Global) {
            return Some(global.function);
        }
        if handle == vk::Instance::null() {
            // Some layers look up the next `vkCreateDevice` without an instance (Mesa's overlay, MangoHud
            // before 0.7), though the specification requires one.
            return command
                .filter(|_| name == c"vkCreateDevice")
                .map(|command| command.function);
        }
        // SAFETY: a valid handle by the specification.
        let instance = unsafe { dispatch::instance(handle) }?;
        let Some(command) = command else {
            return instance.next_proc_addr(name);
        };
        let given = match command.given {
            Given::Always => true,
            Given::Instance(extension) => instance.has(extension),
            Given::Device(_) | Given::Core(_) | Given::SwapchainWith(_) => true,
            Given::Below => instance.next_proc_addr(name).is_some(),
        };
        if given {
            Some(command.function)
        } else {
            instance.next_proc_addr(name)
        }
    })
}

/// `vkGetDeviceProcAddr`. For a command of an extension that the application has not enabled, the next layer
/// or the driver answers.
pub unsafe extern "system" fn get_device_proc_addr(
    handle: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    result::guard("vkGetDeviceProcAddr", None, || {
        // SAFETY: a valid C string by the specification.
        let name = unsafe { CStr::from_ptr(name) };
        // SAFETY: a valid handle by the specification.
        let device = unsafe { dispatch::device(handle) }?;
        let below = || device.next_proc_addr(name);
        let Some(command) = find(name).filter(|command| command.level == Level::Device) else {
            return below();
        };
        let given = match command.given {
            Given::Always => true,
            Given::Device(extension) | Given::Core(extension) => device.has(extension),
            Given::SwapchainWith(extension) => {
                device.has(khr::swapchain::NAME)
                    && (device.api_version >= vk::API_VERSION_1_1 || device.has(extension))
            }
            Given::Instance(_) => false,
            Given::Below => below().is_some(),
        };
        match (given, command.given) {
            (true, _) => Some(command.function),
            // The layer may have enabled the extension below; the application has not.
            (false, Given::SwapchainWith(_)) if device.has(khr::swapchain::NAME) => None,
            (false, _) => below(),
        }
    })
}

/// `vk_layerGetPhysicalDeviceProcAddr`: commands of physical devices, and nothing else.
pub unsafe extern "system" fn get_physical_device_proc_addr(
    handle: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    result::guard("vk_layerGetPhysicalDeviceProcAddr", None, || {
        // SAFETY: a valid C string by the contract with the loader.
        let name = unsafe { CStr::from_ptr(name) };
        // SAFETY: a valid handle by the contract with the loader.
        let instance = unsafe { dispatch::instance(handle) }?;
        match find(name) {
            Some(Command {
                level: Level::PhysicalDevice,
                given,
                function,
                ..
            }) => match given {
                Given::Instance(extension) if !instance.has(extension) => {
                    instance.next_physical_device_proc_addr(name)
                }
                Given::Below if instance.next_proc_addr(name).is_none() => {
                    instance.next_physical_device_proc_addr(name)
                }
                _ => Some(*function),
            },
            Some(_) => None,
            None => instance.next_physical_device_proc_addr(name),
        }
    })
}
