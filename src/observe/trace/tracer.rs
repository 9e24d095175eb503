//! The trace of a process: its file, and the thread that writes it.

use std::fmt;
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::{
    Arc, Condvar, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};
use std::thread;
use std::time::Duration;

use super::{
    clock,
    file::{TraceFile, expanded},
    ring::Ring,
    scribe::Scribe,
};
use crate::{
    error::{Error, Result},
    lock::lock,
};

/// How often the ring is emptied. Recording wakes no thread: that would be a system call.
const INTERVAL: Duration = Duration::from_millis(20);

/// Writes what the swapchains of this process record, until it is dropped or [finished](Self::finish). If the
/// process is killed, the file lacks only the last moment.
pub struct Tracer {
    /// The process that opened it: a child made by `fork` has no writer.
    pid: u32,
    swapchains: AtomicU32,
    shared: Arc<Shared>,
}

struct Shared {
    ring: Ring,
    stage: Mutex<Stage>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Writing,
    /// All of it is to be written to the file.
    Finishing,
    Finished,
}

impl Tracer {
    /// Makes the file, in place of one that is there, and starts its writer. `%p` in the file's name
    /// stands for the number of the process.
    ///
    /// # Errors
    /// [`Error::File`]: also if another process writes its trace there, or if it is no regular file.
    pub fn open(path: &Path) -> Result<Arc<Self>> {
        let pid = std::process::id();
        let path = expanded(path, pid);
        let failed = |source| Error::File {
            path: path.clone(),
            source,
        };
        let file = TraceFile::create(&path).map_err(failed)?;
        let shared = Arc::new(Shared {
            ring: Ring::new(),
            stage: Mutex::new(Stage::Writing),
            changed: Condvar::new(),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            scribe: Scribe::new(pid, &application()),
            file: Some(file),
        };
        without_signals(|| {
            thread::Builder::new()
                .name("wayfence-trace".to_owned())
                .spawn(move || writer.run())
        })
        .map_err(failed)?;
        Ok(Arc::new(Tracer {
            pid,
            swapchains: AtomicU32::new(0),
            shared,
        }))
    }

    /// Writes all that was recorded, and closes the file; waits for that, within a bound. What is recorded
    /// later is lost.
    pub fn finish(&self, within: Duration) {
        if std::process::id() != self.pid {
            return;
        }
        let mut stage = lock(&self.shared.stage);
        if *stage == Stage::Writing {
            *stage = Stage::Finishing;
            self.shared.changed.notify_all();
        }
        let _ = self
            .shared
            .changed
            .wait_timeout_while(stage, within, |stage| *stage != Stage::Finished)
            .unwrap_or_else(PoisonError::into_inner);
    }

    /// The number of a new swapchain.
    pub(super) fn number(&self) -> u32 {
        self.swapchains.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.shared.ring
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer")
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.finish(Duration::from_secs(1));
    }
}

/// The thread's state.
struct Writer {
    shared: Arc<Shared>,
    scribe: Scribe,
    /// `None` after a failed write.
    file: Option<TraceFile>,
}

impl Writer {
    fn run(mut self) {
        loop {
            let finishing = {
                let stage = lock(&self.shared.stage);
                let (stage, _) = self
                    .shared
                    .changed
                    .wait_timeout_while(stage, INTERVAL, |stage| *stage == Stage::Writing)
                    .unwrap_or_else(PoisonError::into_inner);
                *stage == Stage::Finishing
            };
            self.write();
            if finishing {
                break;
            }
        }
        self.file = None;
        *lock(&self.shared.stage) = Stage::Finished;
        self.shared.changed.notify_all();
    }

    fn write(&mut self) {
        let ring = &self.shared.ring;
        while let Some(event) = ring.pop() {
            // Without a file there are only descriptors to close.
            if self.file.is_some() {
                self.scribe.write(event);
            }
        }
        let Some(file) = &mut self.file else { return };
        self.scribe.look();
        self.scribe
            .lost(clock::now(), ring.dropped(), ring.unwatched());
        if let Err(error) = file.append(&self.scribe.take_text()) {
            tracing::error!(%error, "the trace ends here");
            self.file = None;
            self.scribe.forget();
        }
    }
}

/// The name of the running program.
fn application() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Starts a thread with all signals blocked: they are for the host's own threads.
fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: `sigfillset` makes the set valid; `pthread_sigmask` reads it, and fills `before` when it
    // succeeds.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let started = start();
    if blocked {
        // SAFETY: filled by the call above, which succeeded.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
        }
    }
    started
}
