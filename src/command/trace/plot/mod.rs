//! `wayfence trace plot`: the frames as a drawing, one lane for each image, time from left to right.

mod colours;
mod holders;
mod legend;
mod scale;
mod shapes;

use colours::{ACQUIRE, COMPOSITOR, FAINT_INK, FENCE, FENCED, GRID, LANE, PAPER, PRESENT};
use holders::holders;
use legend::legend;
use scale::{LEFT, RIGHT, Scale, WIDTH};
use shapes::{bar, circle, cross, hatching, line, text};
use svg::Document;
use svg::node::element::{Group, Title};
use wayfence::trace::{Frame, Outcome, Span, SwapchainTimeline, Timeline};

use crate::command::arguments::FrameRange;

/// How many frames are drawn unless told otherwise.
const USUAL: usize = 24;

/// Upper edge of the first lane.
const TOP: f64 = 84.0;
/// The lanes of the display and of the calls.
const SMALL_LANE: f64 = 34.0;
const IMAGE_LANE: f64 = 52.0;
const BAR: f64 = 24.0;
const FENCE_BAR: f64 = 8.0;
/// Below the lanes: axis and legend.
const BOTTOM: f64 = 84.0;
/// The width of a figure in bold.
const FIGURE: f64 = 7.0;
/// The room that a dot takes.
const DOT: f64 = 9.0;

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
            let bar = bar(x, top + BAR + 4.0, width, FENCE_BAR, FENCED)
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

fn milliseconds(span: Span) -> String {
    format!("{:.3} ms", span.length() as f64 / 1e6)
}

/// Control characters are no XML.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
