//! The trace: what happened to each frame, and when.
//!
//! A frame is recorded where it passes ([`Trace`]): acquire, commit, present, release, and what the
//! compositor says of when it was shown. A record is a few numbers, and a duplicate of a sync_file where
//! fences changed hands; it goes into a ring of fixed size, without a lock and without memory being
//! allocated. If the ring is full the record is dropped and counted. A thread of its own empties the
//! ring, looks when the fences really signalled, and writes the file ([`Tracer`]).
//!
//! [`Timeline`] reads a file, [`Summary`] tells what it says.
//!
//! The format is Chrome's ("Trace Event Format", the JSON array), which both Perfetto's viewer and
//! `chrome://tracing` open. It is a list of small objects: serde_json, which is here already, writes
//! it, and other programs read it without knowing us. The crates that write traces (those of `tracing`'s
//! subscribers, and Perfetto's own) serialise in the thread that records, or have a service do it.
//! What our own reader needs is in the `args` of the events.

mod clock;
mod event;
mod file;
mod format;
mod recorder;
mod ring;
#[cfg(test)]
mod scratch;
mod scribe;
mod summary;
mod timeline;
mod tracer;
mod watched;

pub(crate) use clock::of_system;
pub use clock::{monotonic, now, on_clock};
pub use event::{Cause, Waited};
pub use recorder::{AcquireCall, Trace};
pub(crate) use recorder::{CommitRecord, FrameTrace};
pub use summary::{Culprit, Percentiles, Summary};
pub use timeline::{
    Acquire, Fence, Frame, Outcome, Release, Shown, Span, SwapchainTimeline, Timeline, read,
};
pub use tracer::Tracer;

#[cfg(test)]
mod tests;
