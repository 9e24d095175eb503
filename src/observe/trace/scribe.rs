//! Turns records into the file's events, and finds out when fences signalled.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    event::{Event, Fences, Made, Waited, What},
    format::{
        AcquireArgs, CommitArgs, FenceArgs, FencesArgs, FrameArgs, LostArgs, MetadataArgs,
        NameArgs, PROCESS, PresentArgs, ProcessArgs, ShownArgs, SortArgs, SwapchainArgs,
        TraceEvent, VERSION, calls_lane, image_lane, microseconds,
    },
    watched::Watched,
};
use crate::kernel::sync_file::{FenceInfo, FenceStatus, FewFences, SyncFileInfo};

/// The writer's side of a trace; without a file, so that it can be tested.
pub(super) struct Scribe {
    pid: u32,
    /// Events not taken yet, separated by `",\n"`.
    text: Vec<u8>,
    /// When each image was acquired, or committed.
    since: HashMap<(u32, u32), u64>,
    watched: Vec<Watch>,
    /// How many of the fences' slices there are.
    slices: u64,
    lost: (u64, u64),
}

/// A sync_file that had not signalled at the last look.
struct Watch {
    of: FrameArgs,
    kind: FencesOf,
    /// When the fences changed hands.
    since: u64,
    fences: Watched,
    /// As they were at the last look.
    known: Vec<FenceInfo>,
    told: bool,
}

/// What fences stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FencesOf {
    Release,
    Rendering,
}

impl FencesOf {
    fn event(self) -> &'static str {
        match self {
            FencesOf::Release => "fences of the release",
            FencesOf::Rendering => "fences of the rendering",
        }
    }
}

impl Scribe {
    pub(super) fn new(pid: u32, application: &str) -> Self {
        let mut scribe = Scribe {
            pid,
            text: Vec::new(),
            since: HashMap::new(),
            watched: Vec::new(),
            slices: 0,
            lost: (0, 0),
        };
        scribe.describe(
            PROCESS,
            0,
            ProcessArgs {
                version: VERSION,
                application: application.to_owned(),
            },
        );
        scribe.describe("process_name", 0, NameArgs { name: application });
        scribe
    }

    /// The events so far, which it forgets.
    pub(super) fn take_text(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    /// Writes a record down.
    pub(super) fn write(&mut self, event: Event) {
        let Event {
            swapchain,
            image,
            frame,
            at,
            what,
        } = event;
        let of = FrameArgs {
            swapchain,
            frame,
            image,
        };
        match what {
            What::Created(made) => self.created(swapchain, at, *made),
            What::Acquired {
                called,
                waited,
                pending,
                cpu_waits,
            } => {
                let args = AcquireArgs {
                    swapchain,
                    frame: Some(frame),
                    image: Some(image),
                    waited,
                    pending,
                    cpu_waits,
                };
                self.slice(acquire(&waited), calls_lane(swapchain), called, at, args);
                self.since.insert((swapchain, image), at);
            }
            What::NotAcquired { called, waited } => {
                let args = AcquireArgs {
                    swapchain,
                    frame: None,
                    image: None,
                    waited,
                    pending: false,
                    cpu_waits: 0,
                };
                let name = "acquire without an image";
                self.slice(name, calls_lane(swapchain), called, at, args);
            }
            What::Metadata(volume) => {
                let args = MetadataArgs {
                    swapchain,
                    volume: *volume,
                };
                let lane = calls_lane(swapchain);
                self.event("hdr metadata", "i", at, None, lane, None, args);
            }
            What::GivenBack => {
                self.hold("application", of, at);
                self.instant("given back", of, at, of);
            }
            What::Committed {
                rendering,
                handed,
                paced,
            } => {
                self.hold("application", of, at);
                self.since.insert((swapchain, image), at);
                let args = CommitArgs {
                    of,
                    handed_ns: at.saturating_sub(handed),
                    paced_ns: paced,
                };
                self.instant("commit", of, at, args);
                self.watch(of, FencesOf::Rendering, at, rendering);
            }
            What::Presented { called, cpu_waits } => {
                let args = PresentArgs { of, cpu_waits };
                self.slice("present", calls_lane(swapchain), called, at, args);
            }
            What::Released { fences } => {
                self.hold("compositor", of, at);
                self.instant("release", of, at, of);
                self.watch(of, FencesOf::Release, at, fences);
            }
            What::Shown {
                refresh,
                sequence,
                latency,
            } => {
                let args = ShownArgs {
                    of,
                    refresh_ns: refresh,
                    sequence,
                    latency,
                };
                self.instant("shown", of, at, args);
            }
            What::Discarded => self.instant("discarded", of, at, of),
        }
    }

    /// Looks at the fences that have not signalled.
    pub(super) fn look(&mut self) {
        for mut watch in std::mem::take(&mut self.watched) {
            let signalled = watch.fences.file.is_signalled();
            if matches!(signalled, Ok(false)) && watch.told {
                self.watched.push(watch);
                continue;
            }
            match watch.fences.file.info() {
                Ok(info) => {
                    watch.known = named(std::mem::take(&mut watch.known), info);
                    self.fences(watch.of, watch.kind, watch.since, &watch.known);
                }
                Err(error) => tracing::debug!(%error, "a fence for the trace"),
            }
            if let Ok(false) = signalled {
                watch.told = true;
                self.watched.push(watch);
            }
        }
    }

    /// Closes every descriptor.
    pub(super) fn forget(&mut self) {
        self.watched.clear();
    }

    /// Records how much is missing, if that has changed.
    pub(super) fn lost(&mut self, at: u64, events: u64, sync_files: u64) {
        if (events, sync_files) != self.lost {
            self.lost = (events, sync_files);
            let args = LostArgs { events, sync_files };
            self.event("lost", "i", at, None, 0, None, args);
        }
    }

    /// Writes down what is known of fences that changed hands at `since`.
    pub(super) fn fences(
        &mut self,
        of: FrameArgs,
        kind: FencesOf,
        since: u64,
        fences: &[FenceInfo],
    ) {
        let fences: Vec<FenceArgs> = fences.iter().map(FenceArgs::of).collect();
        for fence in fences.iter().filter(|fence| fence.signalled_ns > since) {
            let name = match kind {
                FencesOf::Release => format!("{} {}", fence.driver, fence.timeline),
                FencesOf::Rendering => "rendering".to_owned(),
            };
            self.slices += 1;
            let lane = image_lane(of.swapchain, of.image);
            for (ph, at) in [("b", since), ("e", fence.signalled_ns)] {
                self.event(&name, ph, at, None, lane, Some(self.slices), of);
            }
        }
        self.instant(kind.event(), of, since, FencesArgs { of, fences });
    }

    fn created(&mut self, swapchain: u32, at: u64, made: Made) {
        let calls = (
            calls_lane(swapchain),
            format!("swapchain {swapchain}, calls"),
        );
        let images = (0..made.images).map(|image| {
            let name = format!("swapchain {swapchain}, image {image}");
            (image_lane(swapchain, image), name)
        });
        for (lane, name) in std::iter::once(calls).chain(images) {
            self.describe("thread_name", lane, NameArgs { name: &name });
            self.describe("thread_sort_index", lane, SortArgs { sort_index: lane });
        }
        let args = SwapchainArgs { swapchain, made };
        let lane = calls_lane(swapchain);
        self.event("swapchain", "i", at, None, lane, None, args);
    }

    fn watch(&mut self, of: FrameArgs, kind: FencesOf, since: u64, fences: Fences) {
        if let Fences::Watched(fences) = fences {
            self.watched.push(Watch {
                of,
                kind,
                since,
                known: fences
                    .fences
                    .as_ref()
                    .map_or_else(Vec::new, FewFences::infos),
                fences,
                told: false,
            });
        }
    }

    /// Ends the slice of an image.
    fn hold(&mut self, holder: &str, of: FrameArgs, at: u64) {
        if let Some(since) = self.since.remove(&(of.swapchain, of.image)) {
            let lane = image_lane(of.swapchain, of.image);
            self.slice(holder, lane, since, at, of);
        }
    }

    fn slice(&mut self, name: &str, lane: u32, from: u64, to: u64, args: impl Serialize) {
        let took = to.saturating_sub(from);
        self.event(name, "X", from, Some(took), lane, None, args);
    }

    fn instant(&mut self, name: &str, of: FrameArgs, at: u64, args: impl Serialize) {
        let lane = image_lane(of.swapchain, of.image);
        self.event(name, "i", at, None, lane, None, args);
    }

    fn describe(&mut self, name: &str, lane: u32, args: impl Serialize) {
        self.event(name, "M", 0, None, lane, None, args);
    }

    #[expect(clippy::too_many_arguments, reason = "they are one event's members")]
    fn event(
        &mut self,
        name: &str,
        ph: &'static str,
        at: u64,
        took: Option<u64>,
        lane: u32,
        id: Option<u64>,
        args: impl Serialize,
    ) {
        let event = TraceEvent {
            name,
            cat: "wayfence",
            ph,
            ts: microseconds(at),
            dur: took.map(microseconds),
            pid: self.pid,
            tid: lane,
            id,
            s: (ph == "i").then_some("t"),
            args,
        };
        let before = self.text.len();
        if before > 0 {
            self.text.extend_from_slice(b",\n");
        }
        // This fails only for maps with keys other than text.
        if serde_json::to_writer(&mut self.text, &event).is_err() {
            self.text.truncate(before);
        }
    }
}

/// Fences as they are now, with the names that they had before: the kernel forgets a fence's name when it
/// signals.
fn named(before: Vec<FenceInfo>, now: SyncFileInfo) -> Vec<FenceInfo> {
    if before.len() <= now.fences.len() {
        let mut fences = now.fences;
        // More than a few were not looked up before.
        for (fence, before) in fences.iter_mut().zip(before) {
            fence.driver_name = before.driver_name;
            fence.obj_name = before.obj_name;
        }
        return fences;
    }
    // A chain of fences drops those that have signalled.
    let last = now.fences.iter().map(|fence| fence.timestamp).max();
    let changed = before.into_iter().map(|fence| match fence.status {
        FenceStatus::Pending => FenceInfo {
            status: now.status,
            timestamp: last.unwrap_or_default(),
            ..fence
        },
        FenceStatus::Signalled | FenceStatus::Failed(_) => fence,
    });
    changed.collect()
}

/// An acquire's name says why it waited, if it did.
fn acquire(waited: &Waited) -> &'static str {
    let Waited {
        no_image_ns,
        busy_ns,
    } = *waited;
    match no_image_ns.max(busy_ns) {
        0 => "acquire",
        most if most == no_image_ns => "acquire (no image free)",
        _ => "acquire (image in use)",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn fence(name: &str, status: FenceStatus, at: u64) -> FenceInfo {
        FenceInfo {
            driver_name: name.to_owned(),
            obj_name: name.to_owned(),
            status,
            timestamp: Duration::from_nanos(at),
        }
    }

    fn now(fences: Vec<FenceInfo>) -> SyncFileInfo {
        SyncFileInfo {
            name: String::new(),
            status: FenceStatus::Signalled,
            fences,
        }
    }

    #[test]
    fn a_fence_keeps_the_name_that_it_had_while_it_was_pending() {
        use FenceStatus::{Pending, Signalled};
        let before = || vec![fence("a", Pending, 0), fence("b", Pending, 0)];
        let detached = |at| fence("detached", Signalled, at);
        let both = [fence("a", Signalled, 5), fence("b", Signalled, 7)];
        assert_eq!(named(before(), now(vec![detached(5), detached(7)])), both);
        // The first has gone from a chain.
        let last = [fence("a", Signalled, 7), fence("b", Signalled, 7)];
        assert_eq!(named(before(), now(vec![detached(7)])), last);
        // Nobody has looked before.
        assert_eq!(named(Vec::new(), now(vec![detached(5)])), [detached(5)]);
    }
}
