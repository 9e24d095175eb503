//! A compositor that refuses, is slow, or vanishes.

use std::time::{Duration, Instant};

use ash::vk;
use wayfence_test_compositor::{Cause, Colour, Encoding, Verdict};
use wayfence_tests::stderr::captured;
use wayfence_tests::{Surface, Swapchain, Window};

use crate::play::{HDR10, PASS_THROUGH, Play, SCRGB, SRGB, device, hdr10, metadata, told, watch};

/// The layer asks again without metadata, then shows sRGB; no present fails.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_refusal_is_survived() {
    let _watchdog = watch();
    let device = device();
    let plain = Encoding::Parametric(hdr10());
    let refusing = |verdict| Colour {
        verdict,
        ..Colour::default()
    };
    let ((), log) = captured(|| {
        let verdict = Verdict::OnlyPlain(Cause::Unsupported);
        let play = Play::new(&device, Some(refusing(verdict)));
        let mut swapchain = play.swapchain(HDR10);
        play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
        for _ in 0..3 {
            assert_eq!(play.colours(&mut swapchain), Some(plain));
        }
        drop(swapchain);
        play.end();
    });
    assert_eq!(log.matches("refuses the HDR metadata").count(), 1, "{log}");
    assert!(!log.contains("shown as sRGB"), "{log}");

    for cause in [Cause::Unsupported, Cause::OperatingSystem] {
        let ((), log) = captured(|| {
            let verdict = Verdict::Failed(cause);
            let play = Play::new(&device, Some(refusing(verdict)));
            let mut swapchain = play.swapchain(HDR10);
            for _ in 0..3 {
                assert_eq!(play.colours(&mut swapchain), None);
            }
            play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
            assert_eq!(play.colours(&mut swapchain), None);
            // Another request may succeed.
            play.compositor.judge_descriptions(Verdict::Ready);
            let mut next = play.replace(&swapchain, HDR10);
            drop(swapchain);
            assert_eq!(play.colours(&mut next), Some(plain));
            drop(next);
            play.end();
        });
        assert!(log.contains("shown as sRGB"), "{log}");
        assert!(log.contains(&format!("{cause:?}")), "{log}");
    }
}

/// A slow compositor delays no present.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn no_present_waits_for_a_description() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(
        &device,
        Some(Colour {
            verdict: Verdict::Later,
            ..Colour::default()
        }),
    );
    let quick = |swapchain: &mut Swapchain, expected| {
        let begun = Instant::now();
        for _ in 0..3 {
            assert_eq!(play.colours(swapchain), expected);
        }
        let took = play.stalls.elapsed(begun);
        assert!(took < Duration::from_millis(500), "{took:?}");
    };
    // A new swapchain waits, but not forever.
    let begun = Instant::now();
    let mut swapchain = play.swapchain(HDR10);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    quick(&mut swapchain, None);
    play.compositor.decide(None);
    let plain = Some(Encoding::Parametric(hdr10()));
    settle(&play, &mut swapchain, plain);
    quick(&mut swapchain, plain);

    // While the answer is outstanding commits keep the description before.
    let waits = |swapchain: &Swapchain, metadata| {
        let ((), log) = captured(|| play.set(&[(swapchain, metadata)]));
        log.contains("slow to accept a colour description")
    };
    assert!(waits(&swapchain, metadata(1000.0, 800.0, 200.0)));
    quick(&mut swapchain, plain);
    assert!(!waits(&swapchain, metadata(600.0, 500.0, 100.0)), "again");
    // The first one is no longer wanted.
    play.compositor.decide(None);
    play.compositor.decide(None);
    let newest = Some(told(600, 500, 100));
    settle(&play, &mut swapchain, newest);
    quick(&mut swapchain, newest);

    // A description that fails late.
    play.set(&[(&swapchain, metadata(300.0, 200.0, 100.0))]);
    play.compositor.decide(Some(Cause::Unsupported));
    settle(&play, &mut swapchain, plain);
    drop(swapchain);
    play.end();
}

/// Draws frames until the colours are these: the compositor's answer counts once it is dispatched.
fn settle(play: &Play, swapchain: &mut Swapchain, expected: Option<Encoding>) {
    let mut last = None;
    for _ in 0..2_000 {
        last = play.colours(swapchain);
        if last == expected {
            return;
        }
    }
    panic!("{last:?} for 2,000 frames");
}

/// Preferred descriptions are ignored, and the loss of the global changes nothing.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn other_events_about_colours_change_nothing() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let mut swapchain = play.swapchain(HDR10);
    let plain = Some(Encoding::Parametric(hdr10()));
    assert_eq!(play.colours(&mut swapchain), plain);
    play.compositor.prefer(play.surface(), hdr10());
    assert_eq!(play.colours(&mut swapchain), plain);
    play.compositor.misbehave().withdraw_color_manager();
    play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
    assert_eq!(play.colours(&mut swapchain), Some(told(1000, 800, 200)));
    let mut next = play.replace(&swapchain, SCRGB);
    drop(swapchain);
    assert_eq!(play.colours(&mut next), Some(Encoding::WindowsScrgb));
    drop(next);
    // A surface made now has no colour management.
    let window = Window::open_at(play.compositor.connect());
    let other = Surface::of_window(&device.instance, window);
    let formats = other.formats(device.physical).unwrap();
    assert!(
        formats
            .iter()
            .all(|one| [SRGB, PASS_THROUGH].contains(&one.color_space))
    );
    drop(other);
    play.end();
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_compositor_that_vanishes_is_a_lost_surface() {
    let _watchdog = watch();
    let device = device();
    for lost_in_creation in [true, false] {
        let play = Play::new(
            &device,
            Some(Colour {
                verdict: Verdict::Later,
                ..Colour::default()
            }),
        );
        let client = play.compositor.clients()[0];
        let wanted = play.wanted(HDR10);
        let made = std::thread::scope(|scope| {
            let making = scope.spawn(|| Swapchain::new(&device, &play.surface, wanted));
            if lost_in_creation {
                while play.compositor.undecided_count() == 0 {
                    std::thread::yield_now();
                }
                play.compositor.disconnect(client);
            }
            making.join().unwrap()
        });
        let error = match made {
            Err(error) => error,
            Ok(mut swapchain) => {
                play.compositor.disconnect(client);
                play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
                swapchain.frame().expect_err("a frame without a compositor")
            }
        };
        assert_eq!(error, vk::Result::ERROR_SURFACE_LOST_KHR);
        device.wait_idle().unwrap();
    }
}
