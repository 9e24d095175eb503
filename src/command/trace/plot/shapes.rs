//! The shapes of a drawing. Places are in pixels.

use svg::node::element::{Circle, Definitions, Line, Path, Pattern, Rectangle, Text, Title};

use super::colours::{FENCE, INK};

/// A filled rectangle.
pub fn bar(x: f64, y: f64, width: f64, height: f64, colour: &str) -> Rectangle {
    Rectangle::new()
        .set("x", round(x))
        .set("y", round(y))
        .set("width", round(width))
        .set("height", round(height))
        .set("fill", colour)
}

/// A line.
pub fn line(from: (f64, f64), to: (f64, f64), colour: &str) -> Line {
    Line::new()
        .set("x1", round(from.0))
        .set("y1", round(from.1))
        .set("x2", round(to.0))
        .set("y2", round(to.1))
        .set("stroke", colour)
}

/// A small circle.
pub fn circle(x: f64, y: f64) -> Circle {
    Circle::new()
        .set("cx", round(x))
        .set("cy", round(y))
        .set("r", 4)
        .set("stroke-width", 1.25)
}

/// The sign of a frame that was discarded.
pub fn cross(x: f64, y: f64) -> Path {
    let (x, y) = (round(x), round(y));
    Path::new()
        .set("d", format!("M{x} {y}m-4 -4l8 8m0 -8l-8 8"))
        .set("stroke", INK)
        .set("stroke-width", 2)
        .add(Title::new("discarded"))
}

/// Text, from here on.
pub fn text(x: f64, y: f64, content: &str) -> Text {
    Text::new(content)
        .set("x", round(x))
        .set("y", round(y))
        .set("fill", INK)
}

/// Hundredths of a pixel are enough.
fn round(place: f64) -> f64 {
    (place * 100.0).round() / 100.0
}

/// The pattern that fences are filled with.
pub fn hatching() -> Definitions {
    let pattern = Pattern::new()
        .set("id", "fence")
        .set("width", 5)
        .set("height", 5)
        .set("patternUnits", "userSpaceOnUse")
        .set("patternTransform", "rotate(45)")
        .add(bar(0.0, 0.0, 5.0, 5.0, "#fecaca"))
        .add(bar(0.0, 0.0, 2.0, 5.0, FENCE));
    Definitions::new().add(pattern)
}
