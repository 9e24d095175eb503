//! Images that the application creates and binds to a swapchain's images.

use ash::vk;
use smallvec::SmallVec;

use super::answer::on_device;
use crate::{driver::next::below, vulkan::p_next};

/// `vkCreateImage`: creates an alias of an owned swapchain's images with the properties of these; for every
/// other image the call goes down untouched.
pub unsafe extern "system" fn create_image(
    device: vk::Device,
    info: *const vk::ImageCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    image: *mut vk::Image,
) -> vk::Result {
    // SAFETY: valid parameters with a valid chain by the specification.
    unsafe {
        let alias = p_next::find::<vk::ImageSwapchainCreateInfoKHR<'_>>((*info).p_next);
        on_device("vkCreateImage", device, |object| {
            match alias.and_then(|alias| object.swapchain(alias.swapchain)) {
                Some(ours) => {
                    *image = ours.recipe.create(object, allocator)?;
                    Ok(vk::Result::SUCCESS)
                }
                None => {
                    let next = below(object.next.create_image)?;
                    Ok(next(device, info, allocator, image))
                }
            }
        })
    }
}

/// `vkDestroyImage`: frees the memory of an alias with it.
pub unsafe extern "system" fn destroy_image(
    device: vk::Device,
    image: vk::Image,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: valid parameters by the specification.
    unsafe {
        // The command has no answer.
        let _ = on_device("vkDestroyImage", device, |object| {
            // Before the image: afterwards another image may have this handle.
            let alias = object.take_alias(image);
            below(object.next.destroy_image)?(device, image, allocator);
            if let Some(alias) = alias {
                object.free_alias(alias);
            }
            Ok(vk::Result::SUCCESS)
        });
    }
}

/// `vkBindImageMemory2`: an alias that is bound to an owned swapchain gets the memory of the swapchain's image.
pub unsafe extern "system" fn bind_image_memory2(
    device: vk::Device,
    count: u32,
    infos: *const vk::BindImageMemoryInfo<'_>,
) -> vk::Result {
    // SAFETY: valid parameters with valid chains by the specification.
    unsafe {
        on_device("vkBindImageMemory2", device, |object| {
            let next = below(object.next.bind_image_memory2)?;
            let all = p_next::slice(infos, count);
            let bindings: SmallVec<[_; 4]> = all
                .iter()
                .map(|info| {
                    type To<'a> = vk::BindImageMemorySwapchainInfoKHR<'a>;
                    let to = p_next::find::<To<'_>>(info.p_next)?;
                    Some((object.swapchain(to.swapchain)?, to.image_index))
                })
                .collect();
            if bindings.iter().all(Option::is_none) {
                return Ok(next(device, count, infos));
            }
            // The command attempts all binds, and each has its own result (VK_KHR_maintenance6); the
            // command's result is the first failure.
            let mut whole = vk::Result::SUCCESS;
            for (info, binding) in all.iter().zip(bindings) {
                let bound = match binding {
                    None => next(device, 1, info),
                    Some((ours, index)) => {
                        let bound = match ours.bind_alias(info.image, index) {
                            Ok(()) => vk::Result::SUCCESS,
                            Err(error) => error,
                        };
                        if let Some(status) =
                            p_next::find::<vk::BindMemoryStatusKHR<'_>>(info.p_next)
                        {
                            *status.p_result = bound;
                        }
                        bound
                    }
                };
                if whole == vk::Result::SUCCESS {
                    whole = bound;
                }
            }
            Ok(whole)
        })
    }
}
