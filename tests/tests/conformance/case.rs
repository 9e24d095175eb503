//! What a case is, and what comes out of it.

use std::fmt;

use crate::stage::Stage;

/// A rule of the specification.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its module and function.
    pub name: &'static str,
    /// Panics where the rule is broken.
    pub run: fn(&Stage) -> Outcome,
}

/// The rule holds, or there is nothing to which it applies.
pub type Outcome = Result<(), NotSupported>;

/// Why there is nothing to test.
#[derive(Debug)]
pub struct NotSupported(String);

impl NotSupported {
    /// For this reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for NotSupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The cases of a module, in the order in which they are run.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        /// The cases of this module.
        pub const CASES: &[$crate::case::Case] = &[$($crate::case::Case {
            name: concat!(module_path!(), "::", stringify!($case)),
            run: $case,
        }),*];
    };
}
pub(crate) use cases;
