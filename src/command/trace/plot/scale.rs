//! From time to place.

use wayfence::trace::{Frame, Outcome, Span};

/// The width of the drawing, and of its margins.
pub const WIDTH: f64 = 1280.0;
pub const LEFT: f64 = 108.0;
pub const RIGHT: f64 = 28.0;
/// What lasts shorter than a hair's breadth is seen all the same.
const HAIR: f64 = 1.5;

/// The times of a drawing.
pub struct Scale {
    begin: u64,
    /// The last time in the drawing.
    pub end: u64,
}

impl Scale {
    /// All that happened in these frames, but for the time after the last was shown.
    pub fn of(frames: &[&Frame]) -> Option<Self> {
        let times = || {
            frames.iter().flat_map(|frame| {
                let call = frame.acquire.map(|acquire| acquire.call);
                let shown = match frame.outcome {
                    Outcome::Shown(shown) => Some(shown.at),
                    Outcome::Discarded(_) | Outcome::Unknown => None,
                };
                [
                    call.map(|call| call.from),
                    call.map(|call| call.to),
                    frame.commit,
                    frame.present.map(|present| present.to),
                    shown,
                ]
            })
        };
        let begin = times().flatten().min()?;
        let end = times().flatten().max()?;
        // A line has no width.
        let room = ((end - begin) / 50).max(1000);
        Some(Scale {
            begin,
            end: end.saturating_add(room),
        })
    }

    /// Where a time is.
    pub fn x(&self, at: u64) -> f64 {
        let part = at.saturating_sub(self.begin) as f64 / (self.end - self.begin) as f64;
        LEFT + part.min(1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Left edge and width of a span, or nothing if it is not in the drawing.
    pub fn across(&self, span: Span) -> Option<(f64, f64)> {
        if span.to < self.begin || span.from > self.end {
            return None;
        }
        let (from, to) = (self.x(span.from), self.x(span.to));
        Some((from, (to - from).max(HAIR)))
    }

    /// Whether a time is in the drawing.
    pub fn contains(&self, at: u64) -> bool {
        (self.begin..=self.end).contains(&at)
    }

    /// Round times, about ten of them: where they are, and what they are called, in milliseconds.
    pub fn ticks(&self) -> Vec<(u64, String)> {
        let span = self.end - self.begin;
        let mut step = 1;
        while span / step > 12 {
            let first = step.to_string().starts_with('2');
            step = if first { step / 2 * 5 } else { step * 2 };
        }
        (0..=span / step)
            .map(|tick| {
                let ns = tick * step;
                (self.begin + ns, format!("{}", ns as f64 / 1e6))
            })
            .collect()
    }
}
