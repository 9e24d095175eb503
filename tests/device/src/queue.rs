//! The work of a queue that is not done yet.

use std::sync::Arc;

use wayfence::sync_file::SyncFile;

use crate::buffer::is_pending;

/// A queue, and what it still does.
#[derive(Default)]
pub struct Queue {
    /// The number of its last work.
    pub last: u64,
    /// The fences of work that may be pending, by its numbers.
    pub pending: Vec<(u64, Arc<SyncFile>)>,
}

impl Queue {
    /// Forgets what is done.
    pub fn prune(&mut self) {
        self.pending.retain(|(_, fence)| is_pending(fence));
    }
}
