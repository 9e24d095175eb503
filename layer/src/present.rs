//! Presenting: the application's semaphores become one sync_file, which goes onto the image before the
//! commit.

use std::{
    os::fd::{FromRawFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use ash::vk;
use smallvec::SmallVec;
use wayfence::{swapchain::Presentation, sync_file::SyncFile, trace};

use crate::{
    device::Device,
    dispatch,
    extensions::EXTENSIONS,
    p_next,
    present_chain::PresentChain,
    result::{self, PANICKED},
    swapchain::Swapchain,
};

/// As many swapchains or semaphores as a present usually has, without allocation.
const USUAL: usize = 4;
type Few<T> = SmallVec<[T; USUAL]>;

/// `vkQueuePresentKHR`.
pub unsafe extern "system" fn queue_present(
    queue: vk::Queue,
    present_info: *const vk::PresentInfoKHR<'_>,
) -> vk::Result {
    result::guard("vkQueuePresentKHR", PANICKED, || {
        // SAFETY: a valid handle by the specification.
        let Some(device) = (unsafe { dispatch::device(queue) }) else {
            return vk::Result::ERROR_DEVICE_LOST;
        };
        // SAFETY: valid by the specification.
        let info = unsafe { &*present_info };
        // SAFETY: valid by the specification.
        let handles = unsafe { p_next::slice(info.p_swapchains, info.swapchain_count) };
        let swapchains: Few<Option<Arc<Swapchain>>> = handles
            .iter()
            .map(|handle| device.swapchain(*handle))
            .collect();
        if swapchains.iter().all(Option::is_none) {
            let Some(next) = device.next.queue_present else {
                return vk::Result::ERROR_SURFACE_LOST_KHR;
            };
            // SAFETY: the application's own parameters.
            let answer = unsafe { next(queue, present_info) };
            if !device.maintains_below {
                // SAFETY: a valid chain by the specification.
                let chain = unsafe { PresentChain::of(EXTENSIONS, info.p_next) };
                signal_for_driver(&device, queue, &chain, 0..handles.len());
            }
            return answer;
        }
        // SAFETY: valid by the specification.
        unsafe { present(&device, queue, info, &swapchains) }
    })
}

/// Presents to our swapchains, and lets the driver present to its own.
///
/// # Safety
/// `queue` and `info` are those of a valid `vkQueuePresentKHR`; `swapchains` are ours among its own, in
/// its order.
unsafe fn present(
    device: &Device,
    queue: vk::Queue,
    info: &vk::PresentInfoKHR<'_>,
    swapchains: &[Option<Arc<Swapchain>>],
) -> vk::Result {
    // One reading for counters and trace.
    let called = trace::now();
    // SAFETY: valid by the specification.
    let waits = unsafe { p_next::slice(info.p_wait_semaphores, info.wait_semaphore_count) };
    // SAFETY: valid by the specification.
    let indices = unsafe { p_next::slice(info.p_image_indices, info.swapchain_count) };
    // SAFETY: a valid chain by the specification.
    let chain = unsafe { PresentChain::of(EXTENSIONS, info.p_next) };

    let semaphore_below = match swapchains.iter().any(Option::is_none) {
        false => None,
        true => match device.semaphore_below(queue) {
            Ok(semaphore) => Some(semaphore),
            Err(error) => return error,
        },
    };
    let mut rendering = match submit(device, queue, waits, semaphore_below) {
        Ok(rendering) => rendering,
        Err(error) => return error,
    };

    let last = swapchains.iter().rposition(Option::is_some);
    let mut results: Few<vk::Result> = Few::new();
    for (at, swapchain) in swapchains.iter().enumerate() {
        results.push(match swapchain {
            None => vk::Result::SUCCESS,
            Some(ours) => {
                let frame = chain.frame(at);
                let outcome = match rendering.share(Some(at) == last) {
                    Ok(share) => present_one(ours, indices[at], share, frame.presentation()),
                    Err(error) => {
                        // Free again, as after any failure: its semaphores have been waited for.
                        let _ = ours.compositor.release(indices[at]);
                        ours.fail("vkQueuePresentKHR", &error)
                    }
                };
                if let Some(fence) = frame.fence {
                    signal(device, queue, fence);
                }
                if outcome.as_raw() >= 0 {
                    let counters = ours.compositor.counters();
                    let now = trace::now();
                    counters.presented(Duration::from_nanos(now - called));
                    ours.compositor.trace().presented(
                        indices[at],
                        called..now,
                        counters.cpu_waits(),
                    );
                }
                outcome
            }
        });
    }
    if let Some(semaphore) = semaphore_below {
        // SAFETY: as the caller guarantees; the semaphore is signalled by the submit above.
        unsafe { present_below(device, queue, info, swapchains, semaphore, &mut results) };
    }

    if !info.p_results.is_null() {
        for (at, result) in results.iter().enumerate() {
            // SAFETY: room for one result a swapchain by the specification.
            unsafe { *info.p_results.add(at) = *result };
        }
    }
    worst(&results)
}

fn present_one(
    swapchain: &Swapchain,
    index: u32,
    rendering: Rendering,
    how: Presentation<'_>,
) -> vk::Result {
    let fence = match rendering {
        Rendering::Pending(fence) => Some(fence),
        Rendering::Done => None,
        Rendering::WaitedFor => {
            swapchain.compositor.counters().cpu_wait();
            None
        }
    };
    match swapchain.compositor.present(index, fence, how) {
        Ok(()) => swapchain.quality(),
        Err(error) => swapchain.fail("vkQueuePresentKHR", &error),
    }
}

/// How far the work that a present waits for has come.
enum Rendering {
    /// This fence tells.
    Pending(SyncFile),
    /// It is over.
    Done,
    /// It is over, because we have waited for it on the CPU.
    WaitedFor,
}

impl Rendering {
    /// One swapchain's part in it: a sync_file of its own, or for the last of them this one.
    fn share(&mut self, last: bool) -> wayfence::error::Result<Self> {
        Ok(match self {
            Rendering::Pending(fence) if !last => Rendering::Pending(fence.try_clone()?),
            Rendering::Done => Rendering::Done,
            Rendering::WaitedFor => Rendering::WaitedFor,
            Rendering::Pending(_) => std::mem::replace(self, Rendering::Done),
        })
    }
}

/// Waits for the application's semaphores on the queue, and makes a sync_file that signals after them
/// and after everything submitted to the queue before.
fn submit(
    device: &Device,
    queue: vk::Queue,
    waits: &[vk::Semaphore],
    below: Option<vk::Semaphore>,
) -> Result<Rendering, vk::Result> {
    let missing = vk::Result::ERROR_DEVICE_LOST;
    let submit = device.next.queue_submit.ok_or(missing)?;
    let export = device.next.get_semaphore_fd.ok_or(missing)?;
    let semaphore = device.take_semaphore()?;
    let stages: Few<vk::PipelineStageFlags> = waits
        .iter()
        .map(|_| vk::PipelineStageFlags::ALL_COMMANDS)
        .collect();
    let mut signals: SmallVec<[vk::Semaphore; 2]> = SmallVec::new();
    signals.push(semaphore);
    signals.extend(below);
    let batch = vk::SubmitInfo::default()
        .wait_semaphores(waits)
        .wait_dst_stage_mask(&stages)
        .signal_semaphores(&signals);
    // SAFETY: the application's queue, which it lets nobody else use during a present; its semaphores;
    // ours, unsignalled.
    if let Err(error) = unsafe { submit(queue, 1, &batch, vk::Fence::null()) }.result() {
        tracing::error!(?error, "vkQueuePresentKHR: vkQueueSubmit");
        device.keep_semaphore(semaphore);
        return Err(error);
    }
    let info = vk::SemaphoreGetFdInfoKHR::default()
        .semaphore(semaphore)
        .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD);
    let mut fd = -1;
    // SAFETY: our semaphore, made to be exported so, with a signal operation pending.
    match unsafe { export(device.handle, &info, &mut fd) } {
        vk::Result::SUCCESS => {
            // Exporting has taken the payload: the semaphore is unsignalled.
            device.keep_semaphore(semaphore);
            Ok(match fd {
                // The driver's way to say that it has signalled already.
                -1 => Rendering::Done,
                // SAFETY: each export gives a new descriptor to the caller.
                fd => Rendering::Pending(SyncFile::from(unsafe { OwnedFd::from_raw_fd(fd) })),
            })
        }
        error => {
            tracing::warn!(?error, "no sync_file from the driver: waiting on the CPU");
            let Some(wait) = device.next.queue_wait_idle else {
                device.spoil_semaphore(semaphore);
                return Err(missing);
            };
            // SAFETY: the application's queue, which it lets nobody else use during a present.
            if let Err(error) = unsafe { wait(queue) }.result() {
                device.spoil_semaphore(semaphore);
                return Err(error);
            }
            // SAFETY: signalled, and nothing else is submitted to it.
            unsafe { device.destroy_semaphore(semaphore) };
            Ok(Rendering::WaitedFor)
        }
    }
}

/// Lets the driver present to its own swapchains.
///
/// # Safety
/// As [`present`]; `semaphore` has a signal operation pending on the queue.
unsafe fn present_below(
    device: &Device,
    queue: vk::Queue,
    info: &vk::PresentInfoKHR<'_>,
    swapchains: &[Option<Arc<Swapchain>>],
    semaphore: vk::Semaphore,
    results: &mut [vk::Result],
) {
    let theirs: Vec<usize> = (0..swapchains.len())
        .filter(|at| swapchains[*at].is_none())
        .collect();
    let Some(next) = device.next.queue_present else {
        return;
    };
    // SAFETY: valid by the specification.
    let handles = unsafe { p_next::slice(info.p_swapchains, info.swapchain_count) };
    // SAFETY: valid by the specification.
    let indices = unsafe { p_next::slice(info.p_image_indices, info.swapchain_count) };
    // SAFETY: a valid chain by the specification.
    let chain = unsafe { PresentChain::of(EXTENSIONS, info.p_next) };
    let handles: Vec<_> = theirs.iter().map(|at| handles[*at]).collect();
    let indices: Vec<_> = theirs.iter().map(|at| indices[*at]).collect();
    let mut answers = vec![vk::Result::SUCCESS; theirs.len()];
    let waits = [semaphore];
    let mut present = vk::PresentInfoKHR::default()
        .wait_semaphores(&waits)
        .swapchains(&handles)
        .image_indices(&indices)
        .results(&mut answers);
    let whole = chain.with_subset(&theirs, |chain| {
        present.p_next = chain;
        // SAFETY: the application's swapchains and images, and a semaphore that will be signalled.
        unsafe { next(queue, &present) }
    });
    if !device.maintains_below {
        signal_for_driver(device, queue, &chain, theirs.iter().copied());
    }
    if whole.as_raw() < 0 {
        device.spoil_semaphore_below(queue);
    }
    for (at, answer) in theirs.iter().zip(&answers) {
        // A failure of the whole call may leave the single results unwritten.
        results[*at] = if whole.as_raw() < 0 && answer.as_raw() >= 0 {
            whole
        } else {
            *answer
        };
    }
}

/// Signals the fences of presents to a driver that does not know of them. What it waits for was
/// submitted to the queue before it.
fn signal_for_driver(
    device: &Device,
    queue: vk::Queue,
    chain: &PresentChain,
    places: impl Iterator<Item = usize>,
) {
    for fence in places.filter_map(|at| chain.frame(at).fence) {
        signal(device, queue, fence);
    }
}

/// Signals a present's fence (`VkSwapchainPresentFenceInfoKHR`) when the work before it is done: from
/// then on its semaphores and the swapchain may go.
fn signal(device: &Device, queue: vk::Queue, fence: vk::Fence) {
    if let Some(submit) = device.next.queue_submit {
        // SAFETY: the application's queue, used by nobody else during a present, and its fence.
        let submitted = unsafe { submit(queue, 0, std::ptr::null(), fence) };
        if submitted != vk::Result::SUCCESS {
            tracing::error!(?submitted, "vkQueuePresentKHR: the present's fence");
        }
    }
}

/// The result of a present as a whole: an error if there is one, else what is not a plain success.
fn worst(results: &[vk::Result]) -> vk::Result {
    let error = results.iter().find(|result| result.as_raw() < 0);
    let other = || {
        results
            .iter()
            .find(|result| **result != vk::Result::SUCCESS)
    };
    error.or_else(other).copied().unwrap_or(vk::Result::SUCCESS)
}
