//! Sync files: a fence, or several, behind a file descriptor.
//!
//! A frame meets two of them. The one that [`DmaBuf::export_sync_file`] takes when the compositor releases an
//! image holds the fences that the application's rendering must wait for; the one that the driver exports when
//! the application presents holds the rendering itself and goes onto the dma-buf. The fences in a sync file
//! never change; they only signal. A sync file is a snapshot.
//!
//! Kernel documentation: "Sync File API Guide", `Documentation/driver-api/sync_file.rst`;
//! structures and ioctls in `include/uapi/linux/sync_file.h`.
//!
//! [`DmaBuf::export_sync_file`]: crate::kernel::dma_buf::DmaBuf::export_sync_file

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

use crate::error::{Error, Result};
pub(crate) use crate::kernel::fence_info::FewFences;
use crate::kernel::fence_info::{FEW, RawFence, text};
pub use crate::kernel::fence_info::{FenceInfo, FenceStatus};
use crate::kernel::ioctl::retried;
use crate::kernel::poll::{Readiness, are_ready, until_ready};

/// A sync file, closed on drop.
///
/// All methods take `&self` and may be called from any thread at the same time: the kernel locks
/// what it must.
#[derive(Debug)]
pub struct SyncFile(OwnedFd);

impl SyncFile {
    /// A second descriptor of the same sync file, close-on-exec, owned by the caller.
    ///
    /// # Errors
    /// [`Error::Kernel`] if the process has no descriptor left (`EMFILE`).
    pub fn try_clone(&self) -> Result<Self> {
        // Not 0 to 2: a program that closed its standard streams must not find a fence there.
        fcntl_dupfd_cloexec(&self.0, 3)
            .map(Self)
            .map_err(Error::kernel("F_DUPFD_CLOEXEC"))
    }

    /// Whether every fence has signalled or failed. Looks once, with one `poll`, and never waits.
    ///
    /// # Errors
    /// [`Error::Kernel`] if `poll` fails.
    pub fn is_signalled(&self) -> Result<bool> {
        self.wait(Some(Duration::ZERO))
    }

    /// For each of these, in order, whether every fence has signalled or failed. One `poll` for all of them,
    /// which never waits.
    ///
    /// # Errors
    /// [`Error::Kernel`] if `poll` fails.
    pub(crate) fn are_signalled<'a>(
        files: impl IntoIterator<Item = &'a Self>,
    ) -> Result<Readiness> {
        are_ready(files.into_iter().map(AsFd::as_fd), PollFlags::IN)
    }

    /// Waits on the CPU until every fence has signalled or failed, for `timeout` at most, or without limit for
    /// `None`. Answers whether they have. Signals to the process do not shorten the wait.
    ///
    /// # Errors
    /// [`Error::Kernel`] if `poll` fails.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        until_ready(self.0.as_fd(), PollFlags::IN, timeout)
    }

    /// What the kernel says about the sync file and about each of its fences
    /// (`SYNC_IOC_FILE_INFO`, twice: for the number of fences and for the fences).
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `ENOTTY` the descriptor is no sync file.
    pub fn info(&self) -> Result<SyncFileInfo> {
        let count = self.fence_count()?;
        // Between the two calls the number can only shrink: no fence is ever added, and a chain
        // of fences drops those that have signalled. The kernel refuses an array that is too
        // short and says how much of a longer one it filled.
        let mut fences = vec![RawFence::default(); count as usize];
        let file = self.read_info(&mut fences)?;
        fences.truncate(file.num_fences as usize);
        Ok(SyncFileInfo {
            name: text(&file.name),
            status: FenceStatus::from_raw(file.status),
            fences: fences.iter().map(FenceInfo::from_raw).collect(),
        })
    }

    /// When the last of its fences signalled or failed, in nanoseconds of `CLOCK_MONOTONIC`; `None` if one has
    /// not. For a few fences it takes one call and no allocation.
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `ENOTTY` the descriptor is no sync file.
    pub fn last_signal(&self) -> Result<Option<u64>> {
        let mut few: [RawFence; FEW] = Default::default();
        // An array that is too short is refused.
        if let Ok(file) = self.read_info(&mut few) {
            let fences = few.iter().take(file.num_fences as usize);
            let last = fences.map(RawFence::signalled_at).max();
            return Ok((file.status != 0).then_some(last.unwrap_or(0)));
        }
        let info = self.info()?;
        let last = info.fences.iter().map(|fence| fence.timestamp).max();
        let is_over = info.status != FenceStatus::Pending;
        Ok(is_over.then(|| last.unwrap_or_default().as_nanos() as u64))
    }

    /// The fences, if there are only a few; in one call (`SYNC_IOC_FILE_INFO`) and without allocation. Only a
    /// pending fence has a name: since Linux 6.17 the kernel answers `detached-driver` and `signaled-timeline`
    /// of one that has signalled.
    pub(crate) fn few_fences(&self) -> Option<FewFences> {
        let mut few = FewFences::default();
        // An array that is too short is refused.
        let file = self.read_info(&mut few.fences).ok()?;
        few.count = file.num_fences as usize;
        (1..=FEW).contains(&few.count).then_some(few)
    }

    /// How many fences it holds, at least one: a sync file without work behind it holds a signalled
    /// stub (`SYNC_IOC_FILE_INFO`).
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `ENOTTY` the descriptor is no sync file.
    pub fn fence_count(&self) -> Result<u32> {
        Ok(self.read_info(&mut [])?.num_fences)
    }

    /// A new sync file that signals when both have (`SYNC_IOC_MERGE`), close-on-exec, owned by the caller.
    /// `name` is for debugging; the kernel keeps at most 31 bytes of it.
    ///
    /// # Errors
    /// [`Error::Kernel`]; with `ENOTTY` this descriptor is no sync file, with `ENOENT` the other
    /// one is none.
    pub fn merge(&self, other: &Self, name: &str) -> Result<Self> {
        let mut merge = RawMerge {
            name: name_field(name),
            fd2: other.0.as_raw_fd(),
            fence: -1,
            flags: 0,
            pad: 0,
        };
        retried(|| {
            // SAFETY: SYNC_IOC_MERGE reads and writes one `struct sync_merge_data`, which
            // `RawMerge` equals in layout (see the tests) and any content of which is valid; the
            // borrow lasts for the call. A descriptor that is no sync file answers ENOTTY.
            unsafe { ioctl(&self.0, Updater::<SYNC_IOC_MERGE, _>::new(&mut merge)) }
        })
        .map_err(Error::kernel("SYNC_IOC_MERGE"))?;
        // SAFETY: the ioctl succeeded, so `fence` is a descriptor that the kernel has just opened
        // for this call; nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(merge.fence) }))
    }

    /// One `SYNC_IOC_FILE_INFO` that fills `fences`; with an empty slice only the header, whose
    /// `num_fences` then counts all fences.
    fn read_info(&self, fences: &mut [RawFence]) -> Result<RawFile> {
        let mut file = RawFile {
            num_fences: fences
                .len()
                .try_into()
                .map_err(|_| Error::kernel("SYNC_IOC_FILE_INFO")(Errno::INVAL))?,
            // Exposed, since the kernel writes through this address.
            sync_fence_info: fences.as_mut_ptr().expose_provenance() as u64,
            ..RawFile::default()
        };
        retried(|| {
            // SAFETY: SYNC_IOC_FILE_INFO reads and writes one `struct sync_file_info`, which
            // `RawFile` equals in layout (see the tests) and any content of which is valid; the
            // borrow lasts for the call. Through `sync_fence_info` the kernel writes at most
            // `num_fences` structures, the length of the slice, which is borrowed exclusively; it
            // writes none for 0. A descriptor that is no sync file answers ENOTTY.
            unsafe { ioctl(&self.0, Updater::<SYNC_IOC_FILE_INFO, _>::new(&mut file)) }
        })
        .map_err(Error::kernel("SYNC_IOC_FILE_INFO"))?;
        Ok(file)
    }
}

/// Takes ownership. The first use shows whether the descriptor is a sync file.
impl From<OwnedFd> for SyncFile {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

/// Gives ownership away, to `vkImportSemaphoreFdKHR` for instance, which takes the descriptor on
/// success only.
impl From<SyncFile> for OwnedFd {
    fn from(file: SyncFile) -> Self {
        file.0
    }
}

impl AsFd for SyncFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A sync file as the kernel describes it, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncFileInfo {
    /// The name of the sync file, at most 31 bytes.
    pub name: String,
    /// The state of all fences together: an error if one has failed, pending while one is.
    pub status: FenceStatus,
    /// Each fence; containers (arrays, chains) are resolved into what they contain. A sync file
    /// without work behind it holds one signalled stub.
    pub fences: Vec<FenceInfo>,
}

const SYNC_IOC_MERGE: Opcode = opcode::read_write::<RawMerge>(b'>', 3);
const SYNC_IOC_FILE_INFO: Opcode = opcode::read_write::<RawFile>(b'>', 4);

/// `struct sync_merge_data`.
#[repr(C)]
struct RawMerge {
    name: [u8; 32],
    fd2: i32,
    fence: i32,
    flags: u32,
    pad: u32,
}

/// `struct sync_file_info`.
#[repr(C)]
#[derive(Default)]
struct RawFile {
    name: [u8; 32],
    status: i32,
    flags: u32,
    num_fences: u32,
    pad: u32,
    sync_fence_info: u64,
}

/// `name` as a fixed field of the kernel: whole characters up to 31 bytes or a NUL, then zeros.
fn name_field(name: &str) -> [u8; 32] {
    let mut field = [0; 32];
    let name = name.split('\0').next().unwrap_or_default();
    let mut end = name.len().min(31);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    field[..end].copy_from_slice(&name.as_bytes()[..end]);
    field
}

#[cfg(test)]
mod tests {
    use std::mem::{align_of, offset_of, size_of};

    use proptest::prelude::*;
    use rustix::io::{FdFlags, fcntl_getfd};
    use std::io::{Write, pipe};

    use super::*;

    #[test]
    fn ioctls_and_structures_are_those_of_the_kernel() {
        // As the C compiler computes them from linux/sync_file.h.
        assert_eq!(SYNC_IOC_MERGE, 0xC030_3E03);
        assert_eq!(SYNC_IOC_FILE_INFO, 0xC038_3E04);

        assert_eq!((size_of::<RawMerge>(), align_of::<RawMerge>()), (48, 4));
        assert_eq!(offset_of!(RawMerge, fd2), 32);
        assert_eq!(offset_of!(RawMerge, fence), 36);
        assert_eq!(offset_of!(RawMerge, flags), 40);

        assert_eq!(
            (size_of::<RawFile>(), align_of::<RawFile>()),
            (56, align_of::<u64>())
        );
        assert_eq!(offset_of!(RawFile, status), 32);
        assert_eq!(offset_of!(RawFile, flags), 36);
        assert_eq!(offset_of!(RawFile, num_fences), 40);
        assert_eq!(offset_of!(RawFile, sync_fence_info), 48);
    }

    // This machine may have nothing that makes a sync file; a pipe polls alike, and refuses the ioctls. The
    // integration tests have real fences.

    #[test]
    fn a_sync_file_is_signalled_once_it_is_readable() {
        let (reader, mut writer) = pipe().unwrap();
        let file = SyncFile::from(OwnedFd::from(reader));
        assert!(!file.is_signalled().unwrap());
        assert!(!file.wait(Some(Duration::from_millis(1))).unwrap());
        writer.write_all(b"x").unwrap();
        assert!(file.is_signalled().unwrap());
        assert!(file.wait(None).unwrap());
    }

    #[test]
    fn of_several_it_says_which_have_signalled() {
        let ((reader, mut writer), (other, _pending)) = (pipe().unwrap(), pipe().unwrap());
        let (file, other) = (
            SyncFile::from(OwnedFd::from(reader)),
            SyncFile::from(OwnedFd::from(other)),
        );
        let seen = |files: [&SyncFile; 2]| {
            let seen = SyncFile::are_signalled(files).unwrap().into_iter();
            seen.map(Result::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(seen([&file, &other]), [false, false]);
        writer.write_all(b"x").unwrap();
        assert_eq!(seen([&file, &other]), [true, false]);
        assert_eq!(seen([&other, &file]), [false, true]);
        assert!(SyncFile::are_signalled([]).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_sync_file_answers_enotty() {
        let (reader, other) = pipe().unwrap();
        let (file, other) = (
            SyncFile::from(OwnedFd::from(reader)),
            SyncFile::from(OwnedFd::from(other)),
        );
        for error in [
            file.info().unwrap_err(),
            file.merge(&other, "both").unwrap_err(),
        ] {
            assert!(
                matches!(
                    error,
                    Error::Kernel {
                        errno: Errno::NOTTY,
                        ..
                    }
                ),
                "{error}"
            );
        }
    }

    #[test]
    fn a_clone_is_another_descriptor_that_no_child_inherits() {
        let (reader, _writer) = pipe().unwrap();
        let file = SyncFile::from(OwnedFd::from(reader));
        let clone = file.try_clone().unwrap();
        assert_ne!(file.as_fd().as_raw_fd(), clone.as_fd().as_raw_fd());
        assert!(
            fcntl_getfd(clone.as_fd())
                .unwrap()
                .contains(FdFlags::CLOEXEC)
        );
    }

    #[test]
    fn ownership_goes_in_and_out_without_a_copy() {
        let (reader, _writer) = pipe().unwrap();
        let number = reader.as_raw_fd();
        let fd: OwnedFd = SyncFile::from(OwnedFd::from(reader)).into();
        assert_eq!(fd.as_raw_fd(), number);
    }

    proptest! {
        #[test]
        fn a_name_survives_as_far_as_the_kernel_has_room(name in any::<String>()) {
            let field = name_field(&name);
            prop_assert_eq!(field[31], 0);
            let kept = text(&field);
            prop_assert!(name.starts_with(&kept));
            prop_assert!(!kept.contains('\0'));
            if name.len() <= 31 && !name.contains('\0') {
                prop_assert_eq!(kept, name);
            }
        }
    }
}
