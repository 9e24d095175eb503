//! The report (`WAYFENCE_REPORT`, or the setting `report`): what each swapchain counted, written when it
//! is destroyed, or when the process exits with it.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, Weak};

use wayfence::{live::Counted, report::SwapchainReport};

/// What can be reported on.
pub trait Reported: Send + Sync {
    /// Its report as of now.
    fn report(&self) -> SwapchainReport;

    /// The file to which the report goes, if it goes anywhere.
    fn report_file(&self) -> Option<&Path>;

    /// What is reported, while it counts.
    fn counters(&self) -> &Counted;
}

/// Swapchains whose report has not been written.
static UNREPORTED: Mutex<Vec<Weak<dyn Reported>>> = Mutex::new(Vec::new());

/// The process that has them.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// The name of the running program.
pub fn application() -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    let name = NAME.get_or_init(|| {
        std::env::current_exe()
            .ok()
            .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| "unknown".to_owned())
    });
    name.clone()
}

/// Publishes a new swapchain to other processes, and remembers it in case the process exits with it.
pub fn remember(swapchain: Arc<dyn Reported>) {
    swapchain
        .counters()
        .publish(swapchain.report(), swapchain.report_file());
    if swapchain.report_file().is_none() {
        return;
    }
    static AT_EXIT: Once = Once::new();
    AT_EXIT.call_once(|| {
        OWNER.store(std::process::id(), Ordering::Relaxed);
        // SAFETY: the function stays mapped until the process ends (`-z nodelete`).
        unsafe { libc::atexit(write_all) };
    });
    let mut unreported = UNREPORTED.lock().unwrap_or_else(PoisonError::into_inner);
    unreported.retain(|swapchain| swapchain.strong_count() > 0);
    unreported.push(Arc::downgrade(&swapchain));
}

/// Appends the swapchain's report to the file, and no longer publishes it.
pub fn write(swapchain: &dyn Reported) {
    // Before its report is in the file: otherwise it would be found twice.
    swapchain.counters().withdraw();
    if let Some(path) = swapchain.report_file()
        && let Err(error) = swapchain.report().append(path)
    {
        tracing::error!(%error, "the report cannot be written");
    }
}

extern "C" fn write_all() {
    // In a child by fork: the swapchains belong to the parent.
    if OWNER.load(Ordering::Relaxed) != std::process::id() {
        return;
    }
    crate::vulkan::result::guard("exit", (), || {
        // A thread that holds the lock may not run any more.
        if let Ok(mut unreported) = UNREPORTED.try_lock() {
            for swapchain in unreported
                .drain(..)
                .filter_map(|swapchain| swapchain.upgrade())
            {
                write(&*swapchain);
                // Neither driver nor compositor is to be called now: the swapchain is left as it is.
                std::mem::forget(swapchain);
            }
        }
    });
}
