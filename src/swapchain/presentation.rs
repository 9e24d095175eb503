//! A present: its parameters, and the report to be made of it.

use super::{
    present_mode::PresentMode,
    presentations::{Reader, Rendered, Report, Stage, Stages, Target},
};
use crate::{kernel::sync_file::SyncFile, observe::trace, wayland::Rectangle};

/// What an image is presented with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presentation<'a> {
    /// What has changed in it; empty: everything.
    pub damage: &'a [Rectangle],
    /// The mode from now on, one of the swapchain's; `None`: unchanged.
    pub mode: Option<PresentMode>,
    /// Its number, for [`wait_for_present`](crate::swapchain::Swapchain::wait_for_present). Greater than those
    /// before it.
    pub id: Option<u64>,
    /// Its target time, and the times to report; only where the swapchain is
    /// [timed](crate::swapchain::Description::timed).
    pub timing: Option<Timing>,
    /// When its vkQueuePresentKHR was called, in nanoseconds of `CLOCK_MONOTONIC`. Only where times are needed:
    /// reading a clock may be a system call.
    pub called: Option<u64>,
}

/// The times of a present.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The stages whose times are reported.
    pub stages: Stages,
    /// Who will read them.
    pub reader: Reader,
    /// The target time; used in FIFO modes, if the compositor supports it.
    pub target: Option<Target>,
    /// See [`Report::said`].
    pub said: [u64; 2],
}

/// The times of a present that asks for none.
const OBSERVED: Timing = Timing {
    stages: Stages::NONE,
    reader: Reader::Nobody,
    target: None,
    said: [0; 2],
};

impl Presentation<'_> {
    /// Its times, if any are asked for.
    fn asked(&self) -> Option<Timing> {
        self.timing.filter(|timing| !timing.stages.is_empty())
    }

    /// Whether its times take a slot until they are read.
    pub(super) fn wants_slot(&self) -> bool {
        self.asked()
            .is_some_and(|timing| timing.reader == Reader::Queue)
    }

    /// The report to be made of it: if its times are asked for, or if all presents are `observed`.
    pub(super) fn report(&self, observed: bool, rendering: Option<&SyncFile>) -> Option<Report> {
        let timing = self.asked().or_else(|| observed.then_some(OBSERVED))?;
        let now = trace::now();
        let is_wanted = observed || timing.stages.contains(Stage::Rendered);
        let rendered = match rendering.filter(|_| is_wanted) {
            // It is over by now.
            None => Rendered::At(now),
            // Without a descriptor left the time stays unknown.
            Some(fence) => fence.try_clone().map_or(Rendered::At(0), Rendered::Fence),
        };
        Some(Report {
            reader: timing.reader,
            stages: timing.stages,
            // Known when it is committed.
            target: None,
            committed: 0,
            said: timing.said,
            called: self.called.unwrap_or(now),
            handed: now,
            rendered,
        })
    }
}
