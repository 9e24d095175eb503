//! The file of this process, and the swapchains in it.

use std::{
    fmt,
    fs::File,
    io,
    ops::Deref,
    path::{Path, PathBuf},
    ptr::NonNull,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::{
    fs::{AtFlags, FallocateFlags, Mode, OFlags},
    io::Errno,
    mm::{MapFlags, ProtFlags},
};

use super::{
    layout::{self, Text},
    process::Identity,
    reader, seal,
};
use crate::observe::{counters::Counters, report::SwapchainReport};

/// The counters of a swapchain, in the file of this process if possible, else on the heap.
pub struct Counted(Place);

enum Place {
    Slot(Slot),
    Own(Box<Counters>),
}

impl Default for Counted {
    fn default() -> Self {
        Self::new()
    }
}

impl Counted {
    /// New counters, all zero, and not seen by others before they are [published](Self::publish). The first
    /// ones of a process make its file; if that is not possible they are on the heap.
    pub fn new() -> Self {
        Self::in_page(page())
    }

    fn in_page(page: Option<&'static Page>) -> Self {
        Self(match page.and_then(Page::take) {
            Some(slot) => Place::Slot(slot),
            None => Place::Own(Box::default()),
        })
    }

    /// Lets other processes of this user see them from now on, with the swapchain as the report describes it.
    /// `report_file` is where the report will go. Does nothing for counters on the heap.
    pub fn publish(&self, swapchain: SwapchainReport, report_file: Option<&Path>) {
        let Place::Slot(slot) = &self.0 else { return };
        let text = Text {
            report_file: report_file.and_then(|file| std::path::absolute(file).ok()),
            swapchain,
        };
        match serde_json::to_vec(&text) {
            Ok(text) if slot.publish(&text) => {}
            Ok(text) => tracing::debug!(bytes = text.len(), "too much text for wayfence top"),
            Err(error) => tracing::debug!(%error, "no text for wayfence top"),
        }
    }

    /// Whether somebody watches this process, or did: then calls are timed.
    pub fn is_watched(&self) -> bool {
        match &self.0 {
            Place::Slot(slot) => slot.page.watched().load(Ordering::Relaxed) != 0,
            Place::Own(_) => false,
        }
    }

    /// Hides them: the swapchain is gone, or its report is written. Does nothing in a child by fork, whose
    /// swapchains they are not.
    pub fn withdraw(&self) {
        if let Place::Slot(slot) = &self.0
            && slot.page.is_ours()
        {
            slot.set_state(layout::HIDDEN);
        }
    }
}

impl Deref for Counted {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        match &self.0 {
            Place::Slot(slot) => slot.counters(),
            Place::Own(counters) => counters,
        }
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// One swapchain's part of the file, until it is dropped.
struct Slot {
    page: &'static Page,
    index: usize,
}

impl Slot {
    fn counters(&self) -> &Counters {
        // SAFETY: the page is mapped as long as the process lives, the counters are inside it by `layout`'s assertion,
        // aligned to eight bytes, and atomics of which every value is valid, as zeroed memory is. Nobody writes to
        // them but by these atomics.
        unsafe { self.at(layout::COUNTERS).cast().as_ref() }
    }

    fn set_state(&self, state: u64) {
        self.page.state(self.index).store(state, Ordering::Release);
    }

    /// Whether there was room for the text.
    fn publish(&self, text: &[u8]) -> bool {
        if text.len() > layout::SLOT - layout::TEXT {
            return false;
        }
        let state = self.page.state(self.index);
        seal::hide(state, layout::HIDDEN);
        // SAFETY: inside the slot by the length above. Other threads of this process never touch the text, and other
        // processes look at the state before they believe it.
        unsafe {
            self.at(layout::TEXT)
                .copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
        }
        self.page
            .word(self.index, layout::LENGTH)
            .store(text.len() as u64, Ordering::Relaxed);
        // Never reused, so that a reader can tell one swapchain from the next in the same slot.
        static NUMBER: AtomicU64 = AtomicU64::new(layout::FIRST_NUMBER);
        seal::show(state, NUMBER.fetch_add(1, Ordering::Relaxed));
        true
    }

    fn at(&self, offset: usize) -> NonNull<u8> {
        self.page.at(self.index, offset)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.page.is_ours() {
            return;
        }
        self.set_state(layout::FREE);
        self.page
            .taken
            .fetch_and(!(1 << self.index), Ordering::Release);
    }
}

/// The file of this process, mapped until the process ends.
pub(super) struct Page {
    memory: NonNull<u8>,
    path: PathBuf,
    /// The process that made it. A child by fork shares the mapping, and must not count in it.
    owner: Identity,
    /// A bit for each slot.
    taken: AtomicU64,
}

const _: () = assert!(layout::SLOTS == u64::BITS as usize);

// SAFETY: the memory is only accessed by atomics, and by the one thread that publishes a slot, which is its own.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

/// The file of this process, made at the first call.
fn page() -> Option<&'static Page> {
    static PAGE: OnceLock<Option<Page>> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        let page = Page::new()
            .inspect_err(|error| tracing::debug!(%error, "wayfence top will not show this process"))
            .ok()?;
        extern "C" fn remove() {
            // Only an existing page is used: the process is ending.
            if let Some(Some(page)) = PAGE.get()
                && page.is_ours()
            {
                let _ = std::fs::remove_file(&page.path);
            }
        }
        // SAFETY: the function stays mapped until the process ends (`-z nodelete`).
        unsafe { libc::atexit(remove) };
        Some(page)
    });
    page.as_ref().filter(|page| page.is_ours())
}

impl Page {
    fn new() -> io::Result<Self> {
        // SAFETY: a read of the auxiliary vector.
        if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
            // The caller of such a program must not choose where it writes files.
            return Err(io::Error::other(
                "the process has more rights than its user",
            ));
        }
        let folder = reader::folder()?;
        Self::make(&folder)
    }

    /// Makes the file in the folder, and the folder if there is none. Refuses what another user could have
    /// placed there.
    fn make(folder: &Path) -> io::Result<Self> {
        let owner = Identity::own().ok_or_else(|| io::Error::other("no /proc"))?;
        let dir = reader::open_folder(folder, true)?;
        reader::sweep(&dir)?;
        let name = owner.to_string();
        let create = || {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW;
            let mode = Mode::RUSR | Mode::WUSR;
            rustix::fs::openat(&dir, &name, flags | OFlags::CLOEXEC, mode)
        };
        let file = match create() {
            // This process's, from before it became another program.
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&dir, &name, AtFlags::empty())?;
                create()
            }
            made => made,
        };
        let file = File::from(file?);
        let page = map(&file)
            .map(|memory| Page {
                memory,
                path: folder.join(&name),
                owner,
                taken: AtomicU64::new(0),
            })
            .inspect_err(|_| {
                let _ = rustix::fs::unlinkat(&dir, &name, AtFlags::empty());
            })?;
        for (index, word) in layout::MAGIC.into_iter().enumerate() {
            // SAFETY: the first words of the mapping, aligned; nobody else has the page yet.
            unsafe { page.memory.cast::<u64>().add(index).write(word) };
        }
        Ok(page)
    }

    /// A free slot, its counters zero.
    fn take(&'static self) -> Option<Slot> {
        let free = |taken: u64| (taken != u64::MAX).then(|| taken | (1 << taken.trailing_ones()));
        let before = self
            .taken
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, free)
            .ok()?;
        let slot = Slot {
            page: self,
            index: before.trailing_ones() as usize,
        };
        seal::hide(self.state(slot.index), layout::HIDDEN);
        for word in 0..Counters::WORDS {
            self.word(slot.index, layout::COUNTERS + word * 8)
                .store(0, Ordering::Relaxed);
        }
        Some(slot)
    }

    fn is_ours(&self) -> bool {
        self.owner.pid == std::process::id()
    }

    fn watched(&self) -> &AtomicU64 {
        // SAFETY: in the head of the mapping, which lives as long as the process, and aligned; only accessed as an
        // atomic.
        unsafe { self.memory.byte_add(layout::WATCHED).cast().as_ref() }
    }

    fn state(&self, index: usize) -> &AtomicU64 {
        self.word(index, 0)
    }

    fn word(&self, index: usize, offset: usize) -> &AtomicU64 {
        debug_assert!(offset.is_multiple_of(8));
        // SAFETY: inside the mapping, which lives as long as the process, and aligned; only accessed as an atomic.
        unsafe { self.at(index, offset).cast().as_ref() }
    }

    fn at(&self, index: usize, offset: usize) -> NonNull<u8> {
        assert!(index < layout::SLOTS && offset < layout::SLOT);
        // SAFETY: inside the mapping of `layout::SIZE` bytes, by the assertion.
        unsafe {
            self.memory
                .add(layout::FIRST_SLOT + index * layout::SLOT + offset)
        }
    }
}

/// Gives the file its size, and maps it.
fn map(file: &File) -> rustix::io::Result<NonNull<u8>> {
    // Its memory is reserved now: a hole that cannot be filled later is a SIGBUS.
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, layout::SIZE as u64) {
            Err(Errno::INTR) => {}
            result => break result?,
        }
    }
    // SAFETY: a new mapping, placed by the kernel, of a file that has this size.
    let memory = unsafe {
        rustix::mm::mmap(
            std::ptr::null_mut(),
            layout::SIZE,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            file,
            0,
        )?
    };
    NonNull::new(memory.cast()).ok_or(Errno::NOMEM)
}

/// The file of this process in another folder; never unmapped.
#[cfg(test)]
pub(super) fn leaked_page(folder: &Path) -> io::Result<&'static Page> {
    // What looks for leaks finds them here.
    static PAGES: std::sync::Mutex<Vec<&Page>> = std::sync::Mutex::new(Vec::new());
    let page = &*Box::leak(Box::new(Page::make(folder)?));
    crate::lock::lock(&PAGES).push(page);
    Ok(page)
}

/// New counters in it, while it has room.
#[cfg(test)]
pub(super) fn counted_in(page: &'static Page) -> Counted {
    Counted::in_page(Some(page))
}
