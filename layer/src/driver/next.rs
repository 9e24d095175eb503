//! The commands of the next layer or the driver that this layer calls.
//!
//! Each may be missing, if the driver lacks the extension or the application asked for an older version.

use std::ffi::CStr;

use ash::vk;

/// Defines a table of commands, each by its type in `ash::vk`, whose name is the command's. A command that was an
/// extension's before has the suffix of its older name, too.
macro_rules! commands {
    (
        $(#[$meta:meta])*
        $table:ident { $($field:ident: $pointer:ident $(| $suffix:ident)?;)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        #[allow(missing_docs, reason = "the fields bear the commands' names")]
        pub struct $table { $(pub $field: Option<vk::$pointer>,)* }

        impl $table {
            /// Looks the commands up. Of two names of a command the first that is found counts: the newer one
            /// before the older, or with `old`, for a version of Vulkan without the command, after it.
            ///
            /// # Safety
            /// `look_up` answers the command of that name or `None`.
            pub unsafe fn load(
                old: bool,
                look_up: impl Fn(&CStr) -> vk::PFN_vkVoidFunction,
            ) -> Self {
                let find = |names: &[&CStr]| match old {
                    false => names.iter().find_map(|name| look_up(name)),
                    true => names.iter().rev().find_map(|name| look_up(name)),
                };
                $table {
                    $($field: {
                        const NAMES: &[&CStr] = &[
                            name(concat!(stringify!($pointer), "\0")),
                            $(name(concat!(stringify!($pointer), stringify!($suffix), "\0")),)?
                        ];
                        find(NAMES).map(|command| {
                            // SAFETY: a command found under this name has this type, says the registry.
                            unsafe {
                                std::mem::transmute::<unsafe extern "system" fn(), vk::$pointer>(
                                    command,
                                )
                            }
                        })
                    },)*
                }
            }
        }
    };
}

/// The name of a command, from that of its type: `PFN_`, the name, and a zero.
const fn name(of: &'static str) -> &'static CStr {
    let (_, name) = of.as_bytes().split_at("PFN_".len());
    match CStr::from_bytes_with_nul(name) {
        Ok(name) => name,
        Err(_) => panic!("no name of a type"),
    }
}

commands! {
    /// The commands of an instance.
    InstanceCommands {
        destroy_instance: PFN_vkDestroyInstance;
        create_device: PFN_vkCreateDevice;
        enumerate_device_extension_properties: PFN_vkEnumerateDeviceExtensionProperties;
        get_physical_device_properties: PFN_vkGetPhysicalDeviceProperties;
        get_physical_device_memory_properties: PFN_vkGetPhysicalDeviceMemoryProperties;
        get_physical_device_queue_family_properties: PFN_vkGetPhysicalDeviceQueueFamilyProperties;
        create_wayland_surface: PFN_vkCreateWaylandSurfaceKHR;
        destroy_surface: PFN_vkDestroySurfaceKHR;
        get_surface_support: PFN_vkGetPhysicalDeviceSurfaceSupportKHR;
        get_surface_capabilities: PFN_vkGetPhysicalDeviceSurfaceCapabilitiesKHR;
        get_surface_capabilities2: PFN_vkGetPhysicalDeviceSurfaceCapabilities2KHR;
        get_surface_capabilities2_ext: PFN_vkGetPhysicalDeviceSurfaceCapabilities2EXT;
        get_surface_formats: PFN_vkGetPhysicalDeviceSurfaceFormatsKHR;
        get_surface_formats2: PFN_vkGetPhysicalDeviceSurfaceFormats2KHR;
        get_surface_present_modes: PFN_vkGetPhysicalDeviceSurfacePresentModesKHR;
        get_present_rectangles: PFN_vkGetPhysicalDevicePresentRectanglesKHR;
        get_wayland_presentation_support: PFN_vkGetPhysicalDeviceWaylandPresentationSupportKHR;
    }
}

commands! {
    /// The queries of Vulkan 1.1, or of the extensions that became part of it.
    PhysicalDeviceCommands {
        get_features2: PFN_vkGetPhysicalDeviceFeatures2 | KHR;
        get_properties2: PFN_vkGetPhysicalDeviceProperties2 | KHR;
        get_format_properties2: PFN_vkGetPhysicalDeviceFormatProperties2 | KHR;
        get_image_format_properties2: PFN_vkGetPhysicalDeviceImageFormatProperties2 | KHR;
        get_external_semaphore_properties: PFN_vkGetPhysicalDeviceExternalSemaphoreProperties | KHR;
        get_external_fence_properties: PFN_vkGetPhysicalDeviceExternalFenceProperties | KHR;
    }
}

commands! {
    /// The commands of a device.
    DeviceCommands {
        destroy_device: PFN_vkDestroyDevice;
        device_wait_idle: PFN_vkDeviceWaitIdle;
        queue_submit: PFN_vkQueueSubmit;
        queue_wait_idle: PFN_vkQueueWaitIdle;
        create_image: PFN_vkCreateImage;
        destroy_image: PFN_vkDestroyImage;
        get_image_memory_requirements2: PFN_vkGetImageMemoryRequirements2 | KHR;
        get_image_subresource_layout: PFN_vkGetImageSubresourceLayout;
        get_image_drm_format_modifier_properties: PFN_vkGetImageDrmFormatModifierPropertiesEXT;
        allocate_memory: PFN_vkAllocateMemory;
        free_memory: PFN_vkFreeMemory;
        bind_image_memory: PFN_vkBindImageMemory;
        bind_image_memory2: PFN_vkBindImageMemory2 | KHR;
        get_memory_fd: PFN_vkGetMemoryFdKHR;
        get_memory_fd_properties: PFN_vkGetMemoryFdPropertiesKHR;
        create_semaphore: PFN_vkCreateSemaphore;
        destroy_semaphore: PFN_vkDestroySemaphore;
        get_semaphore_fd: PFN_vkGetSemaphoreFdKHR;
        import_semaphore_fd: PFN_vkImportSemaphoreFdKHR;
        import_fence_fd: PFN_vkImportFenceFdKHR;
        create_swapchain: PFN_vkCreateSwapchainKHR;
        destroy_swapchain: PFN_vkDestroySwapchainKHR;
        get_swapchain_images: PFN_vkGetSwapchainImagesKHR;
        acquire_next_image: PFN_vkAcquireNextImageKHR;
        acquire_next_image2: PFN_vkAcquireNextImage2KHR;
        queue_present: PFN_vkQueuePresentKHR;
        get_device_group_surface_present_modes: PFN_vkGetDeviceGroupSurfacePresentModesKHR;
        set_debug_utils_object_name: PFN_vkSetDebugUtilsObjectNameEXT;
        set_debug_utils_object_tag: PFN_vkSetDebugUtilsObjectTagEXT;
        debug_marker_set_object_name: PFN_vkDebugMarkerSetObjectNameEXT;
        debug_marker_set_object_tag: PFN_vkDebugMarkerSetObjectTagEXT;
        destroy_private_data_slot: PFN_vkDestroyPrivateDataSlot | EXT;
        set_private_data: PFN_vkSetPrivateData | EXT;
        get_private_data: PFN_vkGetPrivateData | EXT;
    }
}

/// The command of the next layer or the driver, or the layer's result without one.
///
/// # Errors
/// `VK_ERROR_EXTENSION_NOT_PRESENT`.
pub fn below<F>(command: Option<F>) -> Result<F, vk::Result> {
    command.ok_or(vk::Result::ERROR_EXTENSION_NOT_PRESENT)
}
