//! The outcome of a case.

use std::fmt;

/// The rule holds, or does not apply.
pub type Outcome = Result<(), NotSupported>;

/// Why there is nothing to test.
#[derive(Debug)]
pub struct NotSupported {
    /// What this is called.
    kind: &'static str,
    reason: String,
}

/// What a case needs is not there.
pub const NOT_SUPPORTED: &str = "not supported";
/// What a case looks at is not played.
pub const NOT_APPLICABLE: &str = "not applicable";

impl NotSupported {
    /// With this reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self {
            kind: NOT_SUPPORTED,
            reason: reason.into(),
        }
    }

    /// Without hardware there is nothing to look at, for this reason.
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self {
            kind: NOT_APPLICABLE,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for NotSupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.reason)
    }
}
