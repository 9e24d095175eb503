//! Fences of vgem, the kernel's virtual GEM driver, where the user may open it
//! (`include/uapi/drm/vgem_drm.h`).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use drm::Device;
use drm::buffer::{Buffer, DrmFourcc};
use drm::control::Device as ControlDevice;
use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::ioctl::{Opcode, Setter, Updater, ioctl, opcode};
use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::sync_file::SyncFile;

/// The device.
#[derive(Clone)]
pub struct Vgem(Arc<OwnedFd>);

/// A fence that is pending until it is signalled; the kernel does so after ten seconds.
pub struct Fence {
    vgem: Vgem,
    number: u32,
}

impl AsFd for Vgem {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Device for Vgem {}
impl ControlDevice for Vgem {}

impl Vgem {
    /// The first that can be opened.
    pub fn find() -> Option<Self> {
        let folder = openat(
            CWD,
            "/dev/dri",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .ok()?;
        Dir::read_from(&folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.file_name().to_owned()))
            .filter(|name| name.to_bytes().starts_with(b"card"))
            .filter_map(|name| {
                let node = openat(&folder, name, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
                let node = Self(Arc::new(node.ok()?));
                // Whoever opens a primary node while nobody is its master becomes that.
                let _ = node.release_master_lock();
                Some(node)
            })
            .find(|node| {
                node.get_driver()
                    .is_ok_and(|driver| driver.name() == "vgem")
            })
    }

    /// A new fence, and a sync_file with it; `None` if the kernel refuses.
    pub fn fence(&self) -> Option<(Fence, SyncFile)> {
        let buffer = self
            .create_dumb_buffer((32, 32), DrmFourcc::Xrgb8888, 32)
            .ok()?;
        let dma_buf = self.buffer_to_prime_fd(buffer.handle(), drm::CLOEXEC).ok();
        let mut attach = Attach {
            handle: buffer.handle().into(),
            flags: WRITE,
            ..Attach::default()
        };
        // SAFETY: the ioctl reads and writes one structure of this layout, any content of which is valid, and
        // borrows it for the call; the descriptor is vgem's.
        let attached = unsafe { ioctl(&self.0, Updater::<ATTACH, _>::new(&mut attach)) };
        let fences = dma_buf.and_then(|fd| DmaBuf::from(fd).export_sync_file(Access::Write).ok());
        // The fence outlives the buffer.
        let _ = self.destroy_dumb_buffer(buffer);
        attached.ok()?;
        let fence = Fence {
            vgem: self.clone(),
            number: attach.out_fence,
        };
        Some((fence, fences?))
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        let signal = Signal {
            fence: self.number,
            flags: 0,
        };
        // SAFETY: the ioctl reads one structure of this layout; the descriptor is vgem's. It fails if the
        // kernel has signalled the fence itself.
        let _ = unsafe { ioctl(&self.vgem.0, Setter::<SIGNAL, _>::new(signal)) };
    }
}

const ATTACH: Opcode = opcode::read_write::<Attach>(b'd', 0x41);
const SIGNAL: Opcode = opcode::write::<Signal>(b'd', 0x42);
/// `VGEM_FENCE_WRITE`.
const WRITE: u32 = 1;

/// `struct drm_vgem_fence_attach`.
#[repr(C)]
#[derive(Default)]
struct Attach {
    handle: u32,
    flags: u32,
    out_fence: u32,
    pad: u32,
}

/// `struct drm_vgem_fence_signal`.
#[repr(C)]
struct Signal {
    fence: u32,
    flags: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ioctls_and_structures_are_those_of_the_kernel() {
        // As the C compiler computes them from drm/vgem_drm.h.
        assert_eq!((ATTACH, SIGNAL), (0xC010_6441, 0x4008_6442));
        assert_eq!((size_of::<Attach>(), size_of::<Signal>()), (16, 8));
    }
}
