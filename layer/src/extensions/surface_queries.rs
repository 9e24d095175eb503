//! What a surface offers. The layer answers if it owns the surface's swapchains on the device, else the next layer
//! or driver.

use std::ffi::c_void;

use ash::vk;
use wayfence::wayland;

use super::{google_surfaceless_query as surfaceless, surface_maintenance1::asked_mode};
use crate::{
    catalogue::extension::{Level, SurfaceQuery},
    driver::{
        next::below,
        offer::{MAX_IMAGES, Offer},
    },
    entry::{
        answer::{on_instance, on_surface},
        dispatch,
    },
    vulkan::{p_next, present_mode::min_images, result},
};

/// `vkGetPhysicalDeviceSurfaceCapabilitiesKHR`.
pub unsafe extern "system" fn get_surface_capabilities(
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
    capabilities: *mut vk::SurfaceCapabilitiesKHR,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_surface(
            "vkGetPhysicalDeviceSurfaceCapabilitiesKHR",
            device,
            surface,
            |_, offer| {
                *capabilities = own_capabilities(offer, vk::PresentModeKHR::FIFO);
                Ok(vk::Result::SUCCESS)
            },
            |instance| {
                let next = below(instance.next.get_surface_capabilities)?;
                Ok(next(device, surface, capabilities))
            },
        )
    }
}

/// `vkGetPhysicalDeviceSurfaceCapabilities2KHR`. On a surface whose swapchains are the driver's, the extensions
/// that the driver does not know have no capabilities.
pub unsafe extern "system" fn get_surface_capabilities2(
    device: vk::PhysicalDevice,
    info: *const vk::PhysicalDeviceSurfaceInfo2KHR<'_>,
    capabilities: *mut vk::SurfaceCapabilities2KHR<'_>,
) -> vk::Result {
    // SAFETY: valid parameters with valid chains by the specification.
    unsafe {
        let info = &*info;
        on_surface(
            "vkGetPhysicalDeviceSurfaceCapabilities2KHR",
            device,
            info.surface,
            |instance, offer| {
                let mode = asked_mode(info).unwrap_or(vk::PresentModeKHR::FIFO);
                let own = own_capabilities(offer, mode);
                let answer = &mut *capabilities;
                answer.surface_capabilities = own;
                let query = SurfaceQuery {
                    info,
                    capabilities: own,
                    offer: Some(offer),
                };
                instance
                    .extensions
                    .fill_capabilities(&query, answer.p_next, |_| true);
                Ok(vk::Result::SUCCESS)
            },
            |instance| {
                let next = below(instance.next.get_surface_capabilities2)?;
                let answer = &mut *capabilities;
                let result = next(device, info, answer);
                let known = instance.physical_device(device);
                if result == vk::Result::SUCCESS && instance.can_own(&known) {
                    let query = SurfaceQuery {
                        info,
                        capabilities: answer.surface_capabilities,
                        offer: None,
                    };
                    instance
                        .extensions
                        .fill_capabilities(&query, answer.p_next, |one| {
                            one.level == Level::Device
                                && one.is_provided()
                                && !one.is_had(|name| known.has(name))
                        });
                }
                Ok(result)
            },
        )
    }
}

/// `vkGetPhysicalDeviceSurfaceCapabilities2EXT`: no counters on Wayland.
pub unsafe extern "system" fn get_surface_capabilities2_ext(
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
    capabilities: *mut vk::SurfaceCapabilities2EXT<'_>,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_surface(
            "vkGetPhysicalDeviceSurfaceCapabilities2EXT",
            device,
            surface,
            |_, offer| {
                let own = own_capabilities(offer, vk::PresentModeKHR::FIFO);
                let out = &mut *capabilities;
                out.min_image_count = own.min_image_count;
                out.max_image_count = own.max_image_count;
                out.current_extent = own.current_extent;
                out.min_image_extent = own.min_image_extent;
                out.max_image_extent = own.max_image_extent;
                out.max_image_array_layers = own.max_image_array_layers;
                out.supported_transforms = own.supported_transforms;
                out.current_transform = own.current_transform;
                out.supported_composite_alpha = own.supported_composite_alpha;
                out.supported_usage_flags = own.supported_usage_flags;
                out.supported_surface_counters = vk::SurfaceCounterFlagsEXT::empty();
                Ok(vk::Result::SUCCESS)
            },
            |instance| {
                let next = below(instance.next.get_surface_capabilities2_ext)?;
                Ok(next(device, surface, capabilities))
            },
        )
    }
}

/// `vkGetPhysicalDeviceSurfaceFormatsKHR`.
pub unsafe extern "system" fn get_surface_formats(
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
    count: *mut u32,
    formats: *mut vk::SurfaceFormatKHR,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_surface(
            "vkGetPhysicalDeviceSurfaceFormatsKHR",
            device,
            surface,
            |_, offer| {
                let own = &offer.surface_formats;
                Ok(p_next::enumerate(own, count, formats, |format, to| {
                    *to = *format;
                }))
            },
            |instance| {
                let next = below(instance.next.get_surface_formats)?;
                let known = instance.physical_device(device);
                if !surfaceless::concerns(instance, &known, surface) {
                    return Ok(next(device, surface, count, formats));
                }
                let mut all = all_of(|count, out| next(device, surface, count, out))?;
                all.retain(|format| surfaceless::has(instance, &known, format));
                Ok(p_next::enumerate(&all, count, formats, |from, to| {
                    *to = *from
                }))
            },
        )
    }
}

/// `vkGetPhysicalDeviceSurfaceFormats2KHR`.
pub unsafe extern "system" fn get_surface_formats2(
    device: vk::PhysicalDevice,
    info: *const vk::PhysicalDeviceSurfaceInfo2KHR<'_>,
    count: *mut u32,
    formats: *mut vk::SurfaceFormat2KHR<'_>,
) -> vk::Result {
    // SAFETY: valid parameters with valid chains by the specification.
    unsafe {
        on_surface(
            "vkGetPhysicalDeviceSurfaceFormats2KHR",
            device,
            (*info).surface,
            |instance, offer| {
                let own = &offer.surface_formats;
                Ok(p_next::enumerate(own, count, formats, |format, to| {
                    to.surface_format = *format;
                    instance
                        .extensions
                        .fill_format(offer, format.format, to.p_next);
                }))
            },
            |instance| {
                let next = below(instance.next.get_surface_formats2)?;
                let known = instance.physical_device(device);
                if !surfaceless::concerns(instance, &known, (*info).surface) {
                    return Ok(next(device, info, count, formats));
                }
                let mut all = all_of(|count, out| next(device, info, count, out))?;
                all.retain(|format| surfaceless::has(instance, &known, &format.surface_format));
                Ok(p_next::enumerate(&all, count, formats, |from, to| {
                    to.surface_format = from.surface_format;
                }))
            },
        )
    }
}

/// `vkGetPhysicalDeviceSurfacePresentModesKHR`.
pub unsafe extern "system" fn get_surface_present_modes(
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
    count: *mut u32,
    modes: *mut vk::PresentModeKHR,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_surface(
            "vkGetPhysicalDeviceSurfacePresentModesKHR",
            device,
            surface,
            |_, offer| {
                let own = &offer.present_modes;
                Ok(p_next::enumerate(own, count, modes, |mode, to| *to = *mode))
            },
            |instance| {
                let next = below(instance.next.get_surface_present_modes)?;
                Ok(next(device, surface, count, modes))
            },
        )
    }
}

/// `vkGetPhysicalDeviceSurfaceSupportKHR`: every queue can present, as every queue can wait for the
/// application's semaphores and signal the layer's.
pub unsafe extern "system" fn get_surface_support(
    device: vk::PhysicalDevice,
    queue_family: u32,
    surface: vk::SurfaceKHR,
    supported: *mut vk::Bool32,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_instance("vkGetPhysicalDeviceSurfaceSupportKHR", device, |instance| {
            let known_below = instance.is_known_below(surface);
            let kept = known_below && instance.physical_device(device).is_kept();
            let owned = !kept && instance.owned_surface(device, surface)?.is_some();
            if owned || !known_below {
                *supported = owned.into();
                return Ok(vk::Result::SUCCESS);
            }
            let next = below(instance.next.get_surface_support)?;
            Ok(next(device, queue_family, surface, supported))
        })
    }
}

/// `vkGetPhysicalDeviceWaylandPresentationSupportKHR`: yes if the driver or the layer can present.
pub unsafe extern "system" fn get_wayland_presentation_support(
    device: vk::PhysicalDevice,
    queue_family: u32,
    display: *mut vk::wl_display,
) -> vk::Bool32 {
    result::guard(
        "vkGetPhysicalDeviceWaylandPresentationSupportKHR",
        vk::FALSE,
        || {
            // SAFETY: a valid handle by the specification.
            let Some(instance) = (unsafe { dispatch::instance(device) }) else {
                return vk::FALSE;
            };
            if let Some(next) = instance.next.get_wayland_presentation_support {
                // SAFETY: the application's own parameters.
                let below = unsafe { next(device, queue_family, display) };
                if below == vk::TRUE {
                    instance.is_asked_of_display();
                    return below;
                }
            }
            let physical = instance.physical_device(device);
            if physical.ability.is_err() || queue_family >= physical.queue_families {
                return vk::FALSE;
            }
            // SAFETY: the display is valid during this call; what is made of it lives no longer, unless a
            // swapchain on the display holds it, too.
            let display = unsafe { wayland::Display::of(display.cast::<c_void>()) };
            let able = display.is_ok_and(|display| !display.capabilities().formats.is_empty());
            if able {
                instance.is_asked_of_display();
            }
            able.into()
        },
    )
}

/// All elements of an enumeration.
fn all_of<T: Clone + Default>(
    enumerate: impl Fn(*mut u32, *mut T) -> vk::Result,
) -> Result<Vec<T>, vk::Result> {
    loop {
        let mut count = 0;
        enumerate(&mut count, std::ptr::null_mut()).result()?;
        let mut all = vec![T::default(); count as usize];
        match enumerate(&mut count, all.as_mut_ptr()) {
            // There are more elements now than at the call for their number.
            vk::Result::INCOMPLETE => {}
            answer => {
                answer.result()?;
                all.truncate(count as usize);
                return Ok(all);
            }
        }
    }
}

fn own_capabilities(offer: &Offer, mode: vk::PresentModeKHR) -> vk::SurfaceCapabilitiesKHR {
    vk::SurfaceCapabilitiesKHR {
        min_image_count: min_images(mode),
        max_image_count: MAX_IMAGES,
        // "the surface size will be determined by the extent of a swapchain targeting the surface"
        current_extent: vk::Extent2D {
            width: u32::MAX,
            height: u32::MAX,
        },
        min_image_extent: vk::Extent2D {
            width: 1,
            height: 1,
        },
        max_image_extent: offer.max_extent,
        max_image_array_layers: 1,
        supported_transforms: vk::SurfaceTransformFlagsKHR::IDENTITY,
        current_transform: vk::SurfaceTransformFlagsKHR::IDENTITY,
        supported_composite_alpha: vk::CompositeAlphaFlagsKHR::OPAQUE
            | vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED,
        supported_usage_flags: offer.usage,
    }
}
