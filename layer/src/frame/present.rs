//! Presenting: the application's semaphores become one sync_file, which goes onto the image before the commit.
//! A single exportable one is exported; otherwise one empty submission waits for all of them.

use std::{sync::Arc, time::Duration};

use ash::vk;
use wayfence::{swapchain::Presentation, trace};

use super::{
    below,
    present_chain::PresentChain,
    rendering::{Rendering, submit, take},
    results::{tell, tell_all, worst},
};
use crate::{
    catalogue::per_swapchain::{Few, Frame},
    entry::dispatch,
    objects::device::Device,
    swapchain::owned::Swapchain,
    vulkan::{
        p_next,
        result::{self, PANICKED},
    },
};

/// `vkQueuePresentKHR`.
pub unsafe extern "system" fn queue_present(
    queue: vk::Queue,
    present_info: *const vk::PresentInfoKHR<'_>,
) -> vk::Result {
    // SAFETY: valid by the specification.
    let info = unsafe { &*present_info };
    let answer = result::guard("vkQueuePresentKHR", None, || {
        // SAFETY: a valid handle by the specification.
        let Some(device) = (unsafe { dispatch::device(queue) }) else {
            // SAFETY: valid by the specification.
            return Some(unsafe { tell_all(info, vk::Result::ERROR_DEVICE_LOST) });
        };
        // SAFETY: valid by the specification.
        let handles = unsafe { p_next::slice(info.p_swapchains, info.swapchain_count) };
        let swapchains: Few<Option<Arc<Swapchain>>> = handles
            .iter()
            .map(|handle| device.swapchain(*handle))
            .collect();
        Some(match swapchains.iter().any(Option::is_some) {
            // SAFETY: valid by the specification.
            true => unsafe { present(&device, queue, info, &swapchains) },
            // SAFETY: valid by the specification.
            false => unsafe { below::pass_on(&device, queue, info) },
        })
    });
    // SAFETY: valid by the specification.
    answer.unwrap_or_else(|| unsafe { tell_all(info, PANICKED) })
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
    // SAFETY: valid by the specification.
    let waits = unsafe { p_next::slice(info.p_wait_semaphores, info.wait_semaphore_count) };
    // SAFETY: valid by the specification.
    let indices = unsafe { p_next::slice(info.p_image_indices, info.swapchain_count) };
    // SAFETY: a valid chain by the specification.
    let chain = unsafe { PresentChain::of(device.instance.extensions, info.p_next) };
    let frames: Few<Frame> = (0..swapchains.len()).map(|at| chain.frame(at)).collect();
    // One reading of the clock for all, if any needs it.
    let is_timed = frames.iter().any(|frame| frame.timing.is_some())
        || swapchains.iter().flatten().any(|ours| ours.is_timed());
    let called = is_timed.then(trace::now);

    let semaphore_below = match swapchains.iter().any(Option::is_none) {
        false => None,
        true => match device.semaphore_below(queue) {
            Ok(semaphore) => Some(semaphore),
            // SAFETY: the caller guarantees it.
            Err(error) => return unsafe { tell_all(info, result::of_unqueued(error)) },
        },
    };
    let fences: Few<vk::Fence> = swapchains
        .iter()
        .zip(&frames)
        .filter_map(|(ours, frame)| frame.fence.filter(|_| ours.is_some()))
        .filter(|fence| *fence != vk::Fence::null())
        .collect();
    let taken = match (waits, semaphore_below, &fences[..]) {
        // Nobody else is to be told.
        ([wait], None, []) => take(device, *wait),
        _ => None,
    };
    let submitted = match taken {
        Some(rendering) => Ok(rendering),
        None => submit(device, queue, waits, semaphore_below, &fences),
    };
    let mut rendering = match submitted {
        Ok(rendering) => rendering,
        // SAFETY: the caller guarantees it.
        Err(error) => return unsafe { tell_all(info, error) },
    };

    let last = swapchains.iter().rposition(Option::is_some);
    let mut results: Few<vk::Result> = Few::new();
    for (at, (swapchain, frame)) in swapchains.iter().zip(&frames).enumerate() {
        results.push(match swapchain {
            None => vk::Result::SUCCESS,
            Some(ours) => {
                let outcome = match rendering.share(Some(at) == last) {
                    Ok(share) => present_one(ours, indices[at], share, frame.presentation(called)),
                    Err(error) => {
                        // It was acquired, so it can be given back.
                        let _ = ours.compositor.release(indices[at]);
                        ours.fail_present(&error)
                    }
                };
                if outcome.as_raw() >= 0 {
                    let counters = ours.compositor.counters();
                    let during = called.map(|called| called..trace::now());
                    let took = during.as_ref().map(|time| time.end - time.start);
                    counters.presented(took.map(Duration::from_nanos));
                    if let Some(during) = during {
                        ours.compositor.trace().presented(
                            indices[at],
                            during,
                            counters.cpu_waits(),
                        );
                    }
                }
                outcome
            }
        });
    }
    if let Some(semaphore) = semaphore_below {
        // SAFETY: as the caller guarantees; the semaphore is signalled by the submit above.
        unsafe { below::present(device, queue, info, swapchains, semaphore, &mut results) };
    }
    // SAFETY: the caller guarantees it, and there is one result a swapchain.
    unsafe { tell(info, &results) };
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
        Err(error) => swapchain.fail_present(&error),
    }
}
