//! Which of the kernel's drivers is played.

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
}
