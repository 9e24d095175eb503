//! Descriptors and memory that a process holds.

use std::fs;
use std::path::PathBuf;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use wayfence::dma_buf::DmaBuf;

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
        // The directory's own descriptor is always among them.
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

    /// The same after malloc has given back freed memory. How much of that stays resident depends on the order
    /// of threads, and is no leak.
    ///
    /// # Panics
    /// Without `/proc`.
    pub fn settled() -> Self {
        // SAFETY: it takes the locks of malloc's arenas and changes nothing that anybody uses.
        unsafe { libc::malloc_trim(0) };
        Self::now()
    }
}

/// What this process has open, as `/proc/self/fd` names it, sorted.
///
/// # Panics
/// Without `/proc`.
pub fn descriptors() -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = fs::read_dir("/proc/self/fd")
        .expect("/proc")
        // Unless another thread has closed it meanwhile.
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .collect();
    names.sort();
    names
}

/// Every dma-buf that this process has open, as new descriptors for the caller.
///
/// # Panics
/// Without `/proc`, or without a descriptor left.
pub fn dma_bufs() -> Vec<DmaBuf> {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).expect("pidfd_open");
    fs::read_dir("/proc/self/fd")
        .expect("/proc")
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let target = fs::read_link(&path).ok()?;
            // "/dmabuf:" and the buffer's name (drivers/dma-buf/dma-buf.c, dmabuffs_dname).
            if !target.to_str()?.starts_with("/dmabuf:") {
                return None;
            }
            let number = path.file_name()?.to_str()?.parse().ok()?;
            // Unless another thread has closed it meanwhile.
            pidfd_getfd(&this, number, PidfdGetfdFlags::empty()).ok()
        })
        .map(DmaBuf::from)
        .collect()
}
