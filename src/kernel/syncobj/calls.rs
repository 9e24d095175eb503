//! The ioctls of syncobjs, on the open file of a node.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use drm::control::{Device as _, syncobj};
use drm::{Device as _, DriverCapability};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

use crate::error::{Error, Result};
use crate::kernel::ioctl::retried;
use crate::kernel::sync_file::SyncFile;

/// A syncobj of a node, by the number that the node's file gives it.
pub(super) type Handle = syncobj::Handle;

/// The open file of a DRM node.
#[derive(Debug)]
pub(super) struct File(OwnedFd);

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for File {}
impl drm::control::Device for File {}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        File(fd)
    }
}

/// All of these answer [`Error::Kernel`] with the ioctl's name.
impl File {
    /// Gives up being DRM master, which the first to open a primary node becomes. Does nothing on a render
    /// node.
    pub(super) fn leave_master(&self) {
        let _ = self.release_master_lock();
    }

    /// Whether the driver has timelines.
    pub(super) fn has_timelines(&self) -> Result<bool> {
        self.get_driver_capability(DriverCapability::TimelineSyncObj)
            .map(|has| has != 0)
            .map_err(kernel("DRM_IOCTL_GET_CAP"))
    }

    /// A new syncobj without a fence.
    pub(super) fn create(&self) -> Result<Handle> {
        retried_io("DRM_IOCTL_SYNCOBJ_CREATE", || self.create_syncobj(false))
    }

    /// Drops the handle; whoever has a descriptor keeps the syncobj.
    pub(super) fn destroy(&self, handle: Handle) {
        let _ = self.destroy_syncobj(handle);
    }

    /// A handle of the syncobj behind a descriptor, which stays the caller's.
    pub(super) fn open(&self, fd: BorrowedFd<'_>) -> Result<Handle> {
        retried_io("DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE", || {
            self.fd_to_syncobj(fd, false)
        })
    }

    /// A descriptor of the syncobj, close-on-exec.
    pub(super) fn share(&self, handle: Handle) -> Result<OwnedFd> {
        self.to_fd(handle, 0)
    }

    /// The fence of a binary syncobj.
    pub(super) fn export(&self, handle: Handle) -> Result<SyncFile> {
        self.to_fd(handle, EXPORT_SYNC_FILE).map(SyncFile::from)
    }

    /// A descriptor of what the flags say.
    fn to_fd(&self, handle: Handle, flags: u32) -> Result<OwnedFd> {
        let mut export = RawHandle {
            handle: handle.into(),
            flags,
            fd: -1,
            pad: 0,
        };
        retried(|| {
            // SAFETY: DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD reads and writes one `struct drm_syncobj_handle`, whose
            // first version `RawHandle` equals in layout (see the tests; the kernel takes what is missing as
            // zero) and any content of which is valid; the borrow lasts for the call.
            unsafe { ioctl(self, Updater::<HANDLE_TO_FD, _>::new(&mut export)) }
        })
        .map_err(Error::kernel("DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD"))?;
        // SAFETY: the ioctl succeeded, so `fd` is a descriptor that the kernel has just opened for this
        // call; nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(export.fd) })
    }

    /// Gives a point a fence that has signalled.
    pub(super) fn signal(&self, handle: Handle, point: u64) -> Result<()> {
        retried_io("DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL", || {
            self.syncobj_timeline_signal(&[handle], &[point])
        })
    }

    /// Writes the last point of each timeline that has a fence, or that has signalled, to `points`.
    pub(super) fn query(
        &self,
        handles: &[Handle],
        points: &mut [u64],
        available: bool,
    ) -> Result<()> {
        retried_io("DRM_IOCTL_SYNCOBJ_QUERY", || {
            self.syncobj_timeline_query(handles, points, available)
        })
    }

    /// Adds one to the eventfd when the point is available.
    pub(super) fn ring(&self, handle: Handle, point: u64, bell: BorrowedFd<'_>) -> Result<()> {
        retried_io("DRM_IOCTL_SYNCOBJ_EVENTFD", || {
            self.syncobj_eventfd(handle, point, bell, true)
        })
    }

    /// Copies a fence from point to point; 0 is that of a binary syncobj. A fence that is a chain itself, as those of
    /// points are, is taken apart for a timeline, where chains hold no others.
    pub(super) fn transfer(&self, from: (Handle, u64), to: (Handle, u64)) -> Result<()> {
        retried_io("DRM_IOCTL_SYNCOBJ_TRANSFER", || {
            self.syncobj_timeline_transfer(from.0, to.0, from.1, to.1)
        })
    }

    /// Gives a binary syncobj the fences of a sync_file. Made without the drm crate, which always asks for a
    /// new handle: the kernel refuses that for a sync_file.
    pub(super) fn import(&self, handle: Handle, sync_file: BorrowedFd<'_>) -> Result<()> {
        let mut import = RawHandle {
            handle: handle.into(),
            flags: IMPORT_SYNC_FILE,
            fd: sync_file.as_raw_fd(),
            pad: 0,
        };
        retried(|| {
            // SAFETY: DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE reads and writes one `struct
            // drm_syncobj_handle`, whose first version `RawHandle` equals in layout (see the tests;
            // the kernel takes what is missing as zero) and any content of which is valid; the borrow
            // lasts for the call, and the kernel borrows the descriptor.
            unsafe { ioctl(self, Updater::<FD_TO_HANDLE, _>::new(&mut import)) }
        })
        .map_err(Error::kernel("DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE"))
    }

    /// The fences of a point and of all before it as a sync_file, in one call (Linux 6.16).
    pub(super) fn export_point(&self, handle: Handle, point: u64) -> Result<SyncFile> {
        let mut export = RawPoint {
            of: RawHandle {
                handle: handle.into(),
                flags: EXPORT_SYNC_FILE | OF_POINT,
                fd: -1,
                pad: 0,
            },
            point,
        };
        retried(|| {
            // SAFETY: DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD reads and writes one `struct drm_syncobj_handle`, as
            // above; the borrow lasts for the call.
            unsafe { ioctl(self, Updater::<POINT_TO_FD, _>::new(&mut export)) }
        })
        .map_err(Error::kernel("DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD"))?;
        // SAFETY: the ioctl succeeded, so `fd` is a descriptor that the kernel has just opened for this
        // call; nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(export.of.fd) }.into())
    }
}

/// Repeats a call of the drm crate's while it is interrupted, and names it on failure.
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
const HANDLE_TO_FD: Opcode = opcode::read_write::<RawHandle>(b'd', 0xc1);
const POINT_TO_FD: Opcode = opcode::read_write::<RawPoint>(b'd', 0xc1);
/// `DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE`.
const EXPORT_SYNC_FILE: u32 = 1 << 0;
/// `DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE`.
const IMPORT_SYNC_FILE: u32 = 1 << 0;
/// `DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE`.
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
        assert_eq!(HANDLE_TO_FD, 0xC010_64C1);
        assert_eq!(POINT_TO_FD, 0xC018_64C1);
        assert_eq!(size_of::<RawPoint>(), 24);
        assert_eq!(offset_of!(RawPoint, point), 16);
    }
}
