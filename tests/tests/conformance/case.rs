//! A case.

use crate::{outcome::Outcome, stage::Stage};

/// A rule of the specification.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its module and function.
    pub name: &'static str,
    /// Panics where the rule is broken.
    pub run: fn(&Stage) -> Outcome,
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
