//! The outcome of a case.

use std::fmt;

/// The rule holds, or does not apply.
pub type Outcome = Result<(), NotSupported>;

/// Why there is nothing to test.
#[derive(Debug)]
pub struct NotSupported(String);

impl NotSupported {
    /// With this reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for NotSupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
