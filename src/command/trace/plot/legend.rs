//! What each colour and sign means.

use svg::node::element::Group;

use super::colours::{
    ACQUIRE, APPLICATION, COMPOSITOR, FAINT_INK, FENCE, FENCED, IN_FLIGHT, PAPER, PRESENT,
};
use super::scale::LEFT;
use super::shapes::{bar, circle, cross, text};

/// The usual width of a letter.
const LETTER: f64 = 6.6;

/// A line of samples with their names, at this height.
pub fn legend(y: f64) -> Group {
    let mut group = Group::new();
    let mut x = LEFT;
    for (name, colour) in [
        ("held by the application", APPLICATION),
        ("in flight", IN_FLIGHT),
        ("held by the compositor", COMPOSITOR),
        ("waiting for a fence", FENCED),
        ("in acquire", ACQUIRE),
        ("in present", PRESENT),
    ] {
        let sample = bar(x, y - 11.0, 20.0, 13.0, colour).set("rx", 2);
        let sample = match colour {
            FENCED => sample.set("stroke", FENCE).set("stroke-width", 0.75),
            _ => sample,
        };
        group = group.add(sample).add(text(x + 27.0, y, name));
        x += 27.0 + name.len() as f64 * LETTER + 14.0;
    }
    for (name, filled) in [("shown", true), ("refresh missed", false)] {
        let dot = circle(x + 6.0, y - 4.5)
            .set("fill", if filled { COMPOSITOR } else { PAPER })
            .set("stroke", if filled { COMPOSITOR } else { FAINT_INK });
        group = group.add(dot).add(text(x + 18.0, y, name));
        x += 18.0 + name.len() as f64 * LETTER + 14.0;
    }
    group
        .add(cross(x + 6.0, y - 4.5))
        .add(text(x + 18.0, y, "discarded"))
}
