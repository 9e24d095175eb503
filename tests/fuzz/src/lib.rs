//! What compositors, applications and files may do to the layer, at random.
//!
//! A [`Target`] turns bytes into a story, the same for the same bytes, plays it, and panics if what must hold does
//! not. The bytes come from a corpus (`corpus/TARGET`, which every test run replays), from
//! proptest (`tests/random.rs`, some seconds of a fixed seed, or as long and of whatever seed one likes; `tests/layer.rs`
//! in the virtual machine), or from libFuzzer (`libfuzzer`, which `scripts/fuzz` builds and runs).
//!
//! | target | what is random | what must hold |
//! | --- | --- | --- |
//! | `feedback` | the events of dma-buf feedback, the bytes of the format table, and what its file is | what is well-formed counts, and nothing of it is trusted |
//! | `frames` | what an application does with a swapchain, and what a compositor does that breaks every rule but that of the wire | no panic, no hang, no descriptor left, and a fresh connection works |
//! | `chains` | `pNext` chains of instance, device and queries, on a driver that remembers what it gets | every structure that is not the layer's comes through, in its order |
//! | `report` | the bytes of a report | it is read, or refused with a line |
//! | `trace` | the bytes of a trace | the same, and what is read has a summary |
//! | `live` | a file of living swapchains, and what another process writes into it meanwhile | the same |
//!
//! `frames` plays on the library alone, with files in memory where dma-bufs would be: any machine can do that.
//! [`layer`] plays the same compositor against the layer itself, on a driver.

mod chains;
mod compositor;
mod feedback;
pub mod files;
pub mod frames;
pub mod layer;
pub mod replay;
mod source;

/// A story to be told in bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// What the folders of the corpus call it.
    pub name: &'static str,
    /// Plays it.
    ///
    /// # Panics
    /// If something does not hold.
    pub play: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "feedback",
        play: feedback::play,
    },
    Target {
        name: "frames",
        play: frames::play,
    },
    Target {
        name: "chains",
        play: chains::play,
    },
    Target {
        name: "report",
        play: files::report,
    },
    Target {
        name: "trace",
        play: files::trace,
    },
    Target {
        name: "live",
        play: files::live,
    },
];
