//! An open file of a device that the shim plays.

use std::collections::HashMap;
use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drm_ffi::drm_sys::drm_version;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::ioctl::{Opcode, opcode};

use wayfence_test_fences::kernel;

use crate::buffer::Buffer;
use crate::call::{self, Call};
use crate::driver::Driver;
use crate::log::{self, Event};
use crate::mappings::Mappings;
use crate::queue::Queue;
use crate::syncobj::Syncobjs;

/// An open file. Handles of buffers and syncobjs are its own.
pub struct File {
    /// How the log calls it.
    pub number: u32,
    /// Whose device it is.
    pub driver: Driver,
    /// Its syncobjs.
    pub syncobjs: Syncobjs,
    /// A duplicate of the application's descriptor, by which others are known. It keeps the file open.
    description: OwnedFd,
    inner: Mutex<Inner>,
}

/// What changes.
#[derive(Default)]
pub struct Inner {
    /// The buffers, by their handles.
    pub buffers: HashMap<u32, Buffer>,
    /// The queues, by their numbers.
    pub queues: HashMap<u64, Queue>,
    /// What is mapped in nouveau's address space.
    pub mappings: Mappings,
}

static FILES: Mutex<Vec<Arc<File>>> = Mutex::new(Vec::new());

impl File {
    /// The file on which a call is made; `None` if it is no device of the shim's.
    pub fn of(call: &Call) -> Option<Arc<Self>> {
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let known = files
            .iter()
            .find(|file| is_same(call.fd, file.description.as_raw_fd()));
        if let Some(file) = known {
            return Some(Arc::clone(file));
        }
        let driver = driver_of(call.fd)?;
        // Devices are opened where a process has just begun.
        kernel::start();
        // SAFETY: the caller's descriptor, which it keeps open for its call.
        let fd = unsafe { BorrowedFd::borrow_raw(call.fd) };
        let file = Arc::new(Self {
            number: files.len() as u32,
            driver,
            syncobjs: Syncobjs::new(),
            description: fcntl_dupfd_cloexec(fd, 100).ok()?,
            inner: Mutex::default(),
        });
        log::write(&Event::Opened {
            file: file.number,
            driver: driver.name(),
        });
        files.push(Arc::clone(&file));
        Some(file)
    }

    /// All that were ever opened.
    pub fn all() -> Vec<Arc<Self>> {
        FILES.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What changes, for this thread alone.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The flags with which the buffer with this dma-buf was created, if the file has it.
    pub fn flags_of(&self, dma_buf: u64) -> Option<u64> {
        let inner = self.lock();
        let mut buffers = inner.buffers.values();
        let buffer = buffers.find(|buffer| buffer.inode() == Some(dma_buf))?;
        Some(buffer.flags)
    }

    /// A buffer was made.
    pub fn created(&self, handle: u32, size: u64, flags: u64) {
        self.lock().buffers.insert(handle, Buffer::new(size, flags));
        log::write(&Event::Created {
            file: self.number,
            handle,
            size,
            flags,
        });
    }
}

/// Whether two descriptors are of one open file (`kcmp(2)`).
fn is_same(one: c_int, other: c_int) -> bool {
    const KCMP_FILE: c_int = 0;
    // SAFETY: it takes numbers, whatever they are.
    unsafe {
        let process = libc::getpid();
        libc::syscall(libc::SYS_kcmp, process, process, KCMP_FILE, one, other) == 0
    }
}

/// The driver of the shim's that a descriptor leads to.
fn driver_of(fd: c_int) -> Option<Driver> {
    const VERSION: Opcode = opcode::read_write::<drm_version>(call::DRM, 0x00);
    let mut version = drm_version::default();
    // SAFETY: the request's argument, with room for no text.
    let call = unsafe {
        Call::new(
            fd,
            u64::from(VERSION),
            std::ptr::from_mut(&mut version).cast(),
        )
    };
    // What the kernel knows as a DRM device is a real one.
    if call.to_kernel(fd).is_ok() {
        return None;
    }
    let mut name = [0_u8; 32];
    let mut version = drm_version {
        name_len: name.len() as _,
        name: name.as_mut_ptr().cast(),
        ..drm_version::default()
    };
    // SAFETY: the request's argument, with as much room for a name as it tells.
    unsafe { call::ask_next(fd, VERSION, &mut version) }.ok()?;
    let length = (version.name_len as usize).min(name.len());
    Driver::named(
        std::str::from_utf8(&name[..length])
            .ok()?
            .trim_end_matches('\0'),
    )
}
