//! The plot: the layer's figures divided by the driver's, row by row.

use svg::{
    Document, Node,
    node::element::{Group, Line, Rectangle, Text},
};

use crate::{
    figures::{ROWS, Row},
    outcome::Outcome,
    table::{in_short, ratio, text},
};

const WIDTH: f64 = 920.0;
/// Where titles end and the axis begins.
const LEFT: f64 = 290.0;
/// Where the axis ends; figures stand right of it.
const RIGHT: f64 = 690.0;
const MARGIN: f64 = 24.0;
const HEADER: f64 = 74.0;
const BAR: f64 = 13.0;
/// Between two rows.
const GAP: f64 = 9.0;
/// The axis, a power of ten each step: from a hundredth to ten times.
const AXIS: [f64; 4] = [0.01, 0.1, 1.0, 10.0];
/// One colour for each way.
const COLOURS: [&str; 4] = ["#2f6fbb", "#d9822b", "#3d9970", "#8e5ea2"];

/// A drawing of all workloads, as SVG.
pub fn draw(outcomes: &[Outcome]) -> String {
    let mut document = Document::new();
    let mut top = MARGIN;
    document = document.add(
        label(
            MARGIN,
            top + 12.0,
            "Wayfence beside the driver's own swapchains",
        )
        .set("font-size", 17)
        .set("font-weight", "bold"),
    );
    document = document.add(
        label(
            MARGIN,
            top + 32.0,
            "Left of the line the layer costs less. The scale is logarithmic; an arrow is off it. Right: the ratio, then layer / driver.",
        )
        .set("fill", "#555"),
    );
    top += 48.0;
    for outcome in outcomes {
        let (panel, height) = panel(outcome, top);
        document = document.add(panel);
        top += height + 20.0;
    }
    let mut background = Document::new()
        .set("viewBox", (0, 0, WIDTH, top))
        .set("width", WIDTH)
        .set("height", top)
        .set("font-family", "DejaVu Sans, Helvetica, Arial, sans-serif")
        .set("font-size", 12)
        .add(
            Rectangle::new()
                .set("width", "100%")
                .set("height", "100%")
                .set("fill", "white"),
        );
    for child in document.get_children().unwrap_or(&Vec::new()) {
        background.append(child.clone());
    }
    background.to_string()
}

/// One workload, and how high it is.
fn panel(outcome: &Outcome, top: f64) -> (Group, f64) {
    let mut panel = Group::new();
    let Some((driver, layers)) = outcome.sides.split_first() else {
        return (panel, 0.0);
    };
    let rows: Vec<&Row> = ROWS
        .iter()
        .filter(|row| {
            layers
                .iter()
                .any(|layer| ratio(row, driver, layer).is_some())
        })
        .collect();
    let height = HEADER + rows.len() as f64 * (layers.len() as f64 * BAR + GAP);

    panel = panel.add(
        label(MARGIN, top + 18.0, &outcome.workload)
            .set("font-size", 14)
            .set("font-weight", "bold"),
    );
    for (index, layer) in layers.iter().enumerate() {
        let x = LEFT + index as f64 * 110.0;
        panel = panel
            .add(bar(x, top + 8.0, 12.0).set("fill", COLOURS[index % COLOURS.len()]))
            .add(label(x + 18.0, top + 18.0, &layer.name));
    }
    for step in AXIS {
        let x = position(step);
        let one = step == 1.0;
        panel = panel
            .add(
                Line::new()
                    .set("x1", x)
                    .set("x2", x)
                    .set("y1", top + HEADER - 24.0)
                    .set("y2", top + height)
                    .set("stroke", if one { "#333" } else { "#ddd" })
                    .set("stroke-width", if one { 1.5 } else { 1.0 }),
            )
            .add(
                label(x, top + HEADER - 30.0, &format!("{step}"))
                    .set("text-anchor", "middle")
                    .set("fill", "#555"),
            );
    }

    let mut y = top + HEADER - 10.0;
    for row in rows {
        let block = layers.len() as f64 * BAR;
        panel = panel
            .add(label(LEFT - 10.0, y + block / 2.0 + 4.0, &title(row)).set("text-anchor", "end"));
        for (index, layer) in layers.iter().enumerate() {
            let at = y + index as f64 * BAR;
            if let Some(found) = ratio(row, driver, layer) {
                let colour = COLOURS[index % COLOURS.len()];
                for part in bar_of(cost(row, found), at) {
                    panel = panel.add(part.set("fill", colour));
                }
                let figures = format!(
                    "{}: {} / {}",
                    in_short(found),
                    text(row, (row.of)(layer)),
                    text(row, (row.of)(driver))
                );
                panel =
                    panel.add(label(RIGHT + 12.0, at + BAR - 3.0, &figures).set("font-size", 11));
            }
        }
        y += block + GAP;
    }
    (panel, height)
}

fn title(row: &Row) -> String {
    let title = row.title.trim();
    if row.more_is_better {
        // The bar shows the time of a frame.
        format!("{title} (bar: time a frame)")
    } else {
        title.to_owned()
    }
}

/// What the bar shows: less is better.
fn cost(row: &Row, ratio: f64) -> f64 {
    if row.more_is_better && ratio > 0.0 {
        1.0 / ratio
    } else {
        ratio
    }
}

fn lowest() -> f64 {
    AXIS[0]
}

fn highest() -> f64 {
    AXIS[AXIS.len() - 1]
}

fn position(ratio: f64) -> f64 {
    let (low, high) = (lowest().log10(), highest().log10());
    let ratio = ratio.clamp(lowest(), highest()).log10();
    LEFT + (ratio - low) / (high - low) * (RIGHT - LEFT)
}

/// A bar from one to the ratio; with an arrow where that is off the scale.
fn bar_of(ratio: f64, y: f64) -> Vec<svg::node::element::Path> {
    let (one, end) = (position(1.0), position(ratio));
    let (top, bottom) = (y + 1.0, y + BAR - 1.0);
    let middle = (top + bottom) / 2.0;
    let tip = match ratio {
        _ if ratio < lowest() => end - 6.0,
        _ if ratio > highest() => end + 6.0,
        _ => end,
    };
    // At least a hair, so that one can see where it is.
    let end = if (end - one).abs() < 1.0 {
        one + 1.0
    } else {
        end
    };
    let path =
        format!("M{one:.1},{top:.1}H{end:.1}L{tip:.1},{middle:.1}L{end:.1},{bottom:.1}H{one:.1}Z");
    vec![svg::node::element::Path::new().set("d", path)]
}

fn bar(x: f64, y: f64, width: f64) -> Rectangle {
    Rectangle::new()
        .set("x", x)
        .set("y", y)
        .set("width", width)
        .set("height", 12)
}

fn label(x: f64, y: f64, text: &str) -> Text {
    Text::new(text).set("x", x).set("y", y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{row_of, tests::counted};

    #[test]
    fn the_axis_is_logarithmic_and_ends() {
        assert_eq!(position(0.01), LEFT);
        assert_eq!(position(10.0), RIGHT);
        assert_eq!(position(1e9), RIGHT);
        let step = position(1.0) - position(0.1);
        assert!((position(10.0) - position(1.0) - step).abs() < 1e-9);
    }

    #[test]
    fn more_frames_are_less_time_each() {
        assert_eq!(cost(row_of("frames a second").unwrap(), 2.0), 0.5);
        assert_eq!(cost(row_of("acquire, p50").unwrap(), 2.0), 2.0);
    }

    #[test]
    fn a_drawing_has_every_row_that_can_be_compared() {
        let outcome = Outcome {
            workload: "loop & <more>".to_owned(),
            sides: vec![
                counted("driver", false, 1_000),
                counted("implicit", true, 100),
            ],
        };
        let drawing = draw(&[outcome]);
        assert!(drawing.starts_with("<svg"), "{drawing}");
        assert!(drawing.contains("acquire, p50"));
        assert!(drawing.contains("loop &amp; &lt;more&gt;"));
        assert!(!drawing.contains("present modes"));
    }
}
