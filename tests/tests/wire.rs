//! What goes to the kernel and to the compositor, seen by `strace`, with libwayland's log of its messages
//! (`WAYLAND_DEBUG`) in between.

use std::fs;

use wayfence_tests::child::{on, probe, stdout_of};
use wayfence_tests::layers::WAYFENCE;

const FRAMES: usize = 30;

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn every_image_is_a_dma_buf_and_none_is_shared_memory() {
    let output = on(probe(), &[WAYFENCE])
        .args(["frames", "10"])
        .env("WAYLAND_DEBUG", "client")
        .output()
        .unwrap();
    assert!(output.status.success());
    let stdout = String::from_utf8_lossy(&output.stdout);
    let images: usize = stdout
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .expect("the probe says how many images there are");
    let log = String::from_utf8_lossy(&output.stderr);
    let sent = |request: &str| {
        log.lines()
            .filter(|line| line.contains("-> ") && line.contains(request))
            .count()
    };
    assert_eq!(sent(".create_immed("), images);
    assert_eq!(sent("wl_shm"), 0);
    // One buffer for each image, destroyed with it.
    assert_eq!(
        log.lines()
            .filter(|line| line.contains("-> wl_buffer") && line.contains(".destroy("))
            .count(),
        images
    );
}

/// Rule 3: the rendering's fence is on the dma-buf before the commit that shows it is sent; and each frame
/// costs one import, and at most one export.
#[test]
#[ignore = "needs a Wayland compositor with dma-bufs, and strace: scripts/test"]
fn the_fence_is_on_the_image_before_its_commit_leaves() {
    let log = std::env::temp_dir().join(format!("wayfence-strace-{}", std::process::id()));
    let mut strace = on("strace", &[WAYFENCE]);
    strace
        .args(["-f", "-qq", "-s", "400", "-e", "trace=ioctl,sendmsg,write"])
        .arg("-o")
        .arg(&log)
        .arg(probe())
        .env("WAYFENCE_SYNC", "implicit")
        .args(["frames", &FRAMES.to_string()])
        .env("WAYLAND_DEBUG", "client");
    stdout_of(&mut strace);
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let events: Vec<Event> = text.lines().filter_map(event).collect();

    let count = |wanted| events.iter().filter(|event| **event == wanted).count();
    assert_eq!(count(Event::Import), FRAMES);
    assert_eq!(count(Event::Attach), FRAMES);
    // The kernel is asked once; an image that is idle at its release needs no export.
    let exports = count(Event::Export);
    assert!((1..=FRAMES + 1).contains(&exports), "{exports}");

    let mut fenced = false;
    let mut attached = false;
    let mut frames = 0;
    for event in &events {
        match event {
            Event::Import => {
                assert!(!fenced, "two imports for one frame");
                fenced = true;
            }
            Event::Attach => attached = true,
            // A commit by another thread of the application's takes what is there.
            Event::State => assert!(!attached, "frame {frames} has its buffer before the rest"),
            Event::Commit if attached => {
                assert!(fenced, "frame {frames} is committed before its fence");
                (attached, fenced) = (false, false);
                frames += 1;
            }
            Event::Send => assert!(
                !attached || fenced,
                "a part of frame {frames} leaves before its fence"
            ),
            Event::Commit | Event::Export => {}
        }
    }
    assert_eq!(frames, FRAMES);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Export,
    Import,
    /// Of the surface, apart from its buffer.
    State,
    Attach,
    Commit,
    Send,
}

/// The event in a line of strace's; for a call that another thread interrupts, its first line.
fn event(line: &str) -> Option<Event> {
    let (_, call) = line.split_once(' ')?;
    let call = call.trim_start();
    if call.starts_with("ioctl(") {
        // By name, or by its parts where strace has no name for it.
        if call.contains("DMA_BUF_IOCTL_EXPORT_SYNC_FILE") || call.contains("0x62, 0x2, 0x8)") {
            return Some(Event::Export);
        }
        if call.contains("DMA_BUF_IOCTL_IMPORT_SYNC_FILE") || call.contains("0x62, 0x3, 0x8)") {
            return Some(Event::Import);
        }
    } else if call.starts_with("sendmsg(") {
        return Some(Event::Send);
    } else if call.starts_with("write(2,") {
        if call.contains("wl_surface") && call.contains(".attach(wl_buffer") {
            return Some(Event::Attach);
        }
        if call.contains("wl_surface") && (call.contains(".damage") || call.contains(".frame(")) {
            return Some(Event::State);
        }
        if call.contains("wl_surface") && call.contains(".commit(") {
            return Some(Event::Commit);
        }
    }
    None
}
