//! A trace in a few lines, and who is to blame.
//!
//! [`Summary::of`] counts what the timeline holds; [`verdict`] compares the waits and names who is to blame for
//! most of them.

mod count;
mod fences;
mod numbers;
mod percentiles;
mod verdict;
mod waits;

pub use numbers::{Culprit, Summary};
pub use percentiles::Percentiles;
