//! Errors as `VkResult`, in one place, and panics caught.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ash::vk::{self, Handle};
use rustix::io::Errno;
use wayfence::error::Error;

use super::registry;

/// The `VkResult` that the specification names for an error of the library's.
pub fn of(error: &Error) -> vk::Result {
    match error {
        Error::Kernel {
            errno: Errno::NOMEM | Errno::MFILE | Errno::NFILE,
            ..
        } => vk::Result::ERROR_OUT_OF_HOST_MEMORY,
        Error::CompositorGone(_) | Error::Protocol(_) => vk::Result::ERROR_SURFACE_LOST_KHR,
        Error::Retired => vk::Result::ERROR_OUT_OF_DATE_KHR,
        Error::NoSlot => registry::ERROR_PRESENT_TIMING_QUEUE_FULL_EXT,
        Error::Unsupported(_) | Error::Setting { .. } => vk::Result::ERROR_INITIALIZATION_FAILED,
        _ => vk::Result::ERROR_UNKNOWN,
    }
}

/// The `VkResult` of a present of which nothing was enqueued, from the driver's error. Only a lack of memory
/// leaves everything as it was: "If it does, the implementation must ensure that the state and contents of any
/// resources or synchronization primitives referenced is unaffected by the call or its failure. If
/// vkQueuePresentKHR fails in such a way that the implementation is unable to make that guarantee, the
/// implementation must return VK_ERROR_DEVICE_LOST" (vkQueuePresentKHR).
pub fn of_unqueued(error: vk::Result) -> vk::Result {
    match error {
        vk::Result::ERROR_OUT_OF_HOST_MEMORY | vk::Result::ERROR_OUT_OF_DEVICE_MEMORY => error,
        _ => vk::Result::ERROR_DEVICE_LOST,
    }
}

/// The `VkResult` of a present that is enqueued and shows nothing: its semaphores are waited for, and the
/// application no longer holds the image. Only the first two results mean that: "the set of queue operations
/// are still considered to be enqueued" (vkQueuePresentKHR).
pub fn of_unshown(error: &Error) -> vk::Result {
    match error {
        Error::CompositorGone(_) | Error::Protocol(_) => vk::Result::ERROR_SURFACE_LOST_KHR,
        // The application has not acquired it: the call is not valid.
        Error::NotAcquired(_) => vk::Result::ERROR_UNKNOWN,
        // The image stays the application's.
        Error::NoSlot => registry::ERROR_PRESENT_TIMING_QUEUE_FULL_EXT,
        _ => vk::Result::ERROR_OUT_OF_DATE_KHR,
    }
}

/// Logs an error of the library's where it becomes a result.
pub fn log(command: &str, error: &Error) -> vk::Result {
    let result = of(error);
    match result {
        // These happen to every application.
        vk::Result::ERROR_OUT_OF_DATE_KHR | registry::ERROR_PRESENT_TIMING_QUEUE_FULL_EXT => {
            tracing::debug!(command, %error, ?result);
        }
        _ => tracing::error!(command, %error, ?result),
    }
    result
}

/// The handle that a driver has made; an error if it reports success without one.
///
/// # Errors
/// There is no handle.
pub fn given<H: Handle + Copy>(command: &str, handle: H) -> Result<H, vk::Result> {
    if handle.is_null() {
        tracing::error!(command, "success, and no handle");
        return Err(vk::Result::ERROR_INITIALIZATION_FAILED);
    }
    Ok(handle)
}

/// Whether a driver answers so for lack of memory: not what it can do, but that it cannot say so now.
pub fn is_lack(answer: vk::Result) -> bool {
    matches!(
        answer,
        vk::Result::ERROR_OUT_OF_HOST_MEMORY | vk::Result::ERROR_OUT_OF_DEVICE_MEMORY
    )
}

/// Runs an entry point's body; a panic becomes `fallback` and a line in the log.
pub fn guard<T>(command: &'static str, fallback: T, body: impl FnOnce() -> T) -> T {
    // Locks guard the state behind the entry points, and every change leaves it consistent.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(answer) => answer,
        Err(panic) => {
            let cause = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            tracing::error!(command, cause, "a bug in Wayfence");
            // The payload's destructor could panic again.
            std::mem::forget(panic);
            fallback
        }
    }
}

/// What a command answers after a panic.
pub const PANICKED: vk::Result = vk::Result::ERROR_UNKNOWN;
