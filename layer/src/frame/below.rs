//! Presents to the driver's own swapchains.

use std::sync::Arc;

use ash::vk;

use super::{present_chain::PresentChain, results::tell_all};
use crate::{objects::device::Device, swapchain::owned::Swapchain, vulkan::p_next};

/// A present to the driver's own swapchains alone.
///
/// # Safety
/// `queue` and `info` are those of a valid `vkQueuePresentKHR`.
pub(super) unsafe fn pass_on(
    device: &Device,
    queue: vk::Queue,
    info: &vk::PresentInfoKHR<'_>,
) -> vk::Result {
    let Some(next) = device.next.queue_present else {
        // SAFETY: the caller guarantees it.
        return unsafe { tell_all(info, vk::Result::ERROR_SURFACE_LOST_KHR) };
    };
    // SAFETY: the application's own parameters.
    let answer = unsafe { next(queue, info) };
    if !device.maintains_below && is_enqueued(answer) {
        // SAFETY: a valid chain by the specification.
        let chain = unsafe { PresentChain::of(device.instance.extensions, info.p_next) };
        signal(device, queue, &chain, 0..info.swapchain_count as usize);
    }
    answer
}

/// Lets the driver present to its own swapchains.
///
/// # Safety
/// `queue` and `info` are those of a valid `vkQueuePresentKHR`; `swapchains` are ours among its own, in its
/// order; `semaphore` has a signal operation pending on the queue.
pub(super) unsafe fn present(
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
        device.spoil_semaphore_below(queue);
        for at in theirs {
            results[at] = vk::Result::ERROR_SURFACE_LOST_KHR;
        }
        return;
    };
    // SAFETY: valid by the specification.
    let handles = unsafe { p_next::slice(info.p_swapchains, info.swapchain_count) };
    // SAFETY: valid by the specification.
    let indices = unsafe { p_next::slice(info.p_image_indices, info.swapchain_count) };
    // SAFETY: a valid chain by the specification.
    let chain = unsafe { PresentChain::of(device.instance.extensions, info.p_next) };
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
    if !device.maintains_below || !is_enqueued(whole) {
        signal(device, queue, &chain, theirs.iter().copied());
    }
    if whole.as_raw() < 0 {
        device.spoil_semaphore_below(queue);
    }
    for (at, answer) in theirs.iter().zip(&answers) {
        results[*at] = match (whole, *answer) {
            // The application's semaphores are consumed, which an out-of-memory error would deny.
            _ if !is_enqueued(whole) => vk::Result::ERROR_OUT_OF_DATE_KHR,
            // A failure of the whole call may leave the single results unwritten.
            (whole, answer) if whole.as_raw() < 0 && answer.as_raw() >= 0 => whole,
            (_, answer) => answer,
        };
    }
}

/// Whether the queue operations of a present with this result are enqueued: with a lack of memory
/// everything is as it was before.
fn is_enqueued(result: vk::Result) -> bool {
    !matches!(
        result,
        vk::Result::ERROR_OUT_OF_HOST_MEMORY | vk::Result::ERROR_OUT_OF_DEVICE_MEMORY
    )
}

/// Signals the present fences of the driver's swapchains at these indices, which the driver does not know. The
/// work that they stand for was submitted to the queue before.
fn signal(
    device: &Device,
    queue: vk::Queue,
    chain: &PresentChain,
    places: impl Iterator<Item = usize>,
) {
    let Some(submit) = device.next.queue_submit else {
        return;
    };
    for fence in places.filter_map(|at| chain.frame(at).fence) {
        // SAFETY: the application's queue, used by nobody else during a present, and its fence.
        let submitted = unsafe { submit(queue, 0, std::ptr::null(), fence) };
        if submitted != vk::Result::SUCCESS {
            tracing::error!(?submitted, "vkQueuePresentKHR: the present's fence");
        }
    }
}
