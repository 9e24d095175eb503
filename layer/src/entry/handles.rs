//! Commands that take a handle of any type. The driver must not see the layer's swapchains there: it would take
//! their handles for its own.

use std::sync::Arc;

use ash::vk::{self, Handle};

use super::dispatch;
use crate::{
    swapchain::owner::Owner,
    vulkan::result::{self, PANICKED},
};

/// The device, and whether only the layer knows the object of the handle.
///
/// # Safety
/// `device` is a valid handle.
unsafe fn look(
    device: vk::Device,
    object_type: vk::ObjectType,
    handle: u64,
) -> Option<(Arc<Owner>, bool)> {
    // SAFETY: the caller guarantees a valid handle.
    let device = unsafe { dispatch::device(device) }?;
    let ours = match object_type {
        vk::ObjectType::SWAPCHAIN_KHR => device
            .swapchain(vk::SwapchainKHR::from_raw(handle))
            .is_some(),
        vk::ObjectType::SURFACE_KHR => device
            .instance
            .surface(vk::SurfaceKHR::from_raw(handle))
            .is_some_and(|surface| !surface.is_known_below()),
        _ => false,
    };
    Some((device, ours))
}

fn type_of(object_type: vk::DebugReportObjectTypeEXT) -> vk::ObjectType {
    match object_type {
        vk::DebugReportObjectTypeEXT::SWAPCHAIN_KHR => vk::ObjectType::SWAPCHAIN_KHR,
        vk::DebugReportObjectTypeEXT::SURFACE_KHR => vk::ObjectType::SURFACE_KHR,
        _ => vk::ObjectType::UNKNOWN,
    }
}

/// Defines a command that names or tags an object. For an object of the layer's it does nothing.
macro_rules! annotation {
    ($(#[$meta:meta])* $name:ident, $command:literal, $info:ty, |$of:ident| $object:expr) => {
        $(#[$meta])*
        pub unsafe extern "system" fn $name(device: vk::Device, info: *const $info) -> vk::Result {
            result::guard($command, PANICKED, || {
                // SAFETY: valid by the specification.
                let $of = unsafe { &*info };
                let (object_type, handle) = $object;
                // SAFETY: a valid handle by the specification.
                match unsafe { look(device, object_type, handle) } {
                    Some((_, true)) => vk::Result::SUCCESS,
                    Some((object, false)) => match object.next.$name {
                        // SAFETY: the application's own parameters.
                        Some(next) => unsafe { next(device, info) },
                        None => vk::Result::SUCCESS,
                    },
                    None => vk::Result::ERROR_OUT_OF_HOST_MEMORY,
                }
            })
        }
    };
}

annotation! {
    /// `vkSetDebugUtilsObjectNameEXT`.
    set_debug_utils_object_name, "vkSetDebugUtilsObjectNameEXT",
    vk::DebugUtilsObjectNameInfoEXT<'_>, |info| (info.object_type, info.object_handle)
}
annotation! {
    /// `vkSetDebugUtilsObjectTagEXT`.
    set_debug_utils_object_tag, "vkSetDebugUtilsObjectTagEXT",
    vk::DebugUtilsObjectTagInfoEXT<'_>, |info| (info.object_type, info.object_handle)
}
annotation! {
    /// `vkDebugMarkerSetObjectNameEXT`.
    debug_marker_set_object_name, "vkDebugMarkerSetObjectNameEXT",
    vk::DebugMarkerObjectNameInfoEXT<'_>, |info| (type_of(info.object_type), info.object)
}
annotation! {
    /// `vkDebugMarkerSetObjectTagEXT`.
    debug_marker_set_object_tag, "vkDebugMarkerSetObjectTagEXT",
    vk::DebugMarkerObjectTagInfoEXT<'_>, |info| (type_of(info.object_type), info.object)
}

/// `vkDestroyPrivateDataSlot`: also removes the slot's data of the layer's objects.
pub unsafe extern "system" fn destroy_private_data_slot(
    device: vk::Device,
    slot: vk::PrivateDataSlot,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    result::guard("vkDestroyPrivateDataSlot", (), || {
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::device(device) }) else {
            return;
        };
        object.private_data().retain(|(of, _), _| *of != slot);
        if let Some(next) = object.next.destroy_private_data_slot {
            // SAFETY: the application's own parameters.
            unsafe { next(device, slot, allocator) };
        }
    });
}

/// `vkSetPrivateData`.
pub unsafe extern "system" fn set_private_data(
    device: vk::Device,
    object_type: vk::ObjectType,
    handle: u64,
    slot: vk::PrivateDataSlot,
    data: u64,
) -> vk::Result {
    result::guard("vkSetPrivateData", PANICKED, || {
        // SAFETY: a valid handle by the specification.
        match unsafe { look(device, object_type, handle) } {
            Some((object, true)) => {
                object.private_data().insert((slot, handle), data);
                vk::Result::SUCCESS
            }
            Some((object, false)) => match object.next.set_private_data {
                // SAFETY: the application's own parameters.
                Some(next) => unsafe { next(device, object_type, handle, slot, data) },
                None => vk::Result::ERROR_OUT_OF_HOST_MEMORY,
            },
            None => vk::Result::ERROR_OUT_OF_HOST_MEMORY,
        }
    })
}

/// `vkGetPrivateData`: 0 for an object without data in the slot.
pub unsafe extern "system" fn get_private_data(
    device: vk::Device,
    object_type: vk::ObjectType,
    handle: u64,
    slot: vk::PrivateDataSlot,
    data: *mut u64,
) {
    result::guard("vkGetPrivateData", (), || {
        // SAFETY: a valid handle by the specification.
        match unsafe { look(device, object_type, handle) } {
            Some((object, true)) => {
                let all = object.private_data();
                // SAFETY: valid by the specification.
                unsafe { *data = all.get(&(slot, handle)).copied().unwrap_or(0) };
            }
            Some((object, false)) => {
                if let Some(next) = object.next.get_private_data {
                    // SAFETY: the application's own parameters.
                    unsafe { next(device, object_type, handle, slot, data) };
                }
            }
            None => {}
        }
    });
}
