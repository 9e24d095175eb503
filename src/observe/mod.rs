//! What can be observed of frames: counters, the report made of them, their view from other processes while
//! they count, and the trace.
//!
//! A frame records its times and fences here and never waits for that. Knows the kernel's sync_files, and how a
//! release is waited for.

pub mod counters;
pub mod latency;
pub mod live;
pub mod report;
pub mod trace;
