//! A buffer of the driver's.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use rustix::fs::fstat;
use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::sync_file::{FenceStatus, SyncFile};
use wayfence_test_fences::kernel;
use wayfence_test_fences::udmabuf;

use crate::wait::Waits;

/// A buffer: what the driver said of it, and who else knows it.
pub struct Buffer {
    /// In bytes.
    pub size: u64,
    /// The flags of its creation, as the driver's interface has them.
    pub flags: u64,
    shared: Option<Shared>,
    /// The fences of this file's own submissions that may be pending on it.
    own: Vec<(Access, Arc<SyncFile>)>,
}

struct Shared {
    dma_buf: Arc<DmaBuf>,
    inode: u64,
}

impl Buffer {
    /// A buffer that nobody else knows.
    pub fn new(size: u64, flags: u64) -> Self {
        Self {
            size,
            flags,
            shared: None,
            own: Vec::new(),
        }
    }

    /// A buffer that came as this dma-buf, and was created with these flags.
    pub fn imported(dma_buf: DmaBuf, size: u64, flags: u64) -> Self {
        let inode = inode(&dma_buf);
        Self {
            shared: Some(Shared {
                dma_buf: Arc::new(dma_buf),
                inode,
            }),
            ..Self::new(size, flags)
        }
    }

    /// The number of its dma-buf, if it has one: the same in every process that knows it.
    pub fn inode(&self) -> Option<u64> {
        self.shared.as_ref().map(|shared| shared.inode)
    }

    /// Its dma-buf, if it has one.
    pub fn dma_buf(&self) -> Option<&Arc<DmaBuf>> {
        self.shared.as_ref().map(|shared| &shared.dma_buf)
    }

    /// Its dma-buf, from now on if it had none, with the fences that are on the buffer.
    pub fn export(&mut self) -> &DmaBuf {
        let Self {
            shared, own, size, ..
        } = self;
        &shared
            .get_or_insert_with(|| {
                let dma_buf = Arc::new(udmabuf::of_size(*size));
                for (access, fence) in own {
                    put(&dma_buf, fence, *access);
                }
                let inode = inode(&dma_buf);
                Shared { dma_buf, inode }
            })
            .dma_buf
    }

    /// A submission of this file leaves its fence.
    pub fn leave(&mut self, access: Access, fence: &Arc<SyncFile>) {
        self.own.retain(|(_, fence)| is_pending(fence));
        self.own.push((access, Arc::clone(fence)));
        if let Some(dma_buf) = self.dma_buf() {
            put(dma_buf, fence, access);
        }
    }

    /// The pending fences for which a submission must wait that waits for these.
    pub fn fences(&mut self, waits: Waits) -> Vec<Arc<SyncFile>> {
        let access = match waits {
            Waits::Nobody => return Vec::new(),
            Waits::Writers => Access::Read,
            Waits::Everybody | Waits::EverybodyElse => Access::Write,
        };
        self.own.retain(|(_, fence)| is_pending(fence));
        let Some(shared) = &self.shared else {
            let known = self.own.iter().filter(|(of, _)| {
                waits == Waits::Everybody || (waits == Waits::Writers && *of != Access::Read)
            });
            return known.map(|(_, fence)| Arc::clone(fence)).collect();
        };
        let dma_buf = Arc::clone(&shared.dma_buf);
        let snapshot = kernel::run(move || dma_buf.export_sync_file(access))
            .expect("the kernel exports sync files");
        if !is_pending(&snapshot) {
            return Vec::new();
        }
        // Each submission's fence is one of its own.
        if waits == Waits::EverybodyElse && pending(&snapshot) <= self.own.len() {
            return Vec::new();
        }
        vec![Arc::new(snapshot)]
    }
}

/// The number of a dma-buf's inode, of which each dma-buf has its own.
pub fn inode(dma_buf: impl AsFd) -> u64 {
    fstat(&dma_buf).map_or_else(
        |error| panic!("fstat of {}: {error}", dma_buf.as_fd().as_raw_fd()),
        |status| status.st_ino,
    )
}

/// Whether a fence is to be waited for.
pub fn is_pending(fence: &SyncFile) -> bool {
    !fence.is_signalled().expect("a sync file can be polled")
}

fn pending(snapshot: &SyncFile) -> usize {
    let fences = snapshot.info().expect("it is a sync file").fences;
    fences
        .iter()
        .filter(|fence| fence.status == FenceStatus::Pending)
        .count()
}

fn put(dma_buf: &Arc<DmaBuf>, fence: &Arc<SyncFile>, access: Access) {
    let (dma_buf, fence) = (Arc::clone(dma_buf), Arc::clone(fence));
    kernel::run(move || dma_buf.import_sync_file(&*fence, access))
        .expect("the kernel imports sync files");
}
