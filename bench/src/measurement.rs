//! The meter's measurement of one process: written by the meter, read by the benchmark.

use serde::{Deserialize, Serialize};

/// The variable that names the file to which the meter writes a [`Measurement`].
pub const FILE: &str = "WAYFENCE_METER_FILE";
/// The variable with the number of presents to let pass before it measures.
pub const WARM_UP: &str = "WAYFENCE_METER_WARM_UP";
/// The variable with the number of frames that it measures.
pub const FRAMES: &str = "WAYFENCE_METER_FRAMES";
/// The variable that names the file to which strace writes the system calls of the measured frames, with marks
/// around the measured calls.
pub const TRACE: &str = "WAYFENCE_METER_TRACE";

/// What the meter writes to an invalid descriptor where a measured acquire begins.
pub const MARK_ACQUIRE: &str = "wayfence-meter: acquire";
/// The same for a present.
pub const MARK_PRESENT: &str = "wayfence-meter: present";
/// The same where either ends.
pub const MARK_END: &str = "wayfence-meter: end";

/// One process. Times are in nanoseconds.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Measurement {
    /// The file that has the `vkAcquireNextImageKHR` below the meter: the layer's or the driver's.
    pub below: String,
    /// Every acquire of the measured frames that got an image.
    pub acquires: Vec<Call>,
    /// Every present of the measured frames.
    pub presents: Vec<Call>,
    /// The time from the first measured frame's acquire to the last one's present.
    pub wall: u64,
    /// What the whole process spent on the CPU in that time, in all threads, in user and kernel mode.
    pub cpu: u64,
    /// Each `vkCreateSwapchainKHR` that succeeded.
    pub creations: Vec<Creation>,
    /// Each query of a surface.
    pub queries: Vec<Query>,
    /// After the last measured frame: resident memory in bytes.
    pub resident: u64,
    /// After the last measured frame: open descriptors.
    pub descriptors: u64,
    /// Where the calling thread allocated in the measured calls, by stack; empty unless the meter is
    /// preloaded.
    pub allocations: Vec<Allocations>,
}

/// One call.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub struct Call {
    /// How long it took.
    pub wall: u64,
    /// What its thread spent on the CPU.
    pub cpu: u64,
}

/// One `vkCreateSwapchainKHR`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Creation {
    /// Whether it replaced another swapchain.
    pub replaces: bool,
    /// How long it took.
    pub wall: u64,
    /// How much of that the driver took to make the images, from the layer's report.
    #[serde(default)]
    pub images: Option<u64>,
}

/// One query of a surface.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Query {
    /// The command's name.
    pub command: String,
    /// How long it took.
    pub wall: u64,
}

/// Allocations with the same stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Allocations {
    /// How many.
    pub count: u64,
    /// Where, from the allocator outwards.
    pub stack: Vec<Place>,
}

/// One place in the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file that was loaded.
    pub module: String,
    /// The offset in the file, as `addr2line` takes it.
    pub offset: u64,
}
