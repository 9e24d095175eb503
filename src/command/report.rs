//! The layer's counters, for people.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use wayfence::error::Error;
use wayfence::live;
use wayfence::report::{self, Summary, SwapchainReport};

use super::terminal::{self, complain};

/// `wayfence report FILE`.
pub fn print(file: &Path) -> ExitCode {
    let reports = match all(file) {
        Ok(reports) => reports,
        Err(error) => {
            complain(error);
            return ExitCode::from(2);
        }
    };
    if reports.is_empty() {
        complain(format_args!(
            "{}: no swapchain: the layer was not loaded or stepped aside",
            file.display()
        ));
        return ExitCode::from(1);
    }
    match write(&reports) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("stdout: {error}"));
            ExitCode::from(2)
        }
    }
}

/// What is in the file, and what is going to be: swapchains that live, or whose process was killed.
///
/// # Errors
/// Those of reading the file.
pub fn all(file: &Path) -> wayfence::error::Result<Vec<SwapchainReport>> {
    let unwritten = match live::folder().and_then(|folder| live::unwritten(&folder, file)) {
        Ok(unwritten) => unwritten,
        // Where there is no session there is nobody to be left out.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            complain(format_args!(
                "swapchains that still live are left out: {error}"
            ));
            Vec::new()
        }
    };
    let mut reports = match report::read(file) {
        // It is made with the first swapchain that ends.
        Err(Error::File { source, .. })
            if source.kind() == io::ErrorKind::NotFound && !unwritten.is_empty() =>
        {
            Vec::new()
        }
        read => read?,
    };
    reports.extend(unwritten);
    Ok(reports)
}

/// Writes the summary.
///
/// # Errors
/// Those of the stream, but for a reader that has closed it.
pub fn write(reports: &[SwapchainReport]) -> io::Result<()> {
    terminal::print(&Summary(reports).to_string())
}
