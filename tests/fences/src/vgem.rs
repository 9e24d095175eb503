//! Fences that signal when a test says so, from vgem, the kernel's virtual GEM driver
//! (`include/uapi/drm/vgem_drm.h`).

use std::env;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::ioctl::{Opcode, Setter, Updater, ioctl, opcode};
use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::sync_file::SyncFile;

/// The vgem device.
#[derive(Clone)]
pub struct Vgem(Arc<OwnedFd>);

/// A buffer of vgem, which plays the driver of a GPU.
pub struct Buffer {
    vgem: Vgem,
    handle: u32,
    dma_buf: DmaBuf,
}

/// A fence that is pending until it is signalled. The kernel signals it by itself ten seconds after it was
/// made, so that nobody waits for user space forever.
pub struct Fence {
    vgem: Vgem,
    number: u32,
    sync_file: SyncFile,
}

impl Vgem {
    /// # Panics
    /// If there is none, or without the right to open it.
    pub fn open() -> Self {
        // A test that hides vgem from other code keeps it here.
        let kept = || {
            let path = env::var_os("WAYFENCE_TEST_VGEM")?;
            openat(CWD, path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).ok()
        };
        // The numbers of the nodes change from boot to boot. By system calls, since a driver shim in this
        // process may hide real devices from the C library.
        let vgem = || {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let folder = openat(CWD, "/dev/dri", flags, Mode::empty()).ok()?;
            Dir::read_from(&folder)
                .ok()?
                .filter_map(|entry| Some(entry.ok()?.file_name().to_owned()))
                .filter(|name| name.to_bytes().starts_with(b"card"))
                .filter_map(|name| {
                    let flags = OFlags::RDWR | OFlags::CLOEXEC;
                    openat(&folder, name, flags, Mode::empty()).ok()
                })
                .find(|node| driver_name(node).as_deref() == Some("vgem"))
        };
        Self(Arc::new(kept().or_else(vgem).expect(
            "no vgem in /dev/dri: `modprobe vgem` as root; scripts/test runs this test with it",
        )))
    }

    /// A new fence, pending.
    pub fn fence(&self) -> Fence {
        self.buffer().attach(Access::Write)
    }

    /// A new dma-buf of the driver's own, with no fence on it.
    pub fn buffer(&self) -> Buffer {
        let mut create = CreateDumb {
            width: 32,
            height: 32,
            bpp: 32,
            ..CreateDumb::default()
        };
        let mut export = PrimeHandle {
            flags: DRM_CLOEXEC,
            fd: -1,
            ..PrimeHandle::default()
        };
        // SAFETY: each ioctl reads and writes the one structure of the kernel's that is beside its
        // number, any content of which is valid, and borrows it for the call; the descriptor is
        // vgem's.
        unsafe {
            ioctl(&self.0, Updater::<MODE_CREATE_DUMB, _>::new(&mut create))
                .expect("DRM_IOCTL_MODE_CREATE_DUMB");
            export.handle = create.handle;
            ioctl(&self.0, Updater::<PRIME_HANDLE_TO_FD, _>::new(&mut export))
                .expect("DRM_IOCTL_PRIME_HANDLE_TO_FD");
        }
        Buffer {
            vgem: self.clone(),
            handle: create.handle,
            // SAFETY: the export succeeded, so the descriptor is new and nobody else's.
            dma_buf: DmaBuf::from(unsafe { OwnedFd::from_raw_fd(export.fd) }),
        }
    }
}

impl Buffer {
    /// The buffer as a dma-buf.
    pub fn dma_buf(&self) -> &DmaBuf {
        &self.dma_buf
    }

    /// A new pending fence on the buffer, as a driver adds one for such an access of its GPU. There may be no
    /// other fence on the buffer for which this access would have to wait.
    pub fn attach(&self, access: Access) -> Fence {
        let mut attach = FenceAttach {
            handle: self.handle,
            flags: match access {
                Access::Read => 0,
                Access::Write | Access::ReadWrite => VGEM_FENCE_WRITE,
            },
            ..FenceAttach::default()
        };
        // SAFETY: the ioctl reads and writes one structure of this layout, any content of which is
        // valid, and borrows it for the call; the descriptor is vgem's.
        unsafe {
            ioctl(
                &self.vgem.0,
                Updater::<VGEM_FENCE_ATTACH, _>::new(&mut attach),
            )
        }
        .expect("DRM_IOCTL_VGEM_FENCE_ATTACH");
        Fence {
            vgem: self.vgem.clone(),
            number: attach.out_fence,
            sync_file: self
                .dma_buf
                .export_sync_file(Access::Write)
                .expect("the kernel exports sync files"),
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let close = GemClose {
            handle: self.handle,
            pad: 0,
        };
        // SAFETY: the ioctl reads one structure of this layout; the descriptor is vgem's.
        let closed = unsafe { ioctl(&self.vgem.0, Setter::<GEM_CLOSE, _>::new(close)) };
        if !std::thread::panicking() {
            closed.expect("DRM_IOCTL_GEM_CLOSE");
        }
    }
}

impl Fence {
    /// The fence in a sync file, alone unless the buffer had others.
    pub fn sync_file(&self) -> &SyncFile {
        &self.sync_file
    }

    /// Lets everybody go who waits.
    ///
    /// # Panics
    /// If the kernel has signalled it already: then the test was too slow.
    pub fn signal(self) {
        self.try_signal()
            .expect("DRM_IOCTL_VGEM_FENCE_SIGNAL: within ten seconds");
    }

    /// Lets everybody go who waits.
    ///
    /// # Errors
    /// `ETIMEDOUT` if the kernel has signalled it already.
    pub fn try_signal(self) -> rustix::io::Result<()> {
        let signal = FenceSignal {
            fence: self.number,
            flags: 0,
        };
        // SAFETY: the ioctl reads one structure of this layout; the descriptor is vgem's.
        unsafe { ioctl(&self.vgem.0, Setter::<VGEM_FENCE_SIGNAL, _>::new(signal)) }
    }
}

/// The name of a DRM node's driver.
fn driver_name(node: &OwnedFd) -> Option<String> {
    let mut name = [0_u8; 32];
    let mut version = Version {
        name_len: name.len(),
        name: name.as_mut_ptr().expose_provenance(),
        ..Version::default()
    };
    // SAFETY: DRM_IOCTL_VERSION reads and writes one `struct drm_version`, borrowed for the call,
    // and writes at most `name_len` bytes to `name`; the other lengths are zero.
    unsafe { ioctl(node, Updater::<VERSION, _>::new(&mut version)) }.ok()?;
    let length = version.name_len.min(name.len());
    String::from_utf8(name[..length].to_vec()).ok()
}

const VERSION: Opcode = opcode::read_write::<Version>(b'd', 0x00);
const GEM_CLOSE: Opcode = opcode::write::<GemClose>(b'd', 0x09);
const PRIME_HANDLE_TO_FD: Opcode = opcode::read_write::<PrimeHandle>(b'd', 0x2d);
const VGEM_FENCE_ATTACH: Opcode = opcode::read_write::<FenceAttach>(b'd', 0x41);
const VGEM_FENCE_SIGNAL: Opcode = opcode::write::<FenceSignal>(b'd', 0x42);
const MODE_CREATE_DUMB: Opcode = opcode::read_write::<CreateDumb>(b'd', 0xb2);

const VGEM_FENCE_WRITE: u32 = 1;
/// `DRM_CLOEXEC`, which is `O_CLOEXEC`.
const DRM_CLOEXEC: u32 = 0o2_000_000;

/// `struct drm_version`.
#[repr(C)]
#[derive(Default)]
struct Version {
    major: i32,
    minor: i32,
    patch: i32,
    name_len: usize,
    name: usize,
    date_len: usize,
    date: usize,
    description_len: usize,
    description: usize,
}

/// `struct drm_gem_close`.
#[repr(C)]
struct GemClose {
    handle: u32,
    pad: u32,
}

/// `struct drm_prime_handle`.
#[repr(C)]
#[derive(Default)]
struct PrimeHandle {
    handle: u32,
    flags: u32,
    fd: i32,
}

/// `struct drm_vgem_fence_attach`.
#[repr(C)]
#[derive(Default)]
struct FenceAttach {
    handle: u32,
    flags: u32,
    out_fence: u32,
    pad: u32,
}

/// `struct drm_vgem_fence_signal`.
#[repr(C)]
struct FenceSignal {
    fence: u32,
    flags: u32,
}

/// `struct drm_mode_create_dumb`.
#[repr(C)]
#[derive(Default)]
struct CreateDumb {
    height: u32,
    width: u32,
    bpp: u32,
    flags: u32,
    handle: u32,
    pitch: u32,
    size: u64,
}
