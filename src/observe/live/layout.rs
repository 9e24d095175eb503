//! How a file of living swapchains is laid out.
//!
//! A head, then [`SLOTS`] slots of equal size, one for each swapchain. A slot's first word is its state. While that is
//! the number of a swapchain, the slot's text does not change; its counters do. Words are in the machine's own order:
//! the file never leaves the machine.

use serde::{Deserialize, Serialize};

use crate::observe::{counters::Counters, report::SwapchainReport};

/// The first words of the file: what it is, and in which version of this layout. Another build's counters differ.
pub const MAGIC: [u64; 2] = [
    u64::from_ne_bytes(*b"WAYFENCE"),
    ((Counters::WORDS as u64) << 32) | 1,
];

/// Where the word is, in bytes, that is not 0 once somebody watches: then calls are timed.
pub const WATCHED: usize = 16;

/// Where the first slot is, in bytes.
pub const FIRST_SLOT: usize = 4096;

/// As many swapchains of one process can be seen.
pub const SLOTS: usize = 64;

/// The size of a slot in bytes.
pub const SLOT: usize = 2048;

/// The size of the file in bytes.
pub const SIZE: usize = FIRST_SLOT + SLOTS * SLOT;

/// The state of a slot that nobody uses.
pub const FREE: u64 = 0;
/// The state of a slot whose swapchain is not to be seen: not made yet, or reported and gone.
pub const HIDDEN: u64 = 1;
/// The first swapchain's number.
pub const FIRST_NUMBER: u64 = 2;

/// Where in a slot the length of the text is, in bytes.
pub const LENGTH: usize = 8;
/// Where in a slot the counters are.
pub const COUNTERS: usize = 16;
/// Where in a slot the text is.
pub const TEXT: usize = 512;

const _: () = assert!(COUNTERS + size_of::<Counters>() <= TEXT);

/// A slot's text, in JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Text {
    /// The file to which the report is going to be appended, if to any; absolute.
    pub report_file: Option<std::path::PathBuf>,
    /// The swapchain when it was made.
    pub swapchain: SwapchainReport,
}
