//! The report for people.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use anstyle::{AnsiColor, Style};

use super::finding::{Finding, Verdict};
use super::report::Report;
use crate::command::terminal::{self, printable};

const TITLE: Style = Style::new().bold();
/// Of a terminal.
const WIDTH: usize = 80;
/// Where claims begin.
const INDENT: usize = 19;

/// Prints the table, in colour where the stream is a terminal.
///
/// # Errors
/// Those of the stream, unless whoever reads has had enough; so for all that follows.
pub fn table(report: &Report) -> io::Result<()> {
    let mut page = String::new();
    machine(&mut page, report);
    for line in &report.lines {
        answer(&mut page, report, line);
    }
    conclusion(&mut page, report);
    terminal::print(&page)
}

/// Prints the table with what each line means.
pub fn explanation(report: &Report) -> io::Result<()> {
    let mut page = String::new();
    machine(&mut page, report);
    for (at, line) in report.lines.iter().enumerate() {
        if at > 0 {
            page.push('\n');
        }
        answer(&mut page, report, line);
        for (name, time) in &line.measured_ms {
            let _ = writeln!(page, "{:INDENT$}{}: {time:.3} ms", "", printable(name));
        }
        paragraph(&mut page, line.question.explanation());
    }
    conclusion(&mut page, report);
    terminal::print(&page)
}

/// Says where the report is kept.
pub fn kept(path: &Path) -> io::Result<()> {
    let path = path.display();
    terminal::print(&format!(
        "It is kept in {path}: attach that to an issue; `wayfence verify --explain {path}` reads it.\n"
    ))
}

fn machine(page: &mut String, report: &Report) {
    let machine = &report.machine;
    let _ = writeln!(
        page,
        "{TITLE}Wayfence {}{TITLE:#} on {}",
        printable(&report.version),
        printable(&machine.kernel)
    );
    for (what, of) in [
        ("compositor", machine.compositor.as_str()),
        (
            "main device",
            machine.main_device.as_deref().unwrap_or_default(),
        ),
        (
            "device",
            machine
                .devices
                .first()
                .map(String::as_str)
                .unwrap_or_default(),
        ),
        ("readers by", machine.readers.as_str()),
    ] {
        if !of.is_empty() {
            let _ = writeln!(page, "  {what:<12} {}", printable(of));
        }
    }
    page.push('\n');
}

fn answer(page: &mut String, report: &Report, line: &Finding) {
    let (style, word) = match line.verdict {
        Verdict::Pass => (AnsiColor::Green.on_default(), "pass"),
        Verdict::Fail => (AnsiColor::Red.on_default().bold(), "FAIL"),
        Verdict::Untold => (AnsiColor::Yellow.on_default(), "?   "),
    };
    let _ = writeln!(
        page,
        "  {style}{word}{style:#}  {:<9}  {}",
        line.question.name(),
        line.question
    );
    match line.verdict {
        // The conclusion says it once for all lines.
        Verdict::Untold if report.ended_by.as_ref() == Some(&line.why) => {}
        Verdict::Untold => paragraph(page, &printable(&format!("cannot be told: {}", line.why))),
        Verdict::Pass | Verdict::Fail => paragraph(page, &printable(&line.why)),
    }
}

fn conclusion(page: &mut String, report: &Report) {
    let of = |verdict| {
        let lines = report.lines.iter();
        lines.filter(|line| line.verdict == verdict).count()
    };
    let _ = writeln!(
        page,
        "\n{TITLE}{} pass, {} fail, {} cannot be told{TITLE:#}",
        of(Verdict::Pass),
        of(Verdict::Fail),
        of(Verdict::Untold)
    );
    if let Some(why) = &report.ended_by {
        let _ = writeln!(page, "It ended early: {}", printable(why));
    }
}

/// Text in lines that fit a terminal, below a claim.
fn paragraph(page: &mut String, text: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && INDENT + line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(page, "{:INDENT$}{line}", "");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(page, "{:INDENT$}{line}", "");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_all_of_the_text_in_lines_that_fit() {
        let text = "one two three ".repeat(20);
        let mut page = String::new();
        paragraph(&mut page, &text);
        assert!(page.lines().all(|line| line.len() <= WIDTH), "{page}");
        let words: Vec<_> = page.split_whitespace().collect();
        assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
    }
}
