//! Libraries that cargo has built beside the tests.

use std::env;
use std::path::PathBuf;

/// The path of a library of this workspace, in the profile's directory. The caller checks whether it exists.
///
/// # Panics
/// Without `/proc`.
pub fn built(library: &str) -> PathBuf {
    // target/PROFILE/deps/TEST, or target/PROFILE/wayfence-probe.
    let program = env::current_exe().expect("/proc/self/exe");
    let mut directory = program.parent().expect("a program lies in a directory");
    if directory.ends_with("deps") {
        directory = directory
            .parent()
            .expect("cargo's deps lie in a profile's directory");
    }
    directory.join(library)
}
