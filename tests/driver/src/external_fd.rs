//! Semaphores and fences as descriptors: exported and imported by the real driver, except as a test asks.
//!
//! A software rasteriser, whose exported sync_files have signalled already, stands in this way for a driver
//! whose GPU is still at work; and a driver that never fails for one that does.

use std::{
    ffi::{CStr, c_char},
    mem::transmute,
    os::fd::{FromRawFd, IntoRawFd, OwnedFd},
};

use ash::vk;

use crate::{
    faults::{self, Fault},
    gpu, hardware, memory, payloads, queue,
    real::{Function, real},
    requests::{next_failure, requests},
};

const GET_SEMAPHORE_FD: &CStr = c"vkGetSemaphoreFdKHR";
const IMPORT_SEMAPHORE_FD: &CStr = c"vkImportSemaphoreFdKHR";
const IMPORT_FENCE_FD: &CStr = c"vkImportFenceFdKHR";

/// The next `vkGetSemaphoreFdKHR` for a sync_file that succeeds hands out this descriptor instead of
/// the real driver's; several are handed out in the order in which they came.
///
/// # Safety
/// The descriptor is open and becomes the driver's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wayfence_test_driver_queue_export(fd: i32) {
    // SAFETY: the caller guarantees it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    requests().exports.push_back(fd);
}

/// The next call of this command answers `result` and does nothing. Whether there is such a command
/// here: `vkGetSemaphoreFdKHR`, `vkImportSemaphoreFdKHR`, `vkImportFenceFdKHR`, `vkQueueSubmit`,
/// `vkQueueWaitIdle`, `vkCreateImage`, `vkAllocateMemory`, `vkGetMemoryFdKHR`.
///
/// # Safety
/// `command` is a valid C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wayfence_test_driver_fail_next(
    command: *const c_char,
    result: vk::Result,
) -> bool {
    // SAFETY: the caller guarantees it.
    let command = unsafe { CStr::from_ptr(command) };
    let known = [
        GET_SEMAPHORE_FD,
        IMPORT_SEMAPHORE_FD,
        IMPORT_FENCE_FD,
        queue::SUBMIT,
        queue::WAIT_IDLE,
        hardware::CREATE_IMAGE,
        memory::ALLOCATE,
        memory::EXPORT,
    ]
    .into_iter()
    .find(|name| *name == command);
    known.is_some_and(|command| {
        requests().failures.push((command, result));
        true
    })
}

/// How many descriptors and answers have not been used yet.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_outstanding() -> usize {
    let requests = requests();
    requests.exports.len() + requests.failures.len()
}

/// Our command of this name, if it is one of these.
pub fn replacement(name: &CStr) -> vk::PFN_vkVoidFunction {
    // SAFETY: function pointers; whoever gets one casts it back to the type that its name tells.
    unsafe {
        if name == GET_SEMAPHORE_FD {
            Some(transmute::<vk::PFN_vkGetSemaphoreFdKHR, Function>(
                get_semaphore_fd,
            ))
        } else if name == IMPORT_SEMAPHORE_FD {
            Some(transmute::<vk::PFN_vkImportSemaphoreFdKHR, Function>(
                import_semaphore_fd,
            ))
        } else if name == IMPORT_FENCE_FD {
            Some(transmute::<vk::PFN_vkImportFenceFdKHR, Function>(
                import_fence_fd,
            ))
        } else {
            None
        }
    }
}

unsafe extern "system" fn get_semaphore_fd(
    device: vk::Device,
    info: *const vk::SemaphoreGetFdInfoKHR<'_>,
    fd: *mut i32,
) -> vk::Result {
    if let Some(failure) = next_failure(GET_SEMAPHORE_FD) {
        return failure;
    }
    // SAFETY: valid by the specification.
    if payloads::is_opaque(unsafe { (*info).semaphore }) {
        return vk::Result::ERROR_INVALID_EXTERNAL_HANDLE;
    }
    if faults::has(Fault::EarlyFences) {
        // The payload stays with the semaphore, and the next signal operation replaces it.
        // SAFETY: valid by the specification.
        unsafe { *fd = -1 };
        return vk::Result::SUCCESS;
    }
    let Some(get) = real().device_command(device, GET_SEMAPHORE_FD) else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the command of this name has this type; the caller's parameters.
    let result = unsafe {
        let get = transmute::<Function, vk::PFN_vkGetSemaphoreFdKHR>(get);
        get(device, info, fd)
    };
    // SAFETY: valid by the specification.
    let handle_type = unsafe { (*info).handle_type };
    if result != vk::Result::SUCCESS || handle_type != vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD
    {
        return result;
    }
    let queued = requests().exports.pop_front();
    let other = queued
        .or_else(memory::sync_file_of_held_work)
        .or_else(gpu::sync_file_of_work);
    if let Some(other) = other {
        // SAFETY: the real export succeeded and wrote a descriptor, which is nobody's yet, or -1,
        // which is none. The caller gets the other one in its place.
        unsafe {
            if *fd >= 0 {
                drop(OwnedFd::from_raw_fd(*fd));
            }
            *fd = other.into_raw_fd();
        }
    }
    vk::Result::SUCCESS
}

unsafe extern "system" fn import_semaphore_fd(
    device: vk::Device,
    info: *const vk::ImportSemaphoreFdInfoKHR<'_>,
) -> vk::Result {
    if let Some(failure) = next_failure(IMPORT_SEMAPHORE_FD) {
        return failure;
    }
    let Some(import) = real().device_command(device, IMPORT_SEMAPHORE_FD) else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the command of this name has this type; the caller's parameters, whose descriptor is given away.
    unsafe {
        let vk::ImportSemaphoreFdInfoKHR {
            semaphore,
            flags,
            handle_type,
            fd,
            ..
        } = *info;
        if handle_type == vk::ExternalSemaphoreHandleTypeFlags::OPAQUE_FD {
            drop(OwnedFd::from_raw_fd(fd));
            let is_temporary = flags.contains(vk::SemaphoreImportFlags::TEMPORARY);
            payloads::imported(semaphore, is_temporary);
            let signalled = vk::ImportSemaphoreFdInfoKHR::default()
                .semaphore(semaphore)
                .flags(vk::SemaphoreImportFlags::TEMPORARY)
                .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD)
                .fd(-1);
            return transmute::<Function, vk::PFN_vkImportSemaphoreFdKHR>(import)(
                device, &signalled,
            );
        }
        let info = vk::ImportSemaphoreFdInfoKHR {
            fd: faults::imported(
                (*info).fd,
                (*info).handle_type == vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD,
            ),
            ..*info
        };
        transmute::<Function, vk::PFN_vkImportSemaphoreFdKHR>(import)(device, &info)
    }
}

unsafe extern "system" fn import_fence_fd(
    device: vk::Device,
    info: *const vk::ImportFenceFdInfoKHR<'_>,
) -> vk::Result {
    if let Some(failure) = next_failure(IMPORT_FENCE_FD) {
        return failure;
    }
    let Some(import) = real().device_command(device, IMPORT_FENCE_FD) else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the command of this name has this type; the caller's parameters, whose descriptor is given away.
    unsafe {
        let info = vk::ImportFenceFdInfoKHR {
            fd: faults::imported(
                (*info).fd,
                (*info).handle_type == vk::ExternalFenceHandleTypeFlags::SYNC_FD,
            ),
            ..*info
        };
        transmute::<Function, vk::PFN_vkImportFenceFdKHR>(import)(device, &info)
    }
}
