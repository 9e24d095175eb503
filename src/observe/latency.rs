//! How long a frame took from its present to the pixels, and whether it came later than it could have.
//!
//! A frame is due at a refresh: at the first from its target on, or without a target at the first that leaves
//! the compositor a whole refresh of time after the present; but never before the refresh after that of the
//! frame before. Each refresh from the due one until it was shown is a missed one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::milliseconds;

/// A frame that was shown. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// When its vkQueuePresentKHR was called.
    pub called: u64,
    /// When its rendering had finished, if that is known.
    pub rendered: Option<u64>,
    /// The time before which it was not to be shown, if it had a target.
    pub target: Option<u64>,
    /// When the frame before it was shown.
    pub before: Option<u64>,
    /// When it was shown.
    pub shown: u64,
    /// The time from one refresh to the next; 0: unknown.
    pub refresh: u64,
}

/// What made a frame miss its refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The application: it presented too late.
    Application,
    /// The GPU: it was still drawing.
    Gpu,
    /// The pace: all was ready, but the compositor was late, or the frame had to wait in a queue.
    Pace,
}

/// The latency of a frame that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// From the call of its present to the pixels.
    pub latency_ns: u64,
    /// The time of `CLOCK_MONOTONIC` before which it was not to be shown, if it had a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_ns: Option<u64>,
    /// How many refreshes it has missed.
    pub missed: u64,
    /// Who is to blame for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
}

impl Latency {
    /// What the times of a frame say.
    pub fn of(way: &Way) -> Self {
        let Way {
            called,
            rendered,
            target,
            before,
            shown,
            refresh,
        } = *way;
        let due = target.unwrap_or(called.saturating_add(refresh));
        // Clocks are off by less than half a refresh.
        let free = before.map_or(0, |before| before.saturating_add(refresh / 2));
        let missed = shown.saturating_sub(due.max(free)).checked_div(refresh);
        let missed = missed.unwrap_or(0);
        let wanted = shown - missed * refresh;
        Latency {
            latency_ns: shown.saturating_sub(called),
            target_ns: target,
            missed,
            blame: (missed > 0).then_some(match rendered {
                _ if called > wanted => Blame::Application,
                Some(rendered) if rendered > wanted => Blame::Gpu,
                _ => Blame::Pace,
            }),
        }
    }
}

/// The latencies of many frames. Sums stop at the end of their range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latencies {
    /// How many frames were shown.
    pub shown: u64,
    /// From the calls of their presents to the pixels, all together.
    pub total_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many had a target.
    pub with_target: u64,
    /// How many were late,
    pub late: u64,
    /// by so many refreshes in all,
    pub missed: u64,
    /// and by so many at most.
    pub missed_at_most: u64,
    /// How many of these were presented too late,
    pub by_application: u64,
    /// how many were rendered too late,
    pub by_gpu: u64,
    /// and how many were ready in time.
    pub by_pace: u64,
}

impl Latencies {
    /// One more frame.
    pub fn add(&mut self, latency: &Latency) {
        let Latency {
            latency_ns,
            target_ns,
            missed,
            blame,
        } = *latency;
        let is = |blamed| u64::from(blame == Some(blamed));
        *self = self.plus(Latencies {
            shown: 1,
            total_ns: latency_ns,
            max_ns: latency_ns,
            with_target: target_ns.is_some().into(),
            late: (missed > 0).into(),
            missed,
            missed_at_most: missed,
            by_application: is(Blame::Application),
            by_gpu: is(Blame::Gpu),
            by_pace: is(Blame::Pace),
        });
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Latencies {
            shown: self.shown.saturating_add(other.shown),
            total_ns: self.total_ns.saturating_add(other.total_ns),
            max_ns: self.max_ns.max(other.max_ns),
            with_target: self.with_target.saturating_add(other.with_target),
            late: self.late.saturating_add(other.late),
            missed: self.missed.saturating_add(other.missed),
            missed_at_most: self.missed_at_most.max(other.missed_at_most),
            by_application: self.by_application.saturating_add(other.by_application),
            by_gpu: self.by_gpu.saturating_add(other.by_gpu),
            by_pace: self.by_pace.saturating_add(other.by_pace),
        }
    }

    /// The time to the pixels, in words.
    pub fn times(&self) -> String {
        match self.total_ns.checked_div(self.shown) {
            None => "unknown".to_owned(),
            Some(mean) => format!(
                "mean {}, worst {}",
                milliseconds(mean),
                milliseconds(self.max_ns)
            ),
        }
    }
}

/// How many were late, and why.
impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} shown", self.late, self.shown)?;
        if self.with_target > 0 {
            write!(f, ", {} of them with a target", self.with_target)?;
        }
        if self.late == 0 {
            return Ok(());
        }
        write!(
            f,
            "; {} refreshes missed, {} at most: {} kept by the pace, {} by the GPU, {} presented late",
            self.missed, self.missed_at_most, self.by_pace, self.by_gpu, self.by_application
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: u64 = 10;

    /// Presented at 1000, rendered at once.
    fn way(target: Option<u64>, before: Option<u64>, shown: u64) -> Way {
        Way {
            called: 1000,
            rendered: Some(1001),
            target,
            before,
            shown,
            refresh: R,
        }
    }

    fn missed(way: Way) -> u64 {
        Latency::of(&way).missed
    }

    #[test]
    fn refreshes_count_from_the_target_on() {
        for (target, shown, expected) in [
            (1100, 1100, 0),
            (1100, 1109, 0),
            (1100, 1110, 1),
            (1100, 1135, 3),
            // Too early is not late.
            (1100, 1090, 0),
        ] {
            assert_eq!(missed(way(Some(target), None, shown)), expected, "{shown}");
        }
        // No frame is shown at the refresh of another.
        for (shown, expected) in [(1108, 0), (1110, 0), (1112, 0), (1120, 1)] {
            let before = way(Some(1050), Some(1100), shown);
            assert_eq!(missed(before), expected, "{shown}");
        }
    }

    #[test]
    fn without_a_target_a_compositor_has_a_refresh_of_time() {
        for (before, shown, expected) in [
            (None, 1009, 0),
            (None, 1019, 0),
            (None, 1020, 1),
            (Some(1000), 1019, 0),
            // The clock is not exact.
            (Some(1030), 1043, 0),
            (Some(1030), 1037, 0),
            (Some(1030), 1047, 1),
            (Some(1030), 1053, 1),
        ] {
            let of = way(None, before, shown);
            assert_eq!(missed(of), expected, "{before:?} {shown}");
        }
    }

    #[test]
    fn who_was_not_ready_at_the_missed_refresh_is_to_blame() {
        for (called, rendered, blame) in [
            (1000, Some(1001), Blame::Pace),
            (1000, Some(1100), Blame::Pace),
            (1000, None, Blame::Pace),
            (1000, Some(1105), Blame::Gpu),
            (1105, Some(1106), Blame::Application),
        ] {
            let of = Latency::of(&Way {
                called,
                rendered,
                ..way(Some(1095), None, 1120)
            });
            assert_eq!((of.missed, of.blame), (2, Some(blame)), "{called}");
            assert_eq!(of.latency_ns, 1120 - called);
        }
        let in_time = Latency::of(&way(Some(1100), None, 1105));
        assert_eq!(in_time.blame, None);
    }

    #[test]
    fn nothing_is_missed_where_nothing_refreshes() {
        let of = Latency::of(&Way {
            refresh: 0,
            ..way(Some(1), None, 9000)
        });
        assert_eq!((of.latency_ns, of.missed, of.blame), (8000, 0, None));
        // A compositor may say anything.
        for shown in [0, u64::MAX] {
            for refresh in [1, u64::MAX] {
                let _ = Latency::of(&Way {
                    refresh,
                    before: Some(u64::MAX),
                    ..way(Some(u64::MAX), None, shown)
                });
            }
        }
    }

    #[test]
    fn a_sum_says_who_was_to_blame_how_often() {
        let mut sum = Latencies::default();
        assert_eq!(sum.times(), "unknown");
        for (rendered, target, shown) in [
            (1001, None, 1012),
            (1001, Some(1100), 1131),
            (1125, Some(1100), 1131),
        ] {
            sum.add(&Latency::of(&Way {
                rendered: Some(rendered),
                ..way(target, None, shown)
            }));
        }
        assert_eq!(
            sum.to_string(),
            "2 of 3 shown, 2 of them with a target; 6 refreshes missed, 3 at most: 1 kept by the pace, \
             1 by the GPU, 0 presented late"
        );
        let both = sum.plus(sum);
        assert_eq!((both.shown, both.missed, both.missed_at_most), (6, 12, 3));
        assert_eq!((both.total_ns, both.max_ns), (2 * 274, 131));
        let most = Latencies {
            missed: u64::MAX,
            ..sum
        };
        assert_eq!(most.plus(most).missed, u64::MAX);
        let only = Latencies {
            shown: 1,
            ..Latencies::default()
        };
        assert_eq!(only.to_string(), "0 of 1 shown");
    }
}
