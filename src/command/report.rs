//! The layer's counters, for people.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use wayfence::report::{self, Summary, SwapchainReport};

/// `wayfence report FILE`.
pub fn print(file: &Path) -> ExitCode {
    let reports = match report::read(file) {
        Ok(reports) => reports,
        Err(error) => {
            eprintln!("wayfence: {error}");
            return ExitCode::from(2);
        }
    };
    if reports.is_empty() {
        eprintln!(
            "wayfence: {}: no swapchain: the layer was not loaded or stepped aside",
            file.display()
        );
        return ExitCode::from(1);
    }
    match write(io::stdout(), &reports) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wayfence: stdout: {error}");
            ExitCode::from(2)
        }
    }
}

/// Writes the summary.
///
/// # Errors
/// Those of the stream, but for a reader that has closed it.
pub fn write(mut stream: impl Write, reports: &[SwapchainReport]) -> io::Result<()> {
    match write!(stream, "{}", Summary(reports)) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
