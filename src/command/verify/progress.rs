//! How far the examination has come, on a terminal.

use std::io::{self, IsTerminal, Write};

use super::question::Question;

/// A line on standard error, if that is a terminal; gone on drop.
pub struct Progress(bool);

impl Progress {
    /// Nothing was asked yet.
    pub fn new() -> Self {
        Self(io::stderr().is_terminal())
    }

    /// This is being asked, after so many answers.
    pub fn asks(&self, question: Question, answered: usize) {
        let all = Question::ALL.len();
        self.line(&format!("{}/{all} {question} ...", answered + 1));
    }

    /// Replaces the line. A terminal that is gone changes nothing of what is found.
    fn line(&self, text: &str) {
        if self.0 {
            let mut stderr = io::stderr();
            // To the first column, and clear the line.
            let _ = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.line("");
    }
}
