//! Text from elsewhere, on a terminal.

use std::{
    fmt::{Display, Write as _},
    io::{self, Write as _},
};

use serde::Serialize;

/// Prints this, in colour where the stream is a terminal.
///
/// # Errors
/// Those of the stream, unless whoever reads has had enough.
pub fn print(text: &str) -> io::Result<()> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Says what is wrong, which names or quotes what comes from elsewhere, in one line on standard error.
pub fn complain(what: impl Display) {
    eprintln!("wayfence: {}", printable(&what.to_string()));
}

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

/// As JSON, with a line's end after it. JSON may have the control characters beyond ASCII's first 32 as they are,
/// and they may reach a terminal: here all are escaped, which readers of JSON do not see.
pub fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("plain structures become JSON");
    let mut printable = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Line ends of a string's are escaped already.
        match c.is_control() && c != '\n' {
            true => {
                write!(printable, "\\u{:04x}", u32::from(c)).expect("a string takes everything")
            }
            false => printable.push(c),
        }
    }
    printable.push('\n');
    printable
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

    #[test]
    fn json_is_no_command_and_says_the_same() {
        let name = "a\u{1b}[31m\nb\u{7f}\u{9b}31m größe";
        let text = json(&[name]);
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n'),
            "{text:?}"
        );
        assert!(text.ends_with("]\n"), "{text:?}");
        let back: [String; 1] = serde_json::from_str(&text).unwrap();
        assert_eq!(back, [name]);
    }
}
