//! Nothing leaks and nothing wears out: descriptors and resident memory after thousands of frames
//! and swapchains are those after the first.

use std::time::Duration;

use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Footprint, Wanted};

/// Descriptors may differ by what is on its way when one looks: an image that the compositor has
/// just released holds a sync file, one that is acquired does not. Two swapchains of four images.
const DESCRIPTORS: usize = 8;

/// Resident memory may grow by what the driver takes in its first thousand frames and keeps:
/// lavapipe's rasteriser takes 22 MiB, with the layer and without it, in a few steps.
const GROWING_UP: usize = 32 << 20;

/// Grown up, it may grow by what allocators keep back: measured, less than 100 KiB. A leak of 256
/// bytes a frame, or of two KiB a swapchain, shows.
const GROWN_UP: usize = 2 << 20;

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
    for _ in 0..100 {
        swapchain.frame().unwrap();
    }
    app.device.wait_idle().unwrap();
    let young = Footprint::now();
    for _ in 100..2000 {
        swapchain.frame().unwrap();
    }
    app.device.wait_idle().unwrap();
    let grown = Footprint::now();
    for _ in 2000..FRAMES {
        swapchain.frame().unwrap();
    }
    app.device.wait_idle().unwrap();
    let old = Footprint::now();
    println!("frame 100: {young:?}\nframe 2,000: {grown:?}\nframe 10,000: {old:?}");
    assert_alike(young, old, GROWING_UP);
    assert_alike(grown, old, GROWN_UP);
    app.surface.window().assert_alive();
}

#[test]
#[ignore = "needs a Wayland compositor, and minutes: scripts/test"]
fn a_thousand_paced_frames_leave_nothing_behind() {
    let _watchdog = Watchdog::new(Duration::from_secs(300), "1,000 frames in FIFO");
    let app = Application::new();
    let mut swapchain = app.swapchain();
    for _ in 0..100 {
        swapchain.frame().unwrap();
    }
    app.device.wait_idle().unwrap();
    let early = Footprint::now();
    for _ in 100..1000 {
        swapchain.frame().unwrap();
    }
    app.device.wait_idle().unwrap();
    let late = Footprint::now();
    println!("frame 100: {early:?}\nframe 1,000: {late:?}");
    assert_alike(early, late, GROWING_UP);
}

#[test]
#[ignore = "needs a Wayland compositor, and minutes: scripts/test"]
fn a_thousand_recreations_leave_nothing_behind() {
    let _watchdog = Watchdog::new(Duration::from_secs(900), "1,000 swapchains");
    let app = Application::new();
    let mut sizes = Sizes(0x5eed);
    // The largest first, so that memory that comes with size is there from the beginning.
    let mut swapchain = app.swapchain_with(Wanted {
        extent: (512, 512),
        ..Wanted::mailbox()
    });
    swapchain.frame().unwrap();
    let mut early = Vec::new();
    for turn in 0..1000_u32 {
        let wanted = Wanted {
            extent: sizes.next(),
            // An application may change its mind about the pace, too.
            ..if turn % 4 == 0 {
                Wanted::default()
            } else {
                Wanted::mailbox()
            }
        };
        // Most replace the old one before they destroy it, some destroy it first.
        swapchain = if turn % 5 == 0 {
            drop(swapchain);
            app.swapchain_with(wanted)
        } else {
            swapchain.replaced_by(wanted).unwrap()
        };
        for _ in 0..turn % 3 {
            swapchain.frame().unwrap();
        }
        if turn == 100 || turn == 500 {
            app.surface.window().assert_alive();
            early.push(Footprint::now());
        }
    }
    app.surface.window().assert_alive();
    let late = Footprint::now();
    println!("swapchains 100, 500, 1,000: {early:?}, {late:?}");
    let [young, grown] = early[..] else {
        unreachable!("two were taken")
    };
    assert_alike(young, late, GROWING_UP);
    assert_alike(grown, late, GROWN_UP);
}

/// Applications open and close windows: nothing of a surface or a device stays.
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
    let early = Footprint::now();
    for _ in 10..50 {
        run();
    }
    let late = Footprint::now();
    assert_eq!(
        early.descriptors, late.descriptors,
        "descriptors after 10 and after 50"
    );
    // Loading and unloading a driver forty times costs the driver itself some.
    println!("after 10: {early:?}, after 50: {late:?}");
}

/// # Panics
/// If the later of the two is larger than the slack allows.
fn assert_alike(early: Footprint, late: Footprint, memory: usize) {
    assert!(
        late.descriptors <= early.descriptors + DESCRIPTORS,
        "{early:?}, then {late:?}"
    );
    assert!(
        late.resident <= early.resident + memory,
        "{} KiB more: {early:?}, then {late:?}",
        late.resident.saturating_sub(early.resident) / 1024
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
