//! What other processes see of a living swapchain, and of one whose process was killed.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use wayfence_tests::installation::Installation;

/// An application that draws until it is ended.
const CUBE: [&str; 3] = ["vkcube", "--wsi", "wayland"];

/// `wayfence run --report -- vkcube`.
struct Running<'a> {
    here: &'a Installation,
    command: Child,
    /// The application's process.
    application: u32,
}

impl<'a> Running<'a> {
    /// Starts it, and waits until it draws.
    fn new(here: &'a Installation, options: &[&str]) -> Self {
        let script = r#"echo $$; exec "$0" "$@" >&2"#;
        let arguments = [&["run"], options, &["--", "sh", "-c", script], &CUBE].concat();
        let mut command = here
            .command(&arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(Unbuffered(command.stdout.as_mut().unwrap()))
            .read_line(&mut line)
            .unwrap();
        let application = line.trim().parse().unwrap();
        let this = Self {
            here,
            command,
            application,
        };
        this.row_in_which(|row| presents(row) >= 5);
        this
    }

    /// Waits for a row in which this is so.
    fn row_in_which(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            match self.row() {
                Some(row) if is_so(&row) => return row,
                row => assert!(begun.elapsed() < Duration::from_secs(60), "{row:?}"),
            }
        }
    }

    /// The row of the application in `wayfence top`.
    fn row(&self) -> Option<Value> {
        row(self.here, self.application)
    }

    /// Kills the application, and answers what the command prints. It ends by the same signal.
    fn killed(self, whom: u32, signal: Signal) -> String {
        send(whom, signal);
        let output = self.command.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(signal.as_raw()));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Reads a byte at a time, so that the rest stays unread.
struct Unbuffered<R>(R);

impl<R: std::io::Read> std::io::Read for Unbuffered<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let length = to.len().min(1);
        self.0.read(&mut to[..length])
    }
}

fn send(to: u32, signal: Signal) {
    let pid = Pid::from_raw(to as i32).expect("a process has a number");
    kill_process(pid, signal).unwrap();
}

/// The row of a process in `wayfence top`: its last swapchain.
fn row(here: &Installation, pid: u32) -> Option<Value> {
    let output = here.output(&["top", "--json", "--interval", "0.5"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}\n{}", String::from_utf8_lossy(&output.stderr));
    });
    assert_eq!(
        output.status.success(),
        rows.iter().any(|row| row["state"] == "living"),
        "{rows:?}"
    );
    rows.into_iter().rfind(|row| row["pid"] == pid)
}

fn presents(row: &Value) -> u64 {
    row["counters"]["presents"].as_u64().unwrap()
}

fn files_of(pid: u32) -> Vec<PathBuf> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").expect("a session has one");
    fs::read_dir(PathBuf::from(runtime).join("wayfence"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_else(|_| Vec::new())
        .into_iter()
        .filter(|path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.split('-').next() == Some(&pid.to_string())
        })
        .collect()
}

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs, and vkcube: scripts/test"]
fn an_application_is_watched_while_it_draws() {
    let here = Installation::new("watched");
    let running = Running::new(&here, &["--report"]);
    // The machine may stand still while a row is measured.
    let row = running.row_in_which(|row| {
        let rates = &row["rates"];
        rates["frames_per_second"].as_f64().unwrap() > 1.0
            && rates["acquire_mean_ns"]
                .as_u64()
                .is_some_and(|mean| mean > 0)
    });
    assert_eq!(row["state"], "living", "{row}");
    assert_eq!(row["application"], "vkcube", "{row}");
    let later = running.row_in_which(|later| presents(later) > presents(&row));
    assert_eq!(later["number"], row["number"]);
    let table = here.output(&["top", "--once"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("vkcube"), "{table}");
    let application = running.application;
    running.killed(application, Signal::KILL);
}

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs, and vkcube: scripts/test"]
fn the_report_survives_its_process() {
    let here = Installation::new("survives");
    for signal in [Signal::KILL, Signal::SEGV, Signal::INT] {
        let running = Running::new(&here, &["--report"]);
        let (own, application) = (running.command.id(), running.application);
        let before = presents(&running.row().unwrap());
        // Ctrl-C reaches the command, too.
        let whom = if signal == Signal::INT {
            own
        } else {
            application
        };
        let report = running.killed(whom, signal);
        let frames = report
            .lines()
            .find(|line| line.starts_with("frames"))
            .unwrap_or_else(|| panic!("{signal:?}: {report}"));
        let presented: u64 = frames
            .split_whitespace()
            .rev()
            .nth(1)
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("{frames}"));
        assert!(presented >= before, "{signal:?}: {before}: {report}");
        assert!(report.contains("vkcube"), "{report}");
        // It is shown as killed.
        let row = row(&here, application).expect("a killed process is remembered");
        assert_eq!(row["state"], "killed", "{row}");
        assert_eq!(row["rates"], Value::Null);
    }
}

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs, and vkcube: scripts/test"]
fn a_report_of_the_living_and_the_dead_counts_each_once() {
    let here = Installation::new("once");
    let file = here.root.join("report").display().to_string();
    let cube = |frames: &str| {
        let mut command = here.command(&["run", "--"]);
        command.args(CUBE).args(["--c", frames]);
        command.env("WAYFENCE_REPORT", &file);
        command
    };
    let mut first = cube("20").spawn().unwrap();
    assert!(first.wait().unwrap().success());
    assert!(files_of(first.id()).is_empty(), "its file has outlived it");
    let once = swapchains(&here, &file);
    let mut second = cube("100000").spawn().unwrap();
    let begin = Instant::now();
    while row(&here, second.id()).is_none_or(|row| presents(&row) < 5) {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "it does not draw"
        );
    }
    let living = swapchains(&here, &file);
    assert!(
        living > once,
        "{living} and {once}: the one that lives is missing"
    );
    second.kill().unwrap();
    second.wait().unwrap();
    assert_eq!(swapchains(&here, &file), living);
}

/// How many swapchains `wayfence report` shows.
fn swapchains(here: &Installation, file: &str) -> u32 {
    let output = here.output(&["report", file]);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("swapchains"))
        .map(|line| {
            line.split_whitespace()
                .next()
                .unwrap()
                .parse::<u32>()
                .unwrap()
        })
        .sum()
}

#[test]
fn top_without_an_application_exits_with_1() {
    let here = Installation::new("nobody");
    let top = |arguments: &[&str]| {
        let mut command: Command =
            here.command(&[&["top", "--interval", "0.1"], arguments].concat());
        command.env("XDG_RUNTIME_DIR", &here.root);
        command
    };
    let output = top(&["--once"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no application"));
    let output = top(&["--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        Value::Array(Vec::new())
    );
    let output = top(&["--once"])
        .env_remove("XDG_RUNTIME_DIR")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("XDG_RUNTIME_DIR"));
    let output = top(&["--interval", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
