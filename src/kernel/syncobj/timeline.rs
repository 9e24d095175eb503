//! Timelines of a node.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;

use smallvec::SmallVec;

use super::{calls::Handle, node::Node};
use crate::error::Result;
use crate::kernel::sync_file::SyncFile;
use crate::lock::lock;

/// A timeline, shared with everybody who has a descriptor of it. Points start at 1 and get fences in ascending
/// order: a point has signalled when its fence and those of all points before it have. Thread-safe.
#[derive(Debug)]
pub struct Timeline {
    node: Node,
    handle: Handle,
    /// The binary syncobj through which sync_files pass to points, and on old kernels from points; made at first
    /// use, and kept. Locked while a sync_file passes.
    passage: Mutex<Option<Handle>>,
}

impl Timeline {
    /// A new timeline without any point.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel).
    pub fn new(node: &Node) -> Result<Self> {
        Ok(Self::with(node, node.file.create()?))
    }

    /// The timeline behind a descriptor, which stays the caller's.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel); with `EINVAL` it is not the descriptor of a syncobj.
    pub fn from_fd(node: &Node, fd: impl AsFd) -> Result<Self> {
        let handle = node.file.open(fd.as_fd())?;
        Ok(Self::with(node, handle))
    }

    fn with(node: &Node, handle: Handle) -> Self {
        Self {
            node: node.clone(),
            handle,
            passage: Mutex::default(),
        }
    }

    /// A descriptor that shares the timeline, close-on-exec, owned by the caller.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel) if the process has no descriptor left (`EMFILE`).
    pub fn to_fd(&self) -> Result<OwnedFd> {
        self.node.file.share(self.handle)
    }

    /// Gives the point the fences of `sync_file`, whose descriptor stays the caller's. The point is
    /// available from then on.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel); with `EINVAL` the descriptor is no sync_file. The point
    /// is then unchanged.
    pub fn import_sync_file(&self, point: u64, sync_file: impl AsFd) -> Result<()> {
        // Since Linux 6.16 one call gives a point a sync_file. It chains what is in it as it is, and if that is the
        // fence of a point, as in a release that an application hands on, the kernel warns, since it forbids chains
        // within chains (`dma_fence_chain_init`). Transfers take them apart.
        let file = &self.node.file;
        let mut passage = lock(&self.passage);
        let passage = self.passage(&mut passage)?;
        file.import(passage, sync_file.as_fd())?;
        file.transfer((passage, 0), (self.handle, point))
    }

    /// The fences of an available point and of all before it as a sync_file, owned by the caller.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel); with `EINVAL` the point is not available, with `EMFILE` the process has no
    /// descriptor left.
    pub fn export_sync_file(&self, point: u64) -> Result<SyncFile> {
        let Node { file, directly } = &self.node;
        if *directly {
            return file.export_point(self.handle, point);
        }
        let mut passage = lock(&self.passage);
        let passage = self.passage(&mut passage)?;
        file.transfer((self.handle, point), (passage, 0))?;
        file.export(passage)
    }

    /// The binary syncobj of `kept`, made if there is none.
    fn passage(&self, kept: &mut Option<Handle>) -> Result<Handle> {
        match *kept {
            Some(passage) => Ok(passage),
            None => Ok(*kept.insert(self.node.file.create()?)),
        }
    }

    /// Gives the point a signalled fence. The point itself signals when all points before it have.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel).
    pub fn signal(&self, point: u64) -> Result<()> {
        self.node.file.signal(self.handle, point)
    }

    /// Whether the point has a fence. Looks once and never waits.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel).
    pub fn is_available(&self, point: u64) -> Result<bool> {
        let reached = self.node.reached(Reached::Available, [self])?;
        Ok(reached.iter().all(|last| *last >= point))
    }

    /// Whether the point and all before it have signalled. Looks once and never waits.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel).
    pub fn is_signalled(&self, point: u64) -> Result<bool> {
        let reached = self.node.reached(Reached::Signalled, [self])?;
        Ok(reached.iter().all(|last| *last >= point))
    }

    /// The node on which it was made.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Adds one to the eventfd when the point is available; at once, if it is. The descriptor stays the
    /// caller's.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel); with `EINVAL` or `ENOTTY` the kernel is older than 6.6.
    pub fn ring_when_available(&self, point: u64, bell: BorrowedFd<'_>) -> Result<()> {
        self.node.file.ring(self.handle, point, bell)
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        // Handles of ours; who has a descriptor keeps the timeline.
        if let Some(passage) = *lock(&self.passage) {
            self.node.file.destroy(passage);
        }
        self.node.file.destroy(self.handle);
    }
}

impl Node {
    /// How far each of these timelines has come, all of them of this node, in one call. Looks once and never
    /// waits.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::error::Error::Kernel); with `ENOENT` a timeline is not of this node.
    pub fn reached<'a>(
        &self,
        what: Reached,
        timelines: impl IntoIterator<Item = &'a Timeline>,
    ) -> Result<Reaches> {
        let handles: SmallVec<[_; USUAL]> = timelines
            .into_iter()
            .map(|timeline| timeline.handle)
            .collect();
        let mut points = Reaches::from_elem(0, handles.len());
        if !handles.is_empty() {
            self.file
                .query(&handles, &mut points, what == Reached::Available)?;
        }
        Ok(points)
    }
}

/// What a timeline is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The last point that has a fence (`DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED`).
    Available,
    /// The last point that has signalled, with all points before it.
    Signalled,
}

/// As many timelines as a swapchain usually has images, without allocation.
const USUAL: usize = 8;

/// A point for each timeline; 0 if it has reached none.
pub type Reaches = SmallVec<[u64; USUAL]>;

#[cfg(test)]
mod tests {
    use super::*;

    /// On a node that has both ways, both are tried. What comes from a point is a chain, and goes to another: whether
    /// the kernel warns is seen by whoever runs the tests in the virtual machine.
    #[test]
    #[ignore = "needs a DRM node with timelines"]
    fn sync_files_go_to_points_and_leave_them_on_new_kernels_and_on_old_ones() {
        let new = Node::any().unwrap();
        let old = Node {
            directly: false,
            ..new.clone()
        };
        for node in [new, old] {
            let source = Timeline::new(&node).unwrap();
            assert!(source.export_sync_file(1).is_err(), "not available");
            source.signal(1).unwrap();
            let signalled = source.export_sync_file(1).unwrap();
            assert!(signalled.is_signalled().unwrap());

            let target = Timeline::new(&node).unwrap();
            target.import_sync_file(3, &signalled).unwrap();
            assert!(target.is_signalled(3).unwrap());
            assert!(!target.is_available(4).unwrap());
            assert!(target.export_sync_file(3).unwrap().is_signalled().unwrap());
            let (reader, _writer) = std::io::pipe().unwrap();
            assert!(target.import_sync_file(4, reader).is_err(), "no sync_file");
            assert!(!target.is_available(4).unwrap());
        }
    }
}
