//! Acquiring: the fences of a free image go into the application's semaphore and fence.

use std::{
    os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd},
    time::{Duration, Instant},
};

use ash::vk;
use wayfence::{deadline::Deadline, swapchain::Acquired, synchronisation::Wait};

use crate::{
    driver::next::below, entry::answer::on_swapchain, objects::device::Device,
    swapchain::owned::Swapchain, vulkan::result,
};

/// How long an acquire waits for an image of a lost device: what the application could not present nobody
/// gives back.
const LOST_PATIENCE: Duration = Duration::from_secs(1);

/// `vkAcquireNextImageKHR`.
pub unsafe extern "system" fn acquire_next_image(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    timeout: u64,
    semaphore: vk::Semaphore,
    fence: vk::Fence,
    index: *mut u32,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            "vkAcquireNextImageKHR",
            device,
            swapchain,
            |ours| {
                *index = ours.acquire(timeout, semaphore, fence)?;
                Ok(ours.quality())
            },
            |object| {
                let next = below(object.next.acquire_next_image)?;
                Ok(next(device, swapchain, timeout, semaphore, fence, index))
            },
        )
    }
}

/// `vkAcquireNextImage2KHR`: in a group of one device the mask says nothing.
pub unsafe extern "system" fn acquire_next_image2(
    device: vk::Device,
    info: *const vk::AcquireNextImageInfoKHR<'_>,
    index: *mut u32,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        let wanted = &*info;
        on_swapchain(
            "vkAcquireNextImage2KHR",
            device,
            wanted.swapchain,
            |ours| {
                *index = ours.acquire(wanted.timeout, wanted.semaphore, wanted.fence)?;
                Ok(ours.quality())
            },
            |object| {
                let next = below(object.next.acquire_next_image2)?;
                Ok(next(device, info, index))
            },
        )
    }
}

impl Swapchain {
    fn acquire(
        &self,
        timeout: u64,
        semaphore: vk::Semaphore,
        fence: vk::Fence,
    ) -> Result<u32, vk::Result> {
        let begin = self.is_timed().then(Instant::now);
        let deadline = Deadline::from_timeout(timeout);
        // "vkAcquireNextImageKHR with a maximum timeout [...] must return in finite time even in the case of a lost
        // device, and return either VK_SUCCESS or VK_ERROR_DEVICE_LOST" (Lost Device).
        let patience = match self.device.is_lost() {
            true => deadline.or_at(Instant::now() + LOST_PATIENCE),
            false => deadline,
        };
        let mut call = self.compositor.trace().acquire();
        let acquired = self
            .compositor
            .acquire(patience, &mut call)
            .map_err(|error| self.fail("vkAcquireNextImageKHR", &error))?;
        let Some(mut acquired) = acquired else {
            return Err(match deadline {
                Deadline::Now => vk::Result::NOT_READY,
                _ if !deadline.is_over() => vk::Result::ERROR_DEVICE_LOST,
                _ => vk::Result::TIMEOUT,
            });
        };
        let pending = matches!(acquired.wait, Wait::Pending(_));
        match self.hand_over(&mut acquired, semaphore, fence) {
            Ok(()) => {
                let counters = self.compositor.counters();
                let took = begin.map(|begin| begin.elapsed());
                match pending {
                    true => counters.acquired_pending(took),
                    false => counters.acquired_signalled(took),
                }
                call.returns(acquired.index, pending, counters.cpu_waits());
                Ok(acquired.index)
            }
            Err(error) => {
                tracing::error!(
                    ?error,
                    "vkAcquireNextImageKHR: the driver takes no sync_file"
                );
                self.compositor.give_back(acquired);
                Err(error)
            }
        }
    }

    /// Makes the application's semaphore and fence signal when the image's fences do. On an error `acquired`
    /// keeps the fences.
    fn hand_over(
        &self,
        acquired: &mut Acquired,
        semaphore: vk::Semaphore,
        fence: vk::Fence,
    ) -> Result<(), vk::Result> {
        match (
            semaphore != vk::Semaphore::null(),
            fence != vk::Fence::null(),
        ) {
            (false, false) => Ok(()),
            (true, false) => self.import_semaphore(semaphore, &mut acquired.wait),
            (false, true) => self.import_fence(fence, &mut acquired.wait),
            (true, true) => {
                let mut copy = acquired
                    .wait
                    .try_clone()
                    .map_err(|error| result::of(&error))?;
                self.import_semaphore(semaphore, &mut copy)?;
                self.import_fence(fence, &mut acquired.wait)
            }
        }
    }

    fn import_semaphore(
        &self,
        semaphore: vk::Semaphore,
        wait: &mut Wait,
    ) -> Result<(), vk::Result> {
        let Device {
            handle,
            next,
            waits,
            ..
        } = &*self.device;
        let import = next
            .import_semaphore_fd
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        import_fd(wait, |fd| {
            let info = vk::ImportSemaphoreFdInfoKHR::default()
                .semaphore(semaphore)
                .flags(vk::SemaphoreImportFlags::TEMPORARY)
                .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD)
                .fd(fd);
            // SAFETY: the application's semaphore, which has nothing pending by the specification; a
            // sync_file, or -1 for a payload that has signalled already.
            self.device.heard(unsafe { import(*handle, &info) })
        })?;
        if let Some(waits) = waits {
            waits.imported(semaphore, true, true);
        }
        Ok(())
    }

    fn import_fence(&self, fence: vk::Fence, wait: &mut Wait) -> Result<(), vk::Result> {
        let Device { handle, next, .. } = &*self.device;
        let import = next
            .import_fence_fd
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        import_fd(wait, |fd| {
            let info = vk::ImportFenceFdInfoKHR::default()
                .fence(fence)
                .flags(vk::FenceImportFlags::TEMPORARY)
                .handle_type(vk::ExternalFenceHandleTypeFlags::SYNC_FD)
                .fd(fd);
            // SAFETY: the application's unsignalled fence, which has nothing pending by the
            // specification; a sync_file, or -1 for a payload that has signalled already.
            self.device.heard(unsafe { import(*handle, &info) })
        })
    }
}

/// Imports a payload. A driver that succeeds has taken the descriptor, and `wait` is empty then.
fn import_fd(wait: &mut Wait, import: impl FnOnce(i32) -> vk::Result) -> Result<(), vk::Result> {
    let fd = match &*wait {
        Wait::Signalled => -1,
        Wait::Pending(fences) => fences.as_fd().as_raw_fd(),
    };
    import(fd).result()?;
    if let Wait::Pending(taken) = std::mem::replace(wait, Wait::Signalled) {
        let _ = OwnedFd::from(taken).into_raw_fd();
    }
    Ok(())
}
