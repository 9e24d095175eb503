//! Dma-bufs of plain memory, from `/dev/udmabuf` (`include/uapi/linux/udmabuf.h`).

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::ioctl::{Opcode, ioctl, opcode};
use wayfence::dma_buf::DmaBuf;

/// A new dma-buf of one page.
///
/// # Panics
/// If the kernel has none: without `CONFIG_UDMABUF`, or without the right to use it.
pub fn dma_buf() -> DmaBuf {
    of_size(1)
}

/// A new dma-buf of so many bytes, in whole pages.
///
/// # Panics
/// As [`dma_buf`].
pub fn of_size(bytes: u64) -> DmaBuf {
    let device = File::options()
        .read(true)
        .write(true)
        .open("/dev/udmabuf")
        .unwrap_or_else(|error| {
            panic!(
                "/dev/udmabuf: {error}: scripts/test runs this test on a kernel that has dma-bufs"
            )
        });
    let size = bytes.next_multiple_of(rustix::param::page_size() as u64);
    let memory = memfd_create(
        "wayfence-tests",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    )
    .expect("memfd_create");
    ftruncate(&memory, size).expect("ftruncate");
    // "The memfd must have F_SEAL_SHRINK set" (drivers/dma-buf/udmabuf.c).
    fcntl_add_seals(&memory, SealFlags::SHRINK).expect("F_ADD_SEALS");
    let create = Create {
        memfd: memory.as_raw_fd() as u32,
        flags: UDMABUF_FLAGS_CLOEXEC,
        offset: 0,
        size,
    };
    DmaBuf::from(udmabuf_create(&device, create))
}

fn udmabuf_create(device: &File, create: Create) -> OwnedFd {
    /// The new descriptor is what the ioctl returns.
    struct Ioctl(Create);

    // SAFETY: UDMABUF_CREATE reads one `struct udmabuf_create`, whose layout `Create` has, and
    // returns a descriptor.
    unsafe impl rustix::ioctl::Ioctl for Ioctl {
        type Output = OwnedFd;
        const IS_MUTATING: bool = false;

        fn opcode(&self) -> Opcode {
            UDMABUF_CREATE
        }

        fn as_ptr(&mut self) -> *mut std::ffi::c_void {
            std::ptr::from_mut(&mut self.0).cast()
        }

        unsafe fn output_from_ptr(
            output: rustix::ioctl::IoctlOutput,
            _: *mut std::ffi::c_void,
        ) -> rustix::io::Result<OwnedFd> {
            // SAFETY: a successful UDMABUF_CREATE returns a descriptor that nobody else knows.
            Ok(unsafe { OwnedFd::from_raw_fd(output) })
        }
    }

    // SAFETY: see the implementation; other devices answer ENOTTY.
    unsafe { ioctl(device, Ioctl(create)) }.expect("UDMABUF_CREATE")
}

const UDMABUF_CREATE: Opcode = opcode::write::<Create>(b'u', 0x42);
const UDMABUF_FLAGS_CLOEXEC: u32 = 1;

/// `struct udmabuf_create`.
#[repr(C)]
struct Create {
    memfd: u32,
    flags: u32,
    offset: u64,
    size: u64,
}
