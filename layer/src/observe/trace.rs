//! The trace (`WAYFENCE_TRACE`, or the setting `trace`): a writer for each file, for the life of the process.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use wayfence::trace::Tracer;

/// How long the process's exit waits for the last records to be written.
const AT_EXIT: Duration = Duration::from_millis(500);

/// The files that were asked for; none where there is no writer.
static TRACERS: Mutex<Vec<(PathBuf, Option<Arc<Tracer>>)>> = Mutex::new(Vec::new());

/// The writer of the trace of that name, shared by all instances and swapchains that use it, and opened by the
/// first. `None`, and one line in the log, if it cannot be written.
pub fn to(path: &Path) -> Option<Arc<Tracer>> {
    let mut tracers = TRACERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, tracer)) = tracers.iter().find(|(known, _)| known == path) {
        return tracer.clone();
    }
    let tracer = Tracer::open(path)
        .inspect_err(|error| tracing::error!(%error, "the trace cannot be written"))
        .ok();
    if tracers.is_empty() {
        // SAFETY: the function stays mapped until the process ends (`-z nodelete`).
        unsafe { libc::atexit(finish) };
    }
    tracers.push((path.to_owned(), tracer.clone()));
    tracer
}

extern "C" fn finish() {
    crate::vulkan::result::guard("exit", (), || {
        // A thread that holds the lock may not run any more.
        if let Ok(tracers) = TRACERS.try_lock() {
            for tracer in tracers.iter().filter_map(|(_, tracer)| tracer.as_ref()) {
                tracer.finish(AT_EXIT);
            }
        }
    });
}
