//! What comes back with a released image, and what an acquired one is waited for with.

use smallvec::SmallVec;

use crate::{error::Result, kernel::sync_file::SyncFile};

/// What came back with a released image.
#[derive(Debug)]
pub enum Release {
    /// Nothing is pending: the window system has finished with the image, and our own last present has, too.
    Signalled,
    /// A snapshot of all that must be waited for, and of nothing later. It had not signalled when it was taken.
    Fences(SyncFile),
    /// The fences are read when the image is acquired. That is as exact as at the release: points and sync_files
    /// never change. The fences of a dma-buf are read that late only if they could not be exported at the
    /// release; nobody writes to the image before somebody acquires it.
    Untaken,
}

/// How many images fit without an allocation: as many as a swapchain usually has.
pub(super) const USUAL: usize = 8;

/// Images that the compositor has been found to have released, and what came back with them.
pub type Found = SmallVec<[(u32, Release); USUAL]>;

/// What an acquired image is waited for with.
#[derive(Debug)]
pub enum Wait {
    /// Nothing: the image is idle.
    Signalled,
    /// This sync_file, which had not signalled when it was checked.
    Pending(SyncFile),
}

impl Wait {
    /// A copy of the wait, with its own descriptor.
    ///
    /// # Errors
    /// `EMFILE` and `ENFILE`.
    pub fn try_clone(&self) -> Result<Self> {
        match self {
            Wait::Signalled => Ok(Wait::Signalled),
            Wait::Pending(fences) => fences.try_clone().map(Wait::Pending),
        }
    }
}
