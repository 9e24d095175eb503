//! What the examining process tells the one that prints, a line of JSON each.

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::machine::Machine;
use super::question::Question;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// What is examined.
    Machine(Machine),
    /// This is being asked.
    Asks(Question),
    /// This was found.
    Found(Finding),
    /// Nothing more can be asked.
    Ended(String),
    /// All was asked.
    Done,
}
