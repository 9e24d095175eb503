//! Work that a driver hands over, and what a kernel does with its fences.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use wayfence::dma_buf::Access;
use wayfence::sync_file::SyncFile;

use crate::buffer::is_pending;
use crate::file::File;
use crate::gpu;
use crate::log::{self, Event, Used};
use crate::wait::{Point, Waits};

/// Work, for one of the file's queues, which does its work in order.
#[derive(Default)]
pub struct Submission {
    /// The queue.
    pub queue: u64,
    /// As the driver's interface has them, for the log.
    pub flags: u64,
    /// The buffers that it uses.
    pub uses: Vec<Use>,
    /// What the driver has it wait for.
    pub waits: Vec<Point>,
    /// A sync file that the driver has it wait for, which stays the driver's.
    pub file: Option<BorrowedFd<'static>>,
    /// What it signals.
    pub signals: Vec<Point>,
}

/// A buffer that a submission uses.
pub struct Use {
    /// Which.
    pub handle: u32,
    /// For whose fences on it the submission waits.
    pub waits: Waits,
    /// As whose its own fence is left on it.
    pub leaves: Option<Access>,
}

impl File {
    /// Takes work. Answers its number in its queue, from 1 on.
    ///
    /// # Errors
    /// `EINVAL` if it waits for a point that has no fence; nothing is done then.
    pub fn submit(&self, submission: &Submission) -> Result<u64, Errno> {
        let mut fences = Vec::new();
        for point in &submission.waits {
            fences.push(Arc::new(self.syncobjs.fence(point)?));
        }
        if let Some(fd) = submission.file {
            let duplicate = rustix::io::fcntl_dupfd_cloexec(fd, 100)?;
            fences.push(Arc::new(SyncFile::from(duplicate)));
        }
        // All of it under the lock, as the kernel has the buffers locked.
        let mut inner = self.lock();
        let inner = &mut *inner;
        let mut implicit = 0;
        let mut shared = Vec::new();
        for used in &submission.uses {
            let Some(buffer) = inner.buffers.get_mut(&used.handle) else {
                continue;
            };
            let waited = buffer.fences(used.waits);
            implicit += waited.len();
            fences.extend(waited);
            if let Some(dma_buf) = buffer.inode() {
                shared.push(Used {
                    handle: used.handle,
                    dma_buf,
                    waits: used.waits,
                    leaves: used.leaves.map(|access| match access {
                        Access::Read => "read",
                        Access::Write | Access::ReadWrite => "write",
                    }),
                });
            }
        }
        fences.retain(|fence| is_pending(fence));
        let queue = inner.queues.entry(submission.queue).or_default();
        queue.prune();
        queue.last += 1;
        let number = queue.last;
        // What is done by now leaves no trace on buffers.
        let fence = gpu::get().take(u64::from(self.number) << 48 ^ submission.queue, fences);
        log::write(&Event::Submitted {
            file: self.number,
            queue: submission.queue,
            flags: submission.flags,
            listed: submission.uses.len(),
            shared,
            waits: &submission.waits,
            signals: &submission.signals,
            implicit,
            pending: fence.is_some(),
        });
        let Some(fence) = fence else {
            for point in &submission.signals {
                self.syncobjs.signal(point)?;
            }
            return Ok(number);
        };
        queue.pending.push((number, Arc::clone(&fence)));
        for used in &submission.uses {
            let buffer = inner.buffers.get_mut(&used.handle);
            if let (Some(buffer), Some(access)) = (buffer, used.leaves) {
                buffer.leave(access, &fence);
            }
        }
        for point in &submission.signals {
            self.syncobjs.set(point, &fence)?;
        }
        Ok(number)
    }

    /// The fence of some work, if it is still pending.
    pub fn fence_of(&self, queue: u64, number: u64) -> Option<Arc<SyncFile>> {
        let mut inner = self.lock();
        let queue = inner.queues.get_mut(&queue)?;
        queue.prune();
        // One that is over may have been overtaken by the numbers.
        let fence = queue.pending.iter().rfind(|(of, _)| *of <= number)?;
        Some(Arc::clone(&fence.1))
    }

    /// Waits until some work is done, for `timeout` at the most; answers whether it is.
    pub fn wait_for(&self, queue: u64, number: u64, timeout: Duration) -> bool {
        match self.fence_of(queue, number) {
            Some(fence) => fence
                .wait(Some(timeout))
                .expect("a sync file can be polled"),
            None => true,
        }
    }
}

/// How long it is from now until this time of CLOCK_MONOTONIC.
pub fn until(time: Duration) -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = Duration::new(now.tv_sec as u64, now.tv_nsec as u32);
    // Longer than anything is pending.
    time.saturating_sub(now).min(Duration::from_secs(3600))
}
