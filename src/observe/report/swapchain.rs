//! The life of one swapchain, as a line of JSON.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::observe::{counters::Snapshot, latency::Latencies};
use crate::wayland::colour::Volume;

/// The life of one swapchain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapchainReport {
    /// The process.
    pub pid: u32,
    /// The file name of the running program.
    pub application: String,
    /// The Vulkan device, by the driver's own name for it.
    pub driver: String,
    /// The compositor, as far as it can be told.
    pub compositor: String,
    /// The way of synchronisation: `syncobj`, `explicit`, `implicit`, `cpu`.
    pub synchronisation: String,
    /// The Vulkan format, without its prefix.
    pub format: String,
    /// The DRM format modifier.
    pub modifier: u64,
    /// The Vulkan colour space, without prefix and suffix.
    pub color_space: String,
    /// The HDR metadata that the compositor has taken last.
    pub hdr_metadata: Option<Volume>,
    /// Width and height in pixels.
    pub extent: [u32; 2],
    /// The Vulkan present mode, without its prefix: `FIFO`, `MAILBOX`.
    pub present_mode: String,
    /// The number of images.
    pub image_count: u32,
    /// How long it took to make.
    pub creation: Creation,
    /// What happened.
    pub counters: Snapshot,
    /// How long frames took from present to pixels.
    #[serde(default)]
    pub latencies: Latencies,
}

/// How long `vkCreateSwapchainKHR` took to make a swapchain of what the surface offers, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creation {
    /// In all.
    pub all_ns: u64,
    /// In the driver, which makes the images, allocates their memory and exports it.
    pub images_ns: u64,
}

impl SwapchainReport {
    /// Appends the report to a file, which is created if need be, as one line of JSON.
    ///
    /// The line is one `write` to a file opened with `O_APPEND`, so that several processes, or
    /// several threads, can append to the same file without mixing their lines.
    ///
    /// # Errors
    /// [`Error::File`], also if the disk had room for only a part of the line.
    pub fn append(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.append_line(path).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
    }

    fn append_line(&self, path: &Path) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        loop {
            return match file.write(&line) {
                Ok(written) if written == line.len() => Ok(()),
                Ok(_) => Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }
}

/// The reports in a file, in order. Empty lines are skipped.
///
/// # Errors
/// [`Error::File`] if it cannot be read, [`Error::MalformedReport`] if it holds anything else.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<SwapchainReport>> {
    let path = path.as_ref();
    let text = fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|reason| Error::MalformedReport {
                path: path.to_owned(),
                line: index + 1,
                reason: reason.to_string(),
            })
        })
        .collect()
}
