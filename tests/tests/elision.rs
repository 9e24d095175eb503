//! Own-write elision on a real dma-buf: whatever comes between the snapshots, nobody is forgotten.

use std::cell::{Cell, RefCell};

use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::sync_file::SyncFile;
use wayfence::synchronisation::{Release, snapshot};
use wayfence_test_fences::udmabuf::dma_buf;
use wayfence_test_fences::vgem::{Fence, Vgem};

/// The most looks at the dma-buf that a snapshot takes.
const LOOKS: usize = 3;

/// Before which look something happens; `LOOKS` is after the last, `None` never.
type When = Option<usize>;

fn whens() -> impl Iterator<Item = When> + Clone {
    (0..=LOOKS).map(Some).chain([None])
}

/// An image with our own write on it, and what others do while its fences are taken.
struct Story {
    buffer: DmaBuf,
    own: RefCell<Option<Fence>>,
    own_file: SyncFile,
    reader: Fence,
    writer: Fence,
    looks: Cell<usize>,
}

impl Story {
    fn new(vgem: &Vgem) -> Self {
        let buffer = dma_buf();
        let own = vgem.fence();
        let own_file = own.sync_file().try_clone().unwrap();
        buffer.import_sync_file(&own_file, Access::Write).unwrap();
        Self {
            buffer,
            own: RefCell::new(Some(own)),
            own_file,
            reader: vgem.fence(),
            writer: vgem.fence(),
            looks: Cell::new(0),
        }
    }

    /// Takes the fences while a reader and another writer come and our own write ends. Answers how many
    /// are in the snapshot, too.
    fn take(&self, reader: When, writer: When, end: When) -> (Release, usize) {
        let happen = |now| {
            if reader == Some(now) {
                let fence = self.reader.sync_file();
                self.buffer.import_sync_file(fence, Access::Read).unwrap();
            }
            if writer == Some(now) {
                let fence = self.writer.sync_file();
                self.buffer.import_sync_file(fence, Access::Write).unwrap();
            }
            if end == Some(now) {
                self.own.take().unwrap().signal();
            }
        };
        let release = snapshot(Some(&self.own_file), |access| {
            happen(self.looks.get());
            self.looks.set(self.looks.get() + 1);
            self.buffer.export_sync_file(access)
        })
        .unwrap();
        // Now: the kernel tells no more of a fence that has signalled.
        let fences = match &release {
            Release::Fences(fences) => fences.info().unwrap().fences,
            // Nobody waits for those of the others.
            _ => Vec::new(),
        };
        let pending = fences
            .iter()
            .filter(|fence| fence.driver_name == "vgem")
            .count();
        // What had its time after the last look, however many there were.
        for later in self.looks.get()..=LOOKS {
            happen(later);
        }
        (release, pending)
    }

    fn end(self) {
        for fence in [self.own.take(), Some(self.reader), Some(self.writer)] {
            fence.into_iter().for_each(Fence::signal);
        }
    }
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn nobody_is_forgotten_in_any_interleaving() {
    let vgem = Vgem::open();
    let mut elided = 0;
    for reader in whens() {
        for writer in whens() {
            for end in whens() {
                let story = Story::new(&vgem);
                let (release, pending) = story.take(reader, writer, end);
                let looks = story.looks.get();
                let came = |when: When| when.is_some_and(|when| when < looks);
                let case =
                    format!("reader {reader:?}, writer {writer:?}, end {end:?}: {release:?}");
                match &release {
                    Release::Signalled => {
                        elided += 1;
                        assert!(!came(reader) && !came(writer), "{case}");
                    }
                    Release::Fences(_) | Release::SignalledFences(_) => {
                        // Each that came is waited for; one that came later is not.
                        let mut expected = usize::from(came(reader)) + usize::from(came(writer));
                        expected += usize::from(!came(end));
                        assert_eq!(pending, expected, "{case}");
                    }
                    Release::Untaken => panic!("{case}"),
                }
                story.end();
            }
        }
    }
    // With nobody there, or late, and our own write still running at the end: reader and writer
    // each after the last look or never, the end after it or never.
    assert_eq!(elided, 2 * 2 * 2);
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn several_own_fences_are_not_elided() {
    let vgem = Vgem::open();
    let buffer = dma_buf();
    let (first, second) = (vgem.fence(), vgem.fence());
    let own = first.sync_file().merge(second.sync_file(), "own").unwrap();
    buffer.import_sync_file(&own, Access::Write).unwrap();
    let release = snapshot(Some(&own), |access| buffer.export_sync_file(access)).unwrap();
    let Release::Fences(fences) = release else {
        panic!("{release:?}")
    };
    assert_eq!(fences.fence_count().unwrap(), 2);
    first.signal();
    second.signal();
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn who_is_on_no_image_is_not_taken_for_its_write() {
    let vgem = Vgem::open();
    let buffer = dma_buf();
    let (own, reader) = (vgem.fence(), vgem.fence());
    // Not put there, as if another had replaced it.
    buffer
        .import_sync_file(reader.sync_file(), Access::Read)
        .unwrap();
    let taken = snapshot(Some(own.sync_file()), |access| {
        buffer.export_sync_file(access)
    })
    .unwrap();
    own.signal();
    let Release::Fences(fences) = taken else {
        panic!("the reader was taken for our own write")
    };
    assert!(!fences.is_signalled().unwrap());
    reader.signal();
}
