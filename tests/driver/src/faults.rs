//! Faulty drivers, for as long as their process lives.

use std::env;
use std::ffi::CStr;
use std::mem::transmute;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Mutex, OnceLock, PoisonError};

use ash::vk;
use wayfence::dma_buf::{Access, DmaBuf};

use crate::real::{Function, real};

/// A fault, by its name in `WAYFENCE_TEST_FAULTS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `early-fences`: the sync_file of a semaphore says that the work is over, whatever it does.
    EarlyFences,
    /// `forgets-imports`: an imported sync_file counts as signalled.
    ForgetsImports,
    /// `late-fences`: a device that calls itself a GPU finishes its work before it exports a semaphore's
    /// sync_file.
    LateFences,
    /// `waits-for-readers`: all work waits for all readers of all exported images.
    WaitsForReaders,
}

/// Whether the driver has the fault.
pub fn has(fault: Fault) -> bool {
    static FAULTS: OnceLock<Vec<Fault>> = OnceLock::new();
    let faults = FAULTS.get_or_init(|| {
        env::var("WAYFENCE_TEST_FAULTS")
            .unwrap_or_default()
            .split(',')
            .filter(|name| !name.is_empty())
            .map(|name| match name {
                "early-fences" => Fault::EarlyFences,
                "forgets-imports" => Fault::ForgetsImports,
                "late-fences" => Fault::LateFences,
                "waits-for-readers" => Fault::WaitsForReaders,
                other => panic!("WAYFENCE_TEST_FAULTS: {other}"),
            })
            .collect()
    });
    faults.contains(&fault)
}

const GET_MEMORY_FD: &CStr = c"vkGetMemoryFdKHR";

/// The dma-bufs that were exported.
static EXPORTED: Mutex<Vec<DmaBuf>> = Mutex::new(Vec::new());

/// Our command of this name, if it is one of these.
pub fn replacement(name: &CStr) -> vk::PFN_vkVoidFunction {
    (name == GET_MEMORY_FD && has(Fault::WaitsForReaders)).then_some(
        // SAFETY: function pointers; whoever gets one casts it back to the type that its name tells.
        unsafe { transmute::<vk::PFN_vkGetMemoryFdKHR, Function>(get_memory_fd) },
    )
}

unsafe extern "system" fn get_memory_fd(
    device: vk::Device,
    info: *const vk::MemoryGetFdInfoKHR<'_>,
    fd: *mut i32,
) -> vk::Result {
    let Some(get) = real().device_command(device, GET_MEMORY_FD) else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the command of this name has this type; the caller's parameters. A descriptor that it gives is
    // open.
    unsafe {
        let get = transmute::<Function, vk::PFN_vkGetMemoryFdKHR>(get);
        let result = get(device, info, fd);
        if result == vk::Result::SUCCESS
            && let Ok(own) = BorrowedFd::borrow_raw(*fd).try_clone_to_owned()
        {
            exported().push(DmaBuf::from(own));
        }
        result
    }
}

/// Before work begins.
pub fn before_work() {
    if has(Fault::WaitsForReaders) {
        for dma_buf in exported().iter() {
            dma_buf.wait_idle(Access::Write, None).expect("a dma-buf");
        }
    }
}

/// Before an import: the descriptor to import instead.
///
/// # Safety
/// The descriptor is -1, or open and the caller's to give away.
pub unsafe fn imported(fd: i32, handle_is_sync_file: bool) -> i32 {
    if !handle_is_sync_file || !has(Fault::ForgetsImports) {
        return fd;
    }
    if fd >= 0 {
        // SAFETY: the caller gives it away.
        drop(unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd) });
    }
    // "If fd is the special value -1, the payload is that of an already signalled sync file" (Vulkan,
    // VkImportSemaphoreFdInfoKHR).
    -1
}

fn exported() -> std::sync::MutexGuard<'static, Vec<DmaBuf>> {
    EXPORTED.lock().unwrap_or_else(PoisonError::into_inner)
}
