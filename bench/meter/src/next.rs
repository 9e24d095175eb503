//! The commands below the meter: those of the last instance and of the last device.

use std::{
    ffi::CStr,
    mem::transmute_copy,
    sync::{PoisonError, RwLock},
};

use ash::vk;

/// A command below; none before it is known.
pub struct Next<F>(RwLock<Option<F>>);

/// The command, if there is one.
pub fn next<F: Copy>(command: &Next<F>) -> Option<F> {
    *command.0.read().unwrap_or_else(PoisonError::into_inner)
}

impl<F> Next<F> {
    const fn new() -> Self {
        Next(RwLock::new(None))
    }

    fn set(&self, command: Option<F>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = command;
    }

    /// # Safety
    /// `F` is a function pointer, of the type of the command that `get` answers for `name`.
    unsafe fn load(&self, name: &CStr, get: impl Fn(&CStr) -> vk::PFN_vkVoidFunction) {
        self.set(get(name).map(|command| {
            // SAFETY: one function pointer read as another, by the caller's word on its type.
            unsafe { transmute_copy::<_, F>(&command) }
        }));
    }
}

/// `vkGetInstanceProcAddr`.
pub static GET_INSTANCE_PROC_ADDR: Next<vk::PFN_vkGetInstanceProcAddr> = Next::new();
/// `vkGetDeviceProcAddr`.
pub static GET_DEVICE_PROC_ADDR: Next<vk::PFN_vkGetDeviceProcAddr> = Next::new();
/// `vkCreateDevice`.
pub static CREATE_DEVICE: Next<vk::PFN_vkCreateDevice> = Next::new();
/// `vkDestroyDevice`.
pub static DESTROY_DEVICE: Next<vk::PFN_vkDestroyDevice> = Next::new();
/// `vkCreateSwapchainKHR`.
pub static CREATE_SWAPCHAIN: Next<vk::PFN_vkCreateSwapchainKHR> = Next::new();
/// `vkAcquireNextImageKHR`.
pub static ACQUIRE_NEXT_IMAGE: Next<vk::PFN_vkAcquireNextImageKHR> = Next::new();
/// `vkAcquireNextImage2KHR`.
pub static ACQUIRE_NEXT_IMAGE2: Next<vk::PFN_vkAcquireNextImage2KHR> = Next::new();
/// `vkQueuePresentKHR`.
pub static QUEUE_PRESENT: Next<vk::PFN_vkQueuePresentKHR> = Next::new();
/// `vkGetPhysicalDeviceSurfaceSupportKHR`.
pub static SURFACE_SUPPORT: Next<vk::PFN_vkGetPhysicalDeviceSurfaceSupportKHR> = Next::new();
/// `vkGetPhysicalDeviceSurfaceCapabilitiesKHR`.
pub static SURFACE_CAPABILITIES: Next<vk::PFN_vkGetPhysicalDeviceSurfaceCapabilitiesKHR> =
    Next::new();
/// `vkGetPhysicalDeviceSurfaceFormatsKHR`.
pub static SURFACE_FORMATS: Next<vk::PFN_vkGetPhysicalDeviceSurfaceFormatsKHR> = Next::new();
/// `vkGetPhysicalDeviceSurfacePresentModesKHR`.
pub static SURFACE_PRESENT_MODES: Next<vk::PFN_vkGetPhysicalDeviceSurfacePresentModesKHR> =
    Next::new();

/// Learns the commands of an instance.
///
/// # Safety
/// `get` is the next layer's, and `instance` was made by it.
pub unsafe fn of_instance(get: vk::PFN_vkGetInstanceProcAddr, instance: vk::Instance) {
    GET_INSTANCE_PROC_ADDR.set(Some(get));
    // SAFETY: the caller guarantees it; a name ends with a NUL.
    let get = |name: &CStr| unsafe { get(instance, name.as_ptr()) };
    // SAFETY: each has the type of its name.
    unsafe {
        CREATE_DEVICE.load(c"vkCreateDevice", get);
        SURFACE_SUPPORT.load(c"vkGetPhysicalDeviceSurfaceSupportKHR", get);
        SURFACE_CAPABILITIES.load(c"vkGetPhysicalDeviceSurfaceCapabilitiesKHR", get);
        SURFACE_FORMATS.load(c"vkGetPhysicalDeviceSurfaceFormatsKHR", get);
        SURFACE_PRESENT_MODES.load(c"vkGetPhysicalDeviceSurfacePresentModesKHR", get);
    }
}

/// Learns the commands of a device.
///
/// # Safety
/// `get` is the next layer's, and `device` was made by it.
pub unsafe fn of_device(get: vk::PFN_vkGetDeviceProcAddr, device: vk::Device) {
    GET_DEVICE_PROC_ADDR.set(Some(get));
    // SAFETY: the caller guarantees it; a name ends with a NUL.
    let get = |name: &CStr| unsafe { get(device, name.as_ptr()) };
    // SAFETY: each has the type of its name.
    unsafe {
        DESTROY_DEVICE.load(c"vkDestroyDevice", get);
        CREATE_SWAPCHAIN.load(c"vkCreateSwapchainKHR", get);
        ACQUIRE_NEXT_IMAGE.load(c"vkAcquireNextImageKHR", get);
        ACQUIRE_NEXT_IMAGE2.load(c"vkAcquireNextImage2KHR", get);
        QUEUE_PRESENT.load(c"vkQueuePresentKHR", get);
    }
}
