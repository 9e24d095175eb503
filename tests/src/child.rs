//! `wayfence-probe` and other programs, run on the layers that a test chooses.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::layers;

/// A command that runs a program on these layers, from the application down.
pub fn on(program: impl AsRef<std::ffi::OsStr>, layers: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .env_remove("DISABLE_WAYFENCE")
        .env_remove("WAYFENCE_REPORT")
        .envs(layers::environment(layers));
    command
}

/// `wayfence-probe`.
///
/// # Panics
/// If it was not built.
pub fn probe() -> PathBuf {
    // nextest names it when the build has been moved; otherwise it is beside the tests.
    if let Some(path) = env::var_os("NEXTEST_BIN_EXE_wayfence_probe") {
        return path.into();
    }
    let test = env::current_exe().expect("/proc/self/exe");
    let path = test
        .parent()
        .and_then(std::path::Path::parent)
        .expect("cargo's deps lie in a profile's directory")
        .join("wayfence-probe");
    assert!(path.is_file(), "{}: no such file", path.display());
    path
}

/// A command that runs this program again, with these variables more.
///
/// # Panics
/// Without `/proc`.
pub fn again(variables: impl IntoIterator<Item = (String, String)>) -> Command {
    let mut command = Command::new(env::current_exe().expect("/proc/self/exe"));
    command.envs(variables);
    command
}

/// Runs one test of this program, and no other, in a process of its own with these variables more.
///
/// # Panics
/// If the test fails there.
pub fn run_test(test: &str, variables: impl IntoIterator<Item = (String, String)>) {
    let status = again(variables)
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .status()
        .expect("a process can be started");
    assert!(status.success(), "{test}: {status}");
}

/// What a command prints, once it has succeeded.
///
/// # Panics
/// If it fails.
pub fn stdout_of(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    assert!(
        status.success(),
        "{command:?}: {status}\n{stdout}\n{}",
        String::from_utf8_lossy(&stderr)
    );
    stdout
}

/// The lines that only one of two texts has, marked with `-` and `+`.
pub fn difference(without: &str, with: &str) -> Vec<String> {
    let only = |these: &str, those: &str, mark: char| -> Vec<String> {
        these
            .lines()
            .filter(|line| !those.lines().any(|other| other == *line))
            .map(|line| format!("{mark} {line}"))
            .collect()
    };
    let mut lines = only(without, with, '-');
    lines.extend(only(with, without, '+'));
    lines
}
