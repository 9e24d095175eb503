//! Text from elsewhere, on a terminal.

/// Names come from applications, drivers, compositors and files: no control character of theirs reaches the
/// terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c.is_control() {
            true => char::REPLACEMENT_CHARACTER,
            false => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_command() {
        assert_eq!(printable("a\u{1b}[31m\nb"), "a\u{fffd}[31m\u{fffd}b");
        assert_eq!(printable("größe 日本"), "größe 日本");
        assert_eq!(printable(""), "");
    }
}
