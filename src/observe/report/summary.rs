//! Reports for a person.

use std::fmt;
use std::time::Duration;

use super::swapchain::{Creation, SwapchainReport};
use crate::observe::{counters::Snapshot, latency::Latencies};
use crate::text::{milliseconds, printable};
use crate::wayland::format::modifier_name;

/// Reports for a person at a terminal: swapchains that were made and synchronised alike are
/// counted together.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a>(pub &'a [SwapchainReport]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in groups(self.0).iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            group.fmt(f)?;
        }
        Ok(())
    }
}

/// Reports that agree in everything that `is_like` compares.
struct Group<'a> {
    reports: Vec<&'a SwapchainReport>,
}

/// The groups in the order of their first members.
fn groups(reports: &[SwapchainReport]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for report in reports {
        match groups
            .iter_mut()
            .find(|group| is_like(group.reports[0], report))
        {
            Some(group) => group.reports.push(report),
            None => groups.push(Group {
                reports: vec![report],
            }),
        }
    }
    groups
}

fn is_like(one: &SwapchainReport, other: &SwapchainReport) -> bool {
    one.driver == other.driver
        && one.compositor == other.compositor
        && one.synchronisation == other.synchronisation
        && one.format == other.format
        && one.modifier == other.modifier
        && one.color_space == other.color_space
        && one.hdr_metadata == other.hdr_metadata
        && one.present_mode == other.present_mode
}

impl fmt::Display for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.reports[0];
        let counters = self
            .reports
            .iter()
            .fold(Snapshot::default(), |sum, report| sum.plus(report.counters));
        row(f, "application", self.applications())?;
        row(f, "driver", printable(&first.driver))?;
        row(f, "compositor", printable(&first.compositor))?;
        row(f, "synchronisation", printable(&first.synchronisation))?;
        row(
            f,
            "format",
            format_args!(
                "{}, modifier {}",
                printable(&first.format),
                modifier_name(first.modifier)
            ),
        )?;
        let colours = printable(&first.color_space);
        match first.hdr_metadata {
            None => row(f, "colours", colours)?,
            Some(metadata) => row(f, "colours", format_args!("{colours}, {metadata}"))?,
        }
        row(f, "swapchains", self.swapchains())?;
        row(
            f,
            "frames",
            format_args!(
                "{} acquired, {} presented",
                counters.acquires(),
                counters.presents
            ),
        )?;
        row(
            f,
            "acquire fences",
            format_args!(
                "{} pending, {} already signalled",
                counters.acquires_pending, counters.acquires_signalled
            ),
        )?;
        row(
            f,
            "sync_files",
            format_args!(
                "{} exported, {} imported",
                counters.sync_files_exported, counters.sync_files_imported
            ),
        )?;
        row(f, "waits for image", counters.acquires_held)?;
        row(f, "waits on the CPU", counters.cpu_waits)?;
        row(f, "time to create", self.creation())?;
        row(
            f,
            "time in acquire",
            times(counters.acquire_mean(), counters.acquire_max_ns),
        )?;
        row(
            f,
            "time in present",
            times(counters.present_mean(), counters.present_max_ns),
        )?;
        let latencies = self.reports.iter().map(|report| report.latencies);
        let latencies = latencies.fold(Latencies::default(), Latencies::plus);
        row(f, "time to pixels", latencies.times())?;
        match latencies.shown {
            0 => row(f, "late frames", "unknown"),
            _ => row(f, "late frames", latencies),
        }
    }
}

impl Group<'_> {
    /// The applications' names, each once, in order.
    fn applications(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for report in &self.reports {
            let name = printable(&report.application);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(", ")
    }

    /// How long it took to make one.
    fn creation(&self) -> String {
        let mean = |time: fn(&Creation) -> u64| {
            let all = self.reports.iter().map(|report| time(&report.creation));
            milliseconds(all.fold(0, u64::saturating_add) / self.reports.len() as u64)
        };
        format!(
            "mean {}, {} of it in the driver",
            mean(|creation| creation.all_ns),
            mean(|creation| creation.images_ns)
        )
    }

    /// How many swapchains, and what they have in common.
    fn swapchains(&self) -> String {
        let first = self.reports[0];
        let extent = if self
            .reports
            .iter()
            .all(|report| report.extent == first.extent)
        {
            format!("{}x{}", first.extent[0], first.extent[1])
        } else {
            "various sizes".to_owned()
        };
        let count = self.reports.iter().map(|report| report.image_count);
        let images = match (count.clone().min(), count.max()) {
            (Some(1), Some(1)) => "1 image".to_owned(),
            (Some(least), Some(most)) if least != most => format!("{least} to {most} images"),
            _ => format!("{} images", first.image_count),
        };
        format!(
            "{} of {extent} with {images}, {}",
            self.reports.len(),
            printable(&first.present_mode)
        )
    }
}

/// One line, the values in a column.
fn row(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{name:<16}  {value}")
}

fn times(mean: Option<Duration>, max_ns: u64) -> String {
    match mean {
        Some(mean) => format!(
            "mean {}, worst {}",
            milliseconds(mean.as_nanos() as u64),
            milliseconds(max_ns)
        ),
        None => "none".to_owned(),
    }
}
