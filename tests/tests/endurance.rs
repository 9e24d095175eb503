//! Nothing leaks: after thousands of frames and swapchains, descriptors and resident memory are what they were
//! after the first.

use std::time::Duration;

use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Footprint, Wanted};

/// By how many descriptors two samples may differ: an image that the compositor has just released holds a sync
/// file, an acquired one does not. Two swapchains of four images.
const DESCRIPTORS: usize = 8;

/// By how many bytes resident memory may grow for what the driver takes and keeps: lavapipe's rasteriser takes
/// 22 MiB, with the layer and without it, in a few steps at unpredictable times.
const GROWING_UP: usize = 32 << 20;

/// By how many bytes resident memory may grow in the median interval. A leak grows in every interval, the
/// driver's steps are in few. This detects a leak of 64 bytes a frame, or of 640 bytes a swapchain.
const STEADY: usize = 64 << 10;

#[test]
#[ignore = "needs a Wayland compositor, and minutes: scripts/test"]
fn ten_thousand_frames_leave_nothing_behind() {
    const FRAMES: u32 = 10_000;
    let _watchdog = Watchdog::new(Duration::from_secs(900), "10,000 frames");
    let app = Application::new();
    let mut swapchain = app.swapchain_with(Wanted {
        extent: (64, 64),
        ..Wanted::mailbox()
    });
    let mut samples = Vec::new();
    for frame in 0..FRAMES {
        swapchain.frame().unwrap();
        if frame == 100 || (frame + 1) % 1000 == 0 {
            app.device.wait_idle().unwrap();
            samples.push(Footprint::settled());
        }
    }
    assert_steady(&samples);
    app.surface.window().assert_alive();
}

#[test]
#[ignore = "needs a Wayland compositor, and minutes: scripts/test"]
fn a_thousand_paced_frames_leave_nothing_behind() {
    let _watchdog = Watchdog::new(Duration::from_secs(300), "1,000 frames in FIFO");
    let app = Application::new();
    let mut swapchain = app.swapchain();
    let mut samples = Vec::new();
    for frame in 0..1000 {
        swapchain.frame().unwrap();
        if (frame + 1) % 100 == 0 {
            app.device.wait_idle().unwrap();
            samples.push(Footprint::settled());
        }
    }
    assert_steady(&samples);
}

#[test]
#[ignore = "needs a Wayland compositor, and minutes: scripts/test"]
fn a_thousand_recreations_leave_nothing_behind() {
    let _watchdog = Watchdog::new(Duration::from_secs(900), "1,000 swapchains");
    let app = Application::new();
    let mut sizes = Sizes(0x5eed);
    // The largest first, so that memory for large sizes is there from the beginning.
    let mut swapchain = app.swapchain_with(Wanted {
        extent: (512, 512),
        ..Wanted::mailbox()
    });
    swapchain.frame().unwrap();
    let mut samples = Vec::new();
    for turn in 0..1000_u32 {
        // The same size at every sample, and nothing of others: images are resident memory, too.
        let look = (turn + 1) % 100 == 0;
        let wanted = Wanted {
            extent: if look { (64, 64) } else { sizes.next() },
            // The mode changes, too.
            ..if turn % 4 == 0 {
                Wanted::default()
            } else {
                Wanted::mailbox()
            }
        };
        // Most replace the old one before they destroy it, some destroy it first.
        swapchain = if turn % 5 == 0 || look {
            drop(swapchain);
            app.swapchain_with(wanted)
        } else {
            swapchain.replaced_by(wanted).unwrap()
        };
        for _ in 0..turn % 3 {
            swapchain.frame().unwrap();
        }
        if look {
            app.surface.window().assert_alive();
            samples.push(Footprint::settled());
        }
    }
    assert_steady(&samples);
}

/// Opened and closed windows leave nothing of a surface or a device.
#[test]
#[ignore = "needs a Wayland compositor, and minutes: scripts/test"]
fn fifty_windows_and_devices_leave_nothing_behind() {
    let _watchdog = Watchdog::new(Duration::from_secs(600), "50 applications");
    let run = || {
        let app = Application::new();
        let mut swapchain = app.swapchain_with(Wanted {
            extent: (64, 64),
            ..Wanted::mailbox()
        });
        for _ in 0..3 {
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    };
    for _ in 0..10 {
        run();
    }
    let early = Footprint::settled();
    for _ in 10..50 {
        run();
    }
    let late = Footprint::settled();
    assert_eq!(
        early.descriptors, late.descriptors,
        "descriptors after 10 and after 50"
    );
    // Loading and unloading a driver forty times costs some memory in the driver itself.
    println!("after 10: {early:?}, after 50: {late:?}");
}

/// # Panics
/// If something grows from sample to sample.
fn assert_steady(samples: &[Footprint]) {
    println!("{samples:?}");
    let (Some(early), Some(late)) = (samples.first(), samples.last()) else {
        panic!("no samples");
    };
    assert!(late.descriptors <= early.descriptors + DESCRIPTORS);
    assert!(late.resident <= early.resident + GROWING_UP);
    let mut growth: Vec<_> = samples
        .windows(2)
        .map(|pair| pair[1].resident.saturating_sub(pair[0].resident))
        .collect();
    growth.sort_unstable();
    let median = growth[growth.len() / 2];
    assert!(
        median <= STEADY,
        "{median} bytes more in the median interval"
    );
}

/// Sizes from 1x1 to 512x512, the same each time (xorshift32).
struct Sizes(u32);

impl Sizes {
    fn next(&mut self) -> (u32, u32) {
        let mut side = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            self.0 % 512 + 1
        };
        (side(), side())
    }
}
