//! Medians and percentiles.

/// The middle of some values, the mean of the two in the middle for an even number; `None` of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let values = sorted(values);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[half]),
        _ => Some((values[half - 1] + values[half]) / 2.0),
    }
}

/// The least value that so many percent of the values do not exceed (nearest rank); `None` of none.
pub fn percentile(values: impl IntoIterator<Item = f64>, percent: f64) -> Option<f64> {
    let values = sorted(values);
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values = || (1..=200).map(f64::from);
        assert_eq!(percentile(values(), 50.0), Some(100.0));
        assert_eq!(percentile(values(), 99.0), Some(198.0));
        assert_eq!(percentile(values(), 100.0), Some(200.0));
        assert_eq!(percentile([7.0], 1.0), Some(7.0));
        assert_eq!(percentile([], 50.0), None);
    }
}
