//! Sync files and dma-bufs on a real kernel: what the library counts on.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::{Errno, FdFlags, fcntl_getfd};
use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::error::Error;
use wayfence::sync_file::{FenceStatus, SyncFile};
use wayfence_tests::footprint::Footprint;
use wayfence_tests::refusing_kernel::{EXPORT_SYNC_FILE, IMPORT_SYNC_FILE, RefusingKernel};
use wayfence_tests::udmabuf;
use wayfence_tests::vgem::Vgem;

const ALL: [Access; 3] = [Access::Read, Access::Write, Access::ReadWrite];

#[test]
#[ignore = "needs /dev/udmabuf: scripts/test"]
fn the_kernel_knows_sync_files_of_dma_bufs() {
    assert!(udmabuf::dma_buf().sync_file_support().unwrap());
}

#[test]
#[ignore = "needs /dev/udmabuf: scripts/test"]
fn what_nobody_uses_is_idle_and_signalled() {
    let buffer = udmabuf::dma_buf();
    for access in ALL {
        assert!(buffer.is_idle(access).unwrap());
        let snapshot = buffer.export_sync_file(access).unwrap();
        assert!(snapshot.is_signalled().unwrap());
        assert!(snapshot.wait(None).unwrap());
        let info = snapshot.info().unwrap();
        assert_eq!(info.status, FenceStatus::Signalled);
        // A sync file is never empty.
        assert_eq!(info.fences.len(), 1, "{info:?}");
        assert_eq!(info.fences[0].status, FenceStatus::Signalled);
    }
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_writer_holds_everybody() {
    let buffer = udmabuf::dma_buf();
    for access in [Access::Write, Access::ReadWrite] {
        let writer = Vgem::open().fence();
        buffer.import_sync_file(writer.sync_file(), access).unwrap();
        let snapshots = ALL.map(|access| buffer.export_sync_file(access).unwrap());
        for (access, snapshot) in ALL.iter().zip(&snapshots) {
            assert!(!snapshot.is_signalled().unwrap(), "{access:?}");
            assert!(!buffer.is_idle(*access).unwrap(), "{access:?}");
        }
        writer.signal();
        for (access, snapshot) in ALL.iter().zip(&snapshots) {
            assert!(snapshot.is_signalled().unwrap(), "{access:?}");
            assert!(buffer.is_idle(*access).unwrap(), "{access:?}");
        }
    }
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_reader_holds_writers_only() {
    let buffer = udmabuf::dma_buf();
    let reader = Vgem::open().fence();
    buffer
        .import_sync_file(reader.sync_file(), Access::Read)
        .unwrap();
    assert!(buffer.is_idle(Access::Read).unwrap());
    assert!(!buffer.is_idle(Access::Write).unwrap());
    let for_reader = buffer.export_sync_file(Access::Read).unwrap();
    let for_writer = buffer.export_sync_file(Access::Write).unwrap();
    assert!(for_reader.is_signalled().unwrap());
    assert!(!for_writer.is_signalled().unwrap());
    reader.signal();
    assert!(for_writer.is_signalled().unwrap());
    assert!(buffer.is_idle(Access::Write).unwrap());
}

/// Rule 1 of the design stands on this.
#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_snapshot_holds_no_later_fence() {
    let buffer = udmabuf::dma_buf();
    let vgem = Vgem::open();
    let before = vgem.fence();
    buffer
        .import_sync_file(before.sync_file(), Access::Read)
        .unwrap();
    let snapshot = buffer.export_sync_file(Access::Write).unwrap();
    let after = vgem.fence();
    buffer
        .import_sync_file(after.sync_file(), Access::Write)
        .unwrap();
    assert_eq!(snapshot.info().unwrap().fences.len(), 1);
    before.signal();
    assert!(snapshot.is_signalled().unwrap());
    assert!(!buffer.is_idle(Access::Write).unwrap());
    after.signal();
    assert!(buffer.is_idle(Access::Write).unwrap());
}

#[test]
#[ignore = "needs vgem: scripts/test"]
fn a_fence_tells_who_signals_it_and_when() {
    let fence = Vgem::open().fence();
    let file = fence.sync_file().try_clone().unwrap();
    let info = file.info().unwrap();
    assert_eq!(info.status, FenceStatus::Pending);
    assert_eq!(info.fences.len(), 1);
    assert_eq!(info.fences[0].driver_name, "vgem");
    assert_eq!(info.fences[0].status, FenceStatus::Pending);
    assert_eq!(info.fences[0].timestamp, Duration::ZERO);
    let begun = monotonic();
    fence.signal();
    let ended = monotonic();
    let info = file.info().unwrap();
    assert_eq!(info.status, FenceStatus::Signalled);
    assert_eq!(info.fences[0].status, FenceStatus::Signalled);
    let when = info.fences[0].timestamp;
    assert!(
        begun <= when && when <= ended,
        "{begun:?} {when:?} {ended:?}"
    );
}

#[test]
#[ignore = "needs vgem: scripts/test"]
fn merged_fences_are_waited_for_together() {
    let vgem = Vgem::open();
    let (first, second) = (vgem.fence(), vgem.fence());
    let both = first
        .sync_file()
        .merge(
            second.sync_file(),
            "a name that is longer than the kernel keeps",
        )
        .unwrap();
    let info = both.info().unwrap();
    assert_eq!(info.name, "a name that is longer than the ");
    assert_eq!(info.fences.len(), 2);
    assert_eq!(info.status, FenceStatus::Pending);
    first.signal();
    assert!(!both.is_signalled().unwrap());
    second.signal();
    assert!(both.is_signalled().unwrap());
    assert_eq!(both.info().unwrap().status, FenceStatus::Signalled);
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_wait_ends_with_its_timeout_or_its_fence() {
    let buffer = udmabuf::dma_buf();
    let fence = Vgem::open().fence();
    let file = fence.sync_file().try_clone().unwrap();
    buffer.import_sync_file(&file, Access::Write).unwrap();
    let timeout = Duration::from_millis(30);
    let begun = Instant::now();
    assert!(!file.wait(Some(timeout)).unwrap());
    assert!(!buffer.wait_idle(Access::Write, Some(timeout)).unwrap());
    assert!(begun.elapsed() >= 2 * timeout);
    let signaller = std::thread::spawn(move || {
        std::thread::sleep(timeout);
        fence.signal();
    });
    assert!(file.wait(None).unwrap());
    assert!(buffer.wait_idle(Access::Write, None).unwrap());
    signaller.join().unwrap();
}

/// A compositor may die with its fences pending: nobody waits for them for ever.
#[test]
#[ignore = "needs vgem: scripts/test"]
fn the_fences_of_whoever_is_gone_signal() {
    let fence = Vgem::open().fence();
    let file = fence.sync_file().try_clone().unwrap();
    drop(fence);
    assert!(file.wait(Some(Duration::from_secs(30))).unwrap());
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn descriptors_are_closed_on_every_path_and_inherited_by_no_child() {
    let buffer = udmabuf::dma_buf();
    let fence = Vgem::open().fence();
    let (pipe, _writer) = std::io::pipe().unwrap();
    let no_sync_file = SyncFile::from(OwnedFd::from(pipe));
    let before = Footprint::now().descriptors;
    for _ in 0..100 {
        let snapshot = buffer.export_sync_file(Access::Write).unwrap();
        let clone = snapshot.try_clone().unwrap();
        let merged = clone.merge(&snapshot, "").unwrap();
        for fd in [snapshot.as_fd(), clone.as_fd(), merged.as_fd()] {
            assert!(fcntl_getfd(fd).unwrap().contains(FdFlags::CLOEXEC));
        }
        buffer.import_sync_file(&snapshot, Access::Write).unwrap();
        assert!(
            buffer
                .import_sync_file(&no_sync_file, Access::Write)
                .is_err()
        );
        assert!(snapshot.merge(&no_sync_file, "").is_err());
        let _ = snapshot.info().unwrap();
    }
    // Other tests of this process may run beside this one: `cargo test` is not `cargo nextest`.
    assert!(Footprint::now().descriptors < before + 100);
    fence.signal();
}

/// The library tells an old kernel by this error.
#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn what_is_no_dma_buf_or_sync_file_is_told_from_what_is() {
    let buffer = udmabuf::dma_buf();
    let fence = Vgem::open().fence();
    let as_buffer = DmaBuf::from(OwnedFd::from(fence.sync_file().try_clone().unwrap()));
    assert!(!as_buffer.sync_file_support().unwrap());
    let as_file = SyncFile::from(OwnedFd::from(buffer.try_clone().unwrap()));
    for error in [
        as_file.info().unwrap_err(),
        as_file.merge(fence.sync_file(), "").unwrap_err(),
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
    assert!(matches!(
        fence.sync_file().merge(&as_file, ""),
        Err(Error::Kernel {
            errno: Errno::NOENT,
            ..
        })
    ));
    assert!(matches!(
        buffer.import_sync_file(&buffer, Access::Write),
        Err(Error::Kernel {
            errno: Errno::INVAL,
            ..
        })
    ));
    assert!(buffer.as_fd().as_raw_fd() > 2);
    fence.signal();
}

/// Linux before 6.0: it has no sync files of dma-bufs, says so, and can be waited on all the same.
#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn an_old_kernel_is_told_from_a_new_one_and_is_waited_on() {
    let buffer = udmabuf::dma_buf();
    let fence = Vgem::open().fence();
    buffer
        .import_sync_file(fence.sync_file(), Access::Write)
        .unwrap();
    RefusingKernel::without_sync_files_of_dma_bufs().run(|| {
        assert!(!buffer.sync_file_support().unwrap());
        for access in ALL {
            assert_errno(buffer.export_sync_file(access), Errno::NOTTY);
            assert_errno(
                buffer.import_sync_file(fence.sync_file(), access),
                Errno::NOTTY,
            );
            assert!(!buffer.is_idle(access).unwrap());
        }
        fence.signal();
        for access in ALL {
            assert!(buffer.wait_idle(access, None).unwrap());
        }
    });
    // The rest of the process is on the kernel as it is.
    assert!(buffer.sync_file_support().unwrap());
}

/// A process without descriptors left, or a kernel without memory, says nothing about whether the
/// kernel is old: who took it for old would wait on the CPU from then on.
#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_kernel_that_fails_is_not_taken_for_an_old_one() {
    let buffer = udmabuf::dma_buf();
    let fence = Vgem::open().fence();
    let before = Footprint::now().descriptors;
    for _ in 0..25 {
        for errno in [Errno::MFILE, Errno::NOMEM, Errno::INVAL, Errno::BADF] {
            RefusingKernel::default()
                .refusing(EXPORT_SYNC_FILE, errno)
                .refusing(IMPORT_SYNC_FILE, errno)
                .run(|| {
                    assert_errno(buffer.sync_file_support(), errno);
                    assert_errno(buffer.export_sync_file(Access::Write), errno);
                    assert_errno(
                        buffer.import_sync_file(fence.sync_file(), Access::Write),
                        errno,
                    );
                    assert!(buffer.is_idle(Access::Write).unwrap());
                });
        }
    }
    // Other tests of this process may run beside this one: `cargo test` is not `cargo nextest`.
    assert!(Footprint::now().descriptors < before + 100);
    // What is the caller's was not closed.
    assert!(!fence.sync_file().is_signalled().unwrap());
    fence.signal();
}

/// What failed, failed for this reason.
fn assert_errno<T: std::fmt::Debug>(result: Result<T, Error>, expected: Errno) {
    match result {
        Err(Error::Kernel { errno, .. }) if errno == expected => {}
        other => panic!("{other:?} is not {expected}"),
    }
}

/// The kernel stamps fences by this clock.
fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
