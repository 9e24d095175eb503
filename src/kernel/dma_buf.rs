//! Dma-bufs: the memory of a swapchain image, shared with the compositor, and the fences of all its users.
//!
//! A frame reads those fences once, when the compositor releases the image
//! ([`DmaBuf::export_sync_file`]: the compositor's reads are then on it), and adds one, when the
//! application presents ([`DmaBuf::import_sync_file`]: the application's write). On kernels before
//! 6.0 neither ioctl exists, and the CPU waits instead ([`DmaBuf::wait_idle`]).
//!
//! Kernel documentation: "Buffer Sharing and Synchronization (dma-buf)",
//! `Documentation/driver-api/dma-buf.rst`, section "Implicit Fence Poll Support"; structures and
//! ioctls in `include/uapi/linux/dma-buf.h`.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::ioctl::{Opcode, Setter, Updater, ioctl, opcode};

use crate::error::{Error, Result};
use crate::kernel::ioctl::retried;
use crate::kernel::poll::until_ready;
use crate::kernel::sync_file::SyncFile;

/// A dma-buf, closed on drop; the memory lives until the last descriptor, import and mapping of
/// it is gone.
///
/// All methods take `&self` and may be called from any thread at the same time. The kernel does
/// not make a snapshot and a later import one step: a caller that needs this holds a lock of its own.
#[derive(Debug)]
pub struct DmaBuf(OwnedFd);

/// A kind of access to a dma-buf: which fences it waits for, and which later accesses wait for it
/// (`DMA_BUF_SYNC_READ`, `DMA_BUF_SYNC_WRITE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Waits for writers; later writers wait.
    Read,
    /// Waits for readers and writers; later readers and writers wait.
    Write,
    /// To the kernel the same as [`Access::Write`].
    ReadWrite,
}

impl DmaBuf {
    /// A second descriptor of the same dma-buf, close-on-exec, owned by the caller.
    ///
    /// # Errors
    /// [`Error::Kernel`] if the process has no descriptor left (`EMFILE`).
    pub fn try_clone(&self) -> Result<Self> {
        // Not 0 to 2: a program that closed its standard streams must not find an image there.
        fcntl_dupfd_cloexec(&self.0, 3)
            .map(Self)
            .map_err(Error::kernel("F_DUPFD_CLOEXEC"))
    }

    /// A snapshot of the fences that `access` must wait for, as they are now; fences added later
    /// are not in it (`DMA_BUF_IOCTL_EXPORT_SYNC_FILE`, Linux 6.0). Without any such fence the
    /// sync file is signalled. The caller owns it; it is close-on-exec.
    ///
    /// One ioctl, unless a signal interrupts it.
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `ENOTTY` the kernel is too old or the descriptor is no dma-buf.
    pub fn export_sync_file(&self, access: Access) -> Result<SyncFile> {
        let mut export = RawSyncFile {
            flags: access.flags(),
            fd: -1,
        };
        retried(|| {
            // SAFETY: DMA_BUF_IOCTL_EXPORT_SYNC_FILE reads and writes one `struct
            // dma_buf_export_sync_file`, which `RawSyncFile` equals in layout (see the tests) and
            // any content of which is valid; the borrow lasts for the call. A descriptor that is
            // no dma-buf answers ENOTTY.
            unsafe {
                ioctl(
                    &self.0,
                    Updater::<DMA_BUF_IOCTL_EXPORT_SYNC_FILE, _>::new(&mut export),
                )
            }
        })
        .map_err(Error::kernel("DMA_BUF_IOCTL_EXPORT_SYNC_FILE"))?;
        // SAFETY: the ioctl succeeded, so `fd` is a descriptor that the kernel has just opened for
        // this call; nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(export.fd) }.into())
    }

    /// Adds the fences of `sync_file` to the dma-buf, as the fences of such an access
    /// (`DMA_BUF_IOCTL_IMPORT_SYNC_FILE`, Linux 6.0). The descriptor stays the caller's
    /// and may be closed at once; a fence that has signalled adds nothing.
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `ENOTTY` the kernel is too old or this descriptor is no dma-buf,
    /// with `EINVAL` the other one is no sync file.
    pub fn import_sync_file(&self, sync_file: impl AsFd, access: Access) -> Result<()> {
        let import = RawSyncFile {
            flags: access.flags(),
            fd: sync_file.as_fd().as_raw_fd(),
        };
        retried(|| {
            // SAFETY: DMA_BUF_IOCTL_IMPORT_SYNC_FILE reads one `struct dma_buf_import_sync_file`,
            // which `RawSyncFile` equals in layout (see the tests); `Setter` owns a copy for the
            // duration of the call. The kernel borrows the descriptor, which `sync_file` keeps
            // open. A descriptor that is no dma-buf answers ENOTTY.
            unsafe {
                ioctl(
                    &self.0,
                    Setter::<DMA_BUF_IOCTL_IMPORT_SYNC_FILE, _>::new(import),
                )
            }
        })
        .map_err(Error::kernel("DMA_BUF_IOCTL_IMPORT_SYNC_FILE"))
    }

    /// Waits on the CPU until `access` is free to begin, for `timeout` at most, or without limit for `None`.
    /// Answers whether it is. It waits for the fences that are on the dma-buf when it begins. Works on every
    /// kernel.
    ///
    /// # Errors
    /// [`Error::Kernel`] if `poll` fails.
    pub fn wait_idle(&self, access: Access, timeout: Option<Duration>) -> Result<bool> {
        // "Userspace can query the state of these implicitly tracked fences using poll():
        // Checking for EPOLLIN, i.e. read access, can be used to query the state of the most
        // recent write or exclusive fence. Checking for EPOLLOUT, i.e. write access, can be used
        // to query the state of all attached fences" (dma-buf.rst, Implicit Fence Poll Support).
        let events = match access {
            Access::Read => PollFlags::IN,
            Access::Write | Access::ReadWrite => PollFlags::OUT,
        };
        until_ready(self.0.as_fd(), events, timeout)
    }

    /// Whether `access` need not wait for any fence. Polls once and never waits.
    ///
    /// # Errors
    /// [`Error::Kernel`] if `poll` fails.
    pub fn is_idle(&self, access: Access) -> Result<bool> {
        self.wait_idle(access, Some(Duration::ZERO))
    }

    /// Whether the kernel exports and imports sync files on dma-bufs: both ioctls came with Linux
    /// 6.0. Exports one and closes it.
    ///
    /// # Errors
    /// [`Error::Kernel`] if the try fails for another reason, such as no descriptor left, which says nothing
    /// about the kernel.
    pub fn sync_file_support(&self) -> Result<bool> {
        match self.export_sync_file(Access::Read) {
            Ok(_) => Ok(true),
            Err(Error::Kernel {
                errno: Errno::NOTTY,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Takes ownership. The first use shows whether the descriptor is a dma-buf.
impl From<OwnedFd> for DmaBuf {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

/// Gives ownership away.
impl From<DmaBuf> for OwnedFd {
    fn from(dma_buf: DmaBuf) -> Self {
        dma_buf.0
    }
}

impl AsFd for DmaBuf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Access {
    /// `DMA_BUF_SYNC_READ` is 1, `DMA_BUF_SYNC_WRITE` is 2.
    fn flags(self) -> u32 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::ReadWrite => 3,
        }
    }
}

const DMA_BUF_IOCTL_EXPORT_SYNC_FILE: Opcode = opcode::read_write::<RawSyncFile>(b'b', 2);
const DMA_BUF_IOCTL_IMPORT_SYNC_FILE: Opcode = opcode::write::<RawSyncFile>(b'b', 3);

/// `struct dma_buf_export_sync_file` and `struct dma_buf_import_sync_file`, which are alike.
#[repr(C)]
#[derive(Clone, Copy)]
struct RawSyncFile {
    flags: u32,
    fd: i32,
}

#[cfg(test)]
mod tests {
    use std::mem::{align_of, offset_of, size_of};

    use std::io::{Write, pipe};

    use super::*;

    #[test]
    fn ioctls_and_structures_are_those_of_the_kernel() {
        // As the C compiler computes them from linux/dma-buf.h.
        assert_eq!(DMA_BUF_IOCTL_EXPORT_SYNC_FILE, 0xC008_6202);
        assert_eq!(DMA_BUF_IOCTL_IMPORT_SYNC_FILE, 0x4008_6203);
        assert_eq!(
            (size_of::<RawSyncFile>(), align_of::<RawSyncFile>()),
            (8, 4)
        );
        assert_eq!(offset_of!(RawSyncFile, flags), 0);
        assert_eq!(offset_of!(RawSyncFile, fd), 4);
        assert_eq!(Access::Read.flags(), 1 << 0);
        assert_eq!(Access::Write.flags(), 1 << 1);
        assert_eq!(
            Access::ReadWrite.flags(),
            Access::Read.flags() | Access::Write.flags()
        );
    }

    // This machine may have no dma-buf; a pipe refuses the ioctls as an old kernel does, and polls alike. The
    // integration tests have real fences.

    #[test]
    fn an_old_kernel_has_no_sync_file_support() {
        let (reader, _writer) = pipe().unwrap();
        let dma_buf = DmaBuf::from(OwnedFd::from(reader));
        assert!(!dma_buf.sync_file_support().unwrap());
        assert!(matches!(
            dma_buf.import_sync_file(&dma_buf, Access::Write),
            Err(Error::Kernel {
                errno: Errno::NOTTY,
                ..
            })
        ));
    }

    #[test]
    fn reading_waits_for_pollin_and_writing_for_pollout() {
        let (reader, mut writer) = pipe().unwrap();
        // The end to write to: POLLOUT at once, POLLIN never.
        let busy = DmaBuf::from(OwnedFd::from(writer.try_clone().unwrap()));
        assert!(busy.is_idle(Access::Write).unwrap());
        assert!(busy.is_idle(Access::ReadWrite).unwrap());
        assert!(
            !busy
                .wait_idle(Access::Read, Some(Duration::from_millis(1)))
                .unwrap()
        );
        let idle = DmaBuf::from(OwnedFd::from(reader));
        writer.write_all(b"x").unwrap();
        assert!(idle.wait_idle(Access::Read, None).unwrap());
    }

    #[test]
    fn a_clone_is_another_descriptor() {
        let (reader, _writer) = pipe().unwrap();
        let dma_buf = DmaBuf::from(OwnedFd::from(reader));
        let clone = dma_buf.try_clone().unwrap();
        assert_ne!(dma_buf.as_fd().as_raw_fd(), clone.as_fd().as_raw_fd());
    }
}
