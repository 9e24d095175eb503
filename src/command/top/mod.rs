//! `wayfence top`: every application on the layer, while it runs.

mod history;
mod screen;
mod table;

use std::{
    io::{self, Write},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use history::History;
use wayfence::live;

use super::{
    arguments::Top,
    terminal::{complain, json},
};

/// `wayfence top`.
pub fn run(options: &Top) -> ExitCode {
    let result = match options.once || options.json {
        true => once(options),
        false => screen::show(options.interval),
    };
    match result {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::from(2)
        }
    }
}

/// Two readings, and what is between them.
fn once(options: &Top) -> io::Result<ExitCode> {
    let folder = live::folder()?;
    let mut history = History::default();
    history.add(live::watch(&folder)?, Instant::now());
    thread::sleep(options.interval);
    history.add(live::watch(&folder)?, Instant::now());
    let mut stdout = io::stdout().lock();
    if options.json {
        write!(stdout, "{}", json(&history.rows()))?;
    } else if history.rows().is_empty() {
        complain(table::NOBODY);
    } else {
        table::write(&mut stdout, history.rows())?;
    }
    Ok(match history.rows().iter().any(history::Row::is_living) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(1),
    })
}

/// Seconds, as on the command line.
///
/// # Errors
/// It is no number of seconds from a tenth to an hour.
pub fn parse_interval(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.1..=3600.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "a number of seconds from 0.1 to 3600 is expected".to_owned())
}
