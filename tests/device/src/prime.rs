//! Buffers to dma-bufs and back (`drivers/gpu/drm/drm_prime.c`).

use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd};

use bytemuck::AnyBitPattern;
use rustix::fs::{SeekFrom, seek};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use wayfence::dma_buf::DmaBuf;

use crate::buffer::{Buffer, inode};
use crate::call::{Answer, Call};
use crate::file::File;
use crate::log::{self, Event};

/// `DRM_IOCTL_PRIME_HANDLE_TO_FD`: a descriptor of the buffer's one dma-buf.
pub fn export(file: &File, call: &Call) -> Answer {
    let mut prime: PrimeHandle = call.read()?;
    let mut inner = file.lock();
    let buffer = inner.buffers.get_mut(&prime.handle).ok_or(Errno::NOENT)?;
    let duplicate: OwnedFd = buffer
        .export()
        .try_clone()
        .map_err(|_| Errno::MFILE)?
        .into();
    log::write(&Event::Exported {
        file: file.number,
        handle: prime.handle,
        dma_buf: buffer.inode(),
    });
    drop(inner);
    prime.fd = duplicate.into_raw_fd();
    call.write(prime)?;
    Ok(0)
}

/// `DRM_IOCTL_PRIME_FD_TO_HANDLE`: "Import a dma-buf […] if it has been imported (or exported) before, the
/// same handle".
pub fn import(file: &File, call: &Call) -> Answer {
    let mut prime: PrimeHandle = call.read()?;
    if prime.fd < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: the caller's descriptor, which it keeps open for its call.
    let fd = unsafe { BorrowedFd::borrow_raw(prime.fd) };
    let number = inode(fd);
    // Of a file of the same device, which is not in the middle of anything of ours.
    let flags = File::all()
        .iter()
        .filter(|other| other.driver == file.driver && other.number != file.number)
        .find_map(|other| other.flags_of(number))
        .unwrap_or(0);
    let mut inner = file.lock();
    let known = inner
        .buffers
        .iter()
        .find(|(_, buffer)| buffer.inode() == Some(number));
    let handle = match known {
        Some((handle, _)) => *handle,
        None => {
            let size = seek(fd, SeekFrom::End(0))?;
            let handle = file.driver.create(call.fd, size)?;
            let dma_buf = DmaBuf::from(fcntl_dupfd_cloexec(fd, 100)?);
            inner
                .buffers
                .insert(handle, Buffer::imported(dma_buf, size, flags));
            handle
        }
    };
    log::write(&Event::Imported {
        file: file.number,
        handle,
        dma_buf: number,
    });
    prime.handle = handle;
    call.write(prime)?;
    Ok(0)
}

/// `struct drm_prime_handle`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct PrimeHandle {
    handle: u32,
    flags: u32,
    fd: i32,
}
