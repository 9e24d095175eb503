//! Manners of the test driver: those of drivers that need their hardware (`tests/driver/src/manner.rs`).

use std::{env, fmt};

use libloading::os::unix::Library;

use wayfence_test_compositor::Offer;

use crate::sysfs::bind_to_driver;
use crate::{child, hardware, test_driver};

/// The played device of this process.
pub type Hardware = hardware::Hardware<Manner>;

/// The manner of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Intel's, on i915.
    AnvI915,
    /// Intel's, on xe.
    AnvXe,
    /// NVIDIA's own.
    Nvidia,
    /// Arm's Mali, on panthor.
    PanvkPanthor,
    /// Imagination's.
    PowerVr,
    /// AMD's own, on amdgpu.
    Amdvlk,
}

/// The manner of this process's driver.
const MANNER: &str = "WAYFENCE_TEST_MANNER";

impl Manner {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::AnvI915,
        Self::AnvXe,
        Self::Nvidia,
        Self::PanvkPanthor,
        Self::PowerVr,
        Self::Amdvlk,
    ];

    /// The kernel driver of such a device.
    pub fn kernel_driver(self) -> &'static str {
        match self {
            Self::AnvI915 => "i915",
            Self::AnvXe => "xe",
            Self::Nvidia => "nvidia",
            Self::PanvkPanthor => "panthor",
            Self::PowerVr => "powervr",
            Self::Amdvlk => "amdgpu",
        }
    }

    /// Makes the default main device of compositors such a device, for this thread.
    pub fn bind_main_device(self) {
        bind_to_driver(Offer::default().main_device, self.kernel_driver());
    }

    /// The variables that give the test driver this manner.
    pub fn environment(self) -> Vec<(String, String)> {
        vec![(MANNER.to_owned(), self.to_string())]
    }

    /// Runs the body of a test on this driver, with compositors on the same device, in another process, which
    /// runs this test alone and comes here again.
    ///
    /// # Panics
    /// If the story does.
    pub fn run(self, test: &str, story: impl FnOnce(&Hardware)) {
        if env::var(MANNER).is_ok_and(|manner| manner == self.to_string()) {
            // SAFETY: opening it runs no code of its own. The loader opens the same file, which is then the
            // same library.
            let library = unsafe { Library::new(test_driver::library()) };
            let library = library.unwrap_or_else(|error| panic!("the test driver: {error}"));
            self.bind_main_device();
            story(&Hardware::new(self, library, "wayfence_test_driver"));
            return;
        }
        child::run_test(test, self.environment());
    }
}

impl hardware::Driver for Manner {
    fn heeds_fences(self) -> bool {
        !matches!(self, Self::Nvidia | Self::Amdvlk)
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnvI915 => "anv-i915",
            Self::AnvXe => "anv-xe",
            Self::Nvidia => "nvidia",
            Self::PanvkPanthor => "panvk-panthor",
            Self::PowerVr => "powervr",
            Self::Amdvlk => "amdvlk",
        })
    }
}
