//! The machine that a test runs on, where it changes what can be judged.

use std::env;

/// Whether the processor is emulated (`scripts/vm`): all that takes its time takes many times as long there, and
/// nothing else does.
pub fn is_emulated() -> bool {
    env::var("WAYFENCE_MACHINE").is_ok_and(|machine| machine == "tcg")
}
