//! Who answers a call: each ioctl's own file.

use bytemuck::AnyBitPattern;
use rustix::io::Errno;

use crate::call::{Answer, COMMANDS, COMMANDS_END, Call};
use crate::driver::Driver;
use crate::file::File;
use crate::log::{self, Event};
use crate::{amdgpu, asahi, msm, new_buffer, nouveau, prime};

impl File {
    /// Answers a call, or leaves it to the shim.
    pub fn answer(&self, call: &Call) -> Option<Answer> {
        match call.number() {
            GEM_CLOSE => {
                if let Ok(close) = call.read::<GemClose>() {
                    self.lock().buffers.remove(&close.handle);
                    log::write(&Event::Closed {
                        file: self.number,
                        handle: close.handle,
                    });
                }
                None
            }
            PRIME_HANDLE_TO_FD => Some(prime::export(self, call)),
            PRIME_FD_TO_HANDLE => Some(prime::import(self, call)),
            number if is_syncobj(number) => Some(call.to_kernel(self.syncobjs.raw())),
            number @ COMMANDS..COMMANDS_END => self.driver.answer(self, call, number - COMMANDS),
            _ => None,
        }
    }
}

impl Driver {
    /// Answers one of the driver's own ioctls, whose number is counted from the driver's first; `None`
    /// leaves it to the shim.
    pub fn answer(self, file: &File, call: &Call, command: u8) -> Option<Answer> {
        match self {
            Self::Amdgpu => amdgpu::answer(file, call, command),
            Self::Msm => msm::answer(file, call, command),
            Self::Nouveau => nouveau::answer(file, call, command),
            Self::Asahi => asahi::answer(file, call, command),
        }
    }

    /// Has the shim make a buffer of so many bytes. Answers its handle.
    ///
    /// # Errors
    /// The shim's.
    pub fn create(self, fd: i32, size: u64) -> Result<u32, Errno> {
        match self {
            Self::Amdgpu => new_buffer::make::<amdgpu::GemCreate>(fd, size),
            Self::Msm => new_buffer::make::<msm::GemNew>(fd, size),
            Self::Nouveau => new_buffer::make::<nouveau::GemNew>(fd, size),
            Self::Asahi => new_buffer::make::<asahi::GemCreate>(fd, size),
        }
    }

    /// Whether a compositor that leaves waiting to the kernel waits for those who write to a buffer of these
    /// creation flags: a GLES renderer in another process, on the same device.
    pub fn reader_waits(self, flags: u64) -> bool {
        match self {
            Self::Amdgpu => amdgpu::reader_waits(flags),
            // Mesa's freedreno does not pass MSM_SUBMIT_NO_IMPLICIT for shared buffers, nouveau's
            // `validate_list` (`nouveau_gem.c`) waits in every DRM_NOUVEAU_GEM_PUSHBUF, and Mesa's asahi
            // exports the fences of shared buffers by itself: no flag of the buffer's keeps them from it.
            Self::Msm | Self::Nouveau | Self::Asahi => true,
        }
    }
}

const GEM_CLOSE: u8 = 0x09;
const PRIME_HANDLE_TO_FD: u8 = 0x2d;
const PRIME_FD_TO_HANDLE: u8 = 0x2e;

/// `struct drm_gem_close`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct GemClose {
    handle: u32,
    pad: u32,
}

/// `DRM_IOCTL_SYNCOBJ_CREATE` to `DRM_IOCTL_SYNCOBJ_EVENTFD`, but for what lies between: leases, and
/// `DRM_IOCTL_MODE_GETFB2` (`include/uapi/drm/drm.h`).
fn is_syncobj(number: u8) -> bool {
    matches!(number, 0xbf..=0xc5 | 0xca..=0xcd | 0xcf)
}
