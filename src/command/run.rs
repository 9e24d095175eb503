//! `wayfence run`: an application on the layer, by its environment alone.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use tempfile::TempDir;

use super::arguments::Run;
use super::{layer, report, supervise, terminal::complain};

/// This command failed, as with env(1), nohup(1), timeout(1).
const OWN_FAILURE: u8 = 125;
/// APP exists and cannot be run.
const NOT_RUN: u8 = 126;
/// There is no APP.
const NOT_FOUND: u8 = 127;

/// Runs APP. Without a report to print, APP replaces this process, so that signals and exit status are APP's own.
pub fn run(options: &Run) -> ExitCode {
    let [app, arguments @ ..] = options.command.as_slice() else {
        return ExitCode::from(OWN_FAILURE);
    };
    let mut command = Command::new(app);
    command.args(arguments);
    let variables = if options.without {
        layer::environment_without(|name| env::var_os(name))
    } else {
        match layer::manifest_folder() {
            Ok(folder) => layer::environment(&folder, |name| env::var_os(name)),
            Err(error) => return failed(&error),
        }
    };
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    for (name, value) in [
        ("WAYFENCE_SYNC", &options.sync),
        ("WAYFENCE_LOG", &options.log),
    ] {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if let Some(file) = &options.trace {
        // APP may change its folder.
        match std::path::absolute(file) {
            Ok(file) => command.env("WAYFENCE_TRACE", file),
            Err(error) => return failed(&error),
        };
    }
    if options.report {
        return with_report(&mut command, app);
    }
    not_started(app, &command.exec())
}

/// Runs APP as a child, and prints the layer's counters when APP has ended.
fn with_report(command: &mut Command, app: &OsStr) -> ExitCode {
    let (folder, file) = match new_file() {
        Ok(made) => made,
        Err(error) => return failed(&error),
    };
    command.env("WAYFENCE_REPORT", &file);
    if env::var_os("WAYFENCE_LATENCY").is_none() {
        command.env("WAYFENCE_LATENCY", "1");
    }
    let status = match supervise::run(command) {
        Ok(status) => status,
        Err(error) => return not_started(app, &error),
    };
    if let Err(error) = print(&file) {
        complain(error);
    }
    // Before this process ends, which may be by a signal.
    drop(folder);
    supervise::end_like(status)
}

/// The layer appends to the file by its name: APP may start other processes, which do not inherit this one's
/// descriptors. Those that live longer find no folder in which to make it again.
fn new_file() -> io::Result<(TempDir, PathBuf)> {
    let folder = TempDir::with_prefix("wayfence-report-")?;
    let file = folder.path().join("swapchains");
    File::create_new(&file)?;
    Ok((folder, file))
}

fn print(file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let reports = report::all(file)?;
    if reports.is_empty() {
        complain(
            "the layer reports no swapchain: it stepped aside (--log info says why), or the application made none",
        );
        return Ok(());
    }
    Ok(report::write(&reports)?)
}

fn failed(error: &io::Error) -> ExitCode {
    complain(error);
    ExitCode::from(OWN_FAILURE)
}

fn not_started(app: &OsStr, error: &io::Error) -> ExitCode {
    complain(format_args!("{}: {error}", app.display()));
    ExitCode::from(match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_RUN,
    })
}
