//! The way of implicit synchronisation: fences go in and out of the dma-buf as sync_files.

use std::sync::Arc;

use super::release::{Release, Wait};
use crate::{
    error::{Error, Result},
    kernel::{
        dma_buf::{Access, DmaBuf},
        sync_file::SyncFile,
    },
    observe::counters::Counters,
};

/// Tries whether the kernel has sync_files of dma-bufs.
///
/// # Errors
/// [`Error::Unsupported`] if it has none; or the kernel's error, if another resource is short.
pub(super) fn check(images: &[Arc<DmaBuf>]) -> Result<()> {
    for image in images.iter().take(1) {
        if !image.sync_file_support()? {
            return Err(Error::Unsupported(
                "the kernel cannot export a dma-buf's fences as a sync_file".to_owned(),
            ));
        }
    }
    Ok(())
}

/// The compositor has released the image: the next acquire waits for the fences that the dma-buf has now.
pub(super) fn released(buffer: &DmaBuf, counters: &Counters) -> Release {
    match take(buffer, counters) {
        Ok(Wait::Signalled) => Release::Signalled,
        Ok(Wait::Pending(fences)) => Release::Fences(fences),
        Err(error) => {
            tracing::warn!(%error, "the fences of a released image cannot be taken");
            Release::Untaken
        }
    }
}

/// What a writer must wait for on an image that the compositor has released and nobody has acquired since: all
/// its fences, those of our own last present included. If the image is idle, as most are, there is nothing to
/// wait for and nothing is exported.
pub(super) fn take(buffer: &DmaBuf, counters: &Counters) -> Result<Wait> {
    if buffer.is_idle(Access::Write)? {
        return Ok(Wait::Signalled);
    }
    let fences = buffer.export_sync_file(Access::Write)?;
    counters.sync_file_exported();
    Ok(Wait::Pending(fences))
}

/// Adds the rendering to the dma-buf as a writer's fence.
pub(super) fn before_commit(
    buffer: &DmaBuf,
    rendering: &mut Option<SyncFile>,
    counters: &Counters,
) -> Result<()> {
    if let Some(fence) = rendering {
        buffer.import_sync_file(fence, Access::Write)?;
        counters.sync_file_imported();
    }
    *rendering = None;
    Ok(())
}
