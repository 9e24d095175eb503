//! The way of old kernels: the CPU waits.

use crate::{
    error::Result,
    kernel::{
        dma_buf::{Access, DmaBuf},
        sync_file::SyncFile,
    },
    observe::counters::Counters,
};

/// Whether the buffer is idle, by `poll`, which every kernel knows.
pub(super) fn is_over(buffer: &DmaBuf) -> Result<bool> {
    buffer.is_idle(Access::Write)
}

/// Waits for the rendering, since the compositor cannot.
pub(super) fn before_commit(rendering: &mut Option<SyncFile>, counters: &Counters) -> Result<()> {
    if let Some(fence) = rendering {
        counters.cpu_wait();
        fence.wait(None)?;
    }
    *rendering = None;
    Ok(())
}
