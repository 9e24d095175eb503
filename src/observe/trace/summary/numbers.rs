//! The numbers of a summary, and how a person reads them.

use std::fmt;

use serde::Serialize;

use super::{fences::FenceSum, percentiles::Percentiles, waits::Waits};
use crate::{
    observe::latency::Latencies,
    text::{milliseconds, printable},
};

/// The colour space of a surface of which nothing is said.
const PLAIN: &str = "SRGB_NONLINEAR";

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
    /// The colour spaces with their last HDR metadata, each once.
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
    /// or never reported on by the compositor.
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
    /// From the call of a present to that refresh, its wait for the pace included.
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
    /// Sync_files that were not watched.
    pub unwatched_sync_files: u64,
    /// Where the time went.
    pub waits: Waits,
    /// Who is to blame.
    pub culprit: Culprit,
    /// The same, as a sentence or two.
    pub verdict: String,
}

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
        // Nearly all are plain, so that only others are worth a line.
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
