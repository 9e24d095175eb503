//! `wayfence trace plot`: the frames as a drawing, one lane for each image, time from left to right.

use svg::Document;
use svg::node::element::{Circle, Definitions, Group, Line, Path, Pattern, Rectangle, Text, Title};
use wayfence::trace::{Frame, Outcome, Span, SwapchainTimeline, Timeline};

use crate::command::arguments::FrameRange;

/// How many frames are drawn unless told otherwise.
const USUAL: usize = 24;

const WIDTH: f64 = 1280.0;
const LEFT: f64 = 108.0;
const RIGHT: f64 = 28.0;
/// Upper edge of the first lane.
const TOP: f64 = 84.0;
/// The lanes of the display and of the calls.
const SMALL_LANE: f64 = 34.0;
const IMAGE_LANE: f64 = 52.0;
const BAR: f64 = 24.0;
const FENCE_BAR: f64 = 8.0;
/// Below the lanes: axis and legend.
const BOTTOM: f64 = 84.0;
/// The usual width of a letter.
const LETTER: f64 = 6.6;
/// The width of a figure in bold.
const FIGURE: f64 = 7.0;
/// The room that a dot takes.
const DOT: f64 = 9.0;
/// What lasts shorter than a hair's breadth is seen all the same.
const HAIR: f64 = 1.5;

const PAPER: &str = "#ffffff";
const INK: &str = "#1f2937";
const FAINT_INK: &str = "#6b7280";
const GRID: &str = "#e5e7eb";
const LANE: &str = "#f8fafc";
const APPLICATION: &str = "#3b82f6";
const IN_FLIGHT: &str = "#f59e0b";
const COMPOSITOR: &str = "#10b981";
const FENCE: &str = "#dc2626";
const ACQUIRE: &str = "#94a3b8";
const PRESENT: &str = "#475569";

/// Draws the last frames of a swapchain, or these; `None` if there are none.
pub fn draw(
    timeline: &Timeline,
    swapchain: &SwapchainTimeline,
    range: Option<FrameRange>,
) -> Option<String> {
    let all = &swapchain.frames;
    let chosen: Vec<&Frame> = match range {
        Some(range) => all
            .iter()
            .filter(|frame| (range.first..=range.last).contains(&frame.number))
            .collect(),
        None => all[all.len().saturating_sub(USUAL)..].iter().collect(),
    };
    let plot = Plot {
        swapchain,
        scale: Scale::of(&chosen)?,
    };
    let (first, last) = (chosen.first()?.number, chosen.last()?.number);
    let title = format!(
        "{} on {}, frames {first} to {last}",
        plain(&timeline.application),
        plain(&swapchain.compositor)
    );
    let subtitle = format!(
        "{}x{}, {} images, {}, synchronisation: {}",
        swapchain.extent[0],
        swapchain.extent[1],
        swapchain.images,
        plain(&swapchain.mode),
        plain(&swapchain.synchronisation),
    );
    Some(plot.drawing(&title, &subtitle).to_string())
}

/// From time to place.
struct Scale {
    begin: u64,
    end: u64,
}

impl Scale {
    /// All that happened in these frames, but for the time after the last was shown.
    fn of(frames: &[&Frame]) -> Option<Self> {
        let times = || {
            frames.iter().flat_map(|frame| {
                let call = frame.acquire.map(|acquire| acquire.call);
                let shown = match frame.outcome {
                    Outcome::Shown(shown) => Some(shown.at),
                    Outcome::Discarded(_) | Outcome::Unknown => None,
                };
                [
                    call.map(|call| call.from),
                    call.map(|call| call.to),
                    frame.commit,
                    frame.present.map(|present| present.to),
                    shown,
                ]
            })
        };
        let begin = times().flatten().min()?;
        let end = times().flatten().max()?;
        // A line has no width.
        let room = ((end - begin) / 50).max(1000);
        Some(Scale {
            begin,
            end: end.saturating_add(room),
        })
    }

    fn x(&self, at: u64) -> f64 {
        let part = at.saturating_sub(self.begin) as f64 / (self.end - self.begin) as f64;
        LEFT + part.min(1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Left edge and width of a span, or nothing if it is not in the drawing.
    fn across(&self, span: Span) -> Option<(f64, f64)> {
        if span.to < self.begin || span.from > self.end {
            return None;
        }
        let (from, to) = (self.x(span.from), self.x(span.to));
        Some((from, (to - from).max(HAIR)))
    }

    fn contains(&self, at: u64) -> bool {
        (self.begin..=self.end).contains(&at)
    }

    /// Round times, about ten of them: where they are, and what they are called, in milliseconds.
    fn ticks(&self) -> Vec<(u64, String)> {
        let span = self.end - self.begin;
        let mut step = 1;
        while span / step > 12 {
            let first = step.to_string().starts_with('2');
            step = if first { step / 2 * 5 } else { step * 2 };
        }
        (0..=span / step)
            .map(|tick| {
                let ns = tick * step;
                (self.begin + ns, format!("{}", ns as f64 / 1e6))
            })
            .collect()
    }
}

struct Plot<'a> {
    swapchain: &'a SwapchainTimeline,
    scale: Scale,
}

impl Plot<'_> {
    fn drawing(&self, title: &str, subtitle: &str) -> Document {
        let bottom = self.image_top(self.swapchain.images);
        let height = bottom + BOTTOM;
        let mut document = Document::new()
            .set("viewBox", (0, 0, WIDTH as u32, height as u32))
            .set("width", WIDTH)
            .set("height", height)
            .set("font-family", "system-ui, 'DejaVu Sans', sans-serif")
            .set("font-size", 12)
            .add(hatching())
            .add(bar(0.0, 0.0, WIDTH, height, PAPER))
            .add(
                text(LEFT, 34.0, title)
                    .set("font-size", 19)
                    .set("font-weight", 600),
            )
            .add(text(LEFT, 56.0, subtitle).set("fill", FAINT_INK))
            .add(self.lanes())
            .add(self.axis(bottom))
            .add(self.display())
            .add(self.calls());
        for frame in &self.swapchain.frames {
            document = document.add(self.frame(frame));
        }
        document.add(legend(bottom + 58.0))
    }

    fn image_top(&self, image: u32) -> f64 {
        TOP + 2.0 * SMALL_LANE + f64::from(image) * IMAGE_LANE
    }

    fn lanes(&self) -> Group {
        let lane = |name: &str, top: f64, height: f64, shaded: bool| {
            let mut lane = Group::new();
            if shaded {
                lane = lane.add(bar(LEFT, top, WIDTH - LEFT - RIGHT, height, LANE));
            }
            lane.add(text(LEFT - 12.0, top + height / 2.0 + 4.0, name).set("text-anchor", "end"))
        };
        let mut group = Group::new()
            .add(lane("display", TOP, SMALL_LANE, false))
            .add(lane("calls", TOP + SMALL_LANE, SMALL_LANE, false));
        for image in 0..self.swapchain.images {
            let top = self.image_top(image);
            let name = format!("image {image}");
            group = group.add(lane(&name, top, IMAGE_LANE, image % 2 == 0));
        }
        group
    }

    fn axis(&self, bottom: f64) -> Group {
        let mut group = Group::new().set("fill", FAINT_INK);
        for (at, name) in self.scale.ticks() {
            let x = self.scale.x(at);
            group = group
                .add(line((x, TOP), (x, bottom), GRID))
                .add(text(x, bottom + 18.0, &name).set("text-anchor", "middle"));
        }
        group
            .add(line((LEFT, bottom), (WIDTH - RIGHT, bottom), FAINT_INK))
            .add(text(LEFT - 12.0, bottom + 18.0, "ms").set("text-anchor", "end"))
    }

    /// Refreshes: those that showed a frame, and those between them that showed nothing new.
    fn display(&self) -> Group {
        let y = TOP + SMALL_LANE / 2.0;
        let mut shown: Vec<(u64, u32, u64)> = self
            .swapchain
            .frames
            .iter()
            .filter_map(|frame| match frame.outcome {
                Outcome::Shown(shown) => Some((shown.at, shown.refresh_ns, frame.number)),
                Outcome::Discarded(_) | Outcome::Unknown => None,
            })
            .filter(|(at, ..)| self.scale.contains(*at))
            .collect();
        shown.sort_unstable();
        let mut group = Group::new();
        for pair in shown.windows(2) {
            let ((before, ..), (after, refresh, _)) = (pair[0], pair[1]);
            let apart = after - before;
            if refresh == 0 {
                continue;
            }
            let refreshes = (apart as f64 / f64::from(refresh)).round() as u64;
            let missed = refreshes.saturating_sub(1);
            // More could not be told apart.
            let room = self.scale.x(after) - self.scale.x(before);
            if room < (missed + 1) as f64 * DOT {
                continue;
            }
            for number in 1..=missed {
                let x = self.scale.x(before + apart / (missed + 1) * number);
                group = group.add(
                    circle(x, y)
                        .set("fill", PAPER)
                        .set("stroke", FAINT_INK)
                        .add(Title::new("a refresh that showed nothing new")),
                );
            }
        }
        for (at, _, number) in shown {
            let hint = format!("frame {number} is shown");
            let dot = circle(self.scale.x(at), y)
                .set("fill", COMPOSITOR)
                .add(Title::new(hint));
            group = group.add(dot);
        }
        group
    }

    fn calls(&self) -> Group {
        let top = TOP + SMALL_LANE + 6.0;
        let mut group = Group::new();
        let fruitless = self.swapchain.fruitless.iter().map(|acquire| acquire.call);
        let mut call = |span: Span, colour: &str, hint: String| {
            if let Some((x, width)) = self.scale.across(span) {
                let bar = bar(x, top, width, SMALL_LANE - 12.0, colour)
                    .set("rx", 2)
                    .add(Title::new(hint));
                group = std::mem::take(&mut group).add(bar);
            }
        };
        for span in fruitless {
            let took = milliseconds(span);
            call(span, ACQUIRE, format!("acquire without an image: {took}"));
        }
        for frame in &self.swapchain.frames {
            let number = frame.number;
            if let Some(acquire) = frame.acquire {
                let took = milliseconds(acquire.call);
                let hint = format!("acquire of frame {number}: {took}");
                call(acquire.call, ACQUIRE, hint);
            }
            if let Some(span) = frame.present {
                let took = milliseconds(span);
                call(span, PRESENT, format!("present of frame {number}: {took}"));
            }
        }
        group
    }

    /// A frame in its image's lane.
    fn frame(&self, frame: &Frame) -> Group {
        let top = self.image_top(frame.image) + 7.0;
        let mut group = Group::new();
        let number = frame.number;
        for (who, colour, span) in holders(frame, self.scale.end) {
            let Some((x, width)) = self.scale.across(span) else {
                continue;
            };
            let hint = format!("frame {number}: {who}, {}", milliseconds(span));
            group = group.add(bar(x, top, width, BAR, colour).add(Title::new(hint)));
        }
        let fences = frame.rendering.iter().map(|fence| (frame.commit, fence));
        let released = frame.release.as_ref();
        let fences = fences.chain(released.into_iter().flat_map(|release| {
            let since = Some(release.at);
            release.fences.iter().map(move |fence| (since, fence))
        }));
        for (since, fence) in fences {
            let Some(from) = since else { continue };
            let to = fence.signalled.unwrap_or(self.scale.end);
            if to <= from {
                continue;
            }
            let span = Span { from, to };
            let Some((x, width)) = self.scale.across(span) else {
                continue;
            };
            let hint = format!(
                "frame {number}: {} {}, {}",
                plain(&fence.driver),
                plain(&fence.timeline),
                milliseconds(span)
            );
            let bar = bar(x, top + BAR + 4.0, width, FENCE_BAR, "url(#fence)")
                .set("stroke", FENCE)
                .set("stroke-width", 0.75)
                .add(Title::new(hint));
            group = group.add(bar);
        }
        if let Outcome::Discarded(at) = frame.outcome
            && self.scale.contains(at)
        {
            group = group.add(cross(self.scale.x(at), top + BAR / 2.0));
        }
        self.number(frame, top, group)
    }

    /// The frame's number, where there is room for it.
    fn number(&self, frame: &Frame, top: f64, group: Group) -> Group {
        let name = frame.number.to_string();
        let room = name.len() as f64 * FIGURE + 6.0;
        let widest = holders(frame, self.scale.end)
            .into_iter()
            .filter_map(|(_, _, span)| self.scale.across(span))
            .max_by(|one, other| one.1.total_cmp(&other.1));
        match widest {
            Some((x, width)) if width >= room => group.add(
                text(x + width / 2.0, top + BAR / 2.0 + 4.0, &name)
                    .set("text-anchor", "middle")
                    .set("font-size", 11)
                    .set("font-weight", 600)
                    .set("fill", PAPER),
            ),
            _ => group,
        }
    }
}

/// Who held the frame's image, and when; to `end` where the trace does not tell.
fn holders(frame: &Frame, end: u64) -> Vec<(&'static str, &'static str, Span)> {
    let mut holders = Vec::new();
    let committed = frame.commit.or(frame.given_back);
    if let Some(acquire) = frame.acquire {
        let span = Span {
            from: acquire.call.to,
            to: committed.unwrap_or(end),
        };
        holders.push(("held by the application", APPLICATION, span));
    }
    if let Some(commit) = frame.commit {
        let released = frame.let_go().unwrap_or(end).max(commit);
        let latched = match frame.outcome {
            Outcome::Shown(shown) => shown.at.clamp(commit, released),
            // It never got there.
            Outcome::Discarded(_) => released,
            Outcome::Unknown => commit,
        };
        let span = |from, to| Span { from, to };
        if latched > commit {
            holders.push(("in flight", IN_FLIGHT, span(commit, latched)));
        }
        if released > latched {
            let span = span(latched, released);
            holders.push(("held by the compositor", COMPOSITOR, span));
        }
    }
    holders
}

fn legend(y: f64) -> Group {
    let mut group = Group::new();
    let mut x = LEFT;
    for (name, colour) in [
        ("held by the application", APPLICATION),
        ("in flight", IN_FLIGHT),
        ("held by the compositor", COMPOSITOR),
        ("waiting for a fence", "url(#fence)"),
        ("in acquire", ACQUIRE),
        ("in present", PRESENT),
    ] {
        let sample = bar(x, y - 11.0, 20.0, 13.0, colour).set("rx", 2);
        let sample = match colour {
            "url(#fence)" => sample.set("stroke", FENCE).set("stroke-width", 0.75),
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

fn hatching() -> Definitions {
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

fn bar(x: f64, y: f64, width: f64, height: f64, colour: &str) -> Rectangle {
    Rectangle::new()
        .set("x", round(x))
        .set("y", round(y))
        .set("width", round(width))
        .set("height", round(height))
        .set("fill", colour)
}

fn line(from: (f64, f64), to: (f64, f64), colour: &str) -> Line {
    Line::new()
        .set("x1", round(from.0))
        .set("y1", round(from.1))
        .set("x2", round(to.0))
        .set("y2", round(to.1))
        .set("stroke", colour)
}

fn circle(x: f64, y: f64) -> Circle {
    Circle::new()
        .set("cx", round(x))
        .set("cy", round(y))
        .set("r", 4)
        .set("stroke-width", 1.25)
}

fn cross(x: f64, y: f64) -> Path {
    let (x, y) = (round(x), round(y));
    Path::new()
        .set("d", format!("M{x} {y}m-4 -4l8 8m0 -8l-8 8"))
        .set("stroke", INK)
        .set("stroke-width", 2)
        .add(Title::new("discarded"))
}

fn text(x: f64, y: f64, content: &str) -> Text {
    Text::new(content)
        .set("x", round(x))
        .set("y", round(y))
        .set("fill", INK)
}

/// Hundredths of a pixel are enough.
fn round(place: f64) -> f64 {
    (place * 100.0).round() / 100.0
}

fn milliseconds(span: Span) -> String {
    format!("{:.3} ms", span.length() as f64 / 1e6)
}

/// Control characters are no XML.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
