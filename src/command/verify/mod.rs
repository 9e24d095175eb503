//! `wayfence verify`: whether synchronisation is exact on this machine.
//!
//! A window of its own on the running compositor, drawn by the real driver through the layer, is looked at
//! from outside of the layer: by what passes between it and the compositor ([`wire`]), by the fences of the
//! driver, and by the kernel's. The examination runs in a process of its own ([`examiner`]), since drivers
//! may die; it asks one question after the other ([`examination`]), and this prints what it found.

mod event;
mod examination;
mod examiner;
mod finding;
mod machine;
mod progress;
mod question;
mod report;
mod scene;
mod text;
mod wire;

use std::path::Path;
use std::process::ExitCode;

pub use examiner::examine;
use report::Report;

use super::terminal::{self, complain};

/// What is printed.
pub struct Options<'a> {
    /// JSON, not a table.
    pub json: bool,
    /// Where the report is kept, too.
    pub output: Option<&'a Path>,
}

/// Examines, prints, and answers the report's exit status.
pub fn run(options: &Options<'_>) -> ExitCode {
    let report = match examiner::run() {
        Ok(report) => report,
        Err(error) => return failed(&error),
    };
    if let Some(path) = options.output
        && let Err(error) = report.save(path)
    {
        return failed(&format!("{}: {error}", path.display()));
    }
    let written = match options.json {
        true => terminal::print(&report.to_json()),
        false => text::table(&report).and_then(|()| match options.output {
            Some(path) => text::kept(path),
            None => Ok(()),
        }),
    };
    match written {
        Ok(()) => ExitCode::from(report.exit_status()),
        Err(error) => failed(&format!("stdout: {error}")),
    }
}

/// Prints what a file holds, with what each line means.
pub fn explain(path: &Path) -> ExitCode {
    let report = match Report::load(path) {
        Ok(report) => report,
        Err(error) => return failed(&format!("{}: {error}", path.display())),
    };
    match text::explanation(&report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("stdout: {error}")),
    }
}

fn failed(error: &str) -> ExitCode {
    complain(error);
    ExitCode::from(2)
}
