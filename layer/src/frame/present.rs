//! Presenting: the application's semaphores become one sync_file, which goes onto the image before the
//! commit. A single one that can be exported is; else one empty submission waits for all of them.

use std::{
    os::fd::{FromRawFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use ash::vk;
use smallvec::SmallVec;
use wayfence::{swapchain::Presentation, sync_file::SyncFile, trace};

use crate::{
    entry::dispatch,
    frame::{per_swapchain::Frame, present_chain::PresentChain},
    objects::device::Device,
    swapchain::owned::Swapchain,
    vulkan::{
        p_next,
        result::{self, PANICKED},
    },
};

/// As many swapchains or semaphores as a present usually has, without allocation.
const USUAL: usize = 4;
type Few<T> = SmallVec<[T; USUAL]>;

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
            false => unsafe { pass_on(&device, queue, info) },
        })
    });
    // SAFETY: valid by the specification.
    answer.unwrap_or_else(|| unsafe { tell_all(info, PANICKED) })
}

/// A present to the driver's own swapchains alone.
///
/// # Safety
/// `queue` and `info` are those of a valid `vkQueuePresentKHR`.
unsafe fn pass_on(device: &Device, queue: vk::Queue, info: &vk::PresentInfoKHR<'_>) -> vk::Result {
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
    // One reading for all who want it, if anybody does.
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
        unsafe { present_below(device, queue, info, swapchains, semaphore, &mut results) };
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
        Ok(()) => {
            swapchain.spares.presented();
            swapchain.quality()
        }
        Err(error) => swapchain.fail_present(&error),
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
    /// One swapchain's part in it: a sync_file of its own, or for the last of them this one. Where there
    /// is no descriptor left for another one, the wait comes first.
    fn share(&mut self, last: bool) -> wayfence::error::Result<Self> {
        if let Rendering::Pending(fence) = self
            && !last
        {
            match fence.try_clone() {
                Ok(share) => return Ok(Rendering::Pending(share)),
                Err(error) => {
                    tracing::warn!(%error, "a fence for each swapchain: waiting on the CPU");
                    fence.wait(None)?;
                    *self = Rendering::WaitedFor;
                }
            }
        }
        Ok(match self {
            Rendering::Done => Rendering::Done,
            Rendering::WaitedFor => Rendering::WaitedFor,
            Rendering::Pending(_) => std::mem::replace(self, Rendering::Done),
        })
    }
}

/// Takes what the present waits for out of the application's semaphore, which that leaves as a wait would:
/// without a submission, which is dear, and without a semaphore of our own. `None` if it cannot be had so;
/// then it is still in there.
fn take(device: &Device, semaphore: vk::Semaphore) -> Option<Rendering> {
    if !device.waits.as_ref()?.has(semaphore) {
        return None;
    }
    // "All elements of [pWaitSemaphores] must reference a semaphore signal operation that has been submitted
    // for execution" (VUID-vkQueuePresentKHR-pWaitSemaphores-03268), and an export asks for no more (-03254).
    match export_fd(device, semaphore) {
        Ok(rendering) => Some(rendering),
        Err(error) => {
            tracing::debug!(
                ?error,
                "a wait semaphore is not exported: waiting on the queue"
            );
            None
        }
    }
}

/// Waits for the application's semaphores on the queue, and makes a sync_file that signals after them
/// and after everything submitted to the queue before. Then `fences` signal, too: those of
/// `VkSwapchainPresentFenceInfoKHR`, from which on the semaphores and the swapchains may go.
///
/// # Errors
/// What the present is to answer: lack of memory if nothing has happened, else that the device is lost.
fn submit(
    device: &Device,
    queue: vk::Queue,
    waits: &[vk::Semaphore],
    below: Option<vk::Semaphore>,
    fences: &[vk::Fence],
) -> Result<Rendering, vk::Result> {
    let missing = vk::Result::ERROR_DEVICE_LOST;
    let submit = device.next.queue_submit.ok_or(missing)?;
    let semaphore = device.take_semaphore().map_err(result::of_unqueued)?;
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
    // A submission has one fence.
    let mut fences = fences.iter().copied();
    let fence = fences.next().unwrap_or_default();
    // SAFETY: the application's queue, which it lets nobody else use during a present; its semaphores and
    // its fence, with nothing pending; ours, unsignalled.
    if let Err(error) = unsafe { submit(queue, 1, &batch, fence) }.result() {
        tracing::error!(?error, "vkQueuePresentKHR: vkQueueSubmit");
        device.keep_semaphore(semaphore);
        return Err(result::of_unqueued(error));
    }
    let mut submitted = Ok(());
    for fence in fences {
        // SAFETY: the application's queue, as above, and its fence.
        submitted = submitted.and(unsafe { submit(queue, 0, std::ptr::null(), fence) }.result());
    }
    let exported = submitted.and_then(|()| export(device, queue, semaphore));
    exported.map_err(|error| {
        // The semaphores are consumed, and the application can learn from no other result that its work
        // may still run.
        tracing::error!(?error, "vkQueuePresentKHR: after vkQueueSubmit");
        device.spoil_semaphore(semaphore);
        if below.is_some() {
            device.spoil_semaphore_below(queue);
        }
        missing
    })
}

/// Takes the payload of our semaphore as a sync_file. If the driver gives none, the queue is waited for.
///
/// # Errors
/// The driver's; then the semaphore may be signalled.
fn export(
    device: &Device,
    queue: vk::Queue,
    semaphore: vk::Semaphore,
) -> Result<Rendering, vk::Result> {
    let missing = vk::Result::ERROR_DEVICE_LOST;
    match export_fd(device, semaphore) {
        Ok(rendering) => {
            // Exporting has taken the payload: the semaphore is unsignalled.
            device.keep_semaphore(semaphore);
            Ok(rendering)
        }
        Err(error) => {
            tracing::warn!(?error, "no sync_file from the driver: waiting on the CPU");
            let wait = device.next.queue_wait_idle.ok_or(missing)?;
            // SAFETY: the application's queue, which it lets nobody else use during a present.
            unsafe { wait(queue) }.result()?;
            // SAFETY: signalled, and nothing else is submitted to it.
            unsafe { device.destroy_semaphore(semaphore) };
            Ok(Rendering::WaitedFor)
        }
    }
}

/// The payload of a semaphore that was made to be exported and has a signal operation pending, or has
/// signalled. A success takes it: the semaphore is unsignalled then.
///
/// # Errors
/// The driver's; the semaphore is as it was.
fn export_fd(device: &Device, semaphore: vk::Semaphore) -> Result<Rendering, vk::Result> {
    let export = device
        .next
        .get_semaphore_fd
        .ok_or(vk::Result::ERROR_DEVICE_LOST)?;
    let info = vk::SemaphoreGetFdInfoKHR::default()
        .semaphore(semaphore)
        .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD);
    let mut fd = -1;
    // SAFETY: a semaphore of this device, which its owner lets nobody else use, as the caller says.
    unsafe { export(device.handle, &info, &mut fd) }.result()?;
    Ok(match fd {
        // The driver's way to say that it has signalled already.
        -1 => Rendering::Done,
        // SAFETY: each export gives a new descriptor to the caller.
        fd => Rendering::Pending(SyncFile::from(unsafe { OwnedFd::from_raw_fd(fd) })),
    })
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
            // The application's semaphores are consumed, and it must not believe that they are not.
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

/// Signals the fences of presents to the driver's swapchains at these places, of which it does not know.
/// What it waits for was submitted to the queue before it.
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

/// Tells the application the result of each swapchain, if it wants to know.
///
/// # Safety
/// `info` is that of a valid `vkQueuePresentKHR` with so many swapchains.
unsafe fn tell(info: &vk::PresentInfoKHR<'_>, results: &[vk::Result]) {
    if !info.p_results.is_null() {
        for (at, result) in results.iter().enumerate() {
            // SAFETY: room for one result a swapchain by the specification.
            unsafe { *info.p_results.add(at) = *result };
        }
    }
}

/// The same with one result for all, which it answers.
///
/// # Safety
/// As [`tell`].
unsafe fn tell_all(info: &vk::PresentInfoKHR<'_>, result: vk::Result) -> vk::Result {
    let results: Few<vk::Result> = (0..info.swapchain_count).map(|_| result).collect();
    // SAFETY: the caller guarantees it.
    unsafe { tell(info, &results) };
    result
}

/// The result of a present as a whole. "If multiple swapchains are presented, the result code is determined
/// by applying the following rules in order": the loss of the device, that of a surface, a swapchain that is
/// out of date, one that is suboptimal. Errors that have no place there come before what is no error.
fn worst(results: &[vk::Result]) -> vk::Result {
    let rank = |result: &vk::Result| match *result {
        vk::Result::ERROR_DEVICE_LOST => 0,
        vk::Result::ERROR_SURFACE_LOST_KHR => 1,
        vk::Result::ERROR_OUT_OF_DATE_KHR => 2,
        error if error.as_raw() < 0 => 3,
        vk::Result::SUBOPTIMAL_KHR => 4,
        vk::Result::SUCCESS => 6,
        _ => 5,
    };
    let worst = results.iter().copied().min_by_key(rank);
    worst.unwrap_or(vk::Result::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_result_is_that_of_the_present() {
        use vk::Result as Is;
        for (results, expected) in [
            (&[] as &[_], Is::SUCCESS),
            (&[Is::SUCCESS, Is::SUCCESS], Is::SUCCESS),
            (&[Is::SUCCESS, Is::SUBOPTIMAL_KHR], Is::SUBOPTIMAL_KHR),
            (
                &[Is::SUBOPTIMAL_KHR, Is::ERROR_UNKNOWN, Is::SUCCESS],
                Is::ERROR_UNKNOWN,
            ),
            (
                &[Is::ERROR_UNKNOWN, Is::ERROR_OUT_OF_DATE_KHR],
                Is::ERROR_OUT_OF_DATE_KHR,
            ),
            (
                &[Is::ERROR_OUT_OF_DATE_KHR, Is::ERROR_SURFACE_LOST_KHR],
                Is::ERROR_SURFACE_LOST_KHR,
            ),
            (
                &[Is::ERROR_SURFACE_LOST_KHR, Is::ERROR_DEVICE_LOST],
                Is::ERROR_DEVICE_LOST,
            ),
        ] {
            assert_eq!(worst(results), expected, "{results:?}");
        }
    }
}
