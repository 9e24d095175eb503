//! A film of 24 frames a second on displays of 60 and 75 Hz, each frame with a target time
//! (`VK_EXT_present_timing`): how far from it the frame is shown.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use wayfence_test_compositor::{Behaviour, Compositor, Offer};
use wayfence_tests::asynchronous::AsynchronousDriver;
use wayfence_tests::film::{Evenness, Frame, Projector};
use wayfence_tests::stalls::Stalls;
use wayfence_tests::too_slow::{judged, took};
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Window, layers};

/// How many frames are judged.
const FRAMES: usize = 95;
const SECOND: u64 = 1_000_000_000;
/// How long the layer waits for what the compositor says of its outputs.
const PATIENCE: Duration = Duration::from_millis(250);

/// Whether the time at which the frame was shown depends on the layer alone: it was ready half a refresh before
/// the refresh nearest to its target, it could be shown then, and the display made that refresh. On a loaded
/// machine some frames fail this.
fn is_judged(frame: &Frame, before: &Frame, refresh: u64, made: &[u64]) -> bool {
    let earliest = frame.target - refresh / 2;
    let nearest = made.iter().find(|at| **at >= earliest);
    frame.ready + refresh / 2 <= earliest
        && nearest.is_some_and(|at| *at < earliest + refresh)
        && before.shown.is_some_and(|shown| shown < earliest)
}

/// The film goes on until there are enough frames to judge.
fn play(hertz: u64) -> Evenness {
    let refresh = SECOND / hertz;
    let compositor = Compositor::new(Offer {
        fifo: true,
        commit_timing: true,
        behaviour: Behaviour::Automatic {
            refresh: Duration::from_nanos(refresh),
        },
        ..Offer::default()
    });
    let mut projector = Projector::new(Window::open_at(compositor.connect()), 24, true);
    assert!(projector.has_targets());
    let mut judged = Vec::new();
    let mut played = 0;
    while judged.len() < FRAMES {
        for _ in 0..FRAMES {
            projector.show();
        }
        projector.end();
        let made: Vec<u64> = compositor
            .refreshes()
            .iter()
            .map(|at| at.as_nanos() as u64)
            .collect();
        // The display's refresh is known after the first frame.
        let frames = &projector.frames()[1..];
        played = frames.len();
        let pairs = frames.windows(2);
        judged = pairs
            .filter(|pair| is_judged(&pair[1], &pair[0], refresh, &made))
            .map(|pair| pair[1])
            .collect();
    }
    println!("of {played} frames {} are judged", judged.len());
    drop(projector);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
    Evenness::of(&judged, refresh)
}

/// A compositor that takes target times.
fn timed() -> Offer {
    Offer {
        fifo: true,
        commit_timing: true,
        behaviour: Behaviour::Automatic {
            refresh: Duration::from_millis(20),
        },
        ..Offer::default()
    }
}

/// On a driver that only has the older name of `VK_KHR_calibrated_timestamps`.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn frames_have_targets_where_the_layer_is_installed() {
    layers::choose(&[layers::INSTALLED]);
    let _driver = AsynchronousDriver::without(&[
        "VK_EXT_present_timing",
        "VK_KHR_calibrated_timestamps",
        "VK_KHR_present_id2",
    ]);
    let _watchdog = Watchdog::new(Duration::from_secs(100), "an installed layer");
    let compositor = Compositor::new(timed());
    let mut projector = Projector::new(Window::open_at(compositor.connect()), 24, true);
    assert!(projector.has_targets());
    for _ in 0..5 {
        projector.show();
    }
    projector.end();
    assert!(projector.frames().iter().all(|frame| frame.shown.is_some()));
    drop(projector);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
}

/// Only the application learns which output a window is on: so all outputs must agree.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn before_a_frame_the_refresh_is_that_of_the_outputs() {
    let _watchdog = Watchdog::new(Duration::from_secs(100), "the refresh of outputs");
    let compositor = Compositor::new(timed());
    // On a compositor that accepts a second connection, and on one that does not.
    let path = compositor.listen();
    let stalls = Stalls::watch();
    for known in [20_000_000, 0] {
        judged(|| {
            let socket = match known {
                0 => compositor.connect(),
                _ => UnixStream::connect(&path).unwrap(),
            };
            // Each surface asks once.
            let mut projector = Projector::new(Window::open_at(socket), 24, true);
            let begun = Instant::now();
            let refresh = projector.refresh();
            if refresh != known {
                took(&stalls, begun, PATIENCE)?;
            }
            assert_eq!(refresh, known);
            projector.show();
            projector.end();
            assert_eq!(projector.refresh(), 20_000_000);
            Ok(())
        });
    }
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_film_is_shown_at_the_refreshes_nearest_to_its_frames() {
    let _watchdog = Watchdog::new(Duration::from_secs(100), "a film");
    for hertz in [60, 75] {
        let even = play(hertz);
        println!("{even}");
        // An emulated or loaded machine may miss some.
        assert!(
            even.shown > 80 && even.nearest * 10 >= even.shown * 9,
            "{even:?}"
        );
    }
}
