//! The process that examines, and the one that waits for it.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal};

use super::event::Event;
use super::examination;
use super::finding::{Finding, Verdict};
use super::machine::Machine;
use super::progress::Progress;
use super::question::Question;
use super::report::Report;
use crate::command::layer;

/// What a question may take: a software renderer on a busy machine takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(60);

/// In the process that examines: asks everything, and ends the process. `report` is the file of
/// `WAYFENCE_REPORT`.
pub fn examine(report: &Path) -> ! {
    // Whoever waits may be killed.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    examination::run(report, &mut |event| {
        // Drivers may print, too: ours are lines of their own.
        let line = serde_json::to_string(&event).expect("plain structures become JSON");
        let mut stdout = io::stdout();
        let _ = write!(stdout, "\n{line}\n").and_then(|()| stdout.flush());
    });
    // SAFETY: everything has been told. What drivers and layers would do at exit is left out: some crash, and
    // that is not what was asked about.
    unsafe { libc::_exit(0) }
}

/// Examines this machine in another process.
///
/// # Errors
/// If that cannot be started.
pub fn run() -> Result<Report, String> {
    let failed = |error: io::Error| error.to_string();
    let folder = layer::manifest_folder().map_err(failed)?;
    let told = tempfile::NamedTempFile::with_prefix("wayfence-verify-").map_err(failed)?;
    let mut errors = tempfile::tempfile().map_err(failed)?;
    let mut command = Command::new(env::current_exe().map_err(failed)?);
    for (name, value) in layer::environment(&folder, |name| env::var_os(name)) {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command
        .arg("examine")
        .arg(told.path())
        .env("WAYFENCE_REPORT", told.path())
        .env("WAYFENCE_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors.try_clone().map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let mut heard = Heard::default();
    let ended = heard.listen(&mut child);
    let log = read(&mut errors).unwrap_or_default();
    let ended_by = match ended {
        Ok(ended) => ended,
        Err(how) => Some(match log.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => format!("{how}, after: {line}"),
            None => how,
        }),
    };
    heard.say_why(&log);
    Ok(Report::of(heard.machine, heard.found, ended_by))
}

/// What was heard so far.
#[derive(Default)]
struct Heard {
    machine: Machine,
    found: Vec<Finding>,
}

impl Heard {
    /// Listens to the end. Answers what ended the examination early, if anything.
    ///
    /// # Errors
    /// How the process ended, if it ended without a word.
    fn listen(&mut self, child: &mut Child) -> Result<Option<String>, String> {
        let events = events(child);
        let progress = Progress::new();
        let mut asked = None;
        let how = loop {
            match events.recv_timeout(LIMIT) {
                Ok(Event::Machine(machine)) => self.machine = machine,
                Ok(Event::Asks(question)) => {
                    progress.asks(question, self.found.len());
                    asked = Some(question);
                }
                Ok(Event::Found(finding)) => {
                    self.found.push(finding);
                }
                Ok(Event::Ended(why)) => break Ok(Some(why)),
                Ok(Event::Done) => break Ok(None),
                Err(RecvTimeoutError::Timeout) => {
                    // It cannot be killed if it has ended by itself.
                    let _ = child.kill();
                    break Err(format!("no answer in {} s", LIMIT.as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => break Err(String::new()),
            }
        };
        drop(progress);
        let status = child.wait().map_err(|error| error.to_string())?;
        how.map_err(|how| {
            let how = match how.is_empty() {
                true => format!("the examining process ended: {status}"),
                false => how,
            };
            match asked {
                Some(question) => format!("{how} (asked: {})", Question::name(question)),
                None => how,
            }
        })
    }

    /// A layer that steps aside has said why.
    fn say_why(&mut self, log: &str) {
        let owner = self
            .found
            .iter_mut()
            .find(|found| found.question == Question::Owner && found.verdict == Verdict::Fail);
        let said = log
            .lines()
            .rfind(|line| line.contains("wayfence") || line.contains("Wayfence"));
        if let (Some(owner), Some(said)) = (owner, said) {
            owner.why = format!("{}; it said: {}", owner.why, said.trim());
        }
    }
}

fn events(child: &mut Child) -> Receiver<Event> {
    let (heard, events) = mpsc::channel();
    let stdout = child.stdout.take();
    thread::spawn(move || {
        let lines = stdout.map(|stdout| BufReader::new(stdout).lines());
        for line in lines.into_iter().flatten().map_while(Result::ok) {
            let Ok(event) = serde_json::from_str(&line) else {
                continue;
            };
            if heard.send(event).is_err() {
                break;
            }
        }
    });
    events
}

fn read(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
