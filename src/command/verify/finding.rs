//! An answer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::question::Question;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What was asked.
    pub question: Question,
    /// The answer.
    pub verdict: Verdict,
    /// What it rests on, or why there is none.
    pub why: String,
    /// What was measured, in milliseconds.
    #[serde(default)]
    pub measured_ms: BTreeMap<String, f64>,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It cannot be told.
    Untold,
}

impl Finding {
    /// It holds.
    pub fn pass(question: Question, why: impl Into<String>) -> Self {
        Self::new(question, Verdict::Pass, why.into())
    }

    /// It does not.
    pub fn fail(question: Question, why: impl Into<String>) -> Self {
        Self::new(question, Verdict::Fail, why.into())
    }

    /// It cannot be told.
    pub fn untold(question: Question, why: impl Into<String>) -> Self {
        Self::new(question, Verdict::Untold, why.into())
    }

    /// With what was measured.
    pub fn with(mut self, name: &str, time: Duration) -> Self {
        // Microseconds are what a clock of a CPU can tell.
        let milliseconds = (time.as_secs_f64() * 1e6).round() / 1e3;
        self.measured_ms.insert(name.to_owned(), milliseconds);
        self
    }

    /// This.
    pub fn new(question: Question, verdict: Verdict, why: String) -> Self {
        Self {
            question,
            verdict,
            why,
            measured_ms: BTreeMap::new(),
        }
    }
}
