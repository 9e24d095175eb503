//! How far the examination has come, on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::question::Question;

/// A line on standard error, if that is a terminal; gone on drop.
pub struct Progress(ProgressBar);

impl Progress {
    /// Nothing was asked yet.
    pub fn new() -> Self {
        let bar = ProgressBar::new(Question::ALL.len() as u64);
        // It is a template of ours; without it the line looks otherwise.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// This is being asked.
    pub fn asks(&self, question: Question) {
        self.0.set_message(question.claim());
    }

    /// Another answer is there.
    pub fn answered(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
