//! What is seen of frames: counters, the report made of them, who reads them while they count, and the trace.
//!
//! A frame leaves its times and fences here; nothing here holds it up. Knows the kernel's sync_files, and how a
//! release is waited for.

pub mod counters;
pub mod latency;
pub mod live;
pub mod report;
pub mod trace;
