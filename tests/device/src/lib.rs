//! The kernel's side of GPU drivers that have no hardware: for tests, and nothing else.
//!
//! Mesa's `mesa-drm-shim` makes real Vulkan drivers believe in a device that is not there. What it does
//! not do is what synchronisation is made of, and what this library adds: it is preloaded before one of
//! the shim's libraries, and sees each `ioctl` of the driver first.
//!
//! - **Buffers** that are exported are real dma-bufs of udmabuf's, of the buffer's size; a dma-buf that
//!   comes back is the buffer that it was, and one from elsewhere gets a buffer of its own. Their content
//!   is not the driver's: nothing is drawn.
//! - **Syncobjs** are a real kernel's: those of the first DRM node that has timelines.
//! - **Submissions** wait for what the driver asks to wait for, and for what the kernel's driver would
//!   wait for by itself; they take as long as the test says, and then signal what they promised. Until then
//!   their fences, which are vgem's, are on the buffers on which the kernel's driver would put them. The
//!   rules of each are in a file: `amdgpu.rs`, `msm.rs`, `nouveau.rs`, `asahi.rs`.
//! - **What was asked** can be read: each buffer, with its flags, and each submission, with its buffers and
//!   what it waited for, is a line of JSON in a file (`log.rs`).
//!
//! | variable | says |
//! | --- | --- |
//! | `WAYFENCE_TEST_DEVICE_LOG` | the file to which the lines are appended |
//! | `WAYFENCE_TEST_DEVICE_WORK_MS` | how many milliseconds each submission takes; 0 if not set |
//! | `WAYFENCE_TEST_DEVICE_MARK` | what is written, to a descriptor that never is one, where a call comes in: for who counts system calls, and each of these would be one |
//!
//! A test in the same process lets submissions stand still and go on, and asks what others would wait for,
//! by the functions of `control.rs`.
//!
//! What differs from a kernel: all fences are vgem's, so that one who leaves a fence on a buffer cannot be
//! told from another (see `Waits::EverybodyElse`), and none is pending for more than ten
//! seconds; fences of the usage `BOOKKEEP`, which user space sees nowhere, are left out; memory is never
//! moved, and a file's buffers live until they are closed. Where something is missing that a test needs (no
//! udmabuf, no vgem, no timelines), the process is aborted with a message.

mod amdgpu;
mod answer;
mod asahi;
mod buffer;
mod call;
mod control;
mod driver;
mod file;
mod gpu;
mod log;
mod mappings;
mod mark;
mod msm;
mod new_buffer;
mod nouveau;
mod prime;
mod queue;
mod submission;
mod syncobj;
mod wait;

use std::ffi::{c_int, c_ulong, c_void};

use crate::call::Call;
use crate::file::File;

/// `ioctl(2)`, before anybody else's.
///
/// C declares it with variable arguments. Everywhere that it takes one, the third is a pointer or an
/// integer of a pointer's size, which the calling conventions of Linux (x86-64, AArch64) pass alike.
///
/// # Safety
/// As of `ioctl`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    // SAFETY: the caller's own arguments.
    let call = unsafe { Call::new(fd, request, argument) };
    if call.kind() != call::DRM {
        return call.pass_on();
    }
    let Some(file) = File::of(&call) else {
        return call.pass_on();
    };
    mark::write();
    match file.answer(&call) {
        None => call.pass_on(),
        Some(Ok(value)) => value,
        Some(Err(errno)) => {
            // SAFETY: this thread's own variable.
            unsafe { *libc::__errno_location() = errno.raw_os_error() };
            -1
        }
    }
}
