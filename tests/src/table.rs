//! A table of what was proven: scenarios by ways and payloads, each cell passed, failed, or not
//! applicable with its reason.
//!
//! Each cell is a line of the file that `WAYFENCE_TEST_TABLE` names, if it names one: scenario, way,
//! payload, result, separated by tabs. `scripts/guest/tests` prints the table.

use std::env;
use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::scripted::{Payload, Stage, Way};

/// What came out of a cell that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// What it was to show was seen.
    Passed,
    /// There is nothing to show, for this reason.
    NotApplicable(&'static str),
}

/// Runs a scenario in every way with every payload.
///
/// # Panics
/// After the last cell, if one has failed.
pub fn in_every_way(scenario: &str, cell: impl Fn(&Stage, Way, Payload) -> Cell) {
    let stage = Stage::new();
    let mut failed = Vec::new();
    for way in Way::ALL {
        for payload in Payload::ALL {
            record(scenario, way, payload, "did not end");
            // What a cell changes goes with it; the stage is as it was.
            let outcome = catch_unwind(AssertUnwindSafe(|| cell(&stage, way, payload)));
            let result = match outcome {
                Ok(Cell::Passed) => "pass".to_owned(),
                Ok(Cell::NotApplicable(reason)) => format!("n/a: {reason}"),
                Err(_) => {
                    failed.push(format!("{way} {payload}"));
                    "FAIL".to_owned()
                }
            };
            eprintln!("{scenario}: {way}, {payload}: {result}");
            record(scenario, way, payload, &result);
        }
    }
    assert!(failed.is_empty(), "{scenario}: {}", failed.join("; "));
}

fn record(scenario: &str, way: Way, payload: Payload, result: &str) {
    let Some(path) = env::var_os("WAYFENCE_TEST_TABLE") else {
        return;
    };
    let line = format!("{scenario}\t{way}\t{payload}\t{result}\n");
    File::options()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
