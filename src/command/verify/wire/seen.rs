//! What has passed, and what is to happen to what passes.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wayfence::dma_buf::DmaBuf;
use wayfence::sync_file::SyncFile;

/// A buffer, as the compositor was told of it.
pub struct Buffer {
    /// Its memory: that of the first plane.
    pub dma_buf: DmaBuf,
    /// The DRM format.
    pub fourcc: u32,
    /// The DRM format modifier.
    pub modifier: u64,
    /// The bytes of a row, a plane each.
    pub strides: Vec<u32>,
}

/// How a commit says what the compositor has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the fences of the dma-buf.
    Implicit,
    /// By a sync_file.
    Explicit,
    /// By a point.
    Syncobj,
}

/// A commit with a buffer.
pub struct Commit {
    /// The buffer's number on the wire.
    pub number: u32,
    /// The buffer; `None` if it is no dma-buf.
    pub buffer: Option<Arc<Buffer>>,
    /// What says what the compositor waits for.
    pub way: Way,
    /// What it waits for, as of this moment.
    pub fence: Result<SyncFile, String>,
    /// Whether that was pending in this moment.
    pub was_pending: bool,
}

/// Begins to read, and answers the reader's fence; nothing if there is none.
pub type Begin = Box<dyn FnOnce() -> Option<SyncFile> + Send>;

/// All that has passed.
#[derive(Default)]
pub struct Seen {
    record: Mutex<Record>,
    changed: Condvar,
}

#[derive(Default)]
struct Record {
    commits: Vec<Arc<Commit>>,
    /// The buffers that came back.
    released: HashSet<u32>,
    shown: usize,
    zero_copies: usize,
    refresh: Option<Duration>,
    refused: usize,
    mirrors: bool,
    readers: HashMap<u32, Begin>,
    broken: Option<String>,
}

impl Seen {
    /// How many commits there were.
    pub fn commits(&self) -> usize {
        self.lock().commits.len()
    }

    /// The commit with this number, from 0, if it comes in this time.
    pub fn commit(&self, number: usize, within: Duration) -> Option<Arc<Commit>> {
        self.wait(within, |record| record.commits.get(number).cloned())
    }

    /// Whether one of the buffers of this commit and those after it, counted from 0, comes back in this time, or has
    /// already.
    pub fn is_one_released(&self, first: usize, within: Duration) -> bool {
        self.wait(within, |record| {
            let mut commits = record.commits.iter().skip(first);
            let is_back = |commit: &Arc<Commit>| record.released.contains(&commit.number);
            commits.any(is_back).then_some(())
        })
        .is_some()
    }

    /// How many frames were shown, and how many of them without a copy.
    pub fn shown(&self) -> (usize, usize) {
        let record = self.lock();
        (record.shown, record.zero_copies)
    }

    /// How many buffers the compositor has refused.
    pub fn refused(&self) -> usize {
        self.lock().refused
    }

    /// How long the display that showed the last frame takes for a refresh, if that is fixed and told.
    pub fn refresh(&self) -> Option<Duration> {
        self.lock().refresh
    }

    /// Why nothing passes any more, if so.
    pub fn broken(&self) -> Option<String> {
        self.lock().broken.clone()
    }

    /// From now on the compositor gets timelines of ours in place of the window's, so that a release
    /// passes through our hands.
    pub fn mirror(&self, mirrors: bool) {
        self.lock().mirrors = mirrors;
    }

    /// The next release of this buffer bears the fence of a reader, who begins then.
    pub fn read_at_release(&self, number: u32, begin: Begin) {
        self.lock().readers.insert(number, begin);
    }

    pub(super) fn mirrors(&self) -> bool {
        self.lock().mirrors
    }

    /// The fence of the reader that is to be on the buffer when it comes back.
    pub(super) fn take_reader(&self, number: u32) -> Option<SyncFile> {
        let begin = self.lock().readers.remove(&number)?;
        begin()
    }

    pub(super) fn committed(&self, commit: Commit) {
        let mut record = self.lock();
        // Another buffer may have had the number.
        record.released.remove(&commit.number);
        record.commits.push(Arc::new(commit));
        drop(record);
        self.changed.notify_all();
    }

    pub(super) fn released(&self, number: u32) {
        self.lock().released.insert(number);
        self.changed.notify_all();
    }

    pub(super) fn presented(&self, is_zero_copy: bool, refresh: u32) {
        let mut record = self.lock();
        record.shown += 1;
        record.zero_copies += usize::from(is_zero_copy);
        // "If the refresh rate is not constant, or unknown, zero" (presentation-time.xml).
        record.refresh = Some(Duration::from_nanos(refresh.into())).filter(|time| !time.is_zero());
    }

    pub(super) fn refuse(&self) {
        self.lock().refused += 1;
    }

    pub(super) fn broke(&self, why: String) {
        self.lock().broken.get_or_insert(why);
        self.changed.notify_all();
    }

    fn wait<T>(&self, within: Duration, look: impl Fn(&Record) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + within;
        let mut record = self.lock();
        loop {
            let found = look(&record);
            let left = deadline.saturating_duration_since(Instant::now());
            if found.is_some() || left.is_zero() || record.broken.is_some() {
                return found;
            }
            let waited = self.changed.wait_timeout(record, left);
            record = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Commit {
    /// Whether the compositor has to wait, now.
    pub fn is_pending(&self) -> bool {
        self.fence
            .as_ref()
            .is_ok_and(|fence| fence.is_signalled().is_ok_and(|signalled| !signalled))
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Implicit => "implicit",
            Self::Explicit => "explicit",
            Self::Syncobj => "syncobj",
        })
    }
}
