//! Queues: the real driver's, except calls that a test makes fail.

use std::{ffi::CStr, mem::transmute, sync::OnceLock};

use ash::vk;

use crate::{faults, memory, payloads, real::Function, requests::next_failure};

pub const SUBMIT: &CStr = c"vkQueueSubmit";
pub const WAIT_IDLE: &CStr = c"vkQueueWaitIdle";

// A queue does not name its device, but there is only one driver.
static REAL_SUBMIT: OnceLock<vk::PFN_vkQueueSubmit> = OnceLock::new();
static REAL_WAIT_IDLE: OnceLock<vk::PFN_vkQueueWaitIdle> = OnceLock::new();

/// Our command in place of the real one of this name, if it is one of these.
pub fn replacement(name: &CStr, command: Function) -> vk::PFN_vkVoidFunction {
    // SAFETY: function pointers of the types that the names tell; whoever gets one casts it back.
    unsafe {
        if name == SUBMIT {
            REAL_SUBMIT.get_or_init(|| transmute::<Function, vk::PFN_vkQueueSubmit>(command));
            Some(transmute::<vk::PFN_vkQueueSubmit, Function>(submit))
        } else if name == WAIT_IDLE {
            REAL_WAIT_IDLE.get_or_init(|| transmute::<Function, vk::PFN_vkQueueWaitIdle>(command));
            Some(transmute::<vk::PFN_vkQueueWaitIdle, Function>(wait_idle))
        } else {
            None
        }
    }
}

unsafe extern "system" fn submit(
    queue: vk::Queue,
    count: u32,
    submits: *const vk::SubmitInfo<'_>,
    fence: vk::Fence,
) -> vk::Result {
    faults::before_work();
    let real = match (next_failure(SUBMIT), REAL_SUBMIT.get()) {
        (Some(failure), _) => return failure,
        (None, Some(real)) => real,
        (None, None) => return vk::Result::ERROR_UNKNOWN,
    };
    // SAFETY: the caller's parameters.
    unsafe {
        for batch in slice(submits, count) {
            payloads::waited(slice(batch.p_wait_semaphores, batch.wait_semaphore_count));
        }
    }
    let waits = memory::submit(queue);
    // SAFETY: the caller's parameters; before them a submission of ours, which waits for what all later ones
    // then wait for, as each of its stages comes before theirs.
    unsafe {
        if !waits.is_empty() {
            let stages = vec![vk::PipelineStageFlags::ALL_COMMANDS; waits.len()];
            let first = vk::SubmitInfo::default()
                .wait_semaphores(&waits)
                .wait_dst_stage_mask(&stages);
            let answer = real(queue, 1, &first, vk::Fence::null());
            if answer != vk::Result::SUCCESS {
                return answer;
            }
        }
        real(queue, count, submits, fence)
    }
}

/// An array of the caller's.
///
/// # Safety
/// `first` points to `count` values, if that is not 0.
unsafe fn slice<'a, T>(first: *const T, count: u32) -> &'a [T] {
    match count {
        0 => &[],
        // SAFETY: the caller guarantees it.
        count => unsafe { std::slice::from_raw_parts(first, count as usize) },
    }
}

unsafe extern "system" fn wait_idle(queue: vk::Queue) -> vk::Result {
    let failure = next_failure(WAIT_IDLE);
    // A lost device does nothing any more: what the application destroys now is not in use.
    if let Some(failure) = failure
        && failure != vk::Result::ERROR_DEVICE_LOST
    {
        return failure;
    }
    let Some(real) = REAL_WAIT_IDLE.get() else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the caller's parameter.
    let answer = unsafe { real(queue) };
    failure.unwrap_or(answer)
}
