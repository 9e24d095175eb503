//! All that was found, as a file for others.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Verdict};
use super::machine::Machine;
use super::question::Question;
use crate::command::terminal::json;

/// The whole table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the command.
    pub version: String,
    /// What was examined.
    pub machine: Machine,
    /// One answer a question, in order.
    pub lines: Vec<Finding>,
    /// What ended the examination early.
    pub ended_by: Option<String>,
}

impl Report {
    /// Of what was found; what was not asked any more cannot be told.
    pub fn of(machine: Machine, mut lines: Vec<Finding>, ended_by: Option<String>) -> Self {
        for question in Question::ALL {
            if !lines.iter().any(|line| line.question == question) {
                let why = ended_by.as_deref().unwrap_or("it was not asked");
                lines.push(Finding::untold(question, why));
            }
        }
        lines.sort_by_key(|line| line.question);
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine,
            lines,
            ended_by,
        }
    }

    /// 1 if a line failed, 2 if the examination ended early or nothing can be told, else 0.
    pub fn exit_status(&self) -> u8 {
        let has = |verdict| self.lines.iter().any(|line| line.verdict == verdict);
        match (has(Verdict::Fail), has(Verdict::Pass), &self.ended_by) {
            (true, ..) => 1,
            (false, true, None) => 0,
            _ => 2,
        }
    }

    /// For programs and for issues.
    pub fn to_json(&self) -> String {
        json(self)
    }

    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        fs::write(path, self.to_json())
    }

    /// # Errors
    /// If the file cannot be read, or is none of [`save`](Self::save).
    pub fn load(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        serde_json::from_str(&text).map_err(|error| {
            let text = format!("no report of wayfence verify: {error}");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_any_more_cannot_be_told() {
        let found = vec![Finding::pass(Question::Commit, "")];
        let report = Report::of(
            Machine::default(),
            found,
            Some("the driver died".to_owned()),
        );
        assert_eq!(report.lines.len(), Question::ALL.len());
        assert_eq!(report.lines[0].question, Question::Owner);
        assert_eq!(report.lines[0].verdict, Verdict::Untold);
        assert_eq!(report.lines[0].why, "the driver died");
        assert_eq!(report.exit_status(), 2);
    }

    #[test]
    fn a_failure_outweighs_what_cannot_be_told() {
        let status = |lines| Report::of(Machine::default(), lines, None).exit_status();
        let pass = Finding::pass(Question::Owner, "");
        assert_eq!(status(vec![pass.clone()]), 0);
        assert_eq!(status(vec![pass, Finding::fail(Question::Acquire, "")]), 1);
        assert_eq!(status(vec![]), 2);
    }

    #[test]
    fn a_file_reads_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verify.json");
        let line = Finding::fail(Question::Acquire, "held")
            .with("held", std::time::Duration::from_micros(1_500));
        let report = Report::of(Machine::default(), vec![line], None);
        report.save(&path).unwrap();
        assert_eq!(Report::load(&path).unwrap(), report);
        fs::write(&path, "{}").unwrap();
        let error = Report::load(&path).unwrap_err().to_string();
        assert!(error.contains("no report"), "{error}");
    }
}
