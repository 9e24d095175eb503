//! The columns, as text.

use std::io::{self, Write};

use super::history::{Fate, Row};
use crate::command::terminal::printable;

/// What is said without a swapchain.
pub const NOBODY: &str = "no application of yours has a swapchain on the layer now";

/// The names of the columns, and how wide each is; names to the left, numbers to the right.
pub const COLUMNS: [(&str, usize, Side); 10] = [
    ("PID", 7, Side::Right),
    ("APPLICATION", 16, Side::Left),
    ("SIZE", 9, Side::Right),
    ("MODE", 12, Side::Left),
    ("SYNC", 8, Side::Left),
    ("FRAMES/S", 8, Side::Right),
    ("ACQUIRE", 9, Side::Right),
    ("PRESENT", 9, Side::Right),
    ("NO IMAGE", 8, Side::Right),
    ("FENCE", 6, Side::Right),
];

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At its left.
    Left,
    /// At its right.
    Right,
}

/// What the columns say of a swapchain.
pub fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let report = &row.swapchain.report;
    let [rate, acquire, present, held, pending] = match &row.rates {
        Some(rates) => [
            format!("{:.1}", rates.frames_per_second),
            milliseconds(rates.acquire_mean_ns),
            milliseconds(rates.present_mean_ns),
            percent(rates.acquires_held),
            percent(rates.acquires_pending),
        ],
        None => {
            let fate = match row.state {
                Fate::Gone => "gone",
                Fate::Killed => "killed",
                Fate::Living | Fate::Elsewhere => "-",
            };
            [fate, "-", "-", "-", "-"].map(str::to_owned)
        }
    };
    [
        row.pid.to_string(),
        printable(&report.application),
        format!("{}x{}", report.extent[0], report.extent[1]),
        printable(&report.present_mode),
        printable(&report.synchronisation),
        rate,
        acquire,
        present,
        held,
        pending,
    ]
}

/// Writes all rows.
///
/// # Errors
/// Those of the stream.
pub fn write(to: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    line(to, &COLUMNS.map(|(name, ..)| name.to_owned()))?;
    for row in rows {
        line(to, &cells(row))?;
    }
    Ok(())
}

fn line(to: &mut impl Write, cells: &[String; COLUMNS.len()]) -> io::Result<()> {
    let mut text = String::new();
    for (cell, (_, width, side)) in cells.iter().zip(COLUMNS) {
        text.push_str(&match side {
            Side::Left => format!("{cell:<width$}  "),
            Side::Right => format!("{cell:>width$}  "),
        });
    }
    writeln!(to, "{}", text.trim_end())
}

fn milliseconds(ns: Option<u64>) -> String {
    ns.map_or_else(|| "-".to_owned(), |ns| format!("{:.3} ms", ns as f64 / 1e6))
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use wayfence::live::State;

    use super::super::history::{
        History,
        tests::{frames, process, swapchain},
    };
    use super::*;

    #[test]
    fn a_row_says_what_a_swapchain_does() {
        let begin = Instant::now();
        let mut history = History::default();
        for second in 0..2 {
            let reading = vec![
                process(State::Living, vec![swapchain(2, frames(second * 60))]),
                process(State::Ended, vec![swapchain(3, frames(5))]),
            ];
            history.add(reading, begin + Duration::from_secs(second));
        }
        let mut text = Vec::new();
        write(&mut text, history.rows()).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines[1],
            [
                "7", "vkcube", "500x400", "FIFO", "explicit", "60.0", "0.001", "ms", "0.002", "ms",
                "25", "%", "50", "%"
            ]
        );
        assert_eq!(lines[2][5..], ["killed", "-", "-", "-", "-"]);
        assert_eq!(lines.len(), 3);
    }
}
