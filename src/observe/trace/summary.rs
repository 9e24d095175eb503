//! A trace in a few lines, and who is to blame.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Peekable;
use std::slice;

use serde::Serialize;

use super::timeline::{
    Acquire, DETACHED, Fence, Frame, Outcome, Shown, SwapchainTimeline, Timeline,
};
use crate::{
    observe::latency::Latencies,
    text::{milliseconds, printable},
};

/// Waits that are a smaller part of the time than this are nobody's fault.
const NEGLIGIBLE: f64 = 0.02;
/// A display that shows at least this part of what it could keeps its pace.
const KEEPS_PACE: f64 = 0.95;

/// What a trace says, in numbers. Times are nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The program.
    pub application: String,
    /// The process.
    pub pid: u32,
    /// The compositor, as far as it can be told.
    pub compositor: String,
    /// The ways of synchronisation, each once.
    pub synchronisation: Vec<String>,
    /// The present modes, each once.
    pub modes: Vec<String>,
    /// The colour spaces with what was said of their colours last, each once.
    pub colours: Vec<String>,
    /// How many swapchains there were.
    pub swapchains: usize,
    /// The time from the first call to the last.
    pub duration_ns: u64,
    /// How many frames were committed.
    pub presented: u64,
    /// How many of them were shown,
    pub shown: u64,
    /// replaced before anybody saw them,
    pub discarded: u64,
    /// or left without a word by the compositor.
    pub unknown: u64,
    /// Time in successful acquires.
    pub acquire: Percentiles,
    /// Time in presents.
    pub present: Percentiles,
    /// From the release of an image to the end of the acquire that takes it.
    pub release_to_acquire: Percentiles,
    /// From commit to release.
    pub held_by_compositor: Percentiles,
    /// From commit to the refresh that showed it.
    pub commit_to_shown: Percentiles,
    /// From the call of a present to that refresh: the pace for which it waits is in it.
    pub present_to_shown: Percentiles,
    /// How late frames were shown, and why.
    pub late: Latencies,
    /// From the end of an acquire to the signal of its fences, of those that were pending.
    pub fences_after_acquire: Percentiles,
    /// From commit to the end of the rendering, of frames that were committed before it.
    pub drawn_after_commit: Percentiles,
    /// From one refresh to the next; 0: unknown.
    pub refresh_ns: u64,
    /// Refreshes that showed nothing new, between the first frame and the last.
    pub missed_refreshes: u64,
    /// How often the CPU waited for fences.
    pub cpu_waits: u64,
    /// The fences that images came back with.
    pub fences: Vec<FenceSum>,
    /// The fences of renderings that went on when the driver handed them over.
    pub renderings: Vec<FenceSum>,
    /// How long after their release images carried the driver's own unfinished write.
    pub own_writes_ns: u64,
    /// Records that are missing.
    pub dropped_events: u64,
    /// Sync_files that nobody watched.
    pub unwatched_sync_files: u64,
    /// Where the time went.
    pub waits: Waits,
    /// Who is to blame.
    pub culprit: Culprit,
    /// The same, as a sentence or two.
    pub verdict: String,
}

/// Times in order, by the nearest rank; all 0 if there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// How many times they are of.
    pub count: usize,
    /// The median.
    pub p50_ns: u64,
    /// Nine of ten are not longer.
    pub p90_ns: u64,
    /// 99 of a hundred are not longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Percentiles {
    fn of(times: impl IntoIterator<Item = u64>) -> Self {
        let mut times: Vec<u64> = times.into_iter().collect();
        times.sort_unstable();
        let Some(max_ns) = times.last().copied() else {
            return Self::default();
        };
        let rank = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
        Percentiles {
            count: times.len(),
            p50_ns: rank(50),
            p90_ns: rank(90),
            p99_ns: rank(99),
            max_ns,
        }
    }
}

/// The fences of one timeline, in released images or of renderings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FenceSum {
    /// The driver that signals them.
    pub driver: String,
    /// Their timeline.
    pub timeline: String,
    /// How many had signalled when the image came back, or was committed.
    pub signalled: u64,
    /// How many had not.
    pub pending: u64,
    /// For how long these were pending after that, all together.
    pub pending_ns: u64,
    /// The longest of them.
    pub longest_ns: u64,
    /// How much of that was the client's own rendering.
    pub own_ns: u64,
}

impl fmt::Display for FenceSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_named() {
            true => write!(
                f,
                "{} {}",
                printable(&self.driver),
                printable(&self.timeline)
            )?,
            // The kernel forgets it.
            false => f.write_str("no name any more")?,
        }
        let Self {
            signalled, pending, ..
        } = self;
        write!(f, ": {signalled} had signalled, {pending} had not")?;
        match self.longest_ns {
            0 => Ok(()),
            longest => write!(f, " for up to {}", milliseconds(longest)),
        }
    }
}

impl FenceSum {
    /// Whether the names are known: the kernel forgets them when a fence signals.
    pub fn is_named(&self) -> bool {
        self.driver != DETACHED
    }
}

/// What the application waited for, all together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// For the compositor to begin with the frame before.
    pub pace_ns: u64,
    /// For an image, while the compositor held some.
    pub compositor_ns: u64,
    /// For an image, while the application held all of them.
    pub application_ns: u64,
    /// For fences of images that the compositor had released.
    pub fences_ns: u64,
    /// In acquire and present, but for all that: in the driver, or on the way to it.
    pub driver_ns: u64,
}

/// The colour space of a surface of which nothing is said.
const PLAIN: &str = "SRGB_NONLINEAR";

/// Who is to blame for most of the waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Culprit {
    /// There was next to none.
    Nobody,
    /// The display's pace, which it kept.
    Display,
    /// The compositor, which was slower than the display.
    CompositorPace,
    /// The compositor, which held the images.
    Compositor,
    /// The application, which held all images itself.
    Application,
    /// Fences of images that the compositor had released.
    Fences,
    /// The driver, in acquire and present.
    Driver,
}

impl Summary {
    /// What the timeline says.
    pub fn of(timeline: &Timeline) -> Self {
        let swapchains = &timeline.swapchains;
        let frames = || swapchains.iter().flat_map(|swapchain| &swapchain.frames);
        let presented = frames().filter(|frame| frame.commit.is_some());
        let (mut shown, mut discarded, mut unknown) = (0, 0, 0);
        for frame in presented {
            *match frame.outcome {
                Outcome::Shown(_) => &mut shown,
                Outcome::Discarded(_) => &mut discarded,
                Outcome::Unknown => &mut unknown,
            } += 1;
        }
        let acquires = || frames().filter_map(|frame| frame.acquire.as_ref());
        let spans = acquires()
            .map(|acquire| acquire.call)
            .chain(frames().filter_map(|frame| frame.present));
        let begin = spans.clone().map(|span| span.from).min().unwrap_or(0);
        let end = spans.map(|span| span.to).max().unwrap_or(0);
        let reuses = || swapchains.iter().flat_map(reuses);
        let fences_after_acquire = reuses().filter_map(|(before, next)| {
            let returned = next.acquire?.call.to;
            let until = before.release.as_ref()?.fenced_until(end)?;
            until.checked_sub(returned).filter(|after| *after > 0)
        });
        let mut summary = Summary {
            application: timeline.application.clone(),
            pid: timeline.pid,
            compositor: once_each(swapchains, |of| of.compositor.clone()).join(", "),
            synchronisation: once_each(swapchains, |of| of.synchronisation.clone()),
            modes: once_each(swapchains, |of| of.mode.clone()),
            colours: once_each(swapchains, colours),
            swapchains: swapchains.len(),
            duration_ns: end - begin,
            presented: shown + discarded + unknown,
            shown,
            discarded,
            unknown,
            acquire: Percentiles::of(acquires().map(|acquire| acquire.call.length())),
            present: Percentiles::of(frames().filter_map(|f| Some(f.present?.length()))),
            release_to_acquire: Percentiles::of(reuses().filter_map(|(before, next)| {
                let released = before.release.as_ref()?.at;
                Some(next.acquire?.call.to.saturating_sub(released))
            })),
            held_by_compositor: Percentiles::of(
                frames().filter_map(|f| Some(f.let_go()?.saturating_sub(f.commit?))),
            ),
            commit_to_shown: Percentiles::of(frames().filter_map(|f| match f.outcome {
                Outcome::Shown(shown) => Some(shown.at.saturating_sub(f.commit?)),
                _ => None,
            })),
            present_to_shown: Percentiles::of(frames().filter_map(|f| match f.outcome {
                Outcome::Shown(shown) => Some(shown.at.saturating_sub(f.present?.from)),
                _ => None,
            })),
            late: late(frames()),
            fences_after_acquire: Percentiles::of(fences_after_acquire.clone()),
            drawn_after_commit: Percentiles::of(frames().filter_map(|frame| {
                let signalled = frame.rendering.iter().map(|fence| fence.signalled);
                let drawn = signalled.map(|at| at.unwrap_or(end)).max()?;
                drawn.checked_sub(frame.commit?).filter(|after| *after > 0)
            })),
            refresh_ns: refresh(frames()),
            missed_refreshes: total(swapchains.iter().map(missed_refreshes)),
            cpu_waits: total(swapchains.iter().map(|of| of.cpu_waits)),
            fences: sums(
                frames()
                    .filter_map(|frame| frame.release.as_ref())
                    .map(|release| (release.at, release.fences.as_slice())),
                end,
            ),
            renderings: sums(
                frames().filter_map(|frame| Some((frame.commit?, frame.rendering.as_slice()))),
                end,
            ),
            own_writes_ns: 0,
            dropped_events: timeline.dropped_events,
            unwatched_sync_files: timeline.unwatched_sync_files,
            waits: Waits::default(),
            culprit: Culprit::Nobody,
            verdict: String::new(),
        };
        summary.own_writes_ns = total(summary.fences.iter().map(|fence| fence.own_ns));
        summary.waits = waits(swapchains, total(fences_after_acquire));
        summary.culprit = summary.blame();
        summary.verdict = summary.sentence();
        summary
    }

    fn blame(&self) -> Culprit {
        let Waits {
            pace_ns,
            compositor_ns,
            application_ns,
            fences_ns,
            driver_ns,
        } = self.waits;
        let all = [pace_ns, compositor_ns, application_ns, fences_ns, driver_ns];
        let most = all.into_iter().max().unwrap_or(0);
        if total(all) as f64 <= self.duration_ns as f64 * NEGLIGIBLE {
            return Culprit::Nobody;
        }
        let refreshes = self.shown.saturating_add(self.missed_refreshes);
        let keeps_pace = self.refresh_ns > 0
            && self.shown > 1
            && self.shown as f64 >= refreshes as f64 * KEEPS_PACE;
        let is_paced = self.modes.iter().all(|mode| mode.starts_with("FIFO"));
        match () {
            () if most == fences_ns => Culprit::Fences,
            () if most == driver_ns => Culprit::Driver,
            () if most == application_ns => Culprit::Application,
            // A queue that is full of frames is how the display's pace reaches an application.
            () if keeps_pace && (most == pace_ns || is_paced) => Culprit::Display,
            () if most == pace_ns => Culprit::CompositorPace,
            () => Culprit::Compositor,
        }
    }

    fn sentence(&self) -> String {
        let compositor = printable(&self.compositor);
        let Waits {
            pace_ns,
            compositor_ns,
            application_ns,
            fences_ns,
            driver_ns,
        } = self.waits;
        let cause = match self.culprit {
            Culprit::Nobody => "Nothing held you up.".to_owned(),
            Culprit::Display => format!(
                "Nothing held you up but the pace of the display: you waited {} in all for it, and \
                 it showed {} frames in {} refreshes.",
                milliseconds(total([pace_ns, compositor_ns])),
                self.shown,
                self.shown.saturating_add(self.missed_refreshes),
            ),
            Culprit::CompositorPace => format!(
                "The compositor ({compositor}) held you up: you waited {} in all for it to begin \
                 with the frame before{}.",
                milliseconds(pace_ns),
                self.slow_pace(),
            ),
            Culprit::Compositor => format!(
                "The compositor ({compositor}) held your images, for {}{} at the median and {} at \
                 worst: you waited {} in all for one to come free.",
                milliseconds(self.held_by_compositor.p50_ns),
                self.in_refreshes(self.held_by_compositor.p50_ns),
                milliseconds(self.held_by_compositor.max_ns),
                milliseconds(compositor_ns),
            ),
            Culprit::Application => format!(
                "You held all images yourself: acquires waited {} in all while none was the \
                 compositor's.",
                milliseconds(application_ns),
            ),
            Culprit::Fences => self.fences_sentence(fences_ns),
            Culprit::Driver => format!(
                "No window system held you up: {} in all passed inside of acquire and present in the \
                 driver, {} of a present at the median.",
                milliseconds(driver_ns),
                milliseconds(self.present.p50_ns),
            ),
        };
        format!("{cause} {}", self.own_writes())
    }

    fn fences_sentence(&self, fences_ns: u64) -> String {
        let longest = self.fences.iter().max_by_key(|fence| fence.pending_ns);
        match longest.filter(|fence| fence.pending > 0) {
            Some(fence) => format!(
                "The fence of {} {} held your images after the compositor ({}) had released them, \
                 {} of them, for {}{} at worst: you waited {} in all for it.",
                printable(&fence.driver),
                printable(&fence.timeline),
                printable(&self.compositor),
                fence.pending,
                milliseconds(fence.longest_ns),
                self.in_refreshes(fence.longest_ns),
                milliseconds(fences_ns),
            ),
            None => format!(
                "Fences that the kernel could not name held your images after the compositor ({}) had \
                 released them: the CPU waited {} in all for them.",
                printable(&self.compositor),
                milliseconds(fences_ns),
            ),
        }
    }

    fn own_writes(&self) -> String {
        match self.own_writes_ns {
            0 => "No image came back with an unfinished write of your own driver's.".to_owned(),
            ns => format!(
                "Images came back with unfinished writes of your own driver's, for {} in all.",
                milliseconds(ns)
            ),
        }
    }

    fn slow_pace(&self) -> String {
        match self.refresh_ns {
            0 => String::new(),
            _ => format!(
                "; {} refreshes of {} showed nothing new",
                self.missed_refreshes,
                self.shown.saturating_add(self.missed_refreshes)
            ),
        }
    }

    fn in_refreshes(&self, ns: u64) -> String {
        match self.refresh_ns {
            0 => String::new(),
            refresh => format!(" ({:.1} refreshes)", ns as f64 / refresh as f64),
        }
    }
}

/// Each two frames that followed one another in an image.
fn reuses(swapchain: &SwapchainTimeline) -> impl Iterator<Item = (&Frame, &Frame)> + Clone {
    swapchain
        .frames
        .iter()
        .enumerate()
        .filter_map(|(at, next)| {
            let before = swapchain.frames[..at]
                .iter()
                .rfind(|frame| frame.image == next.image)?;
            Some((before, next))
        })
}

fn once_each(
    swapchains: &[SwapchainTimeline],
    what: impl Fn(&SwapchainTimeline) -> String,
) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in swapchains.iter().map(what) {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// The colour space of a swapchain, and what was said of its colours last.
fn colours(of: &SwapchainTimeline) -> String {
    match of.hdr_metadata {
        Some(metadata) => format!("{}, {metadata}", of.color_space),
        None => of.color_space.clone(),
    }
}

fn shown(frame: &Frame) -> Option<Shown> {
    match frame.outcome {
        Outcome::Shown(shown) => Some(shown),
        _ => None,
    }
}

fn late<'a>(frames: impl Iterator<Item = &'a Frame>) -> Latencies {
    let mut late = Latencies::default();
    for latency in frames.filter_map(|frame| shown(frame)?.latency) {
        late.add(&latency);
    }
    late
}

/// The time between refreshes as it was told most often.
fn refresh<'a>(frames: impl Iterator<Item = &'a Frame>) -> u64 {
    let mut told: BTreeMap<u32, u64> = BTreeMap::new();
    for shown in frames
        .filter_map(shown)
        .filter(|shown| shown.refresh_ns > 0)
    {
        *told.entry(shown.refresh_ns).or_default() += 1;
    }
    let most = told.into_iter().max_by_key(|(_, times)| *times);
    most.map_or(0, |(refresh, _)| refresh.into())
}

/// Refreshes between two frames that were shown: by their numbers, where the compositor counts them,
/// else by the time.
fn missed_refreshes(swapchain: &SwapchainTimeline) -> u64 {
    let mut all: Vec<Shown> = swapchain.frames.iter().filter_map(shown).collect();
    all.sort_by_key(|shown| shown.at);
    total(all.windows(2).map(|pair| {
        let refreshes = match (pair[0].sequence, pair[1].sequence, pair[1].refresh_ns) {
            (before @ 1.., after @ 1.., _) if after >= before => after - before,
            (_, _, 0) => 0,
            (_, _, refresh) => {
                let apart = pair[1].at - pair[0].at;
                (apart as f64 / f64::from(refresh)).round() as u64
            }
        };
        refreshes.saturating_sub(1)
    }))
}

/// Fences by timeline, each with those that it was handed over with, and when; those that were pending for
/// longest first.
fn sums<'a>(handed: impl Iterator<Item = (u64, &'a [Fence])>, end: u64) -> Vec<FenceSum> {
    let mut sums: Vec<FenceSum> = Vec::new();
    for (handed_at, fences) in handed {
        for fence in fences {
            let known = sums
                .iter()
                .position(|sum| sum.driver == fence.driver && sum.timeline == fence.timeline);
            let at = known.unwrap_or_else(|| {
                sums.push(FenceSum {
                    driver: fence.driver.clone(),
                    timeline: fence.timeline.clone(),
                    signalled: 0,
                    pending: 0,
                    pending_ns: 0,
                    longest_ns: 0,
                    own_ns: 0,
                });
                sums.len() - 1
            });
            let sum = &mut sums[at];
            match fence.signalled.unwrap_or(end).saturating_sub(handed_at) {
                0 => sum.signalled += 1,
                after => {
                    sum.pending += 1;
                    sum.pending_ns = sum.pending_ns.saturating_add(after);
                    sum.longest_ns = sum.longest_ns.max(after);
                    sum.own_ns = sum.own_ns.saturating_add(if fence.own { after } else { 0 });
                }
            }
        }
    }
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.pending_ns));
    sums
}

fn waits(swapchains: &[SwapchainTimeline], fences_after_acquire: u64) -> Waits {
    let mut waits = Waits {
        fences_ns: fences_after_acquire,
        ..Waits::default()
    };
    let add = |sum: &mut u64, ns: u64| *sum = sum.saturating_add(ns);
    for swapchain in swapchains {
        let acquires = swapchain.frames.iter().filter_map(|f| f.acquire.as_ref());
        let mut acquires: Vec<&Acquire> = acquires.chain(&swapchain.fruitless).collect();
        acquires.sort_by_key(|acquire| acquire.call.from);
        let mut holders = Holders::of(swapchain);
        for acquire in acquires {
            let waited = acquire.waited;
            add(&mut waits.fences_ns, waited.busy_ns);
            let holder = match holders.is_compositor_at(acquire.call.from) {
                true => &mut waits.compositor_ns,
                false => &mut waits.application_ns,
            };
            add(holder, waited.no_image_ns);
            let known = total([waited.no_image_ns, waited.busy_ns]);
            add(
                &mut waits.driver_ns,
                acquire.call.length().saturating_sub(known),
            );
        }
        for frame in &swapchain.frames {
            if let Some(present) = frame.present {
                add(&mut waits.pace_ns, frame.paced_ns);
                add(
                    &mut waits.driver_ns,
                    present.length().saturating_sub(frame.paced_ns),
                );
            }
        }
    }
    waits
}

/// A sum that stops at the end: a file may say anything.
fn total(all: impl IntoIterator<Item = u64>) -> u64 {
    all.into_iter().fold(0, u64::saturating_add)
}

/// Who held the images of a swapchain, as time goes on.
struct Holders<'a> {
    /// Those that have not begun.
    frames: Peekable<slice::Iter<'a, Frame>>,
    /// The last frame of each image.
    last: BTreeMap<u32, &'a Frame>,
}

impl<'a> Holders<'a> {
    fn of(swapchain: &'a SwapchainTimeline) -> Self {
        Holders {
            frames: swapchain.frames.iter().peekable(),
            last: BTreeMap::new(),
        }
    }

    /// Whether the compositor held one then. Times are to be asked for in their order.
    fn is_compositor_at(&mut self, at: u64) -> bool {
        let begun = |frame: &&Frame| {
            let acquired = frame.acquire.map(|acquire| acquire.call.to);
            acquired.or(frame.commit).is_none_or(|begun| begun <= at)
        };
        while let Some(frame) = self.frames.next_if(begun) {
            self.last.insert(frame.image, frame);
        }
        self.last.values().any(|frame| {
            frame.commit.is_some_and(|commit| commit <= at)
                && frame.release.as_ref().is_none_or(|release| release.at > at)
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            writeln!(f, "{name:<22}  {value}")
        };
        row(
            f,
            "application",
            &format_args!("{} (process {})", printable(&self.application), self.pid),
        )?;
        row(f, "compositor", &printable(&self.compositor))?;
        row(
            f,
            "swapchains",
            &format_args!(
                "{}, {}, {}",
                self.swapchains,
                printable(&self.modes.join(" and ")),
                printable(&self.synchronisation.join(" and "))
            ),
        )?;
        // What nearly all are is no news.
        if self.colours.iter().any(|colours| colours != PLAIN) {
            row(f, "colours", &printable(&self.colours.join(" and ")))?;
        }
        row(
            f,
            "frames",
            &format_args!(
                "{} presented in {:.3} s: {} shown, {} discarded, {} unknown",
                self.presented,
                self.duration_ns as f64 / 1e9,
                self.shown,
                self.discarded,
                self.unknown
            ),
        )?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<22}  {:>11} {:>11} {:>11} {:>11}",
            "milliseconds", "p50", "p90", "p99", "max"
        )?;
        for (name, times) in [
            ("acquire", self.acquire),
            ("present", self.present),
            ("release to acquire", self.release_to_acquire),
            ("held by the compositor", self.held_by_compositor),
            ("commit to shown", self.commit_to_shown),
            ("present to shown", self.present_to_shown),
            ("fences after acquire", self.fences_after_acquire),
            ("drawn after commit", self.drawn_after_commit),
        ] {
            if times.count == 0 {
                writeln!(f, "{name:<22}  {:>11}", "none")?;
                continue;
            }
            write!(f, "{name:<22} ")?;
            for ns in [times.p50_ns, times.p90_ns, times.p99_ns, times.max_ns] {
                write!(f, " {:>11.3}", ns as f64 / 1e6)?;
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        match self.refresh_ns {
            0 => row(f, "missed refreshes", &"unknown")?,
            refresh => row(
                f,
                "missed refreshes",
                &format_args!(
                    "{} of {}, one every {}",
                    self.missed_refreshes,
                    self.shown.saturating_add(self.missed_refreshes),
                    milliseconds(refresh)
                ),
            )?,
        }
        match self.late.shown {
            0 => row(f, "late frames", &"unknown")?,
            _ => row(f, "late frames", &self.late)?,
        }
        row(f, "waits on the CPU", &self.cpu_waits)?;
        for (of, fences) in [
            ("fences of releases", &self.fences),
            ("fences of renderings", &self.renderings),
        ] {
            for fence in fences {
                row(f, of, fence)?;
            }
        }
        row(f, "dropped events", &self.dropped_events)?;
        if self.unwatched_sync_files > 0 {
            row(f, "unwatched sync_files", &self.unwatched_sync_files)?;
        }
        writeln!(f)?;
        writeln!(f, "{}", self.verdict)
    }
}
