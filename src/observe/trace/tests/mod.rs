//! From records to the summary, without a compositor.

mod culprits;
mod file;
mod recording;
mod story;
mod summary;
