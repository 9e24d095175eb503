//! What the layer intercepts: every command in one place. What is not here is never ours: the loader
//! gets the next layer's pointer, and a draw call costs nothing.

use std::ffi::{CStr, c_char};

use ash::{ext, khr, vk};

use crate::{
    device, dispatch, features, instance, objects, physical_device, present, present_wait,
    registry, result, surface, surface_queries, swapchain,
};

/// What a command is a command of, by the type of its first parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Global,
    Instance,
    PhysicalDevice,
    Device,
}

/// What must be enabled for the command to exist.
#[derive(Clone, Copy)]
enum Given {
    Always,
    /// An instance extension.
    Instance(&'static CStr),
    /// A device extension.
    Device(&'static CStr),
    /// `VK_KHR_swapchain`, with Vulkan 1.1 or this device extension.
    SwapchainWith(&'static CStr),
    /// Whatever the next layer says: the command was taken into a version of Vulkan.
    Below,
}

struct Command {
    name: &'static CStr,
    level: Level,
    given: Given,
    function: unsafe extern "system" fn(),
}

macro_rules! command {
    ($name:literal, $level:ident, $given:expr, $function:expr, $type:ident) => {
        command!($name, $level, $given, $function, vk::$type)
    };
    ($name:literal, $level:ident, $given:expr, $function:expr, $type:ty) => {
        Command {
            name: $name,
            level: Level::$level,
            given: $given,
            function: {
                let function: $type = $function;
                // SAFETY: function pointers of one calling convention have one size; whoever gets it
                // casts it back to the type that its name tells.
                unsafe { std::mem::transmute::<$type, unsafe extern "system" fn()>(function) }
            },
        }
    };
}

const SURFACE: Given = Given::Instance(khr::surface::NAME);
const WAYLAND: Given = Given::Instance(khr::wayland_surface::NAME);
const CAPABILITIES2: Given = Given::Instance(khr::get_surface_capabilities2::NAME);
const COUNTER: Given = Given::Instance(ext::display_surface_counter::NAME);
const SWAPCHAIN: Given = Given::Device(khr::swapchain::NAME);
const GROUPS: Given = Given::SwapchainWith(khr::device_group::NAME);
const BIND_MEMORY2: Given = Given::SwapchainWith(khr::bind_memory2::NAME);
const MAINTENANCE1: Given = Given::Device(registry::KHR_SWAPCHAIN_MAINTENANCE1);
const MAINTENANCE1_EXT: Given = Given::Device(ext::swapchain_maintenance1::NAME);
const PRESENT_WAIT: Given = Given::Device(khr::present_wait::NAME);
const PRESENT_WAIT2: Given = Given::Device(registry::KHR_PRESENT_WAIT2);

static COMMANDS: &[Command] = &[
    // The layer's own place in the chain.
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
    command!(
        c"vkGetPhysicalDeviceFeatures2",
        PhysicalDevice,
        Given::Below,
        features::get_physical_device_features2,
        PFN_vkGetPhysicalDeviceFeatures2
    ),
    command!(
        c"vkGetPhysicalDeviceFeatures2KHR",
        PhysicalDevice,
        Given::Below,
        features::get_physical_device_features2,
        PFN_vkGetPhysicalDeviceFeatures2
    ),
    // Surfaces.
    command!(
        c"vkCreateWaylandSurfaceKHR",
        Instance,
        WAYLAND,
        surface::create_wayland_surface,
        PFN_vkCreateWaylandSurfaceKHR
    ),
    command!(
        c"vkDestroySurfaceKHR",
        Instance,
        SURFACE,
        surface::destroy_surface,
        PFN_vkDestroySurfaceKHR
    ),
    command!(
        c"vkGetPhysicalDeviceWaylandPresentationSupportKHR",
        PhysicalDevice,
        WAYLAND,
        surface_queries::get_wayland_presentation_support,
        PFN_vkGetPhysicalDeviceWaylandPresentationSupportKHR
    ),
    command!(
        c"vkGetPhysicalDeviceSurfaceSupportKHR",
        PhysicalDevice,
        SURFACE,
        surface_queries::get_surface_support,
        PFN_vkGetPhysicalDeviceSurfaceSupportKHR
    ),
    command!(
        c"vkGetPhysicalDeviceSurfaceCapabilitiesKHR",
        PhysicalDevice,
        SURFACE,
        surface_queries::get_surface_capabilities,
        PFN_vkGetPhysicalDeviceSurfaceCapabilitiesKHR
    ),
    command!(
        c"vkGetPhysicalDeviceSurfaceCapabilities2KHR",
        PhysicalDevice,
        CAPABILITIES2,
        surface_queries::get_surface_capabilities2,
        PFN_vkGetPhysicalDeviceSurfaceCapabilities2KHR
    ),
    command!(
        c"vkGetPhysicalDeviceSurfaceCapabilities2EXT",
        PhysicalDevice,
        COUNTER,
        surface_queries::get_surface_capabilities2_ext,
        PFN_vkGetPhysicalDeviceSurfaceCapabilities2EXT
    ),
    command!(
        c"vkGetPhysicalDeviceSurfaceFormatsKHR",
        PhysicalDevice,
        SURFACE,
        surface_queries::get_surface_formats,
        PFN_vkGetPhysicalDeviceSurfaceFormatsKHR
    ),
    command!(
        c"vkGetPhysicalDeviceSurfaceFormats2KHR",
        PhysicalDevice,
        CAPABILITIES2,
        surface_queries::get_surface_formats2,
        PFN_vkGetPhysicalDeviceSurfaceFormats2KHR
    ),
    command!(
        c"vkGetPhysicalDeviceSurfacePresentModesKHR",
        PhysicalDevice,
        SURFACE,
        surface_queries::get_surface_present_modes,
        PFN_vkGetPhysicalDeviceSurfacePresentModesKHR
    ),
    command!(
        c"vkGetPhysicalDevicePresentRectanglesKHR",
        PhysicalDevice,
        SURFACE,
        surface_queries::get_present_rectangles,
        PFN_vkGetPhysicalDevicePresentRectanglesKHR
    ),
    // Swapchains.
    command!(
        c"vkGetDeviceGroupSurfacePresentModesKHR",
        Device,
        GROUPS,
        surface_queries::get_device_group_surface_present_modes,
        PFN_vkGetDeviceGroupSurfacePresentModesKHR
    ),
    command!(
        c"vkCreateSwapchainKHR",
        Device,
        SWAPCHAIN,
        swapchain::create_swapchain,
        PFN_vkCreateSwapchainKHR
    ),
    command!(
        c"vkDestroySwapchainKHR",
        Device,
        SWAPCHAIN,
        swapchain::destroy_swapchain,
        PFN_vkDestroySwapchainKHR
    ),
    command!(
        c"vkGetSwapchainImagesKHR",
        Device,
        SWAPCHAIN,
        swapchain::get_swapchain_images,
        PFN_vkGetSwapchainImagesKHR
    ),
    command!(
        c"vkAcquireNextImageKHR",
        Device,
        SWAPCHAIN,
        swapchain::acquire_next_image,
        PFN_vkAcquireNextImageKHR
    ),
    command!(
        c"vkAcquireNextImage2KHR",
        Device,
        GROUPS,
        swapchain::acquire_next_image2,
        PFN_vkAcquireNextImage2KHR
    ),
    command!(
        c"vkQueuePresentKHR",
        Device,
        SWAPCHAIN,
        present::queue_present,
        PFN_vkQueuePresentKHR
    ),
    command!(
        c"vkReleaseSwapchainImagesEXT",
        Device,
        MAINTENANCE1_EXT,
        swapchain::release_swapchain_images,
        PFN_vkReleaseSwapchainImagesEXT
    ),
    command!(
        c"vkReleaseSwapchainImagesKHR",
        Device,
        MAINTENANCE1,
        swapchain::release_swapchain_images,
        PFN_vkReleaseSwapchainImagesEXT
    ),
    command!(
        c"vkWaitForPresentKHR",
        Device,
        PRESENT_WAIT,
        present_wait::wait_for_present,
        PFN_vkWaitForPresentKHR
    ),
    command!(
        c"vkWaitForPresent2KHR",
        Device,
        PRESENT_WAIT2,
        present_wait::wait_for_present2,
        registry::PFN_vkWaitForPresent2KHR
    ),
    // Images of swapchains.
    command!(
        c"vkCreateImage",
        Device,
        SWAPCHAIN,
        swapchain::create_image,
        PFN_vkCreateImage
    ),
    command!(
        c"vkBindImageMemory2",
        Device,
        BIND_MEMORY2,
        swapchain::bind_image_memory2,
        PFN_vkBindImageMemory2
    ),
    command!(
        c"vkBindImageMemory2KHR",
        Device,
        BIND_MEMORY2,
        swapchain::bind_image_memory2,
        PFN_vkBindImageMemory2
    ),
    // Commands that take any handle, or swapchains among others.
    command!(
        c"vkSetHdrMetadataEXT",
        Device,
        Given::Below,
        objects::set_hdr_metadata,
        PFN_vkSetHdrMetadataEXT
    ),
    command!(
        c"vkSetDebugUtilsObjectNameEXT",
        Device,
        Given::Below,
        objects::set_debug_utils_object_name,
        PFN_vkSetDebugUtilsObjectNameEXT
    ),
    command!(
        c"vkSetDebugUtilsObjectTagEXT",
        Device,
        Given::Below,
        objects::set_debug_utils_object_tag,
        PFN_vkSetDebugUtilsObjectTagEXT
    ),
    command!(
        c"vkDebugMarkerSetObjectNameEXT",
        Device,
        Given::Below,
        objects::debug_marker_set_object_name,
        PFN_vkDebugMarkerSetObjectNameEXT
    ),
    command!(
        c"vkDebugMarkerSetObjectTagEXT",
        Device,
        Given::Below,
        objects::debug_marker_set_object_tag,
        PFN_vkDebugMarkerSetObjectTagEXT
    ),
    command!(
        c"vkDestroyPrivateDataSlot",
        Device,
        Given::Below,
        objects::destroy_private_data_slot,
        PFN_vkDestroyPrivateDataSlot
    ),
    command!(
        c"vkDestroyPrivateDataSlotEXT",
        Device,
        Given::Below,
        objects::destroy_private_data_slot,
        PFN_vkDestroyPrivateDataSlot
    ),
    command!(
        c"vkSetPrivateData",
        Device,
        Given::Below,
        objects::set_private_data,
        PFN_vkSetPrivateData
    ),
    command!(
        c"vkSetPrivateDataEXT",
        Device,
        Given::Below,
        objects::set_private_data,
        PFN_vkSetPrivateData
    ),
    command!(
        c"vkGetPrivateData",
        Device,
        Given::Below,
        objects::get_private_data,
        PFN_vkGetPrivateData
    ),
    command!(
        c"vkGetPrivateDataEXT",
        Device,
        Given::Below,
        objects::get_private_data,
        PFN_vkGetPrivateData
    ),
];

fn find(name: &CStr) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// `vkGetInstanceProcAddr`: commands of every level. A device command is given out where a device of the
/// instance may have it.
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
            // Layers ask so for the next `vkCreateDevice` (Mesa's overlay, MangoHud before 0.7), where
            // the specification wants an instance.
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
            Given::Device(_) | Given::SwapchainWith(_) => true,
            Given::Below => instance.next_proc_addr(name).is_some(),
        };
        if given {
            Some(command.function)
        } else {
            instance.next_proc_addr(name)
        }
    })
}

/// `vkGetDeviceProcAddr`: a command of an extension that the device was not created with is answered by
/// whoever is below.
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
            Given::Device(extension) => device.has(extension),
            Given::SwapchainWith(extension) => {
                device.has(khr::swapchain::NAME)
                    && (device.api_version >= vk::API_VERSION_1_1 || device.has(extension))
            }
            Given::Instance(_) => false,
            Given::Below => below().is_some(),
        };
        match (given, command.given) {
            (true, _) => Some(command.function),
            // We may have enabled the extension below, the application has not.
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
