//! Target times.

use std::time::{Duration, Instant};

use ash::vk;
use wayfence::trace::now;
use wayfence_test_compositor::{Behaviour, Commit, Compositor, Kind, Presented, With};
use wayfence_tests::present_timing::{
    self as timing, Asked, NEAREST, PIXEL_OUT, QUEUE_OPERATIONS_END, RELATIVE,
};
use wayfence_tests::stalls::Stalls;
use wayfence_tests::too_slow::{judged, took};
use wayfence_tests::{Application, Swapchain, Wanted};

use crate::case::cases;
use crate::frames::MILLISECOND;
use crate::names;
use crate::outcome::{NotSupported, Outcome};
use crate::stage::Stage;

use super::frame::{LONG, asked, frame, slack, swapchain, wait_for, with_pixels, with_targets};

cases![
    a_frame_is_not_shown_before_its_target,
    the_latest_ready_frame_is_not_ready_before_its_target,
    a_target_that_has_passed_is_no_target,
    a_frame_is_not_shown_before_the_one_before_was_for_so_long,
    a_frame_is_shown_at_the_refresh_nearest_to_its_target,
    a_target_is_waited_for_where_no_display_drives_the_refreshes,
    targets_in_a_hidden_window_do_not_pile_up,
    targets_in_a_hidden_window_do_not_hold_the_latest_ready_frame,
];

/// Asserts that a frame with a target so many milliseconds ahead is shown then, and not before.
fn is_shown_at_its_target(swapchain: &mut Swapchain, id: u64, ahead: u64, asked: Asked) {
    let stalls = Stalls::watch();
    let target = now() + ahead * MILLISECOND;
    frame(swapchain, id, Asked { target, ..asked }).unwrap();
    let begun = Instant::now();
    let returned = now();
    let told = &wait_for(swapchain, 0, 1)[0];
    assert_eq!((told.id, told.target), (id, target));
    let out = told.at(PIXEL_OUT).unwrap();
    // On a loaded machine it may be presented, or drawn, after its time.
    let ready = returned.max(told.at(QUEUE_OPERATIONS_END).unwrap());
    let after = |time: u64| (time as i64 - target as i64) as f64 / 1e6;
    let times = [returned, ready, out].map(after);
    assert!(out >= target, "{times:?} ms");
    let slack = slack(&stalls, begun);
    assert!(out < target.max(ready) + slack, "{times:?} ms");
}

/// "the application would strictly prefer the image to not be visible before targetTime has lapsed"
/// (VkPresentTimingInfoEXT).
fn a_frame_is_not_shown_before_its_target(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    with_targets(stage, &swapchain, false)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    frame(&mut swapchain, 1, asked).unwrap();
    wait_for(&swapchain, 0, 1);
    for (id, ahead) in [(2, 300), (3, 100), (4, 1500)] {
        is_shown_at_its_target(&mut swapchain, id, ahead, asked);
    }
    Ok(())
}

/// A swapchain in FIFO_LATEST_READY.
fn latest_ready(stage: &Stage, app: &Application, slots: u32) -> Result<Swapchain, NotSupported> {
    stage.needs_one(names::LATEST_READY)?;
    let modes = app.surface.present_modes(app.device.physical).unwrap();
    if !modes.contains(&names::FIFO_LATEST_READY) {
        return Err(NotSupported::because(
            "the surface has no FIFO_LATEST_READY",
        ));
    }
    let wanted = Wanted {
        present_mode: names::FIFO_LATEST_READY,
        images: 4,
        ..Wanted::default()
    };
    swapchain(stage, app, wanted, slots)
}

/// VK_PRESENT_MODE_FIFO_LATEST_READY_KHR passes over requests only for later ones that are ready, and none is ready
/// before its target time.
fn the_latest_ready_frame_is_not_ready_before_its_target(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = latest_ready(stage, &app, 8)?;
    with_targets(stage, &swapchain, false)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    for (id, ahead) in [(1, 200), (2, 300), (3, 100), (4, 1500)] {
        is_shown_at_its_target(&mut swapchain, id, ahead, asked);
    }
    // The compositor keeps the time, not the present.
    if let Ok(compositor) = stage.scripted() {
        compositor.take_commits();
        let target = now() + 2000 * MILLISECOND;
        frame(&mut swapchain, 5, Asked { target, ..asked }).unwrap();
        let told = compositor.next_commit().pacing;
        assert_eq!(told.target, Some(Duration::from_nanos(target)));
        assert!(told.set_barrier && !told.wait_barrier);
        wait_for(&swapchain, 0, 1);
    }
    Ok(())
}

/// A target in the past has lapsed already.
fn a_target_that_has_passed_is_no_target(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    with_targets(stage, &swapchain, false)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    let stalls = Stalls::watch();
    for id in 1..=6 {
        let target = match id {
            1 => 1,
            _ => now() - 100 * MILLISECOND,
        };
        let begun = Instant::now();
        let called = now();
        frame(&mut swapchain, id, Asked { target, ..asked }).unwrap();
        let out = wait_for(&swapchain, 0, 1)[0].at(PIXEL_OUT).unwrap();
        let slack = slack(&stalls, begun);
        assert!(out < called + slack, "{}", out as i64 - called as i64);
    }
    Ok(())
}

/// "the minimum duration [...] the previously presented image should be visible"
/// (VK_PRESENT_TIMING_INFO_PRESENT_AT_RELATIVE_TIME_BIT_EXT).
fn a_frame_is_not_shown_before_the_one_before_was_for_so_long(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    with_targets(stage, &swapchain, true)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    let long = 100 * MILLISECOND;
    let stalls = Stalls::watch();
    let begun = Instant::now();
    for id in 1..=6 {
        let asked = Asked {
            flags: RELATIVE,
            target: long,
            ..asked
        };
        frame(&mut swapchain, id, asked).unwrap();
    }
    let shown: Vec<u64> = wait_for(&swapchain, 0, 6)
        .iter()
        .map(|told| told.at(PIXEL_OUT).unwrap())
        .collect();
    // At the present the frame before may not have been shown: then its expected time counts.
    let refresh = timing::refresh(&swapchain).duration.max(20 * MILLISECOND);
    let stood_still = !stalls.since(begun).is_zero();
    let slack = slack(&stalls, begun);
    // How much later than expected the frame before was at most.
    let mut late = 0;
    for pair in shown.windows(2) {
        let apart = pair[1] - pair[0];
        let is_in_order = apart + late + refresh >= long && apart < long + slack;
        assert!(is_in_order, "{shown:?}, {late}");
        if stood_still {
            late = (late + apart).saturating_sub(long);
        }
    }
    let all = shown[5] - shown[0];
    assert!(all + refresh >= 5 * long, "{shown:?}");
    Ok(())
}

/// VK_PRESENT_TIMING_INFO_PRESENT_AT_NEAREST_REFRESH_CYCLE_BIT_EXT.
fn a_frame_is_shown_at_the_refresh_nearest_to_its_target(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    with_targets(stage, &swapchain, false)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    let refresh = 100 * MILLISECOND;
    compositor.behave(Behaviour::Automatic {
        refresh: Duration::from_nanos(refresh),
    });
    frame(&mut swapchain, 1, asked).unwrap();
    let mut shown = wait_for(&swapchain, 0, 1)[0].at(PIXEL_OUT).unwrap();
    let stalls = Stalls::watch();
    for (flags, offset, earlier) in [
        (0, 20, 0),
        (NEAREST, 20, refresh / 2),
        (0, 80, 0),
        (NEAREST, 80, refresh / 2),
    ] {
        judged(|| {
            let begun = Instant::now();
            let called = now();
            let last = called - (called - shown) % refresh;
            let target = last + 3 * refresh + offset * MILLISECOND;
            let asked = Asked {
                flags,
                target,
                ..asked
            };
            compositor.take_commits();
            frame(&mut swapchain, 0, asked).unwrap();
            // The first refresh from then on is the nearest to the target.
            let nearest = target - earlier;
            let told = compositor.next_commit().pacing.target;
            shown = wait_for(&swapchain, 0, 1)[0].at(PIXEL_OUT).unwrap();
            if told.is_none() {
                // It may have passed before the layer looked.
                took(&stalls, begun, Duration::from_nanos(nearest - called))?;
            }
            assert_eq!(told, Some(Duration::from_nanos(nearest)));
            assert!(shown >= nearest, "{flags} {offset}");
            Ok(())
        });
    }
    Ok(())
}

/// A compositor without a display may ignore some targets.
fn a_target_is_waited_for_where_no_display_drives_the_refreshes(stage: &Stage) -> Outcome {
    const AHEAD: Duration = Duration::from_millis(200);
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    with_targets(stage, &swapchain, false)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    compositor.behave(Behaviour::Manual);
    compositor.take_commits();
    let stalls = Stalls::watch();
    let mut before = Kind::empty();
    let mut id = 0;
    for (number, told_of_before, flags) in [
        // Nothing is known about the display.
        (1, None, Kind::empty()),
        (2, Some(false), Kind::Vsync),
        (3, Some(true), Kind::HwCompletion),
        (4, Some(false), Kind::HwClock),
        (5, Some(true), Kind::Vsync),
    ] {
        let is_told = told_of_before == Some(true);
        judged(|| {
            let begun = Instant::now();
            let target = told_of_before.map_or(0, |_| now() + AHEAD.as_nanos() as u64);
            id += 1;
            frame(&mut swapchain, id, Asked { target, ..asked }).unwrap();
            assert!(is_told || now() >= target, "{number}");
            let commit = compositor.next_commit();
            if is_told && commit.pacing.target.is_none() {
                // It may have passed before the layer looked. What is known of the display stays as it is.
                took(&stalls, begun, AHEAD)
                    .inspect_err(|_| is_shown(compositor, &swapchain, &commit, before))?;
            }
            let of = Duration::from_nanos(target);
            assert_eq!(commit.pacing.target, is_told.then_some(of), "{number}");
            is_shown(compositor, &swapchain, &commit, flags);
            Ok(())
        });
        before = flags;
    }
    Ok(())
}

/// The compositor shows a frame, and says how.
fn is_shown(compositor: &Compositor, swapchain: &Swapchain, commit: &Commit, flags: Kind) {
    compositor.frame_done(commit.surface);
    let presented = Presented {
        flags,
        ..Presented::default()
    };
    compositor.presented(commit, presented);
    compositor.release(commit, With::nothing());
    wait_for(swapchain, 0, 1);
}

/// Target times in a hidden window delay no frame that is shown later.
fn targets_in_a_hidden_window_do_not_pile_up(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 0)?;
    with_targets(stage, &swapchain, true)?;
    let asked = Asked {
        flags: RELATIVE,
        target: 400 * MILLISECOND,
        ..asked(&swapchain, 0)
    };
    frame(&mut swapchain, 1, asked).unwrap();
    stage.hide(&app)?;
    for id in 2..=12 {
        frame(&mut swapchain, id, asked).unwrap();
    }
    for client in compositor.clients() {
        for surface in compositor.surfaces(client) {
            compositor.show(surface);
        }
    }
    assert_eq!(timing::set_queue_size(&swapchain, 4), vk::Result::SUCCESS);
    let stages = with_pixels(&swapchain)?;
    let stalls = Stalls::watch();
    let begun = Instant::now();
    let called = now();
    frame(&mut swapchain, 13, Asked { stages, ..asked }).unwrap();
    let told = &wait_for(&swapchain, 0, 1)[0];
    let took = told.at(PIXEL_OUT).unwrap().saturating_sub(called);
    let slack = slack(&stalls, begun);
    assert!(took < asked.target + slack, "{told:?} {took}");
    Ok(())
}

/// Where nobody sees the window, no frame is left to a compositor that need not show it at its target time.
fn targets_in_a_hidden_window_do_not_hold_the_latest_ready_frame(stage: &Stage) -> Outcome {
    const AHEAD: Duration = Duration::from_millis(300);
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = latest_ready(stage, &app, 1)?;
    with_targets(stage, &swapchain, false)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    frame(&mut swapchain, 1, asked).unwrap();
    wait_for(&swapchain, 0, 1);
    stage.hide(&app)?;
    let stalls = Stalls::watch();
    let begun = Instant::now();
    for id in 2.. {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        compositor.take_commits();
        let called = Instant::now();
        let asked = Asked {
            target: now() + AHEAD.as_nanos() as u64,
            stages: 0,
            ..asked
        };
        timing::present(&swapchain, index, id, asked).unwrap();
        swapchain.surface.dispatch();
        // Some are on their way before silence tells. A target that passes on the way says nothing.
        let told = compositor.next_commit().pacing.target;
        if told.is_none() && stalls.since(called) < AHEAD / 2 {
            break;
        }
        assert!(stalls.elapsed(begun) < LONG, "{id} frames");
    }
    Ok(())
}
