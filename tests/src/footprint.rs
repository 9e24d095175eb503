//! What a process holds.

use std::fs;

/// Open descriptors and resident memory of this process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Open file descriptors.
    pub descriptors: usize,
    /// Resident memory in bytes, in whole pages.
    pub resident: usize,
}

impl Footprint {
    /// What this process holds now.
    ///
    /// # Panics
    /// Without `/proc`.
    pub fn now() -> Self {
        // The directory's own descriptor is among them, each time.
        let descriptors = fs::read_dir("/proc/self/fd").expect("/proc").count();
        let statm = fs::read_to_string("/proc/self/statm").expect("/proc");
        let pages: usize = statm
            .split_whitespace()
            .nth(1)
            .and_then(|pages| pages.parse().ok())
            .expect("the second number of statm is the resident set (proc_pid_statm(5))");
        Self {
            descriptors,
            resident: pages * rustix::param::page_size(),
        }
    }
}
