//! Who held a frame's image.

use wayfence::trace::{Frame, Outcome, Span};

use super::colours::{APPLICATION, COMPOSITOR, IN_FLIGHT};

/// Who held the frame's image, in which colour that is drawn, and when; to `end` where the trace does not tell.
pub fn holders(frame: &Frame, end: u64) -> Vec<(&'static str, &'static str, Span)> {
    let mut holders = Vec::new();
    let committed = frame.commit.or(frame.given_back);
    if let Some(acquire) = frame.acquire {
        let span = Span {
            from: acquire.call.to,
            to: committed.unwrap_or(end),
        };
        holders.push(("held by the application", APPLICATION, span));
    }
    if let Some(commit) = frame.commit {
        let released = frame.let_go().unwrap_or(end).max(commit);
        let latched = match frame.outcome {
            Outcome::Shown(shown) => shown.at.clamp(commit, released),
            // It never got there.
            Outcome::Discarded(_) => released,
            Outcome::Unknown => commit,
        };
        let span = |from, to| Span { from, to };
        if latched > commit {
            holders.push(("in flight", IN_FLIGHT, span(commit, latched)));
        }
        if released > latched {
            let span = span(latched, released);
            holders.push(("held by the compositor", COMPOSITOR, span));
        }
    }
    holders
}
