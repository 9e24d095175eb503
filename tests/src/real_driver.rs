//! Mesa's GPU drivers without their hardware: `mesa-drm-shim` plays the device, and the library of
//! `tests/device` the kernel's side of it.
//!
//! Both are preloaded, so a test of one of these drivers runs in a process of its own, which
//! [`RealDriver::run`] starts. There it has a [`Hardware`]: it lets the GPU's work stand still and go on,
//! and reads what the driver asked of the kernel.

use std::ffi::c_int;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt};

use libloading::os::unix::Library;
use rustix::fs::{MemfdFlags, fstat, memfd_create};
use serde::Deserialize;
use wayfence::sync_file::SyncFile;

use crate::build::built;
use crate::environment;

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

/// The driver that runs this process.
const DRIVER: &str = "WAYFENCE_TEST_REAL_DRIVER";

impl RealDriver {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Radv, Self::Turnip, Self::Nvk, Self::Honeykrisp];

    /// Its shim, its manifest, and the variable that says which device there is, with one that is common.
    fn parts(
        self,
    ) -> (
        &'static str,
        &'static str,
        Option<(&'static str, &'static str)>,
    ) {
        match self {
            Self::Radv => ("amdgpu", "radeon", Some(("AMDGPU_GPU_ID", "NAVI31"))),
            Self::Turnip => ("freedreno", "freedreno", Some(("FD_GPU_ID", "740"))),
            Self::Nvk => ("nouveau", "nouveau", Some(("NOUVEAU_CHIPSET", "0x172"))),
            Self::Honeykrisp => ("asahi", "asahi", None),
        }
    }

    /// What the names of its devices begin with, or hold.
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

    /// Runs a story of a test on this driver, in another process, which runs this test alone and comes here
    /// again.
    ///
    /// # Panics
    /// If the story does.
    pub fn run(self, kernel: Kernel, test: &str, story: impl FnOnce(&Hardware)) {
        if env::var(DRIVER).is_ok_and(|driver| driver == self.to_string()) {
            story(&Hardware::new(self, kernel));
            return;
        }
        let program = env::current_exe().expect("/proc/self/exe");
        let status = Command::new(program)
            .args([test, "--exact", "--include-ignored", "--nocapture"])
            .envs(self.environment(kernel))
            .status()
            .expect("a process can be started");
        assert!(status.success(), "{test} on {self}: {status}");
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

/// How much of the kernel there is.
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

/// The device of this process that is not there.
pub struct Hardware {
    /// Whose it is.
    pub driver: RealDriver,
    process: Library,
    log: OwnedFd,
}

/// What the driver asked of the kernel: see `tests/device/src/log.rs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A device was opened.
    Opened,
    /// A buffer was made.
    Created {
        /// Which file of the device it belongs to.
        file: u32,
        /// Its name there.
        handle: u32,
        /// In bytes.
        size: u64,
        /// As the driver's interface has them.
        flags: u64,
    },
    /// A buffer's dma-buf was given out.
    Exported {
        /// Which file of the device it belongs to.
        file: u32,
        /// Its name there.
        handle: u32,
        /// The dma-buf's inode.
        dma_buf: u64,
    },
    /// A dma-buf came in.
    Imported {
        /// Which file of the device it belongs to.
        file: u32,
        /// Its name there.
        handle: u32,
        /// The dma-buf's inode.
        dma_buf: u64,
    },
    /// A buffer was given up.
    Closed,
    /// Work was handed over.
    Submitted(Submitted),
}

/// Work that was handed over.
#[derive(Clone, Debug, Deserialize)]
pub struct Submitted {
    /// Its flags, as the driver's interface has them.
    pub flags: u64,
    /// How many buffers it uses.
    pub listed: usize,
    /// Those that have a dma-buf.
    pub shared: Vec<Used>,
    /// Of how many buffers fences were waited for, by the kernel's rules.
    pub implicit: usize,
    /// Whether it was not done at once.
    pub pending: bool,
}

/// A buffer that work uses.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Used {
    /// The dma-buf's inode.
    pub dma_buf: u64,
    /// Whose fences on it are waited for: `nobody`, `writers`, `everybody` or `everybody_else`.
    pub waits: String,
    /// As what the work's fence is on it: `read`, `write` or nothing.
    pub leaves: Option<String>,
}

impl Hardware {
    fn new(driver: RealDriver, kernel: Kernel) -> Self {
        let log = memfd_create("device", MemfdFlags::CLOEXEC).expect("memfd_create");
        let path = format!("/proc/self/fd/{}", log.as_raw_fd());
        environment::set([("WAYFENCE_TEST_DEVICE_LOG".to_owned(), path)]);
        let process = Library::this();
        if kernel == Kernel::Complete {
            // SAFETY: it is only looked for.
            let hold = unsafe { process.get::<extern "C" fn()>(b"wayfence_test_device_hold\0") };
            hold.expect("the library of tests/device is preloaded");
        }
        Self {
            driver,
            process,
            log,
        }
    }

    /// What is submitted from now on is not done before the hold is dropped; after ten seconds the kernel
    /// gives it up.
    pub fn hold(&self) -> Hold<'_> {
        self.call(b"wayfence_test_device_hold\0");
        Hold(self)
    }

    /// For what a compositor on the same device waits that leaves waiting to the kernel and reads this
    /// dma-buf; `None` if for nothing.
    pub fn reader_waits(&self, dma_buf: impl AsFd) -> Option<SyncFile> {
        // SAFETY: the function of this name has this type, and borrows the descriptor for the call.
        let fd = unsafe {
            let ask = self
                .process
                .get::<unsafe extern "C" fn(c_int) -> c_int>(b"wayfence_test_device_reader_waits\0")
                .expect("the library of tests/device is preloaded");
            ask(dma_buf.as_fd().as_raw_fd())
        };
        // SAFETY: the answer is a new descriptor, or -1.
        (fd >= 0).then(|| SyncFile::from(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Everything that the driver has asked for, in order.
    pub fn log(&self) -> Vec<Event> {
        let mut text = String::new();
        let path = format!("/proc/self/fd/{}", self.log.as_raw_fd());
        File::open(&path)
            .and_then(|mut file| {
                file.rewind()?;
                file.read_to_string(&mut text)
            })
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        text.lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
            })
            .collect()
    }

    /// The flags with which the buffer of this dma-buf was created; amdgpu's domains are in the upper half.
    ///
    /// # Panics
    /// If it is none of the driver's.
    pub fn flags_of(&self, dma_buf: impl AsFd) -> u64 {
        let wanted = inode(dma_buf);
        let log = self.log();
        let of = log.iter().enumerate().find_map(|(at, event)| match event {
            Event::Exported {
                file,
                handle,
                dma_buf,
            } if *dma_buf == wanted => Some((at, *file, *handle)),
            _ => None,
        });
        let (at, file, handle) = of.expect("the driver has exported it");
        log[..at]
            .iter()
            .rev()
            .find_map(|event| match event {
                Event::Created {
                    file: of,
                    handle: name,
                    flags,
                    ..
                } if (*of, *name) == (file, handle) => Some(*flags),
                _ => None,
            })
            .expect("the driver has made it")
    }

    /// What was submitted since the log had so many lines.
    pub fn submitted_since(&self, lines: usize) -> Vec<Submitted> {
        let log = self.log();
        log.into_iter()
            .skip(lines)
            .filter_map(|event| match event {
                Event::Submitted(submitted) => Some(submitted),
                _ => None,
            })
            .collect()
    }

    fn call(&self, name: &[u8]) {
        // SAFETY: the functions called by name here take and give nothing.
        unsafe {
            let function = self
                .process
                .get::<extern "C" fn()>(name)
                .expect("the library of tests/device is preloaded");
            function();
        }
    }
}

/// The GPU's work stands still.
pub struct Hold<'a>(&'a Hardware);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.call(b"wayfence_test_device_finish\0");
    }
}

/// A dma-buf's inode, by which the log knows it.
pub fn inode(dma_buf: impl AsFd) -> u64 {
    fstat(dma_buf).expect("a descriptor that is open").st_ino
}
