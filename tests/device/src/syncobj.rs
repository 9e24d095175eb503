//! Syncobjs: a real kernel's.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use drm_ffi::drm_sys::{DRM_CAP_SYNCOBJ_TIMELINE, drm_syncobj_handle};
use drm_ffi::{auth, get_capability, syncobj};
use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use wayfence::sync_file::SyncFile;

use crate::wait::Point;

/// An open node of a driver that has timelines, whose handles are those of one file of the played device.
pub struct Syncobjs(OwnedFd);

impl Syncobjs {
    /// # Panics
    /// If this machine has no such node.
    pub fn new() -> Self {
        Self(node().expect("a DRM node with timeline syncobjs: scripts/test has one"))
    }

    /// The node's descriptor.
    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// The fence of a point, which must have one.
    ///
    /// # Errors
    /// `EINVAL` if it has none.
    pub fn fence(&self, point: &Point) -> Result<SyncFile, Errno> {
        match point.point {
            0 => self.export(point.syncobj),
            at => self.with_passage(|passage| {
                syncobj::transfer(self.0.as_fd(), point.syncobj, passage, at, 0).map_err(errno)?;
                self.export(passage)
            }),
        }
    }

    /// Gives a point a fence.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set(&self, point: &Point, fence: &SyncFile) -> Result<(), Errno> {
        match point.point {
            0 => self.import(point.syncobj, fence),
            at => self.with_passage(|passage| {
                self.import(passage, fence)?;
                syncobj::transfer(self.0.as_fd(), passage, point.syncobj, 0, at)
                    .map(drop)
                    .map_err(errno)
            }),
        }
    }

    /// Signals a point.
    ///
    /// # Errors
    /// The kernel's.
    pub fn signal(&self, point: &Point) -> Result<(), Errno> {
        let (node, handles) = (self.0.as_fd(), [point.syncobj]);
        match point.point {
            0 => syncobj::signal(node, &handles).map(drop),
            at => syncobj::timeline_signal(node, &handles, &[at]).map(drop),
        }
        .map_err(errno)
    }

    /// Takes a syncobj's fence away.
    ///
    /// # Errors
    /// The kernel's.
    pub fn reset(&self, syncobj: u32) -> Result<(), Errno> {
        syncobj::reset(self.0.as_fd(), &[syncobj])
            .map(drop)
            .map_err(errno)
    }

    /// A sync file that has signalled.
    ///
    /// # Errors
    /// The kernel's.
    pub fn signalled(&self) -> Result<SyncFile, Errno> {
        self.with_passage(|passage| {
            syncobj::signal(self.0.as_fd(), &[passage]).map_err(errno)?;
            self.export(passage)
        })
    }

    fn export(&self, syncobj: u32) -> Result<SyncFile, Errno> {
        let answer = syncobj::handle_to_fd(self.0.as_fd(), syncobj, true).map_err(errno)?;
        // SAFETY: the export succeeded, so the descriptor is new and nobody else's.
        Ok(SyncFile::from(unsafe { OwnedFd::from_raw_fd(answer.fd) }))
    }

    fn import(&self, syncobj: u32, fence: &SyncFile) -> Result<(), Errno> {
        // The crate's own function always asks for a new handle, which the kernel refuses here.
        const FD_TO_HANDLE: Opcode = opcode::read_write::<drm_syncobj_handle>(b'd', 0xc2);
        const IMPORT_SYNC_FILE: u32 = 1;
        let mut import = drm_syncobj_handle {
            handle: syncobj,
            flags: IMPORT_SYNC_FILE,
            fd: fence.as_fd().as_raw_fd(),
            ..drm_syncobj_handle::default()
        };
        // SAFETY: the ioctl reads and writes one structure of this layout, any content of which is valid,
        // and borrows it and the descriptor for the call.
        unsafe { ioctl(&self.0, Updater::<FD_TO_HANDLE, _>::new(&mut import)) }
    }

    /// Runs with a binary syncobj: the kernel moves fences from and to points only between syncobjs.
    fn with_passage<T>(&self, work: impl FnOnce(u32) -> Result<T, Errno>) -> Result<T, Errno> {
        let passage = syncobj::create(self.0.as_fd(), false)
            .map_err(errno)?
            .handle;
        let result = work(passage);
        let _ = syncobj::destroy(self.0.as_fd(), passage);
        result
    }
}

/// Opens the first node whose driver has timelines. By the kernel's own calls, to which the shim's devices
/// do not exist.
fn node() -> Option<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let folder = openat(
        CWD,
        "/dev/dri",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .ok()?;
    let mut names: Vec<_> = Dir::read_from(&folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_owned()))
        .filter(|name| {
            name.to_bytes().starts_with(b"card") || name.to_bytes().starts_with(b"renderD")
        })
        .collect();
    // Render nodes first: they have no master.
    names.sort_by_key(|name| (name.to_bytes().starts_with(b"card"), name.clone()));
    names.iter().find_map(|name| {
        let node = openat(&folder, name, flags, Mode::empty()).ok()?;
        // Whoever opens a primary node while nobody is its master becomes that.
        let _ = auth_release(&node);
        let timelines = get_capability(node.as_fd(), u64::from(DRM_CAP_SYNCOBJ_TIMELINE)).ok()?;
        (timelines.value != 0).then_some(node)
    })
}

fn auth_release(node: &OwnedFd) -> std::io::Result<()> {
    auth::release_master(node.as_fd())
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}
