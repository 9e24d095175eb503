//! Parts of the examination that may hang or crash, each in a process of its own: a driver that dies
//! must not take the doctor with it.

use std::env;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::compositor::Compositor;
use super::looked::Looked;
use super::vulkan::Vulkan;

/// A part of the examination.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Part {
    /// The compositor.
    Compositor,
    /// Loader, layer and driver.
    Vulkan,
}

/// How long a part may take: a software renderer on an emulated processor takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(120);

/// In the process of its own: looks, prints what it found as one line of JSON, and ends the process.
pub fn look(part: Part) -> ! {
    match part {
        Part::Compositor => answer(Compositor::look()),
        Part::Vulkan => answer(Vulkan::look()),
    }
    // SAFETY: the answer has been written. What drivers and layers would do at exit is left out: some
    // crash, and that is not what was asked about.
    unsafe { libc::_exit(0) }
}

fn answer<T: Serialize>(found: Result<T, String>) {
    let found = Looked::from(found);
    // Drivers may print, too: the last line is the answer.
    let line = serde_json::to_string(&found).expect("plain structures become JSON");
    // The doctor sees a missing answer.
    let _ = write!(io::stdout(), "\n{line}\n").and_then(|()| io::stdout().flush());
}

/// Examines a part in a process with these variables. Answers the findings, and the process's standard error.
pub fn ask<T: DeserializeOwned>(part: Part, variables: &[(&str, String)]) -> (Looked<T>, String) {
    match run(part, variables) {
        Ok((found, log)) => (found, log),
        Err(error) => (Looked::Failed { error }, String::new()),
    }
}

fn run<T: DeserializeOwned>(
    part: Part,
    variables: &[(&str, String)],
) -> Result<(Looked<T>, String), String> {
    let name = part
        .to_possible_value()
        .expect("no part is skipped")
        .get_name()
        .to_owned();
    let failed = |error: io::Error| format!("{name}: {error}");
    // Files, not pipes: nothing has to read while the process runs.
    let mut output = tempfile::tempfile().map_err(failed)?;
    let mut errors = tempfile::tempfile().map_err(failed)?;
    let mut child = Command::new(env::current_exe().map_err(failed)?)
        .args(["probe", &name])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(failed)?)
        .stderr(errors.try_clone().map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if begin.elapsed() > LIMIT {
            child.kill().map_err(failed)?;
            child.wait().map_err(failed)?;
            return Err(format!("{name}: no answer within {} s", LIMIT.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = read(&mut output).map_err(failed)?;
    let log = read(&mut errors).map_err(failed)?;
    let found = text
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| Looked::Failed {
            error: format!("{name}: {}", last_words(status, &log)),
        });
    Ok((found, log))
}

fn read(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn last_words(status: std::process::ExitStatus, log: &str) -> String {
    match log.lines().last() {
        Some(line) => format!("{status}, after: {line}"),
        None => status.to_string(),
    }
}
