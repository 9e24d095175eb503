//! The sync_files that the trace keeps.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::kernel::sync_file::{FewFences, SyncFile};

/// A sync_file that the trace keeps until it has signalled.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) file: SyncFile,
    /// Its fences when it changed hands: the kernel forgets a fence's name when it signals.
    pub(super) fences: Option<FewFences>,
    open: Arc<AtomicUsize>,
}

impl Watched {
    /// One of so many that are open, which it is counted among already.
    pub(super) fn new(file: SyncFile, open: Arc<AtomicUsize>) -> Self {
        Watched {
            fences: file.few_fences(),
            file,
            open,
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
