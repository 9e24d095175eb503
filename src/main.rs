//! The command `wayfence`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use wayfence::report::{self, Summary};

/// Exact synchronisation between Vulkan applications and Wayland compositors.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say what the layer counted: frames, fences, sync files, waits, times.
    ///
    /// Exits with 0; with 1 if FILE names no swapchain, which means that the layer never owned
    /// one; with 2 if FILE cannot be read.
    Report {
        /// What the layer wrote, one line of JSON a swapchain.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Report { file } => print_report(&file),
    }
}

fn print_report(file: &Path) -> ExitCode {
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
    match write!(io::stdout(), "{}", Summary(&reports)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wayfence: stdout: {error}");
            ExitCode::from(2)
        }
    }
}
