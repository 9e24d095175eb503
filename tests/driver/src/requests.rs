//! What a test has asked of the driver.

use std::{
    collections::VecDeque,
    ffi::CStr,
    os::fd::OwnedFd,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ash::vk;

/// What a test has asked for and nobody has got yet, of the whole process.
pub struct Requests {
    /// What the next exports of sync_files give.
    pub exports: VecDeque<OwnedFd>,
    /// What the next calls of a command answer.
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
