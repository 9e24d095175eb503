//! The implicit way: fences go in and out of the dma-buf as sync_files.

use std::sync::Mutex;

use super::Release;
use crate::{
    counters::Counters,
    dma_buf::{Access, DmaBuf},
    error::{Error, Result},
    lock::lock,
    sync_file::SyncFile,
};

/// Snapshots of the images' fences, and our own among them.
pub(super) struct Snapshots {
    /// For each image the fence of the rendering that was last presented.
    own: Vec<Mutex<Option<SyncFile>>>,
}

impl Snapshots {
    /// # Errors
    /// [`Error::Unsupported`] if the kernel has no sync_files of dma-bufs; or its own, if it lacks
    /// something else.
    pub(super) fn new(images: &[DmaBuf]) -> Result<Self> {
        for image in images.iter().take(1) {
            if !image.sync_file_support()? {
                return Err(Error::Unsupported(
                    "the kernel cannot export a dma-buf's fences as a sync_file".to_owned(),
                ));
            }
        }
        Ok(Snapshots {
            own: images.iter().map(|_| Mutex::default()).collect(),
        })
    }

    pub(super) fn released(&self, index: u32, buffer: &DmaBuf, counters: &Counters) -> Release {
        self.take(index, buffer, counters).unwrap_or_else(|error| {
            tracing::warn!(%error, "the fences of a released image");
            Release::Untaken
        })
    }

    /// The fences of an image that the compositor has released and nobody has acquired since.
    pub(super) fn take(&self, index: u32, buffer: &DmaBuf, counters: &Counters) -> Result<Release> {
        let mut own = lock(&self.own[index as usize]);
        let release = snapshot(own.as_ref(), |access| {
            let fences = buffer.export_sync_file(access)?;
            counters.sync_file_exported();
            Ok(fences)
        })?;
        *own = None;
        if let Release::Signalled = release {
            counters.own_write_elided();
        }
        Ok(release)
    }

    pub(super) fn before_commit(
        &self,
        index: u32,
        buffer: &DmaBuf,
        rendering: &mut Option<SyncFile>,
        counters: &Counters,
    ) -> Result<()> {
        if let Some(fence) = rendering {
            buffer.import_sync_file(fence, Access::Write)?;
            counters.sync_file_imported();
        }
        *lock(&self.own[index as usize]) = rendering.take();
        Ok(())
    }
}

/// What whoever writes to the image must wait for: a snapshot of all its fences, or nothing, if the only
/// one is `own`, the client's own write (own-write elision).
///
/// A compositor may release an image that it never read, a replaced one say, while the client's own
/// rendering still runs. Whoever writes next is on the same device as that rendering, and its order is
/// the application's business, not the window system's.
///
/// Why the answer is sound, whatever others do in between: `own` was put on the image before the commit
/// and leaves it only by signalling. So if it has not signalled after a snapshot was taken, it is in that
/// snapshot, and if the snapshot counts one fence, that is `own`. It is asked of the writers, among whom
/// `own` must be, then of everybody, and of `own` itself last. A reader that comes before or between the
/// snapshots is counted by the second. One that comes after it is no part of the release: the compositor
/// puts its reads on the image before it lets go.
///
/// Each call of `export` is one snapshot of the image's fences, with the access for which it is asked.
///
/// # Errors
/// Those of `export`, and what the kernel answers to questions about sync_files.
pub fn snapshot(
    own: Option<&SyncFile>,
    mut export: impl FnMut(Access) -> Result<SyncFile>,
) -> Result<Release> {
    let everybody = export(Access::Write)?;
    let Some(own) = own else {
        return Ok(Release::Fences(everybody));
    };
    // The usual case: nothing is pending, or at least nothing of ours.
    if everybody.is_signalled()? {
        return Ok(Release::SignalledFences(everybody));
    }
    if own.is_signalled()? || !is_one(own)? {
        return Ok(Release::Fences(everybody));
    }
    let writers = export(Access::Read)?;
    let everybody = export(Access::Write)?;
    // Nobody at all counts as one, too, who has signalled.
    let own_alone = is_one(&writers)? && !writers.is_signalled()? && is_one(&everybody)?;
    Ok(match own_alone && !own.is_signalled()? {
        true => Release::Signalled,
        false => Release::Fences(everybody),
    })
}

fn is_one(fences: &SyncFile) -> Result<bool> {
    Ok(fences.fence_count()? == 1)
}
