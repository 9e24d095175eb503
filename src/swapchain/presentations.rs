//! The record of a swapchain's presents: for waits (`vkWaitForPresentKHR`), for times
//! (`vkGetPastPresentationTimingEXT`), and for report and trace.
//!
//! A frame is over when it was shown, or when it was replaced and never will be ("any wait of this type
//! associated with such an image must be signaled no later than a wait associated with the replacing image
//! would be signaled"). The last frame of a hidden surface gets no feedback: it is over after a while without
//! any; after a longer while it counts as never shown ("results must be made available in finite time").

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::refresh::Shown;
use crate::{
    kernel::sync_file::SyncFile,
    observe::latency::{Latencies, Latency, Way},
};

/// How long after its commit, or after its target time, a frame without feedback is over for waits.
pub const BOUND: Duration = Duration::from_secs(1);

/// How long after that time feedback may still come, unless the surface is hidden: a busy compositor may be
/// slower than a wait should be.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How many frames are kept for a [history](Reader::History) that may never be read.
pub const HISTORY: usize = 64;

/// A stage of a present; in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The queue operations of its present have executed.
    Rendered,
    /// The compositor has taken it from its queue, which nobody is told of.
    Dequeued,
    /// Its first pixel has left for the display.
    PixelOut,
    /// Its first pixel is visible, according to the hardware.
    PixelVisible,
}

impl Stage {
    /// All of them.
    pub const ALL: [Stage; 4] = [
        Stage::Rendered,
        Stage::Dequeued,
        Stage::PixelOut,
        Stage::PixelVisible,
    ];
}

/// Some stages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stages([bool; 4]);

impl Stages {
    /// None of them.
    pub const NONE: Stages = Stages([false; 4]);

    /// Those that are wanted.
    pub fn that(wanted: impl Fn(Stage) -> bool) -> Self {
        Stages(Stage::ALL.map(wanted))
    }

    /// Whether this one is among them.
    pub fn contains(self, stage: Stage) -> bool {
        self.0[stage as usize]
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        !self.0.contains(&true)
    }
}

/// Who will read the times of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Nobody: it is only observed, until its outcome is known.
    Nobody,
    /// A queue with a [number of slots](Presentations::set_slots), of which the frame takes one.
    Queue,
    /// A history of [so many](HISTORY) frames, which drops the oldest.
    History,
}

/// The report to be made of a frame.
#[derive(Debug)]
pub struct Report<F = SyncFile> {
    /// Who will read it.
    pub reader: Reader,
    /// The stages whose times are reported.
    pub stages: Stages,
    /// The time before which it is not to be shown, if it has a target; in nanoseconds of `CLOCK_MONOTONIC`.
    pub target: Option<u64>,
    /// The reader's own target time and domain, which the report returns.
    pub said: [u64; 2],
    /// When vkQueuePresentKHR was called, in nanoseconds of `CLOCK_MONOTONIC`.
    pub called: u64,
    /// When the library got it, and with it the fence of the rendering.
    pub handed: u64,
    /// When it was committed.
    pub committed: u64,
    /// When the rendering was over.
    pub rendered: Rendered<F>,
}

/// Something that signals once.
pub trait Signal {
    /// When it did, in nanoseconds of `CLOCK_MONOTONIC`; 0 if unknown; `None` if it has not.
    fn signalled_at(&self) -> Option<u64>;
}

impl Signal for SyncFile {
    fn signalled_at(&self) -> Option<u64> {
        self.last_signal().unwrap_or(Some(0))
    }
}

/// When a rendering was over.
#[derive(Debug)]
pub enum Rendered<F> {
    /// When this fence signals.
    Fence(F),
    /// At this time, in nanoseconds of `CLOCK_MONOTONIC`; 0 if unknown.
    At(u64),
}

impl<F: Signal> Rendered<F> {
    /// Looks whether it is over by now, and when it was.
    fn look(&mut self) -> Option<u64> {
        match self {
            Rendered::At(at) => Some(*at),
            Rendered::Fence(fence) => {
                let at = fence.signalled_at()?;
                // The fence is no longer needed, and its descriptor is closed.
                *self = Rendered::At(at);
                Some(at)
            }
        }
    }
}

/// The times of a frame, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its number; 0 if it has none.
    pub id: u64,
    /// See [`Report::stages`].
    pub stages: Stages,
    /// See [`Report::said`].
    pub said: [u64; 2],
    /// See [`Report::called`].
    pub called: u64,
    /// When the frame that was shown before it was, if both were; in nanoseconds of `CLOCK_MONOTONIC`.
    pub before: Option<u64>,
    /// For each [stage](Stage::ALL) its time in nanoseconds of `CLOCK_MONOTONIC`; 0 if there is none and
    /// never will be.
    pub times: [Option<u64>; 4],
}

impl Past {
    /// Whether all requested times are known.
    pub fn is_complete(&self) -> bool {
        self.known().count() == self.stages.0.iter().filter(|wanted| **wanted).count()
    }

    /// The known times.
    pub fn known(&self) -> impl Iterator<Item = (Stage, u64)> {
        Stage::ALL
            .into_iter()
            .filter(|stage| self.stages.contains(*stage))
            .filter_map(|stage| Some((stage, self.times[stage as usize]?)))
    }
}

/// Which frames a query wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Also those with incomplete times.
    pub partial: bool,
    /// Also those after frames that cannot be reported yet.
    pub out_of_order: bool,
}

/// The target of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// In nanoseconds.
    pub time: Time,
    /// Whether the nearest refresh counts, even one before it.
    pub nearest: bool,
}

/// The time of a [`Target`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// By `CLOCK_MONOTONIC`.
    At(u64),
    /// So long after the frame before was shown.
    After(u64),
}

/// The outcome of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is unknown yet.
    Waits,
    Shown(Shown),
    /// It was not shown, and never will be.
    Discarded,
    /// It had no feedback for so long that it counts as never shown.
    Unheard,
}

#[derive(Debug)]
struct Frame<F> {
    serial: u64,
    /// Its number; 0 if it has none.
    id: u64,
    /// When its wait for feedback begins.
    since: Instant,
    fate: Fate,
    before: Option<u64>,
    /// Whether it is [over](Presentations::over), perhaps because of a later frame.
    is_over: bool,
    report: Option<Report<F>>,
}

impl<F> Report<F> {
    /// When the rendering was over, if it is by now.
    fn rendered(&mut self) -> Option<u64>
    where
        F: Signal,
    {
        // A driver that has waited for the rendering exports a fence that signalled long before.
        self.rendered.look().map(|at| match at {
            0 => 0,
            at if at < self.called => self.handed,
            at => at,
        })
    }
}

impl<F: Signal> Frame<F> {
    fn past(&mut self) -> Option<Past> {
        let report = self.report.as_mut()?;
        let shown = match self.fate {
            Fate::Waits => None,
            Fate::Shown(shown) => Some(shown),
            Fate::Discarded | Fate::Unheard => Some(Shown::default()),
        };
        let rendered = report.rendered();
        // Unknown for ever, but not before its rendering is over: a part tells of something.
        let dequeued = rendered.map(|_| 0);
        let out = shown.map(|shown| shown.at.unwrap_or(0));
        let visible = shown.map(|shown| shown.seen_at().unwrap_or(0));
        Some(Past {
            id: self.id,
            stages: report.stages,
            said: report.said,
            called: report.called,
            before: self.before,
            times: [rendered, dequeued, out, visible],
        })
    }

    /// Its outcome is known, or no longer awaited. The end of its rendering is usually known by then, and need
    /// not be asked again.
    fn settle(&mut self, fate: Fate) {
        self.fate = fate;
        if let Some(report) = &mut self.report {
            report.rendered();
        }
    }

    /// Its latency, if it was shown.
    fn latency(&mut self, shown: &Shown) -> Option<Latency> {
        let report = self.report.as_mut()?;
        Some(Latency::of(&Way {
            called: report.called,
            rendered: report.rendered().filter(|at| *at > 0),
            target: report.target,
            before: self.before,
            shown: shown.at?,
            refresh: shown.refresh.into(),
        }))
    }
}

/// The presents of one swapchain. Those with a number (`presentId`) have a greater one than those before. The
/// caller passes the time.
#[derive(Debug)]
pub struct Presentations<F = SyncFile> {
    /// Pending frames, and those with an unread report; oldest first.
    frames: VecDeque<Frame<F>>,
    /// The serial of the last one.
    serial: u64,
    last_committed: u64,
    last_over: u64,
    slots: u32,
    /// The last committed frame, and when it was shown or is expected to be, in nanoseconds of
    /// `CLOCK_MONOTONIC`.
    newest: Option<(u64, u64)>,
    /// When the last shown frame was shown, in the same unit.
    last_shown: Option<u64>,
    latencies: Latencies,
}

impl<F> Default for Presentations<F> {
    fn default() -> Self {
        Presentations {
            frames: VecDeque::new(),
            serial: 0,
            last_committed: 0,
            last_over: 0,
            slots: 0,
            newest: None,
            last_shown: None,
            latencies: Latencies::default(),
        }
    }
}

impl<F: Signal> Presentations<F> {
    /// Records a commit, with its number and report, if it has them. Its wait for feedback begins at `since`,
    /// which is later than now for a frame with a target. Answers the frame's serial.
    pub fn committed(
        &mut self,
        id: Option<u64>,
        report: Option<Report<F>>,
        now: Instant,
        since: Instant,
    ) -> u64 {
        // The record must not grow if nothing ever waits.
        self.expire(now, false);
        self.serial += 1;
        let id = id.unwrap_or(0);
        self.last_committed = self.last_committed.max(id);
        // Its feedback comes after that of earlier frames.
        let before = self.frames.back().map(|frame| frame.since);
        self.frames.push_back(Frame {
            serial: self.serial,
            id,
            since: before.map_or(since, |before| before.max(since)),
            fate: Fate::Waits,
            before: None,
            is_over: false,
            report,
        });
        self.forget_history();
        self.serial
    }

    /// The frame with this number could not be committed. It gets no feedback, so it is over when those before
    /// it are.
    pub fn refused(&mut self, id: u64, now: Instant) {
        let serial = self.committed(Some(id), None, now, now);
        if self.frames.iter().filter(|frame| !frame.is_over).count() == 1 {
            self.over(serial);
        }
    }

    /// The frame was shown, and not before its commit, whatever the feedback says. Answers its latency, if it
    /// has a report.
    pub fn shown(&mut self, serial: u64, mut shown: Shown) -> Option<Latency> {
        // A compositor whose display is a timer may be late with that, and tell what the timer had said:
        // Weston without a display.
        let report = self.frame(serial).and_then(|frame| frame.report.as_ref());
        let committed = report.map_or(0, |report| report.committed);
        shown.at = shown.at.map(|at| at.max(committed));
        if let (Some((newest, expected)), Some(at)) = (&mut self.newest, shown.at)
            && *newest == serial
        {
            *expected = at;
        }
        let before = self.last_shown;
        self.last_shown = shown.at.or(before);
        let latency = self.frame(serial).and_then(|frame| {
            frame.before = before;
            frame.latency(&shown)
        });
        if let Some(latency) = &latency {
            self.latencies.add(latency);
        }
        self.ends(serial, Fate::Shown(shown));
        latency
    }

    /// The frame was not shown, and never will be.
    pub fn discarded(&mut self, serial: u64) {
        self.ends(serial, Fate::Discarded);
    }

    fn ends(&mut self, serial: u64, fate: Fate) {
        if let Some(frame) = self.frame(serial) {
            frame.settle(fate);
        }
        self.over(serial);
    }

    fn frame(&mut self, serial: u64) -> Option<&mut Frame<F>> {
        self.frames.iter_mut().find(|frame| frame.serial == serial)
    }

    /// The frame was shown, or never will be. For who waits, those before it are over, too.
    pub fn over(&mut self, serial: u64) {
        for frame in &mut self.frames {
            if frame.serial > serial {
                break;
            }
            frame.is_over = true;
            self.last_over = self.last_over.max(frame.id);
        }
        self.frames.retain(Frame::is_of_use);
    }

    /// Whether the frame with this number, or a later one, is over.
    pub fn is_over(&mut self, id: u64, now: Instant) -> bool {
        self.expire(now, false);
        self.last_over >= id
    }

    /// A frame without feedback for too long is over; later still, it counts as never shown.
    fn expire(&mut self, now: Instant, unseen: bool) {
        let patience = if unseen { BOUND } else { PATIENCE };
        let is_silent =
            |frame: &&mut Frame<F>| frame.fate == Fate::Waits && frame.since + BOUND <= now;
        let mut last = None;
        for frame in self.frames.iter_mut().filter(is_silent) {
            let fate = match frame.since + patience <= now {
                true => Fate::Unheard,
                false => Fate::Waits,
            };
            if fate != frame.fate || !frame.is_over {
                frame.settle(fate);
                last = Some(frame.serial);
            }
        }
        if let Some(last) = last {
            self.over(last);
        }
    }

    /// When the frame is over at the latest; `None` if it was not committed yet.
    pub fn over_at(&self, id: u64) -> Option<Instant> {
        let frame = self
            .frames
            .iter()
            .find(|frame| !frame.is_over && frame.id >= id)?;
        Some(frame.since + BOUND)
    }

    /// Whether a frame with this number, or a later one, was committed.
    pub fn is_committed(&self, id: u64) -> bool {
        self.last_committed >= id
    }

    /// Limits how many frames may have an unread report. `false`, and no change, if there are more already.
    pub fn set_slots(&mut self, slots: u32) -> bool {
        let fits = self.taken() <= slots as usize;
        if fits {
            self.slots = slots;
        }
        fits
    }

    /// Whether there is a slot for another frame.
    pub fn has_slot(&self) -> bool {
        self.taken() < self.slots as usize
    }

    fn taken(&self) -> usize {
        self.of(Reader::Queue).count()
    }

    fn of(&self, reader: Reader) -> impl Iterator<Item = &Frame<F>> {
        self.frames.iter().filter(move |frame| frame.is_for(reader))
    }

    /// The reports for this reader, at most this many; complete ones are forgotten with that. Without a limit,
    /// all of them, and none is forgotten. Also returns whether there are more. `unseen`: nobody sees the
    /// surface.
    pub fn past(
        &mut self,
        reader: Reader,
        wanted: Wanted,
        most: Option<usize>,
        unseen: bool,
        now: Instant,
    ) -> (Vec<Past>, bool) {
        self.expire(now, unseen);
        let mut told = Vec::new();
        let mut is_more = false;
        for frame in self.frames.iter_mut().filter(|frame| frame.is_for(reader)) {
            let Some(past) = frame.past() else {
                continue;
            };
            let is_wanted = match wanted.partial {
                true => past.known().next().is_some(),
                false => past.is_complete(),
            };
            if !is_wanted && !wanted.out_of_order {
                break;
            }
            if !is_wanted {
                continue;
            }
            if most.is_some_and(|most| told.len() == most) {
                is_more = true;
                break;
            }
            if most.is_some() && past.is_complete() {
                frame.report = None;
            }
            told.push(past);
        }
        self.frames.retain(Frame::is_of_use);
        (told, is_more)
    }

    fn forget_history(&mut self) {
        let many = self.of(Reader::History).count().saturating_sub(HISTORY);
        let of_history = |frame: &&mut Frame<F>| frame.is_for(Reader::History);
        for frame in self.frames.iter_mut().filter(of_history).take(many) {
            frame.report = None;
        }
        if many > 0 {
            self.frames.retain(Frame::is_of_use);
        }
    }

    /// The time before which the next frame must not be shown, in nanoseconds of `CLOCK_MONOTONIC`, as
    /// everything here; `None`: any time will do. `refresh` is the display's, 0 if it is not known.
    pub fn not_before(&self, target: Target, refresh: u64) -> Option<u64> {
        let exact = match target.time {
            Time::At(at) => at,
            Time::After(duration) => self.newest?.1.saturating_add(duration),
        };
        Some(match target.nearest {
            true => exact.saturating_sub(refresh / 2),
            false => exact,
        })
    }

    /// Sets when the last committed frame is expected to be shown.
    pub fn expect(&mut self, at: u64) {
        self.newest = Some((self.serial, at));
    }

    /// Until when feedback for the last committed frame may still come; `None` if none is awaited.
    pub fn newest_unheard_until(&self) -> Option<Instant> {
        let (newest, _) = self.newest?;
        let waits = |frame: &&Frame<F>| {
            frame.serial == newest && frame.fate == Fate::Waits && !frame.is_over
        };
        Some(self.frames.iter().find(waits)?.since + BOUND)
    }

    /// How the frames with a report were shown so far.
    pub fn latencies(&self) -> Latencies {
        self.latencies
    }

    /// When the frame that was committed last was shown, or is expected to be.
    pub fn newest(&self) -> Option<u64> {
        self.newest.map(|(_, at)| at)
    }
}

impl<F> Frame<F> {
    fn is_for(&self, reader: Reader) -> bool {
        self.report
            .as_ref()
            .is_some_and(|report| report.reader == reader)
    }

    /// Whether the frame is waited for, or its times may be asked for, or its latency is still to be counted.
    fn is_of_use(&self) -> bool {
        let asked = self.report.as_ref().map(|report| report.reader);
        !self.is_over
            || match asked {
                None => false,
                Some(Reader::Nobody) => self.fate == Fate::Waits,
                Some(Reader::Queue | Reader::History) => true,
            }
    }
}

#[cfg(test)]
mod tests;
