//! Timeline syncobjs: the fences of explicit synchronisation, numbered by points.
//!
//! A point of a timeline is *available* (materialised) once somebody has given it a fence, and
//! *signalled* once that fence is. Both sides of a swapchain exchange points before their fences
//! exist; what an acquire waits for is that a point is available, never that it is signalled.
//!
//! Kernel documentation: "DRM Sync Objects" in `drivers/gpu/drm/drm_syncobj.c` (in the GPU driver
//! developer's guide, "Memory Management"); ioctls in `include/uapi/drm/drm.h`. Timelines came with
//! Linux 5.2, `DRM_IOCTL_SYNCOBJ_EVENTFD` with 6.6. Syncobjs belong to no hardware: the node of any
//! device makes them, and every other device's takes them.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use drm::control::{Device as _, syncobj};
use drm::node::{DrmNode, NodeType};
use drm::{Device as _, DriverCapability};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::kernel::ioctl::retried;
use crate::kernel::sync_file::SyncFile;
use crate::lock::lock;

/// An open DRM node that knows timeline syncobjs and tells an eventfd of their points. A clone is the
/// same open file. Thread-safe.
#[derive(Debug, Clone)]
pub struct Node {
    file: Arc<File>,
    /// sync_files go to a point and leave it in one call (Linux 6.16); else they pass through a binary
    /// syncobj.
    directly: bool,
}

#[derive(Debug)]
struct File(OwnedFd);

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for File {}
impl drm::control::Device for File {}

impl Node {
    /// Opens the device with this number, which may be that of any of its nodes: its render node if it
    /// has one, for which no rights over displays are needed.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it is no DRM device or lacks what is needed, [`Error::File`] if it
    /// cannot be opened.
    pub fn open(device: libc::dev_t) -> Result<Self> {
        let node = DrmNode::from_dev_id(device).map_err(|error| {
            Error::Unsupported(format!(
                "DRM device {}:{}: {error}",
                libc::major(device),
                libc::minor(device)
            ))
        })?;
        let path = node
            .dev_path_with_type(NodeType::Render)
            .or_else(|| node.dev_path())
            .ok_or_else(|| Error::Unsupported(format!("the DRM device {node} has no node")))?;
        Self::at(&path)
    }

    /// Opens the first device of this machine that serves, render nodes before others.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there is none; the text says why each was left.
    pub fn any() -> Result<Self> {
        let mut paths: Vec<PathBuf> = nodes()
            .into_iter()
            .flatten()
            .filter(|path| kind(path).is_some())
            .collect();
        paths.sort_by_key(|path| (kind(path), path.clone()));
        let mut reasons = Vec::new();
        for path in &paths {
            match Self::at(path) {
                Ok(node) => return Ok(node),
                Err(error) => reasons.push(error.to_string()),
            }
        }
        Err(Error::Unsupported(match reasons.is_empty() {
            true => "timeline syncobjs: there is no DRM node in /dev/dri".to_owned(),
            false => reasons.join("; "),
        }))
    }

    /// Opens this node.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn at(path: &Path) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let node = openat(CWD, path, flags, Mode::empty()).map_err(|source| Error::File {
            path: path.to_owned(),
            source: source.into(),
        })?;
        let mut node = Self {
            file: Arc::new(File(node)),
            directly: false,
        };
        // Whoever opens a primary node while nobody is its master becomes that, and keeps a compositor
        // that starts later from the display. A render node answers that it knows no masters.
        let _ = node.file.release_master_lock();
        node.directly = node.check().map_err(|error| {
            Error::Unsupported(format!("timeline syncobjs of {}: {error}", path.display()))
        })?;
        Ok(node)
    }

    /// Tries what a frame needs, since a kernel's version tells nothing about it. Answers whether
    /// sync_files go to points and leave them in one call.
    fn check(&self) -> Result<bool> {
        let timelines = self
            .file
            .get_driver_capability(DriverCapability::TimelineSyncObj)
            .map_err(kernel("DRM_IOCTL_GET_CAP"))?;
        if timelines == 0 {
            return Err(Error::Unsupported("the driver has none".to_owned()));
        }
        let bell = eventfd(0, EventfdFlags::CLOEXEC).map_err(Error::kernel("eventfd"))?;
        let timeline = Timeline::new(self)?;
        timeline.ring_when_available(1, bell.as_fd())?;
        timeline.signal(1)?;
        // An older kernel knows no such flag.
        let fence = timeline.export_directly(1);
        Ok(fence.is_ok_and(|fence| timeline.import_directly(2, &fence).is_ok()))
    }

    fn create(&self) -> Result<syncobj::Handle> {
        retried_io("DRM_IOCTL_SYNCOBJ_CREATE", || {
            self.file.create_syncobj(false)
        })
    }

    /// How far each of these timelines, all of this node, has come. One call, for all of them together.
    /// Looks once and never waits.
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `ENOENT` a timeline is not of this node.
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
            retried_io("DRM_IOCTL_SYNCOBJ_QUERY", || {
                let last_submitted = what == Reached::Available;
                self.file
                    .syncobj_timeline_query(&handles, &mut points, last_submitted)
            })?;
        }
        Ok(points)
    }
}

/// What a timeline is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The last point that has a fence (`DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED`).
    Available,
    /// The last point that has signalled, as have all before it.
    Signalled,
}

/// As many timelines as a swapchain usually has images, without allocation.
const USUAL: usize = 8;

/// A point for each timeline; 0 if it has come to none.
pub type Reaches = SmallVec<[u64; USUAL]>;

/// What is in `/dev/dri`. By the kernel's own calls, as all of this module: a driver shim in the process
/// hides real devices from the C library.
fn nodes() -> Option<impl Iterator<Item = PathBuf>> {
    let folder = Path::new("/dev/dri");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let names = Dir::new(openat(CWD, folder, flags, Mode::empty()).ok()?).ok()?;
    Some(names.filter_map(move |entry| {
        let name = entry.ok()?.file_name().to_bytes().to_owned();
        Some(folder.join(OsStr::from_bytes(&name)))
    }))
}

/// Render nodes first, then primary nodes; anything else is no node.
fn kind(path: &Path) -> Option<u8> {
    let name = path.file_name()?.to_str()?;
    if name.starts_with("renderD") {
        Some(0)
    } else {
        name.starts_with("card").then_some(1)
    }
}

/// A timeline, shared with whoever has a descriptor of it. Points start at 1 and are to be given fences
/// in ascending order: a point has signalled when its fence and those of all points before it have.
/// Thread-safe.
#[derive(Debug)]
pub struct Timeline {
    node: Node,
    handle: syncobj::Handle,
    /// The binary syncobj through which sync_files pass where the kernel moves fences from and to points
    /// of timelines only between syncobjs; made when it is needed first, and kept. Locked for the calls of
    /// one passage.
    passage: Mutex<Option<syncobj::Handle>>,
}

impl Timeline {
    /// A new timeline without any point.
    ///
    /// # Errors
    /// [`Error::Kernel`].
    pub fn new(node: &Node) -> Result<Self> {
        Ok(Self::with(node, node.create()?))
    }

    /// The timeline of which somebody else gave a descriptor, which stays the caller's.
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `EINVAL` it is the descriptor of something else.
    pub fn from_fd(node: &Node, fd: impl AsFd) -> Result<Self> {
        let handle = retried_io("DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE", || {
            node.file.fd_to_syncobj(fd.as_fd(), false)
        })?;
        Ok(Self::with(node, handle))
    }

    fn with(node: &Node, handle: syncobj::Handle) -> Self {
        Self {
            node: node.clone(),
            handle,
            passage: Mutex::default(),
        }
    }

    /// A descriptor by which somebody else can have the timeline, close-on-exec, owned by the caller.
    ///
    /// # Errors
    /// [`Error::Kernel`] if the process has no descriptor left (`EMFILE`).
    pub fn to_fd(&self) -> Result<OwnedFd> {
        retried_io("DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD", || {
            self.node.file.syncobj_to_fd(self.handle, false)
        })
    }

    /// Gives the point the fences of `sync_file`, whose descriptor stays the caller's. The point is
    /// available from then on.
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `EINVAL` the descriptor is no sync_file. The point is as before then.
    pub fn import_sync_file(&self, point: u64, sync_file: impl AsFd) -> Result<()> {
        if self.node.directly {
            return self.import_directly(point, sync_file);
        }
        let mut passage = lock(&self.passage);
        let passage = self.passage(&mut passage)?;
        self.import(passage, sync_file)?;
        self.transfer((passage, 0), (self.handle, point))
    }

    /// The fences of an available point and of all before it as a sync_file, owned by the caller.
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `EINVAL` the point is not available, with `EMFILE` the process has no
    /// descriptor left.
    pub fn export_sync_file(&self, point: u64) -> Result<SyncFile> {
        if self.node.directly {
            return self.export_directly(point);
        }
        let mut passage = lock(&self.passage);
        let passage = self.passage(&mut passage)?;
        self.transfer((self.handle, point), (passage, 0))?;
        retried_io("DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD", || {
            self.node.file.syncobj_to_fd(passage, true)
        })
        .map(SyncFile::from)
    }

    fn import_directly(&self, point: u64, sync_file: impl AsFd) -> Result<()> {
        let mut import = RawPoint {
            of: RawHandle {
                handle: self.handle.into(),
                flags: IMPORT_SYNC_FILE | OF_POINT,
                fd: sync_file.as_fd().as_raw_fd(),
                pad: 0,
            },
            point,
        };
        retried(|| {
            // SAFETY: DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE reads and writes one `struct drm_syncobj_handle`,
            // which `RawPoint` equals in layout (see the tests; a kernel that knows no points takes less
            // of it, and refuses the flag) and any content of which is valid; the borrow lasts for the
            // call, and the kernel borrows the descriptor.
            unsafe {
                ioctl(
                    &*self.node.file,
                    Updater::<FD_TO_POINT, _>::new(&mut import),
                )
            }
        })
        .map_err(Error::kernel("DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE"))
    }

    fn export_directly(&self, point: u64) -> Result<SyncFile> {
        let mut export = RawPoint {
            of: RawHandle {
                handle: self.handle.into(),
                flags: EXPORT_SYNC_FILE | OF_POINT,
                fd: -1,
                pad: 0,
            },
            point,
        };
        retried(|| {
            // SAFETY: DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD reads and writes one `struct drm_syncobj_handle`, as
            // above; the borrow lasts for the call.
            unsafe {
                ioctl(
                    &*self.node.file,
                    Updater::<POINT_TO_FD, _>::new(&mut export),
                )
            }
        })
        .map_err(Error::kernel("DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD"))?;
        // SAFETY: the ioctl succeeded, so `fd` is a descriptor that the kernel has just opened for this
        // call; nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(export.of.fd) }.into())
    }

    /// By the kernel's own structure: the drm crate always asks for a new handle, which the kernel refuses
    /// for a sync_file.
    fn import(&self, to: syncobj::Handle, sync_file: impl AsFd) -> Result<()> {
        let mut import = RawHandle {
            handle: to.into(),
            flags: IMPORT_SYNC_FILE,
            fd: sync_file.as_fd().as_raw_fd(),
            pad: 0,
        };
        retried(|| {
            // SAFETY: DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE reads and writes one `struct
            // drm_syncobj_handle`, whose first version `RawHandle` equals in layout (see the tests;
            // the kernel takes what is missing as zero) and any content of which is valid; the borrow
            // lasts for the call, and the kernel borrows the descriptor.
            unsafe {
                ioctl(
                    &*self.node.file,
                    Updater::<FD_TO_HANDLE, _>::new(&mut import),
                )
            }
        })
        .map_err(Error::kernel("DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE"))
    }

    /// The binary syncobj of `kept`, made if there is none.
    fn passage(&self, kept: &mut Option<syncobj::Handle>) -> Result<syncobj::Handle> {
        match *kept {
            Some(passage) => Ok(passage),
            None => Ok(*kept.insert(self.node.create()?)),
        }
    }

    /// Gives the point a fence that has signalled. The point itself has when all before it have.
    ///
    /// # Errors
    /// [`Error::Kernel`].
    pub fn signal(&self, point: u64) -> Result<()> {
        retried_io("DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL", || {
            self.node
                .file
                .syncobj_timeline_signal(&[self.handle], &[point])
        })
    }

    /// Whether the point has a fence. Looks once and never waits.
    ///
    /// # Errors
    /// [`Error::Kernel`].
    pub fn is_available(&self, point: u64) -> Result<bool> {
        let reached = self.node.reached(Reached::Available, [self])?;
        Ok(reached.iter().all(|last| *last >= point))
    }

    /// Whether the point and all before it have signalled. Looks once and never waits.
    ///
    /// # Errors
    /// [`Error::Kernel`].
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
    /// [`Error::Kernel`]; with `EINVAL` or `ENOTTY` the kernel is older than 6.6.
    pub fn ring_when_available(&self, point: u64, bell: BorrowedFd<'_>) -> Result<()> {
        retried_io("DRM_IOCTL_SYNCOBJ_EVENTFD", || {
            self.node
                .file
                .syncobj_eventfd(self.handle, point, bell, true)
        })
    }

    fn transfer(&self, from: (syncobj::Handle, u64), to: (syncobj::Handle, u64)) -> Result<()> {
        retried_io("DRM_IOCTL_SYNCOBJ_TRANSFER", || {
            self.node
                .file
                .syncobj_timeline_transfer(from.0, to.0, from.1, to.1)
        })
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        // Handles of ours; who has a descriptor keeps the timeline.
        if let Some(passage) = *lock(&self.passage) {
            let _ = self.node.file.destroy_syncobj(passage);
        }
        let _ = self.node.file.destroy_syncobj(self.handle);
    }
}

/// Makes a call of the drm crate's until it is not interrupted, and names it on failure.
fn retried_io<T>(operation: &'static str, mut call: impl FnMut() -> io::Result<T>) -> Result<T> {
    retried(|| call().map_err(errno)).map_err(Error::kernel(operation))
}

fn kernel(operation: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::kernel(operation)(errno(error))
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

const FD_TO_HANDLE: Opcode = opcode::read_write::<RawHandle>(b'd', 0xc2);
const POINT_TO_FD: Opcode = opcode::read_write::<RawPoint>(b'd', 0xc1);
const FD_TO_POINT: Opcode = opcode::read_write::<RawPoint>(b'd', 0xc2);
/// `DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE`.
const EXPORT_SYNC_FILE: u32 = 1 << 0;
/// `DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE`.
const IMPORT_SYNC_FILE: u32 = 1 << 0;
/// `DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE` and `DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE`.
const OF_POINT: u32 = 1 << 1;

/// `struct drm_syncobj_handle` as of Linux 4.12.
#[repr(C)]
struct RawHandle {
    handle: u32,
    flags: u32,
    fd: i32,
    pad: u32,
}

/// The same as of Linux 6.16.
#[repr(C)]
struct RawPoint {
    of: RawHandle,
    point: u64,
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn ioctls_and_structures_are_those_of_the_kernel() {
        // As the C compiler computes them from drm/drm.h of Linux 6.1, and of 6.16.
        assert_eq!(FD_TO_HANDLE, 0xC010_64C2);
        assert_eq!(size_of::<RawHandle>(), 16);
        assert_eq!(POINT_TO_FD, 0xC018_64C1);
        assert_eq!(FD_TO_POINT, 0xC018_64C2);
        assert_eq!(size_of::<RawPoint>(), 24);
        assert_eq!(offset_of!(RawPoint, point), 16);
    }

    /// Needs a node: kernels of both kinds are played on one that can do both.
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

    #[test]
    fn render_nodes_come_first_and_other_files_are_no_nodes() {
        assert_eq!(kind(Path::new("/dev/dri/renderD128")), Some(0));
        assert_eq!(kind(Path::new("/dev/dri/card1")), Some(1));
        assert_eq!(kind(Path::new("/dev/dri/by-path")), None);
    }

    #[test]
    fn what_is_no_drm_device_is_refused_with_its_number() {
        // /dev/null.
        let error = Node::open(libc::makedev(1, 3)).unwrap_err().to_string();
        assert!(error.contains("1:3"), "{error}");
    }
}
