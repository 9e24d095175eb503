//! Times, in order.

use serde::Serialize;

/// Times in order, by the nearest rank; all 0 if there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// How many times they are of.
    pub count: usize,
    /// The median.
    pub p50_ns: u64,
    /// Nine of ten are not longer.
    pub p90_ns: u64,
    /// 99 of a hundred are not longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Percentiles {
    /// Those of these times.
    pub(super) fn of(times: impl IntoIterator<Item = u64>) -> Self {
        let mut times: Vec<u64> = times.into_iter().collect();
        times.sort_unstable();
        let Some(max_ns) = times.last().copied() else {
            return Self::default();
        };
        let rank = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
        Percentiles {
            count: times.len(),
            p50_ns: rank(50),
            p90_ns: rank(90),
            p99_ns: rank(99),
            max_ns,
        }
    }
}
