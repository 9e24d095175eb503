//! What a trace tells about each frame.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{
    event::Waited,
    format::{
        AcquireArgs, CommitArgs, FenceArgs, FencesArgs, FrameArgs, LostArgs, MOST_IMAGES,
        MetadataArgs, PROCESS, PresentArgs, ProcessArgs, ReadEvent, ShownArgs, SwapchainArgs,
        VERSION, nanoseconds,
    },
};
use crate::error::{Error, Result};
use crate::{observe::latency::Latency, wayland::colour::Volume};

/// What the kernel says of a signalled fence's driver, since Linux 6.17.
pub(super) const DETACHED: &str = "detached-driver";

/// What a trace says. All times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The process.
    pub pid: u32,
    /// The file name of the program.
    pub application: String,
    /// Its swapchains, in the order in which they were made.
    pub swapchains: Vec<SwapchainTimeline>,
    /// How many records are missing because frames came faster than they were written.
    pub dropped_events: u64,
    /// How many sync_files were not watched because too many descriptors were open.
    pub unwatched_sync_files: u64,
}

/// The frames of one swapchain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwapchainTimeline {
    /// Its number in the process, from 1.
    pub number: u32,
    /// The way of synchronisation.
    pub synchronisation: String,
    /// The compositor, as far as it can be told.
    pub compositor: String,
    /// Width and height in pixels.
    pub extent: [u32; 2],
    /// How many images it has.
    pub images: u32,
    /// The first present mode.
    pub mode: String,
    /// The colour space.
    pub color_space: String,
    /// The last HDR metadata that the compositor has taken.
    pub hdr_metadata: Option<Volume>,
    /// In the order of their acquires.
    pub frames: Vec<Frame>,
    /// Acquires that returned without an image.
    pub fruitless: Vec<Acquire>,
    /// How often the CPU waited for fences.
    pub cpu_waits: u64,
}

/// A frame, from the acquire of its image to the image's release. What is not in the trace, or has not
/// happened, is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// Its number in the swapchain, from 1.
    pub number: u64,
    /// Its image.
    pub image: u32,
    /// The acquire of the image.
    pub acquire: Option<Acquire>,
    /// When the image came back unpresented.
    pub given_back: Option<u64>,
    /// When it was committed.
    pub commit: Option<u64>,
    /// How long before the commit the driver had handed the rendering over.
    pub handed_ns: u64,
    /// For how much of that the commit waited for the compositor's pace.
    pub paced_ns: u64,
    /// The present.
    pub present: Option<Span>,
    /// The fences of the rendering that had not signalled when the driver gave them.
    pub rendering: Vec<Fence>,
    /// What became of it.
    pub outcome: Outcome,
    /// The release of its image by the compositor.
    pub release: Option<Release>,
}

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its begin.
    pub from: u64,
    /// Its end.
    pub to: u64,
}

impl Span {
    /// How long it is.
    pub fn length(self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

/// An acquire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acquire {
    /// The call.
    pub call: Span,
    /// What it waited for.
    pub waited: Waited,
    /// It returned with fences that had not signalled.
    pub pending: bool,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The compositor has not said.
    #[default]
    Unknown,
    /// It was shown.
    Shown(Shown),
    /// It was never shown; when that was heard.
    Discarded(u64),
}

/// How a frame was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// When.
    pub at: u64,
    /// The time from one refresh to the next; 0: unknown.
    pub refresh_ns: u32,
    /// The number of the refresh; 0: they are not counted.
    pub sequence: u64,
    /// How long after its present that was, and how late.
    pub latency: Option<Latency>,
}

/// The compositor let go of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// When we heard of it.
    pub at: u64,
    /// The fences that came with it.
    pub fences: Vec<Fence>,
}

/// A fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The driver that signals it.
    pub driver: String,
    /// Its timeline.
    pub timeline: String,
    /// When it signalled; missing if it had not by the end of the trace.
    pub signalled: Option<u64>,
    /// In a release: it is the client's own rendering of the same frame, which had not signalled.
    pub own: bool,
}

impl Fence {
    /// Whether its names are known: the kernel forgets them when it signals.
    pub fn is_named(&self) -> bool {
        self.driver != DETACHED
    }

    fn is_the_same(&self, other: &Self) -> bool {
        let named_alike = self.driver == other.driver && self.timeline == other.timeline;
        self.signalled == other.signalled && (named_alike || !self.is_named() || !other.is_named())
    }
}

impl Release {
    /// When the last fence signalled, if one had not when we heard of the release. `end` stands for
    /// the time of those that never did.
    pub fn fenced_until(&self, end: u64) -> Option<u64> {
        let last = self
            .fences
            .iter()
            .map(|fence| fence.signalled.unwrap_or(end));
        last.max().filter(|last| *last > self.at)
    }
}

impl Frame {
    /// When the compositor was done with the image, as far as the release tells. With timeline points no event
    /// announces a release: it is found by a look, but its fence has the time.
    pub fn let_go(&self) -> Option<u64> {
        let release = self.release.as_ref()?;
        let signalled = release.fences.iter().map(|fence| fence.signalled);
        let done = signalled
            .collect::<Option<Vec<u64>>>()
            .and_then(|all| all.into_iter().max());
        match (done, self.commit) {
            // A fence without work may have the time of the boot.
            (Some(done), Some(commit)) if commit < done && done < release.at => Some(done),
            _ => Some(release.at),
        }
    }
}

/// Reads a trace. One that was cut off in the middle of a write is read up to there.
///
/// # Errors
/// [`Error::File`] if the file cannot be read, [`Error::MalformedTrace`] if it is no trace of ours, or
/// one of a later version.
pub fn read(path: impl AsRef<Path>) -> Result<Timeline> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    parse(&bytes).map_err(|reason| Error::MalformedTrace {
        path: path.to_owned(),
        reason,
    })
}

pub(super) fn parse(bytes: &[u8]) -> std::result::Result<Timeline, String> {
    let events = events(bytes)?;
    let mut process: Option<(u32, ProcessArgs)> = None;
    let mut swapchains: BTreeMap<u32, Reader> = BTreeMap::new();
    let mut lost = LostArgs {
        events: 0,
        sync_files: 0,
    };
    for event in events {
        let at = nanoseconds(event.ts);
        let call = Span {
            from: at,
            // Whatever the file says: no call ends before it begins.
            to: nanoseconds(event.ts + event.dur).max(at),
        };
        match (event.ph.as_str(), event.name.as_str()) {
            ("M", PROCESS) => process = Some((event.pid, arguments(event)?)),
            ("i", "swapchain") => {
                let SwapchainArgs { swapchain, made } = arguments(event)?;
                if made.images > MOST_IMAGES {
                    return Err(format!("a swapchain of {} images", made.images));
                }
                let of = &mut swapchains.entry(swapchain).or_default().of;
                of.synchronisation = made.synchronisation;
                of.compositor = made.compositor;
                of.extent = made.extent;
                of.images = made.images;
                of.mode = made.mode;
                of.color_space = made.color_space;
            }
            ("i", "hdr metadata") => {
                let MetadataArgs { swapchain, volume } = arguments(event)?;
                let of = &mut swapchains.entry(swapchain).or_default().of;
                of.hdr_metadata = (volume != Volume::default()).then_some(volume);
            }
            ("X", name) if name.starts_with("acquire") => {
                let args: AcquireArgs = arguments(event)?;
                let reader = swapchains.entry(args.swapchain).or_default();
                let acquire = Acquire {
                    call,
                    waited: args.waited,
                    pending: args.pending,
                };
                reader.of.cpu_waits = reader.of.cpu_waits.max(args.cpu_waits);
                match (args.frame, args.image) {
                    (Some(frame), Some(image)) => {
                        reader.frame(frame, image).frame.acquire = Some(acquire);
                    }
                    _ => reader.of.fruitless.push(acquire),
                }
            }
            ("X", "present") => {
                let PresentArgs { of, cpu_waits } = arguments(event)?;
                let reader = swapchains.entry(of.swapchain).or_default();
                reader.of.cpu_waits = reader.of.cpu_waits.max(cpu_waits);
                reader.frame(of.frame, of.image).frame.present = Some(call);
            }
            ("i", name) => {
                let Some(change) = Change::read(name, at, &event.args) else {
                    if name == "lost" {
                        lost = arguments(event)?;
                    }
                    continue;
                };
                let (of, change) = change?;
                let reader = swapchains.entry(of.swapchain).or_default();
                change.apply(reader.frame(of.frame, of.image));
            }
            _ => {}
        }
    }
    let Some((pid, process)) = process else {
        return Err("it does not say that it is one".to_owned());
    };
    if process.version != VERSION {
        return Err(format!(
            "it is of version {}, and this is for version {VERSION}",
            process.version
        ));
    }
    Ok(Timeline {
        pid,
        application: process.application,
        swapchains: swapchains
            .into_iter()
            .map(|(number, reader)| reader.finish(number))
            .collect(),
        dropped_events: lost.events,
        unwatched_sync_files: lost.sync_files,
    })
}

/// The events, of an array or in an object (`traceEvents`).
fn events(bytes: &[u8]) -> std::result::Result<Vec<ReadEvent>, String> {
    #[derive(serde::Deserialize)]
    struct Wrapped {
        #[serde(rename = "traceEvents")]
        events: Vec<ReadEvent>,
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        return match serde_json::from_slice(bytes) {
            Ok(Wrapped { events }) => Ok(events),
            Err(error) => Err(error.to_string()),
        };
    }
    let error = match serde_json::from_slice(bytes) {
        Ok(events) => return Ok(events),
        Err(error) => error,
    };
    // "The ] at the end is optional", and the last event may be a part of one.
    let cut = bytes.windows(2).rposition(|two| two == b",\n");
    if let Some(cut) = cut.filter(|_| error.is_eof()) {
        let whole = [&bytes[..cut], b"]"].concat();
        if let Ok(events) = serde_json::from_slice(&whole) {
            return Ok(events);
        }
    }
    Err(error.to_string())
}

fn arguments<A: DeserializeOwned>(event: ReadEvent) -> std::result::Result<A, String> {
    let ReadEvent { name, args, .. } = event;
    serde_json::from_value(args).map_err(|error| format!("an event `{name}`: {error}"))
}

/// What an instant event changes in its frame.
enum Change {
    GivenBack(u64),
    Commit(u64, CommitArgs),
    Release(u64),
    Fences(bool, FencesArgs),
    Shown(u64, ShownArgs),
    Discarded(u64),
}

impl Change {
    /// `None` if it is not one of our events.
    fn read(
        name: &str,
        at: u64,
        args: &serde_json::Value,
    ) -> Option<std::result::Result<(FrameArgs, Self), String>> {
        fn of<A: DeserializeOwned>(
            name: &str,
            args: &serde_json::Value,
        ) -> std::result::Result<A, String> {
            A::deserialize(args).map_err(|error| format!("an event `{name}`: {error}"))
        }
        Some(match name {
            "given back" => of(name, args).map(|frame| (frame, Change::GivenBack(at))),
            "commit" => of(name, args).map(|args: CommitArgs| (args.of, Change::Commit(at, args))),
            "release" => of(name, args).map(|frame| (frame, Change::Release(at))),
            "fences of the release" | "fences of the rendering" => {
                let release = name == "fences of the release";
                of(name, args).map(|args: FencesArgs| (args.of, Change::Fences(release, args)))
            }
            "shown" => of(name, args).map(|args: ShownArgs| (args.of, Change::Shown(at, args))),
            "discarded" => of(name, args).map(|frame| (frame, Change::Discarded(at))),
            _ => return None,
        })
    }

    fn apply(self, drawn: &mut Drawn) {
        let frame = &mut drawn.frame;
        match self {
            Change::GivenBack(at) => frame.given_back = Some(at),
            Change::Commit(at, args) => {
                frame.commit = Some(at);
                frame.handed_ns = args.handed_ns;
                frame.paced_ns = args.paced_ns;
            }
            Change::Release(at) => {
                frame.release = Some(Release {
                    at,
                    fences: Vec::new(),
                });
            }
            Change::Fences(true, args) => drawn.fences = args.fences,
            Change::Fences(false, args) => {
                frame.rendering = args.fences.into_iter().map(fence).collect();
            }
            Change::Shown(at, args) => {
                frame.outcome = Outcome::Shown(Shown {
                    at,
                    refresh_ns: args.refresh_ns,
                    sequence: args.sequence,
                    latency: args.latency,
                });
            }
            Change::Discarded(at) => frame.outcome = Outcome::Discarded(at),
        }
    }
}

fn fence(args: FenceArgs) -> Fence {
    Fence {
        driver: args.driver,
        timeline: args.timeline,
        signalled: (args.signalled_ns > 0).then_some(args.signalled_ns),
        own: false,
    }
}

/// A swapchain that is being read.
#[derive(Default)]
struct Reader {
    of: SwapchainTimeline,
    frames: BTreeMap<u64, Drawn>,
}

/// A frame that is being read.
#[derive(Default)]
struct Drawn {
    frame: Frame,
    /// Those of the release.
    fences: Vec<FenceArgs>,
}

impl Reader {
    fn frame(&mut self, number: u64, image: u32) -> &mut Drawn {
        let drawn = self.frames.entry(number).or_default();
        drawn.frame.number = number;
        drawn.frame.image = image;
        drawn
    }

    fn finish(self, number: u32) -> SwapchainTimeline {
        let frames = self.frames.into_values().map(|drawn| {
            let mut frame = drawn.frame;
            if let Some(release) = &mut frame.release {
                release.fences = drawn.fences.into_iter().map(fence).collect();
                let at = release.at;
                for fence in &mut release.fences {
                    // A fence signals once: two with the same names and time are one.
                    fence.own = fence.signalled.is_none_or(|signalled| signalled > at)
                        && frame.rendering.iter().any(|own| own.is_the_same(fence));
                }
            }
            frame
        });
        SwapchainTimeline {
            number,
            frames: frames.collect(),
            ..self.of
        }
    }
}
