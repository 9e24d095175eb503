//! What the layer says about a swapchain when it is gone, and how a person reads it.
//!
//! The layer appends one line of JSON for each swapchain to a file; `wayfence report FILE` prints
//! the [`Summary`] of them.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::observe::{counters::Snapshot, latency::Latencies};
use crate::text::{milliseconds, printable};
use crate::wayland::{colour::Volume, format::modifier_name};

/// The life of one swapchain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapchainReport {
    /// The process.
    pub pid: u32,
    /// The file name of the running program.
    pub application: String,
    /// The Vulkan device, by the driver's own name for it.
    pub driver: String,
    /// The compositor, as far as it can be told.
    pub compositor: String,
    /// The way of synchronisation: `syncobj`, `explicit`, `implicit`, `cpu`.
    pub synchronisation: String,
    /// The Vulkan format, without its prefix.
    pub format: String,
    /// The DRM format modifier.
    pub modifier: u64,
    /// The Vulkan colour space, without prefix and suffix.
    pub color_space: String,
    /// The HDR metadata that the compositor has taken last.
    pub hdr_metadata: Option<Volume>,
    /// Width and height in pixels.
    pub extent: [u32; 2],
    /// The Vulkan present mode, without its prefix: `FIFO`, `MAILBOX`.
    pub present_mode: String,
    /// The number of images.
    pub image_count: u32,
    /// How long it took to make.
    pub creation: Creation,
    /// What happened.
    pub counters: Snapshot,
    /// How long frames lay between present and pixels.
    #[serde(default)]
    pub latencies: Latencies,
}

/// How long `vkCreateSwapchainKHR` took to make a swapchain of what the surface offers, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creation {
    /// In all.
    pub all_ns: u64,
    /// In the driver, which makes the images, allocates their memory and exports it.
    pub images_ns: u64,
}

impl SwapchainReport {
    /// Appends the report to a file, which is created if need be, as one line of JSON.
    ///
    /// The line is one `write` to a file opened with `O_APPEND`, so that several processes, or
    /// several threads, can append to the same file without mixing their lines.
    ///
    /// # Errors
    /// [`Error::File`], also if the disk had room for a part of the line only.
    pub fn append(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.append_line(path).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
    }

    fn append_line(&self, path: &Path) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        loop {
            return match file.write(&line) {
                Ok(written) if written == line.len() => Ok(()),
                Ok(_) => Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }
}

/// The reports in a file, in order. Empty lines are none.
///
/// # Errors
/// [`Error::File`] if it cannot be read, [`Error::MalformedReport`] if it holds anything else.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<SwapchainReport>> {
    let path = path.as_ref();
    let text = fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|reason| Error::MalformedReport {
                path: path.to_owned(),
                line: index + 1,
                reason: reason.to_string(),
            })
        })
        .collect()
}

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

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use proptest::prelude::*;

    use super::*;

    /// A path of its own in the directory for temporary files; what lies there goes with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("wayfence-report-{}-{number}.jsonl", std::process::id());
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    pub(in crate::observe) fn vkcube() -> SwapchainReport {
        SwapchainReport {
            pid: 42,
            application: "vkcube".to_owned(),
            driver: "llvmpipe, Mesa 26.1.2".to_owned(),
            compositor: "weston".to_owned(),
            synchronisation: "implicit".to_owned(),
            format: "B8G8R8A8_UNORM".to_owned(),
            modifier: 0,
            color_space: "SRGB_NONLINEAR".to_owned(),
            hdr_metadata: None,
            extent: [500, 500],
            present_mode: "FIFO".to_owned(),
            image_count: 4,
            creation: Creation {
                all_ns: 14_400_000,
                images_ns: 13_100_000,
            },
            counters: Snapshot {
                acquires_pending: 3,
                acquires_signalled: 297,
                acquires_held: 12,
                presents: 300,
                sync_files_exported: 299,
                sync_files_imported: 300,
                cpu_waits: 0,
                acquire_total_ns: 300 * 1_500_000,
                acquire_max_ns: 16_700_000,
                present_total_ns: 300 * 250_000,
                present_max_ns: 1_000_000,
            },
            latencies: Latencies {
                shown: 295,
                total_ns: 295 * 20_000_000,
                max_ns: 33_300_000,
                late: 2,
                missed: 3,
                missed_at_most: 2,
                by_pace: 1,
                by_gpu: 1,
                ..Latencies::default()
            },
        }
    }

    #[test]
    fn a_file_that_was_never_written_is_unreadable() {
        let scratch = Scratch::new();
        assert!(matches!(read(&scratch.0), Err(Error::File { .. })));
    }

    #[test]
    fn a_line_that_is_no_report_is_named() {
        let scratch = Scratch::new();
        vkcube().append(&scratch.0).unwrap();
        let mut text = fs::read_to_string(&scratch.0).unwrap();
        text.push_str("\n{\"pid\": 1}\n");
        fs::write(&scratch.0, text).unwrap();
        let error = read(&scratch.0).unwrap_err();
        assert!(
            matches!(error, Error::MalformedReport { line: 3, .. }),
            "{error}"
        );
    }

    #[test]
    fn lines_of_several_writers_do_not_mix() {
        let scratch = Scratch::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let path = &scratch.0;
                scope.spawn(move || {
                    let report = SwapchainReport {
                        pid: thread,
                        ..vkcube()
                    };
                    for _ in 0..50 {
                        report.append(path).unwrap();
                    }
                });
            }
        });
        let reports = read(&scratch.0).unwrap();
        assert_eq!(reports.len(), 200);
        for thread in 0..4 {
            assert_eq!(reports.iter().filter(|r| r.pid == thread).count(), 50);
        }
    }

    #[test]
    fn the_summary_says_what_a_person_asks() {
        let expected = "\
application       vkcube
driver            llvmpipe, Mesa 26.1.2
compositor        weston
synchronisation   implicit
format            B8G8R8A8_UNORM, modifier LINEAR
colours           SRGB_NONLINEAR
swapchains        1 of 500x500 with 4 images, FIFO
frames            300 acquired, 300 presented
acquire fences    3 pending, 297 already signalled
sync_files        299 exported, 300 imported
waits for image   12
waits on the CPU  0
time to create    mean 14.400 ms, 13.100 ms of it in the driver
time in acquire   mean 1.500 ms, worst 16.700 ms
time in present   mean 0.250 ms, worst 1.000 ms
time to pixels    mean 20.000 ms, worst 33.300 ms
late frames       2 of 295 shown; 3 refreshes missed, 2 at most: 1 kept by the pace, 1 by the GPU, 0 presented late
";
        assert_eq!(Summary(&[vkcube()]).to_string(), expected);
    }

    #[test]
    fn alike_swapchains_are_counted_together_and_others_apart() {
        let resized = SwapchainReport {
            extent: [640, 480],
            image_count: 3,
            ..vkcube()
        };
        let mailbox = SwapchainReport {
            present_mode: "MAILBOX".to_owned(),
            application: "gears".to_owned(),
            ..vkcube()
        };
        let text = Summary(&[vkcube(), mailbox, resized]).to_string();
        let groups: Vec<&str> = text.split("\n\n").collect();
        assert_eq!(groups.len(), 2, "{text}");
        assert!(groups[0].contains("2 of various sizes with 3 to 4 images, FIFO"));
        assert!(groups[0].contains("600 acquired, 600 presented"));
        assert!(groups[0].contains("mean 1.500 ms, worst 16.700 ms"));
        assert!(groups[1].contains("gears"));
        assert!(groups[1].contains("1 of 500x500 with 4 images, MAILBOX"));
    }

    #[test]
    fn colours_are_named_with_their_metadata() {
        let hdr = SwapchainReport {
            color_space: "HDR10_ST2084".to_owned(),
            hdr_metadata: Some(Volume {
                luminance: Some((1, 1000)),
                max_cll: Some(800),
                max_fall: Some(200),
                primaries: Some([
                    (680_000, 320_000),
                    (265_000, 690_000),
                    (150_000, 60_000),
                    (312_700, 329_000),
                ]),
            }),
            ..vkcube()
        };
        let text = Summary(&[vkcube(), hdr]).to_string();
        assert_eq!(text.split("\n\n").count(), 2, "{text}");
        let row = "colours           HDR10_ST2084, mastered for 0.0001 to 1000 cd/m², MaxCLL 800, \
            MaxFALL 200, primaries (0.68, 0.32) (0.265, 0.69) (0.15, 0.06) (0.3127, 0.329)\n";
        assert!(text.contains(row), "{text}");
    }

    #[test]
    fn a_swapchain_without_a_frame_has_no_times() {
        let unused = SwapchainReport {
            counters: Snapshot::default(),
            latencies: Latencies::default(),
            ..vkcube()
        };
        let text = Summary(&[unused]).to_string();
        assert!(text.contains("time in acquire   none\n"), "{text}");
        assert!(text.contains("time to pixels    unknown\n"), "{text}");
        assert!(text.contains("late frames       unknown\n"), "{text}");
        assert!(text.contains("frames            0 acquired, 0 presented\n"));
    }

    #[test]
    fn no_name_reaches_the_terminal_as_a_command() {
        let hostile = SwapchainReport {
            application: "\x1b[2Jcube\n".to_owned(),
            compositor: String::new(),
            ..vkcube()
        };
        let text = Summary(&[hostile]).to_string();
        assert!(!text.contains('\x1b'));
        assert!(text.contains("[2Jcube"));
        assert!(text.contains("compositor        unknown\n"));
        assert_eq!(text.lines().count(), 17);
    }

    prop_compose! {
        fn any_counters()(n in any::<[u64; 11]>()) -> Snapshot {
            Snapshot {
                acquires_pending: n[0],
                acquires_signalled: n[1],
                presents: n[2],
                sync_files_exported: n[3],
                sync_files_imported: n[4],
                cpu_waits: n[5],
                acquire_total_ns: n[6],
                acquire_max_ns: n[7],
                present_total_ns: n[8],
                present_max_ns: n[9],
                acquires_held: n[10],
            }
        }
    }

    prop_compose! {
        fn any_report()(
            pid in any::<u32>(),
            names in any::<[String; 7]>(),
            luminance in any::<Option<(u32, u32)>>(),
            modifier in any::<u64>(),
            extent in any::<[u32; 2]>(),
            image_count in any::<u32>(),
            creation in any::<[u64; 2]>(),
            counters in any_counters(),
            latencies in any::<[u64; 3]>(),
        ) -> SwapchainReport {
            let [application, driver, compositor, synchronisation, format, color_space, present_mode] =
                names;
            SwapchainReport {
                pid,
                application,
                driver,
                compositor,
                synchronisation,
                format,
                modifier,
                color_space,
                hdr_metadata: luminance.map(|luminance| Volume {
                    luminance: Some(luminance),
                    ..Volume::default()
                }),
                extent,
                present_mode,
                image_count,
                creation: Creation {
                    all_ns: creation[0],
                    images_ns: creation[1],
                },
                counters,
                latencies: Latencies {
                    shown: latencies[0],
                    total_ns: latencies[1],
                    late: latencies[2],
                    ..Latencies::default()
                },
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read(reports in prop::collection::vec(any_report(), 0..5)) {
            let scratch = Scratch::new();
            fs::write(&scratch.0, "").unwrap();
            for report in &reports {
                report.append(&scratch.0).unwrap();
            }
            prop_assert_eq!(read(&scratch.0).unwrap(), &reports[..]);
            // Whatever the numbers: no overflow, no panic.
            let _ = Summary(&reports).to_string();
        }
    }
}
