//! Surfaces, created and destroyed.

use std::sync::Arc;

use ash::vk::{self, Handle};
use wayfence::wayland;

use super::dispatch;
use crate::{objects::surface::Surface, vulkan::result};

/// `vkCreateWaylandSurfaceKHR`: creates the driver's surface, so that the layer can step aside later, and
/// remembers it. On a driver without Wayland surfaces the surface is the layer's alone.
pub unsafe extern "system" fn create_wayland_surface(
    instance: vk::Instance,
    create_info: *const vk::WaylandSurfaceCreateInfoKHR<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    handle: *mut vk::SurfaceKHR,
) -> vk::Result {
    result::guard("vkCreateWaylandSurfaceKHR", result::PANICKED, || {
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::instance(instance) }) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let created = match object.next.create_wayland_surface {
            // SAFETY: the application's own parameters.
            Some(next) => unsafe { next(instance, create_info, allocator, handle) },
            None => vk::Result::ERROR_EXTENSION_NOT_PRESENT,
        };
        let below = match created {
            vk::Result::SUCCESS => true,
            vk::Result::ERROR_EXTENSION_NOT_PRESENT => false,
            error => return error,
        };
        // SAFETY: valid by the specification.
        let info = unsafe { &*create_info };
        // Queried now: later nothing says whether the display still exists. SAFETY: the application's display,
        // which is valid during this call.
        let compositor = unsafe { wayland::Display::of(info.display) }
            .map(|display| Arc::clone(display.capabilities()))
            .map_err(|error| error.to_string());
        let surface = Arc::new(Surface::new(info.display, info.surface, below, compositor));
        if !below {
            let own = vk::SurfaceKHR::from_raw(Arc::as_ptr(&surface) as usize as u64);
            // SAFETY: valid by the specification.
            unsafe { *handle = own };
        }
        // SAFETY: written just now, or by a successful create call.
        object.add_surface(unsafe { *handle }, surface);
        vk::Result::SUCCESS
    })
}

/// `vkDestroySurfaceKHR`.
pub unsafe extern "system" fn destroy_surface(
    instance: vk::Instance,
    surface: vk::SurfaceKHR,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    result::guard("vkDestroySurfaceKHR", (), || {
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::instance(instance) }) else {
            return;
        };
        let ours = object.remove_surface(surface);
        if ours.is_some_and(|ours| !ours.is_known_below()) {
            // The next object at this address must not inherit its data.
            for device in dispatch::devices_of(instance) {
                device.forget_private_data(surface.as_raw());
            }
            return;
        }
        if let Some(next) = object.next.destroy_surface {
            // SAFETY: the application's own parameters.
            unsafe { next(instance, surface, allocator) };
        }
    });
}
