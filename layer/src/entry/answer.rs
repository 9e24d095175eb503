//! The shape that entry points share: find the object of a handle, and let the layer answer, or the next layer
//! or driver. A panic ends here.

use std::sync::Arc;

use ash::vk;

use super::dispatch::{self, Dispatchable};
use crate::{
    driver::offer::Offer,
    objects::{device::Device, instance::Instance, surface::Verdict},
    swapchain::{owned::Swapchain, owner::Owner},
    vulkan::result::{self, PANICKED},
};

/// What a command answers; an error is a `VkResult` as well, and comes with `?`.
pub type Answer = Result<vk::Result, vk::Result>;

/// A command of an instance or a physical device.
///
/// # Safety
/// `handle` is a valid handle.
pub unsafe fn on_instance(
    command: &'static str,
    handle: impl Dispatchable,
    body: impl FnOnce(&Arc<Instance>) -> Answer,
) -> vk::Result {
    result::guard(command, PANICKED, || {
        // SAFETY: the caller guarantees a valid handle.
        match unsafe { dispatch::instance(handle) } {
            Some(instance) => body(&instance).unwrap_or_else(|error| error),
            None => vk::Result::ERROR_INITIALIZATION_FAILED,
        }
    })
}

/// A command of a device or a queue.
///
/// # Safety
/// `handle` is a valid handle.
pub unsafe fn on_device(
    command: &'static str,
    handle: impl Dispatchable,
    body: impl FnOnce(&Arc<Owner>) -> Answer,
) -> vk::Result {
    result::guard(command, PANICKED, || {
        // SAFETY: the caller guarantees a valid handle.
        match unsafe { dispatch::device(handle) } {
            Some(device) => body(&device).unwrap_or_else(|error| error),
            None => vk::Result::ERROR_DEVICE_LOST,
        }
    })
}

/// A command of a swapchain: `ours` if the layer owns it, `below` if the driver does.
///
/// # Safety
/// `device` is a valid handle.
pub unsafe fn on_swapchain(
    command: &'static str,
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    ours: impl FnOnce(&Swapchain) -> Answer,
    below: impl FnOnce(&Device) -> Answer,
) -> vk::Result {
    // SAFETY: the caller guarantees a valid handle.
    unsafe {
        on_device(command, device, |object| {
            match object.swapchain(swapchain) {
                Some(owned) => ours(&owned),
                None => below(object),
            }
        })
    }
}

/// A query of a surface: `ours` from what it offers if the layer owns its swapchains on that device,
/// `below` if the driver does.
///
/// # Safety
/// `device` is a valid handle.
pub unsafe fn on_surface(
    command: &'static str,
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
    ours: impl FnOnce(&Instance, &Offer) -> Answer,
    below: impl FnOnce(&Instance) -> Answer,
) -> vk::Result {
    // SAFETY: the caller guarantees a valid handle.
    unsafe {
        on_instance(command, device, |instance| {
            let Some(known) = instance.surface(surface) else {
                return below(instance);
            };
            if instance.physical_device(device).is_kept() && known.is_known_below() {
                return below(instance);
            }
            match &*instance.verdict(&known, device) {
                Verdict::Owned(offer) => ours(instance, offer),
                Verdict::Aside(_) if known.is_known_below() => below(instance),
                // The driver does not know the surface, and the layer cannot own swapchains on this device.
                Verdict::Aside(_) => Err(vk::Result::ERROR_SURFACE_LOST_KHR),
                Verdict::Unknown(lack) => Err(*lack),
            }
        })
    }
}
