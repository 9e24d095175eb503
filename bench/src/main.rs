//! `wayfence-bench`: the benchmark, on the compositor of this session. `scripts/bench` builds it and
//! runs it where there is one.

use std::process::ExitCode;

use clap::Parser;
use wayfence_bench::{application::Loop, benchmark::Settings, film::Film, hidden::Hidden};

/// Measures the layer against the driver's own swapchains.
#[derive(Debug, Parser)]
enum Command {
    /// Measure, and write the results.
    Run(Settings),
    /// The application that is measured: acquire, clear, present.
    Loop(Loop),
    /// Show a film on each side, and say how even it is.
    Film(Film),
    /// Hide a window on each side, show it again, and report the pace of its frames.
    Hidden(Hidden),
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Run(settings) => settings.run(),
        Command::Loop(application) => application.run(),
        Command::Film(film) => film.run(),
        Command::Hidden(hidden) => hidden.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wayfence-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
