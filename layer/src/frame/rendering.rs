//! The rendering that a present waits for: taken out of the application's semaphores as one sync_file.

use std::os::fd::{FromRawFd, OwnedFd};

use ash::vk;
use smallvec::SmallVec;
use wayfence::sync_file::SyncFile;

use crate::{catalogue::per_swapchain::Few, objects::device::Device, vulkan::result};

/// The work that a present waits for.
pub(super) enum Rendering {
    /// It is over when this fence signals.
    Pending(SyncFile),
    /// It is over.
    Done,
    /// It is over, after a wait on the CPU.
    WaitedFor,
}

impl Rendering {
    /// One swapchain's share: a duplicate of the sync_file, or for the last swapchain the sync_file itself.
    /// Without a descriptor left it waits on the CPU.
    pub(super) fn share(&mut self, last: bool) -> wayfence::error::Result<Self> {
        if let Rendering::Pending(fence) = self
            && !last
        {
            match fence.try_clone() {
                Ok(share) => return Ok(Rendering::Pending(share)),
                Err(error) => {
                    tracing::warn!(%error, "no descriptor for each swapchain's fence: waiting on the CPU");
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

/// Exports the application's semaphore, which has the effect of the present's wait, without a submission and a
/// semaphore of our own. `None` if that is not possible; then the semaphore is unchanged.
pub(super) fn take(device: &Device, semaphore: vk::Semaphore) -> Option<Rendering> {
    if !device.waits.as_ref()?.has(semaphore) {
        return None;
    }
    // "All elements of [pWaitSemaphores] must reference a semaphore signal operation that has been submitted
    // for execution" (VUID-vkQueuePresentKHR-pWaitSemaphores-03268), and an export requires no more (-03254).
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

/// Waits for the application's semaphores on the queue, and makes a sync_file that signals after them and after
/// everything submitted to the queue before. Then `fences` signal, too: those of
/// `VkSwapchainPresentFenceInfoKHR`, after which the semaphores and the swapchains may be destroyed.
///
/// # Errors
/// The result of the present: lack of memory if nothing has happened, otherwise the loss of the device.
pub(super) fn submit(
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
    let answer = unsafe { submit(queue, 1, &batch, fence) };
    if let Err(error) = device.heard(answer).result() {
        tracing::error!(?error, "vkQueuePresentKHR: vkQueueSubmit");
        device.keep_semaphore(semaphore);
        return Err(result::of_unqueued(error));
    }
    if let Some(known) = &device.waits {
        known.waited(waits);
    }
    let mut submitted = Ok(());
    for fence in fences {
        // SAFETY: the application's queue, as above, and its fence.
        submitted = submitted.and(unsafe { submit(queue, 0, std::ptr::null(), fence) }.result());
    }
    let exported = submitted.and_then(|()| export(device, queue, semaphore));
    exported.map_err(|error| {
        // The semaphores are consumed, and no other result says that the work may still run.
        tracing::error!(?error, "vkQueuePresentKHR: after vkQueueSubmit");
        device.spoil_semaphore(semaphore);
        if below.is_some() {
            device.spoil_semaphore_below(queue);
        }
        missing
    })
}

/// Takes the payload of our semaphore as a sync_file. If the driver exports none, waits for the queue.
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
            device.heard(unsafe { wait(queue) }).result()?;
            // SAFETY: signalled, and nothing else is submitted to it.
            unsafe { device.destroy_semaphore(semaphore) };
            Ok(Rendering::WaitedFor)
        }
    }
}

/// The payload of an exportable semaphore that has signalled, or has a pending signal operation. A success
/// takes it: the semaphore is then unsignalled.
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
        // It has signalled already.
        -1 => Rendering::Done,
        // SAFETY: each export gives a new descriptor to the caller.
        fd => Rendering::Pending(SyncFile::from(unsafe { OwnedFd::from_raw_fd(fd) })),
    })
}
