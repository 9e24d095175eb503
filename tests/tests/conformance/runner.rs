//! Runs cases in one process, because loading a driver takes longer than most of them. After a crash it
//! continues with the rest in a new process.
//!
//! The process that is started only starts others: each runs cases until the end, or until one crashes or
//! hangs. Results go to a file, a line each: case, result and seconds, separated by tabs. The last line of a
//! case counts. `WAYFENCE_CONFORMANCE_RESULTS` names the file, if it is to be kept.

use std::any::Any;
use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use wayfence_tests::other_driver::OtherDriver;
use wayfence_tests::{child, test_driver, watchdog};

use crate::case::Case;
use crate::outcome::{NOT_APPLICABLE, NOT_SUPPORTED};
use crate::stage::Stage;

/// A case that takes longer hangs; emulated machines are slow.
const LIMIT: Duration = Duration::from_secs(120);
/// How many times as long it may take, where what runs the cases slows them down.
const PATIENCE: &str = "WAYFENCE_CONFORMANCE_PATIENCE";
/// Where the results go.
const RESULTS: &str = "WAYFENCE_CONFORMANCE_RESULTS";
/// Set for a process that runs cases.
const WORKER: &str = "WAYFENCE_CONFORMANCE_WORKER";

/// What the process does.
pub fn run(cases: &[Case]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    if arguments.list || !(arguments.ignored || arguments.include_ignored) {
        if !arguments.list {
            eprintln!(
                "conformance: nothing is run: every case needs a driver, and a compositor or the \
                 scripted one: scripts/conformance, or --ignored in a session"
            );
        }
        let trials = trials(cases, Path::new(""));
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    match (env::var_os(WORKER), env::var_os(RESULTS)) {
        (Some(_), Some(results)) => {
            if let Some(driver) = OtherDriver::asked_for() {
                assert!(driver.is_here(), "{driver}");
            }
            let results = PathBuf::from(results);
            let done = read(&results);
            let left: Vec<Case> = cases
                .iter()
                .filter(|case| !done.contains_key(&name(case)))
                .copied()
                .collect();
            // They share a compositor, and several measure time.
            arguments.test_threads = Some(1);
            let conclusion = libtest_mimic::run(&arguments, trials(&left, &results));
            Stage::end();
            conclusion.exit_code()
        }
        (_, Some(results)) => supervise(Path::new(&results)),
        _ => {
            let results = env::temp_dir().join(format!("conformance-{}", std::process::id()));
            let code = supervise(&results);
            let _ = fs::remove_file(results);
            code
        }
    }
}

/// Starts processes until one has come to the end of the cases.
fn supervise(results: &Path) -> ExitCode {
    fs::write(results, "").unwrap_or_else(|error| panic!("{}: {error}", results.display()));
    let mut variables = Vec::new();
    if let Some(driver) = OtherDriver::asked_for() {
        variables = driver.environment();
        if let OtherDriver::Manner(_) = driver {
            variables.extend(test_driver::environment(&[]));
        }
    }
    loop {
        let before = read(results).len();
        let status = child::again(variables.clone())
            .args(env::args_os().skip(1))
            .env(WORKER, "1")
            .env(RESULTS, results)
            .status()
            .expect("this program can be started");
        let after = read(results);
        // A process that ends by itself has an exit status; what takes it down is a signal.
        if status.code().is_none() && after.len() > before {
            eprintln!("conformance: {status}; going on with what is left");
            continue;
        }
        let mut counts = [0; 5];
        for result in after.values() {
            counts[match result.as_str() {
                "pass" => 0,
                text if text.starts_with(NOT_SUPPORTED) => 1,
                text if text.starts_with("FAIL") => 2,
                text if text.starts_with(NOT_APPLICABLE) => 3,
                _ => 4,
            }] += 1;
        }
        let [passed, unsupported, failed, unplayed, died] = counts;
        let on =
            OtherDriver::asked_for().map_or_else(String::new, |driver| format!(" on {driver}"));
        eprintln!(
            "conformance{on}: {passed} passed, {failed} failed, {died} crashed or hung, \
             {unsupported} {NOT_SUPPORTED}, {unplayed} {NOT_APPLICABLE}"
        );
        for (case, result) in &after {
            if result != "pass" && !result.starts_with(NOT_SUPPORTED) {
                eprintln!("conformance{on}: {case}: {result}");
            }
        }
        // Without results the process has not run a case: its status is the answer.
        return match (failed + died, status.success() || !after.is_empty()) {
            (0, true) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        };
    }
}

fn trials(cases: &[Case], results: &Path) -> Vec<Trial> {
    cases
        .iter()
        .map(|case| {
            let (case, results) = (*case, results.to_owned());
            Trial::ignorable_test(name(&case), move || attempt(&case, &results))
                .with_ignored_flag(true)
        })
        .collect()
}

/// Without the name of this program.
fn name(case: &Case) -> String {
    case.name
        .split_once("::")
        .map_or(case.name, |(_, rest)| rest)
        .to_owned()
}

fn attempt(case: &Case, results: &Path) -> Result<Completion, Failed> {
    let name = name(case);
    let begun = Instant::now();
    let record = move |results: &Path, name: &str, result: &str| {
        let seconds = begun.elapsed().as_secs_f32();
        let line = format!("{name}\t{result}\t{seconds:.1}\n");
        File::options()
            .append(true)
            .open(results)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .unwrap_or_else(|error| panic!("{}: {error}", results.display()));
    };
    // Overwritten by the result.
    record(results, &name, "crashed");
    let patience = env::var(PATIENCE).ok();
    let limit = LIMIT * patience.map_or(1, |times| times.parse().expect("a number"));
    let (ended, watch) = mpsc::channel::<()>();
    let watchdog = {
        let (name, results) = (name.clone(), results.to_owned());
        thread::spawn(move || {
            if watch.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                record(&results, &name, "hung");
                watchdog::end(limit, &name);
            }
        })
    };
    // A case changes only what it owns.
    let outcome = catch_unwind(AssertUnwindSafe(|| Stage::set(case.run)));
    drop(ended);
    watchdog.join().expect("it only waits");
    match outcome {
        Ok(Ok(())) => {
            record(results, &name, "pass");
            Ok(Completion::Completed)
        }
        Ok(Err(reason)) => {
            record(results, &name, &reason.to_string());
            Ok(Completion::ignored_with(reason))
        }
        Err(payload) => {
            let message = message(&*payload);
            record(results, &name, &format!("FAIL: {message}"));
            Err(message.into())
        }
    }
}

/// The message of a panic, in one line.
fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn read(results: &Path) -> HashMap<String, String> {
    fs::read_to_string(results)
        .unwrap_or_else(|error| panic!("{}: {error}", results.display()))
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('\t');
            Some((columns.next()?.to_owned(), columns.next()?.to_owned()))
        })
        .collect()
}
