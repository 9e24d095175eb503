//! The ratios of an earlier run, kept in the repository, with which a new run is compared.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{figures::ROWS, outcome::Outcome, table};

/// Two runs of the same code differ by no more than this.
const NOISE: f64 = 1.25;

/// The layer's figures divided by the driver's, by row.
type Ratios = BTreeMap<String, f64>;

/// Ratios by compositor, workload and way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Baseline(BTreeMap<String, BTreeMap<String, BTreeMap<String, Ratios>>>);

/// A ratio that has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its workload, way and row.
    pub of: String,
    /// Its value in the baseline.
    pub before: f64,
    /// Its value now.
    pub now: f64,
    /// Whether that is better.
    pub is_better: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_better { "better" } else { "WORSE" };
        let (before, now) = (table::in_short(self.before), table::in_short(self.now));
        write!(f, "{verdict}: {}: {before} before, {now} now", self.of)
    }
}

impl Baseline {
    /// The baseline in this file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Replaces the ratios of a compositor by what was measured.
    pub fn put(&mut self, compositor: &str, outcomes: &[Outcome]) {
        let known = self.0.entry(compositor.to_owned()).or_default();
        for outcome in outcomes {
            known.insert(outcome.workload.clone(), ratios(outcome));
        }
    }

    /// What has changed on this compositor, and whether the baseline has it at all.
    pub fn changes(&self, compositor: &str, outcomes: &[Outcome]) -> (bool, Vec<Change>) {
        let mut changes = Vec::new();
        let mut is_known = false;
        for outcome in outcomes {
            let known = self.0.get(compositor);
            let Some(known) = known.and_then(|known| known.get(&outcome.workload)) else {
                continue;
            };
            is_known = true;
            for (way, now) in ratios(outcome) {
                for row in ROWS {
                    let before = known.get(&way).and_then(|before| before.get(row.title));
                    let (Some(before), Some(now)) = (before, now.get(row.title)) else {
                        continue;
                    };
                    let (more, less) = (now / before > NOISE, before / now > NOISE);
                    if more || less {
                        changes.push(Change {
                            of: format!("{}: {way}: {}", outcome.workload, row.title.trim()),
                            before: *before,
                            now: *now,
                            is_better: more == row.more_is_better,
                        });
                    }
                }
            }
        }
        (is_known, changes)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// There is none.
    pub fn text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// The ratios of each way.
fn ratios(outcome: &Outcome) -> BTreeMap<String, Ratios> {
    let Some((driver, layers)) = outcome.sides.split_first() else {
        return BTreeMap::new();
    };
    let of = |layer| {
        let rows = ROWS.iter().filter_map(|row| {
            let ratio = table::ratio(row, driver, layer)?;
            // A run is less precise than three decimals.
            Some((row.title.to_owned(), (ratio * 1e3).round() / 1e3))
        });
        rows.collect()
    };
    layers
        .iter()
        .map(|layer| (layer.name.clone(), of(layer)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::tests::counted;

    fn outcome(acquire: u64) -> Outcome {
        Outcome {
            workload: "loop, MAILBOX".to_owned(),
            sides: vec![
                counted("driver", false, 1_000),
                counted("implicit", true, acquire),
            ],
        }
    }

    #[test]
    fn what_changes_beyond_noise_is_told_and_in_which_direction() {
        let mut baseline = Baseline::default();
        assert_eq!(
            baseline.changes("weston", &[outcome(1_000)]),
            (false, Vec::new())
        );
        baseline.put("weston", &[outcome(1_000)]);
        assert_eq!(
            baseline.changes("weston", &[outcome(1_100)]),
            (true, Vec::new())
        );
        assert!(!baseline.changes("sway", &[outcome(1_000)]).0);
        let verdicts = |acquire| {
            let (_, changes) = baseline.changes("weston", &[outcome(acquire)]);
            let p50 = changes
                .into_iter()
                .find(|change| change.of.ends_with("acquire, p50"));
            p50.map(|change| (change.is_better, change.to_string()))
        };
        let (is_better, text) = verdicts(2_000).unwrap();
        assert!(!is_better && text.starts_with("WORSE: loop, MAILBOX: implicit: acquire, p50"));
        assert!(verdicts(500).unwrap().0);
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut baseline = Baseline::default();
        baseline.put("weston", &[outcome(1_000)]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("baseline.json");
        fs::write(&file, baseline.text().unwrap()).unwrap();
        assert_eq!(Baseline::read(&file).unwrap(), baseline);
    }
}
