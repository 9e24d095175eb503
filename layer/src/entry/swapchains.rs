//! Swapchains, created and destroyed, and their images.

use ash::vk::{self, Handle};

use super::answer::{on_device, on_swapchain};
use crate::{
    driver::next::below,
    objects::surface::Verdict,
    observe::report,
    swapchain::owned::{NotMade, Swapchain},
    vulkan::{p_next, result},
};

/// `vkCreateSwapchainKHR`.
pub unsafe extern "system" fn create_swapchain(
    device: vk::Device,
    create_info: *const vk::SwapchainCreateInfoKHR<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    swapchain: *mut vk::SwapchainKHR,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_device("vkCreateSwapchainKHR", device, |object| {
            let info = &*create_info;
            let known_below = object.instance.is_known_below(info.surface);
            let owned = match object.keeps_drivers() && known_below {
                true => None,
                false => object
                    .instance
                    .owned_surface(object.physical, info.surface)?,
            };
            // "oldSwapchain is retired ... even if creation of the new swapchain fails"
            let replaced = object.swapchain(info.old_swapchain);
            if let Some(old) = &replaced {
                old.compositor.retire();
            }
            let create_below = || {
                // The driver does not know a swapchain of ours, which until it is destroyed may hold the objects of
                // the wl_surface that the driver's swapchain needs.
                if replaced.is_some() {
                    return Err(vk::Result::ERROR_INITIALIZATION_FAILED);
                }
                let next = below(object.next.create_swapchain)?;
                Ok(next(device, create_info, allocator, swapchain))
            };
            let Some((surface, verdict)) = owned else {
                if !known_below {
                    return Err(vk::Result::ERROR_SURFACE_LOST_KHR);
                }
                return create_below();
            };
            let Verdict::Owned(offer) = &*verdict else {
                return Err(vk::Result::ERROR_SURFACE_LOST_KHR);
            };
            // Display and surface are valid now, as a swapchain is made, and will be for its lifetime
            // ("Wayland Platform").
            let window = surface
                .window()
                .map_err(|error| result::log("vkCreateSwapchainKHR", &error))?;
            // `oldSwapchain` may be of another VkSurfaceKHR: it must be "associated with [the] native window".
            let Some(claim) = window.claim() else {
                tracing::error!(
                    "vkCreateSwapchainKHR: the surface has a swapchain that is not oldSwapchain"
                );
                return Err(vk::Result::ERROR_NATIVE_WINDOW_IN_USE_KHR);
            };
            let new =
                match Swapchain::new(object, &surface, claim, offer, info, replaced.as_deref()) {
                    Ok(new) => new,
                    Err(NotMade::Failed(error)) => return Err(error),
                    Err(NotMade::Unreadable(why)) => {
                        let driver = object.instance.physical_device(object.physical);
                        surface.step_aside(object.physical, &driver.name, why);
                        if !known_below {
                            return Err(vk::Result::ERROR_INITIALIZATION_FAILED);
                        }
                        return create_below();
                    }
                };
            let handle = new.handle();
            report::remember(new.clone());
            object.add_swapchain(new);
            *swapchain = handle;
            Ok(vk::Result::SUCCESS)
        })
    }
}

/// `vkDestroySwapchainKHR`.
pub unsafe extern "system" fn destroy_swapchain(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: valid parameters by the specification.
    unsafe {
        // The command has no answer.
        let _ = on_device("vkDestroySwapchainKHR", device, |object| {
            match object.remove_swapchain(swapchain) {
                Some(_) => object.forget_private_data(swapchain.as_raw()),
                None => below(object.next.destroy_swapchain)?(device, swapchain, allocator),
            }
            Ok(vk::Result::SUCCESS)
        });
    }
}

/// `vkGetSwapchainImagesKHR`.
pub unsafe extern "system" fn get_swapchain_images(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    count: *mut u32,
    images: *mut vk::Image,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            "vkGetSwapchainImagesKHR",
            device,
            swapchain,
            |ours| {
                Ok(p_next::enumerate(
                    &ours.images,
                    count,
                    images,
                    |image, to| {
                        *to = image.handle;
                    },
                ))
            },
            |object| {
                let next = below(object.next.get_swapchain_images)?;
                Ok(next(device, swapchain, count, images))
            },
        )
    }
}
