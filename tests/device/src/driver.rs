//! Which of the kernel's drivers is played.

use rustix::io::Errno;

use crate::call::{Answer, Call};
use crate::file::File;
use crate::{amdgpu, asahi, msm, nouveau};

/// A driver of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// RADV's.
    Amdgpu,
    /// Turnip's.
    Msm,
    /// NVK's.
    Nouveau,
    /// Honeykrisp's.
    Asahi,
}

impl Driver {
    /// The driver that calls itself so (`DRM_IOCTL_VERSION`).
    pub fn named(name: &str) -> Option<Self> {
        [Self::Amdgpu, Self::Msm, Self::Nouveau, Self::Asahi]
            .into_iter()
            .find(|driver| driver.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amdgpu => "amdgpu",
            Self::Msm => "msm",
            Self::Nouveau => "nouveau",
            Self::Asahi => "asahi",
        }
    }

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
            Self::Amdgpu => amdgpu::create(fd, size),
            Self::Msm => msm::create(fd, size),
            Self::Nouveau => nouveau::create(fd, size),
            Self::Asahi => asahi::create(fd, size),
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
