//! A test's requests to the driver.

use std::{
    collections::VecDeque,
    ffi::CStr,
    os::fd::OwnedFd,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ash::vk;

/// A test's requests that are not used yet, for the whole process.
pub struct Requests {
    /// The next exports of sync_files.
    pub exports: VecDeque<OwnedFd>,
    /// The answers of the next calls of commands.
    pub failures: Vec<(&'static CStr, vk::Result)>,
}

/// All of it.
pub fn requests() -> MutexGuard<'static, Requests> {
    static REQUESTS: Mutex<Requests> = Mutex::new(Requests {
        exports: VecDeque::new(),
        failures: Vec::new(),
    });
    REQUESTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the next call of this command must answer instead of being made.
pub fn next_failure(command: &CStr) -> Option<vk::Result> {
    let failures = &mut requests().failures;
    let first = failures.iter().position(|(name, _)| *name == command)?;
    Some(failures.remove(first).1)
}
