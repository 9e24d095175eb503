//! The layer's claims about itself, checked against what was measured.

use std::fmt;

use crate::{
    figures::{
        ALLOCATIONS, Counted, FORMATS, FUTEX, IMAGES, PRESENT_MODES, RECREATION, SYSTEM_CALLS,
        row_of,
    },
    outcome::Outcome,
    share::Share,
    table::in_short,
};

/// How many system calls of the layer's a frame may cost whose image is idle.
const MOST_SYSTEM_CALLS: f64 = 4.0;
/// The same in FIFO, where the frame waits for the compositor's pace.
const MOST_IN_FIFO: f64 = 5.0;
/// How many times faster a query is that needs no round trip.
const WITHOUT_ROUND_TRIP: f64 = 3.0;
/// Times within this factor count as equal: two runs of the same differ by as much.
const NOISE: f64 = 1.05;

/// One claim.
#[derive(Debug, PartialEq)]
pub struct Claim {
    /// The claim.
    pub text: String,
    /// Whether the measurement confirms it.
    pub holds: bool,
    /// The measurement.
    pub seen: String,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds { "holds" } else { "DOES NOT HOLD" };
        write!(f, "{verdict}: {} ({})", self.text, self.seen)
    }
}

/// The claims that this workload can check.
pub fn of(outcome: &Outcome) -> Vec<Claim> {
    let Some((driver, layers)) = outcome.sides.split_first() else {
        return Vec::new();
    };
    layers
        .iter()
        .flat_map(|layer| of_side(driver, layer, outcome.workload.ends_with("FIFO")))
        .collect()
}

fn of_side(driver: &Counted, layer: &Counted, in_fifo: bool) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut claim = |text: &str, holds, seen| {
        claims.push(Claim {
            text: format!("{}: {text}", layer.name),
            holds,
            seen,
        });
    };
    let figure = |side, title| row_of(title).and_then(|row| (row.of)(side));
    if let Some(count) = figure(layer, ALLOCATIONS) {
        claim(
            "no heap allocation of ours in steady state",
            count == 0.0,
            format!("{} a frame", in_short(count)),
        );
    }
    if let Some(count) = figure(layer, FUTEX) {
        claim(
            "no lock contention in steady state",
            count == 0.0,
            format!("{} futex calls a frame", in_short(count)),
        );
    }
    if let Some(count) = figure(layer, SYSTEM_CALLS) {
        let most = match in_fifo {
            true => MOST_IN_FIFO,
            false => MOST_SYSTEM_CALLS,
        };
        claim(
            &format!("at most {most} system calls of our own a frame"),
            count <= most,
            format!("{count:.2}"),
        );
    }
    for (query, title) in [("formats", FORMATS), ("present modes", PRESENT_MODES)] {
        if let (Some(ours), Some(theirs)) = (figure(layer, title), figure(driver, title)) {
            claim(
                &format!("surface {query} after the first without a round trip"),
                ours * WITHOUT_ROUND_TRIP <= theirs,
                format!("{} times faster than the driver", in_short(theirs / ours)),
            );
        }
    }
    if let (Some(ours), Some(theirs)) = (figure(layer, RECREATION), figure(driver, RECREATION)) {
        let images = figure(layer, IMAGES).map(|images| {
            let rest = in_short((ours - images) / theirs);
            format!(", {rest} without the driver's work for the images")
        });
        claim(
            "recreation no slower than the driver's own",
            ours <= theirs * NOISE,
            format!(
                "{} of its time{}",
                in_short(ours / theirs),
                images.unwrap_or_default()
            ),
        );
    }
    claims
}

/// Where the layer itself allocates, the most frequent first: for `addr2line -Cfie` on its file.
pub fn culprits(side: &Counted) -> Vec<String> {
    let mut places: Vec<(u64, String)> = Vec::new();
    let own = side
        .allocations
        .iter()
        .filter(|owned| owned.share == Share::Layer);
    for owned in own {
        let stack = owned.allocations.stack.iter();
        let offsets: Vec<String> = stack
            .filter(|place| place.module.ends_with(crate::share::LAYER))
            // The allocation with its callers.
            .take(6)
            .map(|place| format!("{:#x}", place.offset))
            .collect();
        places.push((owned.allocations.count, offsets.join(" ")));
    }
    places.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let frames = side.allocations_frames;
    places
        .into_iter()
        .map(|(count, offsets)| format!("{count} in {frames} frames at {offsets}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::tests::counted;

    fn claims(layer: Counted) -> Vec<(bool, String)> {
        let outcome = Outcome {
            workload: String::new(),
            sides: vec![counted("driver", false, 100), layer],
        };
        of(&outcome)
            .into_iter()
            .map(|claim| (claim.holds, claim.text))
            .collect()
    }

    #[test]
    fn what_was_seen_holds() {
        let seen = claims(counted("implicit", true, 100));
        let failed: Vec<_> = seen.iter().filter(|(holds, _)| !holds).collect();
        // Both sides of the fixture answer alike, so there is a round trip in ours, too.
        assert_eq!(
            failed,
            [&(
                false,
                "implicit: surface formats after the first without a round trip".to_owned()
            )]
        );
        assert_eq!(seen.len(), 5);
    }

    #[test]
    fn a_lock_waited_for_is_told() {
        let mut layer = counted("implicit", true, 100);
        layer.trace.calls[1].name = "futex".to_owned();
        layer.trace.calls[1].count = 31;
        let seen = claims(layer);
        assert!(seen.contains(&(
            false,
            "implicit: no lock contention in steady state".to_owned()
        )));
        assert!(seen.contains(&(
            false,
            "implicit: at most 4 system calls of our own a frame".to_owned()
        )));
    }

    #[test]
    fn in_fifo_a_frame_may_cost_one_system_call_more() {
        let outcome = Outcome {
            workload: "loop, FIFO".to_owned(),
            sides: vec![counted("driver", false, 1), counted("syncobj", true, 1)],
        };
        let seen = of(&outcome);
        assert!(
            seen.iter()
                .any(|claim| claim.text.contains("at most 5 system calls"))
        );
    }
}
