//! What a driver asked for, as lines of JSON.

use std::env;
use std::fs::File;
use std::io::Write;
use std::sync::OnceLock;

use serde::Serialize;

use crate::wait::{Point, Waits};

/// A line. Files are numbered in the order in which they are opened; a dma-buf is known by its inode.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A device was opened.
    Opened {
        /// Which file it is from now on.
        file: u32,
        /// The kernel's driver.
        driver: &'a str,
    },
    /// A buffer was made.
    Created {
        /// In this file.
        file: u32,
        /// It is known there by this.
        handle: u32,
        /// In bytes.
        size: u64,
        /// As the driver's interface has them; amdgpu's domains are in the upper half.
        flags: u64,
    },
    /// A buffer's dma-buf was given out.
    Exported {
        /// Of this file.
        file: u32,
        /// This buffer.
        handle: u32,
        /// The dma-buf.
        dma_buf: Option<u64>,
    },
    /// A dma-buf came in.
    Imported {
        /// To this file.
        file: u32,
        /// As this buffer.
        handle: u32,
        /// The dma-buf.
        dma_buf: u64,
    },
    /// A buffer was given up.
    Closed {
        /// In this file.
        file: u32,
        /// It was known there by this.
        handle: u32,
    },
    /// Work was handed over.
    Submitted {
        /// To this file.
        file: u32,
        /// To this queue of it.
        queue: u64,
        /// As the driver's interface has them.
        flags: u64,
        /// How many buffers it uses.
        listed: usize,
        /// Those that have a dma-buf.
        shared: Vec<Used>,
        /// What it waits for by the driver's word.
        waits: &'a [Point],
        /// What it signals.
        signals: &'a [Point],
        /// Of how many buffers fences were waited for, by the kernel's rules.
        implicit: usize,
        /// Whether it was not done at once.
        pending: bool,
    },
}

/// A buffer that a submission uses.
#[derive(Serialize)]
pub struct Used {
    /// The buffer.
    pub handle: u32,
    /// Its dma-buf.
    pub dma_buf: u64,
    /// Whose fences on it are waited for, by the kernel's rules.
    pub waits: Waits,
    /// As what the submission's fence is on it: `read`, `write` or nothing.
    pub leaves: Option<&'static str>,
}

/// Writes a line, if anybody wants to read it.
pub fn write(event: &Event<'_>) {
    static LOG: OnceLock<Option<File>> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let path = env::var_os("WAYFENCE_TEST_DEVICE_LOG")?;
        let file = File::options().append(true).create(true).open(&path);
        Some(file.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    });
    if let Some(mut file) = log.as_ref() {
        let mut line = serde_json::to_string(event).expect("it has only names and numbers");
        line.push('\n');
        // One write, so that lines of several processes do not mix.
        file.write_all(line.as_bytes())
            .unwrap_or_else(|error| panic!("WAYFENCE_TEST_DEVICE_LOG: {error}"));
    }
}
