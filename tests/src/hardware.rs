//! Hardware that is not there: a test can stop and continue its work, and reads the driver's calls to the
//! kernel.
//!
//! A library in this process plays it: that of `tests/device` for Mesa's drivers ([`crate::real_driver`]), or
//! the driver of `tests/driver` in another driver's manner ([`crate::manner`]).

use std::ffi::c_int;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use libloading::os::unix::Library;
use rustix::fs::{MemfdFlags, fstat, memfd_create};
use serde::Deserialize;
use wayfence::sync_file::SyncFile;

use crate::environment;

/// A driver whose hardware can be played.
pub trait Driver: Copy {
    /// Whether compositors on the same device wait for fences on the dma-bufs of this driver's images.
    fn heeds_fences(self) -> bool;
}

/// The played device of this process.
pub struct Hardware<D> {
    /// Its driver.
    pub driver: D,
    library: Library,
    /// The prefix of the names of the library's functions.
    prefix: &'static str,
    log: OwnedFd,
}

/// A call of the driver to the kernel: see `tests/device/src/log.rs`.
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
    /// A buffer was closed.
    Closed,
    /// Work was submitted.
    Submitted(Submitted),
}

/// Submitted work.
#[derive(Clone, Debug, Deserialize)]
pub struct Submitted {
    /// Its flags, as the driver's interface has them.
    pub flags: u64,
    /// How many buffers it uses.
    pub listed: usize,
    /// Those that have a dma-buf.
    pub shared: Vec<Used>,
    /// For how many buffers the kernel made it wait for fences.
    pub implicit: usize,
    /// Whether it was still pending after the submission.
    pub pending: bool,
}

/// A buffer that work uses.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Used {
    /// The dma-buf's inode.
    pub dma_buf: u64,
    /// Whose fences on it are waited for: `nobody`, `writers`, `everybody` or `everybody_else`.
    pub waits: String,
    /// The kind of access for which the work's fence is on it: `read`, `write` or none.
    pub leaves: Option<String>,
}

impl<D: Driver> Hardware<D> {
    /// The hardware that this library plays, by the prefix of its functions' names. To be called before
    /// anything in this process opens the driver.
    pub fn new(driver: D, library: Library, prefix: &'static str) -> Self {
        let log = memfd_create("device", MemfdFlags::CLOEXEC).expect("memfd_create");
        let path = format!("/proc/self/fd/{}", log.as_raw_fd());
        environment::set([("WAYFENCE_TEST_DEVICE_LOG".to_owned(), path)]);
        Self {
            driver,
            library,
            prefix,
            log,
        }
    }

    /// Work submitted from now on is not done before the hold is dropped; after ten seconds the kernel ends it.
    pub fn hold(&self) -> Hold<'_> {
        self.call("hold");
        Hold {
            library: &self.library,
            prefix: self.prefix,
        }
    }

    /// What a compositor on the same device would wait for if it reads this dma-buf and leaves waiting to the
    /// kernel; `None` if nothing.
    pub fn reader_waits(&self, dma_buf: impl AsFd) -> Option<SyncFile> {
        let name = format!("{}_reader_waits\0", self.prefix);
        // SAFETY: the function of this name has this type, and borrows the descriptor for the call.
        let fd = unsafe {
            let ask = self
                .library
                .get::<unsafe extern "C" fn(c_int) -> c_int>(name.as_bytes())
                .expect("the library plays hardware");
            ask(dma_buf.as_fd().as_raw_fd())
        };
        // SAFETY: the answer is a new descriptor, or -1.
        (fd >= 0).then(|| SyncFile::from(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// All calls of the driver, in order.
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
    /// If it is not of a buffer of the driver's.
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

    /// The work submitted after so many lines of the log.
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

    fn call(&self, name: &str) {
        call(&self.library, self.prefix, name);
    }
}

/// Holds the GPU's work.
pub struct Hold<'a> {
    library: &'a Library,
    prefix: &'static str,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        call(self.library, self.prefix, "finish");
    }
}

/// Calls a function of the library without parameters or result.
fn call(library: &Library, prefix: &str, name: &str) {
    let name = format!("{prefix}_{name}\0");
    // SAFETY: the functions called by name here have this type.
    unsafe {
        let function = library
            .get::<extern "C" fn()>(name.as_bytes())
            .expect("the library plays hardware");
        function();
    }
}

/// A dma-buf's inode, by which the log knows it.
pub fn inode(dma_buf: impl AsFd) -> u64 {
    fstat(dma_buf).expect("a descriptor that is open").st_ino
}
