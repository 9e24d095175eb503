//! The application's semaphores, made so that a present can [take](crate::driver::waits) what it waits for.

use ash::vk;

use super::answer::on_device;
use crate::{driver::next::below, vulkan::p_next};

const SYNC_FD: vk::ExternalSemaphoreHandleTypeFlags = vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD;

/// `vkCreateSemaphore`: a binary semaphore that the application does not export itself is created exportable.
pub unsafe extern "system" fn create_semaphore(
    device: vk::Device,
    info: *const vk::SemaphoreCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    semaphore: *mut vk::Semaphore,
) -> vk::Result {
    // SAFETY: valid parameters with a valid chain by the specification.
    unsafe {
        on_device("vkCreateSemaphore", device, |object| {
            let next = below(object.next.create_semaphore)?;
            let Some(waits) = &object.waits else {
                return Ok(next(device, info, allocator, semaphore));
            };
            let chain = (*info).p_next;
            let typed = p_next::find::<vk::SemaphoreTypeCreateInfo<'_>>(chain);
            let is_binary =
                typed.is_none_or(|typed| typed.semaphore_type == vk::SemaphoreType::BINARY);
            let exported = p_next::find::<vk::ExportSemaphoreCreateInfo<'_>>(chain);
            let made = match exported {
                None if is_binary => {
                    let mut export = vk::ExportSemaphoreCreateInfo::default().handle_types(SYNC_FD);
                    export.p_next = chain;
                    let exportable = vk::SemaphoreCreateInfo {
                        p_next: std::ptr::from_ref(&export).cast(),
                        ..*info
                    };
                    next(device, &exportable, allocator, semaphore)
                }
                _ => next(device, info, allocator, semaphore),
            };
            let is_exportable = match exported {
                None => is_binary,
                Some(exported) => is_binary && exported.handle_types.contains(SYNC_FD),
            };
            if made == vk::Result::SUCCESS && is_exportable {
                waits.add(*semaphore);
            }
            Ok(made)
        })
    }
}

/// `vkDestroySemaphore`.
pub unsafe extern "system" fn destroy_semaphore(
    device: vk::Device,
    semaphore: vk::Semaphore,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: valid parameters by the specification.
    unsafe {
        // The command has no answer.
        let _ = on_device("vkDestroySemaphore", device, |object| {
            // Before it is destroyed: afterwards another semaphore may have this handle.
            if let Some(waits) = &object.waits {
                waits.forget(semaphore);
            }
            below(object.next.destroy_semaphore)?(device, semaphore, allocator);
            Ok(vk::Result::SUCCESS)
        });
    }
}

/// `vkImportSemaphoreFdKHR`: the type of an imported payload decides whether it can be exported ("unless that
/// imported payload's handle type was included in exportFromImportedHandleTypes",
/// VUID-VkSemaphoreGetFdInfoKHR-semaphore-01133).
pub unsafe extern "system" fn import_semaphore_fd(
    device: vk::Device,
    info: *const vk::ImportSemaphoreFdInfoKHR<'_>,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_device("vkImportSemaphoreFdKHR", device, |object| {
            let next = below(object.next.import_semaphore_fd)?;
            let answer = next(device, info);
            if let Some(waits) = &object.waits
                && answer == vk::Result::SUCCESS
            {
                let vk::ImportSemaphoreFdInfoKHR {
                    semaphore,
                    flags,
                    handle_type,
                    ..
                } = *info;
                waits.imported(
                    semaphore,
                    handle_type == SYNC_FD,
                    flags.contains(vk::SemaphoreImportFlags::TEMPORARY),
                );
            }
            Ok(answer)
        })
    }
}
