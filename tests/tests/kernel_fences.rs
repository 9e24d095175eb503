//! Sync files and dma-bufs on a real kernel: the behaviour that the library relies on.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::{Errno, FdFlags, fcntl_getfd};
use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::error::Error;
use wayfence::sync_file::{FenceStatus, SyncFile};
use wayfence_tests::footprint::Footprint;
use wayfence_tests::refusing_kernel::{EXPORT_SYNC_FILE, IMPORT_SYNC_FILE, RefusingKernel};
use wayfence_tests::udmabuf;
use wayfence_tests::vgem::{Fence, Vgem};

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
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_snapshot_of_what_is_done_is_signalled() {
    let buffer = udmabuf::dma_buf();
    for access in ALL {
        let fence = Vgem::open().fence();
        buffer.import_sync_file(fence.sync_file(), access).unwrap();
        assert_eq!(pending(&buffer.export_sync_file(Access::Write).unwrap()), 1);
        fence.signal();
        for access in ALL {
            let after = buffer.export_sync_file(access).unwrap();
            assert_eq!(after.info().unwrap().status, FenceStatus::Signalled);
        }
    }
}

/// A reader waits for every writer, a writer for everybody, in any order: a later write hides no earlier read.
#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn several_readers_and_writers_are_told_apart() {
    use Access::{Read, ReadWrite, Write};
    for order in [
        [Read, Read, Write, Write],
        [Write, Write, Read, Read],
        [Read, Write, Read, ReadWrite],
        [ReadWrite, Read, Write, Read],
    ] {
        let buffer = udmabuf::dma_buf();
        let vgem = Vgem::open();
        let (mut readers, mut writers) = (Vec::new(), Vec::new());
        for access in order {
            let fence = vgem.fence();
            buffer.import_sync_file(fence.sync_file(), access).unwrap();
            if access == Read {
                readers.push(fence);
            } else {
                writers.push(fence);
            }
        }
        let for_reader = buffer.export_sync_file(Read).unwrap();
        let for_writers = [Write, ReadWrite].map(|access| buffer.export_sync_file(access).unwrap());
        assert_eq!(pending(&for_reader), 2, "{order:?}");
        for snapshot in &for_writers {
            assert_eq!(pending(snapshot), 4, "{order:?}");
        }
        // The writers first, then the readers, one after the other.
        let of_writers = writers.len();
        for (signalled, fence) in writers.into_iter().chain(readers).enumerate() {
            assert_eq!(for_reader.is_signalled().unwrap(), signalled >= of_writers);
            assert_eq!(buffer.is_idle(Read).unwrap(), signalled >= of_writers);
            for snapshot in &for_writers {
                assert!(!snapshot.is_signalled().unwrap());
            }
            assert!(!buffer.is_idle(Write).unwrap());
            fence.signal();
        }
        for snapshot in &for_writers {
            assert!(snapshot.is_signalled().unwrap());
        }
        assert!(buffer.is_idle(Write).unwrap());
    }
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn fences_that_come_together_go_together() {
    let vgem = Vgem::open();
    for number in 1..=4 {
        for access in ALL {
            let buffer = udmabuf::dma_buf();
            let fences: Vec<_> = (0..number).map(|_| vgem.fence()).collect();
            let mut together = fences[0].sync_file().try_clone().unwrap();
            for fence in &fences[1..] {
                together = together.merge(fence.sync_file(), "together").unwrap();
            }
            buffer.import_sync_file(&together, access).unwrap();
            let for_reader = buffer.export_sync_file(Access::Read).unwrap();
            let for_writer = buffer.export_sync_file(Access::Write).unwrap();
            let held = if access == Access::Read { 0 } else { number };
            assert_eq!(pending(&for_reader), held, "{number}, {access:?}");
            assert_eq!(pending(&for_writer), number, "{number}, {access:?}");
            for fence in fences {
                assert!(!for_writer.is_signalled().unwrap());
                fence.signal();
            }
            assert!(for_reader.is_signalled().unwrap());
            assert!(for_writer.is_signalled().unwrap());
        }
    }
}

/// The fence of one reader or writer counts once. One that is added as both may be counted twice: the kernel
/// replaces a fence by a later or the same one of its context only if nobody is released too early
/// (`dma_resv_add_fence`, which keeps a write beside a read that follows it).
#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_fence_is_there_once_however_often_it_comes() {
    let vgem = Vgem::open();
    for access in ALL {
        let buffer = udmabuf::dma_buf();
        let fence = vgem.fence();
        for _ in 0..3 {
            buffer.import_sync_file(fence.sync_file(), access).unwrap();
            let snapshot = buffer.export_sync_file(Access::Write).unwrap();
            assert_eq!(snapshot.info().unwrap().fences.len(), 1);
            // A snapshot of it changes nothing either.
            buffer.import_sync_file(&snapshot, access).unwrap();
        }
        for access in ALL {
            buffer.import_sync_file(fence.sync_file(), access).unwrap();
        }
        let for_reader = buffer.export_sync_file(Access::Read).unwrap();
        assert_eq!(pending(&for_reader), 1);
        assert!((1..=2).contains(&pending(&buffer.export_sync_file(Access::Write).unwrap())));
        fence.signal();
        assert!(for_reader.is_signalled().unwrap());
        assert!(buffer.is_idle(Access::Write).unwrap());
    }
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn what_has_signalled_adds_nothing_and_takes_nothing_away() {
    let vgem = Vgem::open();
    let done = vgem.fence();
    let signalled = done.sync_file().try_clone().unwrap();
    done.signal();
    for access in ALL {
        let buffer = udmabuf::dma_buf();
        buffer.import_sync_file(&signalled, access).unwrap();
        assert!(buffer.is_idle(Access::Write).unwrap());
        let busy = vgem.fence();
        buffer
            .import_sync_file(busy.sync_file(), Access::Read)
            .unwrap();
        buffer.import_sync_file(&signalled, access).unwrap();
        assert_eq!(pending(&buffer.export_sync_file(Access::Read).unwrap()), 0);
        assert_eq!(pending(&buffer.export_sync_file(Access::Write).unwrap()), 1);
        busy.signal();
    }
}

/// A proxy passes fences on from one dma-buf to the next.
#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_snapshot_can_go_to_another_dma_buf() {
    let (first, second) = (udmabuf::dma_buf(), udmabuf::dma_buf());
    let vgem = Vgem::open();
    let (reader, writer) = (vgem.fence(), vgem.fence());
    first
        .import_sync_file(reader.sync_file(), Access::Read)
        .unwrap();
    first
        .import_sync_file(writer.sync_file(), Access::Write)
        .unwrap();
    let for_reader = first.export_sync_file(Access::Read).unwrap();
    second.import_sync_file(for_reader, Access::Write).unwrap();
    assert_eq!(pending(&second.export_sync_file(Access::Read).unwrap()), 1);
    assert_eq!(pending(&second.export_sync_file(Access::Write).unwrap()), 1);
    writer.signal();
    assert!(second.is_idle(Access::Write).unwrap());
    assert!(!first.is_idle(Access::Write).unwrap());
    reader.signal();
    assert!(first.is_idle(Access::Write).unwrap());
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn fences_outlive_the_descriptors_that_brought_them() {
    let buffer = udmabuf::dma_buf();
    let fence = Vgem::open().fence();
    let file = fence.sync_file().try_clone().unwrap();
    let merged = file.merge(&file, "itself").unwrap();
    drop(file);
    buffer.import_sync_file(&merged, Access::Write).unwrap();
    drop(merged);
    let snapshot = buffer.export_sync_file(Access::Read).unwrap();
    drop(buffer);
    assert_eq!(pending(&snapshot), 1);
    fence.signal();
    assert!(snapshot.is_signalled().unwrap());
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn each_wait_ends_with_its_own_fences() {
    let buffer = udmabuf::dma_buf();
    let vgem = Vgem::open();
    let (reader, writer) = (vgem.fence(), vgem.fence());
    buffer
        .import_sync_file(reader.sync_file(), Access::Read)
        .unwrap();
    buffer
        .import_sync_file(writer.sync_file(), Access::Write)
        .unwrap();
    let snapshots = ALL.map(|access| (access, buffer.export_sync_file(access).unwrap()));
    let (told, tells) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for (access, snapshot) in &snapshots {
            for _ in 0..2 {
                let tell = told.clone();
                scope.spawn(move || {
                    assert!(snapshot.wait(None).unwrap());
                    tell.send(*access).unwrap();
                });
                let (tell, buffer) = (told.clone(), &buffer);
                scope.spawn(move || {
                    assert!(buffer.wait_idle(*access, None).unwrap());
                    tell.send(*access).unwrap();
                });
            }
        }
        let quiet = Duration::from_millis(200);
        assert!(tells.recv_timeout(quiet).is_err(), "nobody has signalled");
        writer.signal();
        let readers: Vec<_> = tells.iter().take(4).collect();
        assert_eq!(readers, [Access::Read; 4]);
        assert!(tells.recv_timeout(quiet).is_err(), "the reader still reads");
        reader.signal();
        assert_eq!(tells.iter().take(8).count(), 8);
    });
}

/// Fences that a driver adds to its buffers are exported, too, by kind of access.
#[test]
#[ignore = "needs vgem: scripts/test"]
fn a_drivers_own_fences_are_told_apart() {
    let vgem = Vgem::open();
    let buffer = vgem.buffer();
    let readers = [buffer.attach(Access::Read), buffer.attach(Access::Read)];
    let for_reader = buffer.dma_buf().export_sync_file(Access::Read).unwrap();
    let for_writer = buffer.dma_buf().export_sync_file(Access::Write).unwrap();
    assert_eq!(pending(&for_reader), 0);
    assert_eq!(pending(&for_writer), 2);
    for reader in readers {
        reader.signal();
    }
    assert!(for_writer.is_signalled().unwrap());

    let writer = buffer.attach(Access::Write);
    let imported = vgem.fence();
    buffer
        .dma_buf()
        .import_sync_file(imported.sync_file(), Access::Read)
        .unwrap();
    let for_reader = buffer.dma_buf().export_sync_file(Access::Read).unwrap();
    let for_writer = buffer.dma_buf().export_sync_file(Access::Write).unwrap();
    assert_eq!(pending(&for_reader), 1);
    assert_eq!(pending(&for_writer), 2);
    writer.signal();
    assert!(for_reader.is_signalled().unwrap());
    assert!(!for_writer.is_signalled().unwrap());
    imported.signal();
    assert!(for_writer.is_signalled().unwrap());
}

/// One thread imports fence after fence while others take snapshots: each snapshot has all fences so far, and
/// no more.
#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_snapshot_during_imports_holds_those_that_came_before_it() {
    const FENCES: usize = 16;
    let buffer = udmabuf::dma_buf();
    let vgem = Vgem::open();
    let fences: Vec<_> = (0..FENCES).map(|_| vgem.fence()).collect();
    // For each observer the first snapshot of each size.
    let seen: Vec<Vec<(usize, SyncFile)>> = std::thread::scope(|scope| {
        let observers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen: Vec<(usize, SyncFile)> = Vec::new();
                    loop {
                        let snapshot = buffer.export_sync_file(Access::Write).unwrap();
                        let size = pending(&snapshot);
                        let last = seen.last().map_or(0, |(size, _)| *size);
                        assert!(size >= last, "{size} fences after {last}");
                        if size > last {
                            seen.push((size, snapshot));
                        }
                        if size == FENCES {
                            return seen;
                        }
                    }
                })
            })
            .collect();
        for (number, fence) in fences.iter().enumerate() {
            let access = if number % 2 == 0 {
                Access::Read
            } else {
                Access::Write
            };
            buffer.import_sync_file(fence.sync_file(), access).unwrap();
            // Once an import has returned, its fence is in every later snapshot.
            let now = buffer.export_sync_file(Access::Write).unwrap();
            assert_eq!(pending(&now), number + 1);
        }
        observers
            .into_iter()
            .map(|observer| observer.join().unwrap())
            .collect()
    });
    for (number, fence) in fences.into_iter().enumerate() {
        for (size, snapshot) in seen.iter().flatten() {
            assert_eq!(
                snapshot.is_signalled().unwrap(),
                *size <= number,
                "a snapshot of {size} fences, {number} of which have signalled"
            );
        }
        fence.signal();
    }
    for (_, snapshot) in seen.iter().flatten() {
        assert!(snapshot.is_signalled().unwrap());
    }
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn fences_from_several_threads_are_all_there() {
    let buffer = udmabuf::dma_buf();
    let vgem = Vgem::open();
    let of_threads: Vec<Vec<Fence>> = (0..4)
        .map(|_| (0..6).map(|_| vgem.fence()).collect())
        .collect();
    std::thread::scope(|scope| {
        for fences in &of_threads {
            let buffer = &buffer;
            scope.spawn(move || {
                for fence in fences {
                    buffer
                        .import_sync_file(fence.sync_file(), Access::Write)
                        .unwrap();
                }
            });
        }
    });
    let snapshot = buffer.export_sync_file(Access::Read).unwrap();
    assert_eq!(pending(&snapshot), 24);
    for fence in of_threads.into_iter().flatten() {
        assert!(!snapshot.is_signalled().unwrap());
        fence.signal();
    }
    assert!(snapshot.is_signalled().unwrap());
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

/// A compositor may die with its fences pending: they still signal.
#[test]
#[ignore = "needs vgem: scripts/test"]
fn fences_of_a_process_that_has_ended_signal() {
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

/// Linux before 6.0 has no sync files of dma-bufs and says so, but its fences can be waited for.
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
    // The rest of the process is on the unfiltered kernel.
    assert!(buffer.sync_file_support().unwrap());
}

/// A process without descriptors left, or a kernel without memory, says nothing about the kernel's age: if it
/// were taken for old, the CPU would wait from then on.
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
    // The caller's descriptor was not closed.
    assert!(!fence.sync_file().is_signalled().unwrap());
    fence.signal();
}

/// How many fences of a sync file have not signalled.
fn pending(file: &SyncFile) -> usize {
    file.info()
        .unwrap()
        .fences
        .iter()
        .filter(|fence| fence.status == FenceStatus::Pending)
        .count()
}

/// Asserts that it failed with this error.
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
