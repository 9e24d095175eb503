//! Mesa's GPU drivers without their hardware: `mesa-drm-shim` plays the device, and the library of
//! `tests/device` the kernel's side of it.
//!
//! Both are preloaded, so a test of one of these drivers runs in a process of its own, which
//! [`RealDriver::run`] starts. There it has a [`Hardware`].

use std::path::{Path, PathBuf};
use std::{env, fmt};

use libloading::os::unix::Library;

use crate::build::built;
use crate::{child, hardware};

/// The played device of this process.
pub type Hardware = hardware::Hardware<RealDriver>;

/// A driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealDriver {
    /// AMD's, on amdgpu.
    Radv,
    /// Qualcomm's, on msm.
    Turnip,
    /// NVIDIA's, on nouveau.
    Nvk,
    /// Apple's, on asahi.
    Honeykrisp,
}

/// The driver of this process.
const DRIVER: &str = "WAYFENCE_TEST_REAL_DRIVER";

impl RealDriver {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Radv, Self::Turnip, Self::Nvk, Self::Honeykrisp];

    /// Its shim, its manifest, and the variable that names the device, with a common value.
    fn parts(
        self,
    ) -> (
        &'static str,
        &'static str,
        Option<(&'static str, &'static str)>,
    ) {
        match self {
            Self::Radv => ("amdgpu", "radeon", Some(("AMDGPU_GPU_ID", "NAVI31"))),
            Self::Turnip => ("freedreno", "freedreno", Some(("FD_GPU_ID", "750"))),
            Self::Nvk => ("nouveau", "nouveau", Some(("NOUVEAU_CHIPSET", "0x172"))),
            Self::Honeykrisp => ("asahi", "asahi", None),
        }
    }

    /// What the names of its devices contain.
    pub fn device_name(self) -> &'static str {
        match self {
            Self::Radv => "RADV NAVI31",
            Self::Turnip => "Turnip",
            Self::Nvk => "NVK",
            Self::Honeykrisp => "Apple",
        }
    }

    /// The variables with which a process runs on it.
    ///
    /// # Panics
    /// If this machine has no mesa-drm-shim: scripts/test runs these tests where there is one.
    pub fn environment(self, kernel: Kernel) -> Vec<(String, String)> {
        let (shim, manifest, device) = self.parts();
        let shim = found(
            &[
                "/usr/lib/x86_64-linux-gnu",
                "/usr/lib/aarch64-linux-gnu",
                "/usr/lib64",
            ],
            &format!("lib{shim}_noop_drm_shim.so"),
        );
        let manifest = found(
            &["/usr/share/vulkan/icd.d"],
            &format!("{manifest}_icd.json"),
        );
        let preload = match kernel {
            Kernel::Complete => format!("{} {}", library().display(), shim.display()),
            Kernel::Shim => shim.display().to_string(),
        };
        let mut variables = vec![
            ("LD_PRELOAD".to_owned(), preload),
            ("VK_DRIVER_FILES".to_owned(), manifest.display().to_string()),
            (DRIVER.to_owned(), self.to_string()),
        ];
        variables.extend(device.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables
    }

    /// Runs the body of a test on this driver, in another process, which runs this test alone and comes here
    /// again.
    ///
    /// # Panics
    /// If the story does.
    pub fn run(self, kernel: Kernel, test: &str, story: impl FnOnce(&Hardware)) {
        if env::var(DRIVER).is_ok_and(|driver| driver == self.to_string()) {
            story(&self.hardware(kernel));
            return;
        }
        child::run_test(test, self.environment(kernel));
    }

    fn hardware(self, kernel: Kernel) -> Hardware {
        const PREFIX: &str = "wayfence_test_device";
        let process = Library::this();
        if kernel == Kernel::Complete {
            // SAFETY: it is only looked for.
            let hold = unsafe { process.get::<extern "C" fn()>(b"wayfence_test_device_hold\0") };
            hold.expect("the library of tests/device is preloaded");
        }
        Hardware::new(self, process, PREFIX)
    }
}

impl hardware::Driver for RealDriver {
    fn heeds_fences(self) -> bool {
        true
    }
}

impl std::str::FromStr for RealDriver {
    type Err = String;

    /// By its name, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|driver| driver.to_string().eq_ignore_ascii_case(text))
            .ok_or_else(|| "radv, turnip, nvk or honeykrisp".to_owned())
    }
}

impl fmt::Display for RealDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Radv => "RADV",
            Self::Turnip => "Turnip",
            Self::Nvk => "NVK",
            Self::Honeykrisp => "Honeykrisp",
        })
    }
}

/// How much of the kernel is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// With buffers, fences and submissions.
    Complete,
    /// What mesa-drm-shim has by itself: no dma-bufs.
    Shim,
}

/// The library of `tests/device`.
///
/// # Panics
/// If it was not built.
pub fn library() -> PathBuf {
    let library = built("libwayfence_test_device.so");
    assert!(
        library.is_file(),
        "{}: no such file: `cargo build -p wayfence-test-device` builds it",
        library.display()
    );
    library.canonicalize().expect("it exists")
}

/// A file in one of these folders.
fn found(folders: &[&str], name: &str) -> PathBuf {
    folders
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name}: in none of {folders:?}: Debian has it in mesa-drm-shim and mesa-vulkan-drivers"))
}
