//! What a test in the same process asks for.

use std::ffi::c_int;
use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd};

use wayfence::dma_buf::Access;

use crate::buffer::{inode, is_pending};
use crate::file::File;
use crate::gpu;

/// What is submitted from now on is not done before [`wayfence_test_device_finish`].
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_device_hold() {
    gpu::get().hold();
}

/// What was held is done, and nothing more is held.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_device_finish() {
    gpu::get().finish();
}

/// For what the submission of another process on the same device waits, by the kernel's rules, if it reads
/// the buffer with this dma-buf: a sync file, which is the caller's, or -1 if for nothing.
///
/// # Safety
/// The descriptor is a dma-buf's, and stays open for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wayfence_test_device_reader_waits(dma_buf: c_int) -> c_int {
    // SAFETY: by the caller's word.
    let number = inode(unsafe { BorrowedFd::borrow_raw(dma_buf) });
    for file in File::all() {
        let inner = file.lock();
        let buffer = inner
            .buffers
            .values()
            .find(|buffer| buffer.inode() == Some(number));
        let Some(buffer) = buffer else { continue };
        if !file.driver.reader_waits(buffer.flags) {
            return -1;
        }
        let fences = buffer
            .dma_buf()
            .and_then(|dma_buf| dma_buf.export_sync_file(Access::Read).ok())
            .filter(is_pending);
        return fences.map_or(-1, |fences| OwnedFd::from(fences).into_raw_fd());
    }
    -1
}
