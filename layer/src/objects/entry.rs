//! The shape that entry points share: find the object of a handle, and let the layer answer, or whoever
//! is below. Nothing that panics gets past them.

use std::sync::Arc;

use ash::vk;

use crate::{
    objects::{
        device::Device,
        dispatch::{self, Dispatchable},
        instance::Instance,
        surface::{Offer, Verdict},
    },
    swapchain::owned::Swapchain,
    vulkan::result::{self, PANICKED},
};

/// What a command answers; an error is a `VkResult` as well, and comes with `?`.
pub type Answer = Result<vk::Result, vk::Result>;

/// The command of the next layer or the driver, or what to answer if it has none.
///
/// # Errors
/// `VK_ERROR_EXTENSION_NOT_PRESENT`.
pub fn below<F>(command: Option<F>) -> Result<F, vk::Result> {
    command.ok_or(vk::Result::ERROR_EXTENSION_NOT_PRESENT)
}

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
    body: impl FnOnce(&Arc<Device>) -> Answer,
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
    ours: impl FnOnce(&Offer) -> Answer,
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
            match &*known.verdict(instance, device) {
                Verdict::Owned(offer) => ours(offer),
                Verdict::Aside(_) if known.is_known_below() => below(instance),
                // It is ours alone, and the layer cannot own swapchains on this device.
                Verdict::Aside(_) => Err(vk::Result::ERROR_SURFACE_LOST_KHR),
            }
        })
    }
}
