//! The commands of the next layer or the driver that this layer calls.
//!
//! Each may be missing, if the driver lacks the extension or the application asked for an older version.

use std::ffi::CStr;

use ash::vk;

/// Defines a table of commands, each with its name, or its names from the newest to the oldest.
macro_rules! commands {
    (
        $(#[$meta:meta])*
        $table:ident { $($field:ident: $pointer:ident = $($name:literal)|+;)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        #[allow(missing_docs, reason = "the fields bear the commands' names")]
        pub struct $table { $(pub $field: Option<vk::$pointer>,)* }

        impl $table {
            /// Looks the commands up. Of several names of a command the first that is found counts; with `old`,
            /// for a version of Vulkan without the command, the last name.
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
                    $($field: find(&[$($name),+]).map(|command| {
                        // SAFETY: a command found under this name has this type, says the registry.
                        unsafe {
                            std::mem::transmute::<unsafe extern "system" fn(), vk::$pointer>(command)
                        }
                    }),)*
                }
            }
        }
    };
}

commands! {
    /// The commands of an instance.
    InstanceCommands {
        destroy_instance: PFN_vkDestroyInstance = c"vkDestroyInstance";
        create_device: PFN_vkCreateDevice = c"vkCreateDevice";
        enumerate_device_extension_properties: PFN_vkEnumerateDeviceExtensionProperties =
            c"vkEnumerateDeviceExtensionProperties";
        get_physical_device_properties: PFN_vkGetPhysicalDeviceProperties =
            c"vkGetPhysicalDeviceProperties";
        get_physical_device_memory_properties: PFN_vkGetPhysicalDeviceMemoryProperties =
            c"vkGetPhysicalDeviceMemoryProperties";
        get_physical_device_queue_family_properties: PFN_vkGetPhysicalDeviceQueueFamilyProperties =
            c"vkGetPhysicalDeviceQueueFamilyProperties";
        create_wayland_surface: PFN_vkCreateWaylandSurfaceKHR = c"vkCreateWaylandSurfaceKHR";
        destroy_surface: PFN_vkDestroySurfaceKHR = c"vkDestroySurfaceKHR";
        get_surface_support: PFN_vkGetPhysicalDeviceSurfaceSupportKHR =
            c"vkGetPhysicalDeviceSurfaceSupportKHR";
        get_surface_capabilities: PFN_vkGetPhysicalDeviceSurfaceCapabilitiesKHR =
            c"vkGetPhysicalDeviceSurfaceCapabilitiesKHR";
        get_surface_capabilities2: PFN_vkGetPhysicalDeviceSurfaceCapabilities2KHR =
            c"vkGetPhysicalDeviceSurfaceCapabilities2KHR";
        get_surface_capabilities2_ext: PFN_vkGetPhysicalDeviceSurfaceCapabilities2EXT =
            c"vkGetPhysicalDeviceSurfaceCapabilities2EXT";
        get_surface_formats: PFN_vkGetPhysicalDeviceSurfaceFormatsKHR =
            c"vkGetPhysicalDeviceSurfaceFormatsKHR";
        get_surface_formats2: PFN_vkGetPhysicalDeviceSurfaceFormats2KHR =
            c"vkGetPhysicalDeviceSurfaceFormats2KHR";
        get_surface_present_modes: PFN_vkGetPhysicalDeviceSurfacePresentModesKHR =
            c"vkGetPhysicalDeviceSurfacePresentModesKHR";
        get_present_rectangles: PFN_vkGetPhysicalDevicePresentRectanglesKHR =
            c"vkGetPhysicalDevicePresentRectanglesKHR";
        get_wayland_presentation_support: PFN_vkGetPhysicalDeviceWaylandPresentationSupportKHR =
            c"vkGetPhysicalDeviceWaylandPresentationSupportKHR";
    }
}

commands! {
    /// The queries of Vulkan 1.1, or of the extensions that became part of it.
    PhysicalDeviceCommands {
        get_features2: PFN_vkGetPhysicalDeviceFeatures2 =
            c"vkGetPhysicalDeviceFeatures2" | c"vkGetPhysicalDeviceFeatures2KHR";
        get_properties2: PFN_vkGetPhysicalDeviceProperties2 =
            c"vkGetPhysicalDeviceProperties2" | c"vkGetPhysicalDeviceProperties2KHR";
        get_format_properties2: PFN_vkGetPhysicalDeviceFormatProperties2 =
            c"vkGetPhysicalDeviceFormatProperties2" | c"vkGetPhysicalDeviceFormatProperties2KHR";
        get_image_format_properties2: PFN_vkGetPhysicalDeviceImageFormatProperties2 =
            c"vkGetPhysicalDeviceImageFormatProperties2"
            | c"vkGetPhysicalDeviceImageFormatProperties2KHR";
        get_external_semaphore_properties: PFN_vkGetPhysicalDeviceExternalSemaphoreProperties =
            c"vkGetPhysicalDeviceExternalSemaphoreProperties"
            | c"vkGetPhysicalDeviceExternalSemaphorePropertiesKHR";
        get_external_fence_properties: PFN_vkGetPhysicalDeviceExternalFenceProperties =
            c"vkGetPhysicalDeviceExternalFenceProperties"
            | c"vkGetPhysicalDeviceExternalFencePropertiesKHR";
    }
}

commands! {
    /// The commands of a device.
    DeviceCommands {
        destroy_device: PFN_vkDestroyDevice = c"vkDestroyDevice";
        device_wait_idle: PFN_vkDeviceWaitIdle = c"vkDeviceWaitIdle";
        queue_submit: PFN_vkQueueSubmit = c"vkQueueSubmit";
        queue_wait_idle: PFN_vkQueueWaitIdle = c"vkQueueWaitIdle";
        create_image: PFN_vkCreateImage = c"vkCreateImage";
        destroy_image: PFN_vkDestroyImage = c"vkDestroyImage";
        get_image_memory_requirements2: PFN_vkGetImageMemoryRequirements2 =
            c"vkGetImageMemoryRequirements2" | c"vkGetImageMemoryRequirements2KHR";
        get_image_subresource_layout: PFN_vkGetImageSubresourceLayout =
            c"vkGetImageSubresourceLayout";
        get_image_drm_format_modifier_properties: PFN_vkGetImageDrmFormatModifierPropertiesEXT =
            c"vkGetImageDrmFormatModifierPropertiesEXT";
        allocate_memory: PFN_vkAllocateMemory = c"vkAllocateMemory";
        free_memory: PFN_vkFreeMemory = c"vkFreeMemory";
        bind_image_memory: PFN_vkBindImageMemory = c"vkBindImageMemory";
        bind_image_memory2: PFN_vkBindImageMemory2 =
            c"vkBindImageMemory2" | c"vkBindImageMemory2KHR";
        get_memory_fd: PFN_vkGetMemoryFdKHR = c"vkGetMemoryFdKHR";
        get_memory_fd_properties: PFN_vkGetMemoryFdPropertiesKHR = c"vkGetMemoryFdPropertiesKHR";
        create_semaphore: PFN_vkCreateSemaphore = c"vkCreateSemaphore";
        destroy_semaphore: PFN_vkDestroySemaphore = c"vkDestroySemaphore";
        get_semaphore_fd: PFN_vkGetSemaphoreFdKHR = c"vkGetSemaphoreFdKHR";
        import_semaphore_fd: PFN_vkImportSemaphoreFdKHR = c"vkImportSemaphoreFdKHR";
        import_fence_fd: PFN_vkImportFenceFdKHR = c"vkImportFenceFdKHR";
        create_swapchain: PFN_vkCreateSwapchainKHR = c"vkCreateSwapchainKHR";
        destroy_swapchain: PFN_vkDestroySwapchainKHR = c"vkDestroySwapchainKHR";
        get_swapchain_images: PFN_vkGetSwapchainImagesKHR = c"vkGetSwapchainImagesKHR";
        acquire_next_image: PFN_vkAcquireNextImageKHR = c"vkAcquireNextImageKHR";
        acquire_next_image2: PFN_vkAcquireNextImage2KHR = c"vkAcquireNextImage2KHR";
        queue_present: PFN_vkQueuePresentKHR = c"vkQueuePresentKHR";
        get_device_group_surface_present_modes: PFN_vkGetDeviceGroupSurfacePresentModesKHR =
            c"vkGetDeviceGroupSurfacePresentModesKHR";
        set_debug_utils_object_name: PFN_vkSetDebugUtilsObjectNameEXT =
            c"vkSetDebugUtilsObjectNameEXT";
        set_debug_utils_object_tag: PFN_vkSetDebugUtilsObjectTagEXT =
            c"vkSetDebugUtilsObjectTagEXT";
        debug_marker_set_object_name: PFN_vkDebugMarkerSetObjectNameEXT =
            c"vkDebugMarkerSetObjectNameEXT";
        debug_marker_set_object_tag: PFN_vkDebugMarkerSetObjectTagEXT =
            c"vkDebugMarkerSetObjectTagEXT";
        destroy_private_data_slot: PFN_vkDestroyPrivateDataSlot =
            c"vkDestroyPrivateDataSlot" | c"vkDestroyPrivateDataSlotEXT";
        set_private_data: PFN_vkSetPrivateData = c"vkSetPrivateData" | c"vkSetPrivateDataEXT";
        get_private_data: PFN_vkGetPrivateData = c"vkGetPrivateData" | c"vkGetPrivateDataEXT";
    }
}

/// The command of the next layer or the driver, or the layer's result without one.
///
/// # Errors
/// `VK_ERROR_EXTENSION_NOT_PRESENT`.
pub fn below<F>(command: Option<F>) -> Result<F, vk::Result> {
    command.ok_or(vk::Result::ERROR_EXTENSION_NOT_PRESENT)
}
