//! Numbers and names for a terminal.

/// A time in milliseconds.
pub(crate) fn milliseconds(ns: u64) -> String {
    format!("{:.3} ms", ns as f64 / 1e6)
}

/// Names come from drivers, compositors and applications: no control character of theirs reaches the
/// terminal.
pub(crate) fn printable(text: &str) -> String {
    if text.is_empty() {
        return "unknown".to_owned();
    }
    text.chars()
        .map(|c| match c.is_control() {
            true => char::REPLACEMENT_CHARACTER,
            false => c,
        })
        .collect()
}
