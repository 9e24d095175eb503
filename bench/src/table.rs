//! The table on the terminal.

use std::fmt::{self, Write};

use crate::{
    figures::{Counted, ROWS, Row, Unit},
    outcome::Outcome,
};

/// The outcome of one workload, for a person.
pub struct Table<'a>(pub &'a Outcome);

const TITLE: usize = 40;
const FIGURE: usize = 12;
const RATIO: usize = 8;

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { workload, sides } = self.0;
        let Some((driver, layers)) = sides.split_first() else {
            return Ok(());
        };
        write!(f, "{workload:TITLE$}{:>FIGURE$}", driver.name)?;
        for layer in layers {
            write!(f, "{:>FIGURE$}{:>RATIO$}", layer.name, "ratio")?;
        }
        writeln!(f)?;
        for row in ROWS {
            let figures: Vec<_> = sides.iter().map(|side| (row.of)(side)).collect();
            if figures.iter().all(Option::is_none) {
                continue;
            }
            let mut line = String::new();
            write!(
                line,
                "{:TITLE$}{:>FIGURE$}",
                row.title,
                text(row, figures[0])
            )?;
            for (layer, figure) in layers.iter().zip(&figures[1..]) {
                let ratio = ratio(row, driver, layer).map_or_else(String::new, in_short);
                write!(line, "{:>FIGURE$}{ratio:>RATIO$}", text(row, *figure))?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The layer's figure divided by the driver's.
pub fn ratio(row: &Row, driver: &Counted, layer: &Counted) -> Option<f64> {
    let below = (row.of)(driver).filter(|figure| *figure > 0.0)?;
    Some((row.of)(layer)? / below)
}

/// A figure as the table shows it.
pub fn text(row: &Row, figure: Option<f64>) -> String {
    let Some(figure) = figure else {
        return "-".to_owned();
    };
    match row.unit {
        Unit::Time if figure >= 1e7 => format!("{:.1} ms", figure / 1e6),
        Unit::Time if figure >= 1e6 => format!("{:.2} ms", figure / 1e6),
        Unit::Time if figure >= 1e4 => format!("{:.0} us", figure / 1e3),
        Unit::Time if figure >= 1e3 => format!("{:.1} us", figure / 1e3),
        Unit::Time => format!("{figure:.0} ns"),
        Unit::Memory => format!("{:.1} MiB", figure / f64::from(1 << 20)),
        Unit::Number if figure.fract() == 0.0 => format!("{figure:.0}"),
        Unit::Number => format!("{figure:.2}"),
    }
}

/// A ratio in three digits or so.
pub fn in_short(ratio: f64) -> String {
    match ratio {
        0.0 => "0".to_owned(),
        _ if ratio < 0.1 => format!("{ratio:.3}"),
        _ if ratio < 10.0 => format!("{ratio:.2}"),
        _ => format!("{ratio:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{row_of, tests::counted};

    #[test]
    fn each_layer_has_its_ratio_to_the_driver() {
        let outcome = Outcome {
            workload: "loop, MAILBOX".to_owned(),
            sides: vec![
                counted("driver", false, 1_000_000),
                counted("implicit", true, 250_000),
            ],
        };
        let table = Table(&outcome).to_string();
        let line = |title: &str| {
            let line = table.lines().find(|line| line.starts_with(title));
            line.unwrap().split_whitespace().collect::<Vec<_>>()
        };
        assert_eq!(
            line("loop"),
            ["loop,", "MAILBOX", "driver", "implicit", "ratio"]
        );
        assert_eq!(
            line("acquire, p50"),
            ["acquire,", "p50", "2.00", "ms", "500", "us", "0.25"]
        );
        assert!(!table.contains("present modes"), "{table}");
    }

    #[test]
    fn a_time_is_written_with_what_fits() {
        let row = row_of("acquire, max").unwrap();
        let text = |figure| text(row, Some(figure));
        assert_eq!(text(950.0), "950 ns");
        assert_eq!(text(9_500.0), "9.5 us");
        assert_eq!(text(123_456.0), "123 us");
        assert_eq!(text(1_234_567.0), "1.23 ms");
        assert_eq!(text(123_456_789.0), "123.5 ms");
    }
}
