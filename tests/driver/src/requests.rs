//! A test's requests to the driver.

use std::{
    collections::VecDeque,
    ffi::{CStr, c_char},
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
    /// Which of all calls fail.
    series: Option<Series>,
    /// The calls of which one counts, in order.
    called: Vec<&'static CStr>,
    counts: bool,
}

/// Some of the calls of any command, counted from 1.
struct Series {
    first: u64,
    last: u64,
    result: vk::Result,
    /// Whether only those count that may find the device lost.
    of_device: bool,
}

/// Commands by which an application, or a layer, learns that the device is lost: which give it work, or wait for it.
/// The imports of payloads are among them, as a driver may look at the device there, too.
const OF_DEVICE: [&CStr; 9] = [
    c"vkQueueSubmit",
    c"vkQueueSubmit2",
    c"vkQueueWaitIdle",
    c"vkDeviceWaitIdle",
    c"vkWaitForFences",
    c"vkGetFenceStatus",
    c"vkImportSemaphoreFdKHR",
    c"vkImportFenceFdKHR",
    c"vkGetSemaphoreFdKHR",
];

/// All of it.
pub fn requests() -> MutexGuard<'static, Requests> {
    static REQUESTS: Mutex<Requests> = Mutex::new(Requests {
        exports: VecDeque::new(),
        failures: Vec::new(),
        series: None,
        called: Vec::new(),
        counts: false,
    });
    REQUESTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What this call of this command must answer instead of being made.
pub fn next_failure(command: &'static CStr) -> Option<vk::Result> {
    let requests = &mut *requests();
    let failures = &mut requests.failures;
    if let Some(first) = failures.iter().position(|(name, _)| *name == command) {
        return Some(failures.remove(first).1);
    }
    let series = requests.series.as_ref().filter(|_| requests.counts)?;
    if series.of_device && !OF_DEVICE.contains(&command) {
        return None;
    }
    requests.called.push(command);
    let number = requests.called.len() as u64;
    (series.first..=series.last)
        .contains(&number)
        .then_some(series.result)
}

/// From the next [`wayfence_test_driver_count`] on calls are counted, from 1: of the commands that may find the device
/// lost if `of_device`, else of all that can fail. Those from `first` to `last` answer `result` and do nothing.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_fail_from(
    first: u64,
    last: u64,
    result: vk::Result,
    of_device: bool,
) {
    let requests = &mut *requests();
    requests.called.clear();
    requests.counts = false;
    requests.series = Some(Series {
        first,
        last,
        result,
        of_device,
    });
}

/// Whether calls count from now on. Those that do not are made.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_count(counts: bool) {
    requests().counts = counts;
}

/// The command of the call with this number, from 1; null if there were not as many.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_called(number: u64) -> *const c_char {
    let at = (number as usize).checked_sub(1);
    let called = at.and_then(|at| requests().called.get(at).copied());
    called.map_or(std::ptr::null(), CStr::as_ptr)
}
