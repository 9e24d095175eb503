//! Reports, written, read and summed up.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::observe::{counters::Snapshot, latency::Latencies};
use crate::wayland::colour::Volume;

/// A path in the directory for temporary files; the file there is removed with it.
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
