//! A table of results: scenarios by ways and payloads, each cell passed, failed, or not applicable with its
//! reason.
//!
//! Each cell is a line of the file that `WAYFENCE_TEST_TABLE` names, if it names one: the driver (empty: the
//! machine's), scenario, way, payload, result, separated by tabs. `scripts/guest/tests` prints the table.

use std::env;
use std::fs::File;
use std::io::Write;

use crate::other_driver::OtherDriver;
use crate::scripted::{Payload, Way};

/// Adds the result of a cell. The last line of a cell counts.
pub fn record(
    driver: Option<OtherDriver>,
    scenario: &str,
    way: Way,
    payload: Payload,
    result: &str,
) {
    let Some(path) = env::var_os("WAYFENCE_TEST_TABLE") else {
        return;
    };
    let driver = driver.map_or_else(String::new, |driver| driver.to_string());
    let line = format!("{driver}\t{scenario}\t{way}\t{payload}\t{result}\n");
    File::options()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
