//! The way of old kernels: the CPU waits.

use crate::{
    counters::Counters,
    deadline::Deadline,
    dma_buf::{Access, DmaBuf},
    error::Result,
    sync_file::SyncFile,
};

/// Waits for dma-bufs by `poll`, which every kernel knows.
pub(super) struct Polls;

impl Polls {
    /// Whether nobody uses the buffer.
    pub(super) fn is_over(&self, buffer: &DmaBuf) -> Result<bool> {
        buffer.is_idle(Access::Write)
    }

    /// Waits on the CPU until nobody uses the buffer; counted, if it takes a wait. Answers whether that
    /// came before the deadline.
    pub(super) fn wait(
        &self,
        buffer: &DmaBuf,
        deadline: Deadline,
        counters: &Counters,
    ) -> Result<bool> {
        if self.is_over(buffer)? {
            return Ok(true);
        }
        if deadline.is_over() {
            return Ok(false);
        }
        counters.cpu_wait();
        buffer.wait_idle(Access::Write, deadline.remaining())
    }
}

/// Waits for the rendering: the compositor could not.
pub(super) fn before_commit(rendering: &mut Option<SyncFile>, counters: &Counters) -> Result<()> {
    if let Some(fence) = rendering {
        counters.cpu_wait();
        fence.wait(None)?;
    }
    *rendering = None;
    Ok(())
}
