//! Times of frames: VK_EXT_present_timing, VK_GOOGLE_display_timing, and VK_KHR_calibrated_timestamps for the
//! time domains of swapchains.

use std::time::{Duration, Instant};
use std::{mem, thread};

use ash::{google, khr, vk};
use wayfence::trace::now;
use wayfence_test_compositor::{Behaviour, Kind, Presented, With};
use wayfence_tests::present_timing::{
    self as timing, Asked, NEAREST, OUT_OF_ORDER, PARTIAL, PIXEL_OUT, QUEUE_OPERATIONS_END,
    RELATIVE, Told,
};
use wayfence_tests::{Application, Swapchain, Wanted, layers};

use crate::case::cases;
use crate::frames::MILLISECOND;
use crate::names::{
    CREATE_PRESENT_ID_2, CREATE_PRESENT_TIMING, PRESENT_ID2, PRESENT_STAGE_LOCAL, PRESENT_TIMING,
    PRESENT_TIMING_QUEUE_FULL, SWAPCHAIN_LOCAL,
};
use crate::outcome::{NotSupported, Outcome};
use crate::stage::Stage;

cases![
    a_surface_has_the_first_stage_at_least,
    each_frame_is_told_of_once,
    a_queue_without_slots_is_full,
    a_full_queue_leaves_the_image_to_the_application,
    a_queue_is_not_made_smaller_than_what_is_outstanding,
    frames_that_ask_for_nothing_take_no_slot,
    a_retired_swapchain_still_tells,
    what_has_no_room_is_told_later,
    a_part_is_told_where_that_is_allowed,
    the_refresh_is_known_after_a_frame,
    another_refresh_counts,
    time_domains_have_numbers,
    times_are_those_of_their_domain,
    time_domains_of_swapchains_can_be_calibrated,
    a_frame_is_not_shown_before_its_target,
    a_target_that_has_passed_is_no_target,
    a_frame_is_not_shown_before_the_one_before_was_for_so_long,
    a_frame_is_shown_at_the_refresh_nearest_to_its_target,
    a_target_is_waited_for_where_no_display_drives_the_refreshes,
    frames_that_are_replaced_are_told_of,
    frames_that_nobody_sees_are_told_of,
    targets_in_a_hidden_window_do_not_pile_up,
    google_tells_of_each_frame_once,
    google_shows_no_frame_before_its_desired_time,
];

/// For a machine that is emulated.
const SLACK: u64 = 500 * MILLISECOND;
/// No result takes so long.
const LONG: Duration = Duration::from_secs(10);

/// A swapchain whose frames have times, with so many slots.
fn swapchain(
    stage: &Stage,
    app: &Application,
    wanted: Wanted,
    slots: u32,
) -> Result<Swapchain, NotSupported> {
    stage.needs(PRESENT_ID2)?;
    stage.needs(PRESENT_TIMING)?;
    if !timing::abilities(&app.surface, app.device.physical).times {
        return Err(NotSupported::because("this surface has no times"));
    }
    let flags = CREATE_PRESENT_ID_2.as_raw() | CREATE_PRESENT_TIMING.as_raw();
    let swapchain = app.swapchain_with(Wanted {
        flags: vk::SwapchainCreateFlagsKHR::from_raw(flags),
        ..wanted
    });
    if slots > 0 {
        let answer = timing::set_queue_size(&swapchain, slots);
        assert_eq!(answer, vk::Result::SUCCESS);
    }
    Ok(swapchain)
}

fn stages(swapchain: &Swapchain) -> u32 {
    timing::abilities(&swapchain.surface, swapchain.device.physical).stages
}

/// The validation layer is not there, which for this reason has something to say of what is valid.
fn not_validated(reason: &str) -> Outcome {
    match layers::chosen()
        .iter()
        .any(|name| name == layers::VALIDATION)
    {
        true => Err(NotSupported::because(reason)),
        false => Ok(()),
    }
}

/// The first stage and the pixels'.
fn with_pixels(swapchain: &Swapchain) -> Result<u32, NotSupported> {
    match stages(swapchain) & PIXEL_OUT {
        0 => Err(NotSupported::because("nobody tells when pixels are out")),
        pixels => Ok(QUEUE_OPERATIONS_END | pixels),
    }
}

fn asked(swapchain: &Swapchain, stages: u32) -> Asked {
    Asked {
        stages,
        domain: timing::domain(swapchain, PRESENT_STAGE_LOCAL).expect("a domain of the stages"),
        ..Asked::default()
    }
}

fn frame(swapchain: &mut Swapchain, id: u64, asked: Asked) -> Result<(), vk::Result> {
    let index = swapchain.acquire_and_wait(u64::MAX)?;
    swapchain.draw_now(index)?;
    let answer = timing::present(swapchain, index, id, asked);
    swapchain.surface.dispatch();
    answer
}

/// Waits until so many frames have been told of.
fn wait_for(swapchain: &Swapchain, flags: u32, many: usize) -> Vec<Told> {
    let begun = Instant::now();
    let mut told = Vec::new();
    while told.len() < many {
        assert!(begun.elapsed() < LONG, "of {many} frames only {told:?}");
        let past = timing::past(swapchain, flags, 16);
        assert_eq!(past.answer, vk::Result::SUCCESS);
        told.extend(past.frames);
        swapchain.surface.dispatch();
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(told.len(), many);
    told
}

/// "the implementation must also advertise support for at least [...] QUEUE_OPERATIONS_END"
/// (VkPresentTimingSurfaceCapabilitiesEXT).
fn a_surface_has_the_first_stage_at_least(stage: &Stage) -> Outcome {
    let app = stage.app();
    stage.needs(PRESENT_TIMING)?;
    let abilities = timing::abilities(&app.surface, app.device.physical);
    assert!(!abilities.times || abilities.stages & QUEUE_OPERATIONS_END != 0);
    Ok(())
}

/// "Upon return, zero or more slots [...] are made available for future vkQueuePresentKHR calls. Elements of
/// pPresentationTimings are arranged in ascending order of present ids" (vkGetPastPresentationTimingEXT).
fn each_frame_is_told_of_once(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 4)?;
    let wanted = stages(&swapchain);
    let asked = asked(&swapchain, wanted);
    let mut shown = 0;
    for id in 1..=12 {
        let called = now();
        frame(&mut swapchain, 10 * id, asked).unwrap();
        let told = &wait_for(&swapchain, 0, 1)[0];
        assert_eq!((told.id, told.target, told.complete), (10 * id, 0, true));
        assert_eq!(told.domain, (asked.domain, PRESENT_STAGE_LOCAL));
        let of: u32 = told.stages.iter().map(|(stage, _)| stage).sum();
        assert_eq!(of, wanted, "{told:?}");
        let rendered = told.at(QUEUE_OPERATIONS_END).unwrap();
        assert!(called <= rendered && rendered <= now(), "{called} {told:?}");
        if let Some(out) = told.at(PIXEL_OUT) {
            let times = format!("called {called}, now {}, {shown} {told:?}", now());
            assert!(out > shown, "{times}");
            assert!(out + SLACK > rendered && out < now() + SLACK, "{times}");
            shown = out;
        }
    }
    assert_eq!(timing::past_count(&swapchain, 0), 0);
    Ok(())
}

/// "If no slots are available, presentation fails" (VkPresentTimingInfoEXT); there are none before
/// vkSetSwapchainPresentTimingQueueSizeEXT.
fn a_queue_without_slots_is_full(stage: &Stage) -> Outcome {
    if layers::chosen()
        .iter()
        .any(|name| name == layers::VALIDATION)
    {
        return Err(NotSupported::because(
            "the validation layer takes a queue without slots for a mistake",
        ));
    }
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 0)?;
    let asked = asked(&swapchain, QUEUE_OPERATIONS_END);
    let answer = frame(&mut swapchain, 1, asked);
    assert_eq!(answer, Err(PRESENT_TIMING_QUEUE_FULL));
    Ok(())
}

/// Signals a semaphore, with nothing to do before.
fn signal(swapchain: &Swapchain, semaphore: vk::Semaphore) {
    let semaphores = [semaphore];
    let submit = vk::SubmitInfo::default().signal_semaphores(&semaphores);
    swapchain.device.with_queue(|queue| {
        // SAFETY: queue and semaphore are the device's; nobody waits for it, or signals it.
        unsafe {
            swapchain
                .device
                .raw
                .queue_submit(queue, &[submit], vk::Fence::null())
        }
        .unwrap();
    });
}

/// "the set of queue operations are still considered to be enqueued and thus any semaphore wait operation
/// specified in VkPresentInfoKHR will execute" (vkQueuePresentKHR); the image stays acquired.
fn a_full_queue_leaves_the_image_to_the_application(stage: &Stage) -> Outcome {
    not_validated("the validation layer takes a present that failed so for one that did not")?;
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 1)?;
    let asked = asked(&swapchain, QUEUE_OPERATIONS_END);
    frame(&mut swapchain, 1, asked).unwrap();
    for round in 0..4 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        for _ in 0..2 {
            let answer = timing::present(&swapchain, index, 2 * round + 2, asked);
            assert_eq!(answer, Err(PRESENT_TIMING_QUEUE_FULL));
            // Its semaphore was waited for.
            signal(&swapchain, swapchain.drawn(index));
        }
        // It asks for nothing.
        let nothing = Asked { stages: 0, ..asked };
        timing::present(&swapchain, index, 2 * round + 2, nothing).unwrap();
        swapchain.surface.dispatch();
    }
    assert_eq!(wait_for(&swapchain, 0, 1)[0].id, 1);
    frame(&mut swapchain, 100, asked).unwrap();
    assert_eq!(wait_for(&swapchain, 0, 1)[0].id, 100);
    app.surface.window().assert_alive();
    Ok(())
}

/// "If the new size is less than the current number of outstanding results, VK_NOT_READY is returned and no
/// allocation is performed" (vkSetSwapchainPresentTimingQueueSizeEXT).
fn a_queue_is_not_made_smaller_than_what_is_outstanding(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 3)?;
    let asked = asked(&swapchain, QUEUE_OPERATIONS_END);
    for id in 1..=3 {
        frame(&mut swapchain, id, asked).unwrap();
    }
    for (size, answer) in [
        (2, vk::Result::NOT_READY),
        (0, vk::Result::NOT_READY),
        (3, vk::Result::SUCCESS),
        (4, vk::Result::SUCCESS),
    ] {
        assert_eq!(timing::set_queue_size(&swapchain, size), answer, "{size}");
    }
    frame(&mut swapchain, 4, asked).unwrap();
    assert_eq!(wait_for(&swapchain, 0, 4).len(), 4);
    assert_eq!(timing::set_queue_size(&swapchain, 0), vk::Result::SUCCESS);
    Ok(())
}

/// "If presentStageQueries is not zero, a slot [...] is reserved" (VkPresentTimingInfoEXT).
fn frames_that_ask_for_nothing_take_no_slot(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 0)?;
    let asked = asked(&swapchain, 0);
    for id in 1..=6 {
        frame(&mut swapchain, id, asked).unwrap();
    }
    assert_eq!(timing::past_count(&swapchain, PARTIAL), 0);
    Ok(())
}

/// A swapchain that was replaced lives until it is destroyed.
fn a_retired_swapchain_still_tells(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut old = swapchain(stage, &app, Wanted::default(), 4)?;
    let asked = asked(&old, stages(&old));
    for id in 1..=3 {
        frame(&mut old, id, asked).unwrap();
    }
    let mut new = old.replaced_by(old.wanted).unwrap();
    assert_eq!(timing::set_queue_size(&new, 4), vk::Result::SUCCESS);
    let asked = Asked {
        domain: timing::domain(&new, PRESENT_STAGE_LOCAL).unwrap(),
        ..asked
    };
    frame(&mut new, 1, asked).unwrap();
    assert_eq!(wait_for(&new, 0, 1)[0].id, 1);
    let ids: Vec<_> = wait_for(&old, 0, 3).iter().map(|told| told.id).collect();
    assert_eq!(ids, [1, 2, 3]);
    Ok(())
}

/// "VK_INCOMPLETE is returned [...] to indicate that not all the available values were returned"
/// (vkGetPastPresentationTimingEXT).
fn what_has_no_room_is_told_later(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 4)?;
    let asked = asked(&swapchain, QUEUE_OPERATIONS_END);
    for id in 1..=3 {
        frame(&mut swapchain, id, asked).unwrap();
    }
    app.device.wait_idle().unwrap();
    let begun = Instant::now();
    while timing::past_count(&swapchain, 0) < 3 {
        assert!(begun.elapsed() < LONG);
        app.surface.dispatch();
    }
    for (id, answer) in [
        (1, vk::Result::INCOMPLETE),
        (2, vk::Result::INCOMPLETE),
        (3, vk::Result::SUCCESS),
    ] {
        let past = timing::past(&swapchain, 0, 1);
        assert_eq!((past.answer, past.frames[0].id), (answer, id));
    }
    Ok(())
}

/// "Further calls to vkGetPastPresentationTimingEXT will keep providing all available results for a
/// previously incomplete entry until it is complete" (VkPastPresentationTimingPropertiesEXT).
fn a_part_is_told_where_that_is_allowed(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::mailbox(), 4)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    let frozen = compositor.freeze();
    frame(&mut swapchain, 7, asked).unwrap();
    app.device.wait_idle().unwrap();
    for _ in 0..2 {
        assert!(timing::past(&swapchain, 0, 4).frames.is_empty());
        assert_eq!(timing::past_count(&swapchain, PARTIAL), 1);
        let part = &timing::past(&swapchain, PARTIAL, 4).frames[0];
        assert_eq!((part.id, part.complete), (7, false));
        assert!(part.at(QUEUE_OPERATIONS_END).is_some_and(|at| at > 0));
        assert_eq!(part.at(PIXEL_OUT), None);
    }
    drop(frozen);
    let whole = &wait_for(&swapchain, OUT_OF_ORDER, 1)[0];
    assert!(whole.complete && whole.at(PIXEL_OUT).is_some_and(|at| at > 0));
    Ok(())
}

/// "Some platforms may not provide timing properties until after at least one image has been presented"
/// (vkGetSwapchainTimingPropertiesEXT).
fn the_refresh_is_known_after_a_frame(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    let before = timing::refresh(&swapchain);
    let known = [vk::Result::SUCCESS, vk::Result::NOT_READY];
    assert!(known.contains(&before.answer), "{before:?}");
    for id in 1..=4 {
        frame(&mut swapchain, id, asked).unwrap();
        wait_for(&swapchain, 0, 1);
    }
    let refresh = timing::refresh(&swapchain);
    let past = timing::past(&swapchain, 0, 1);
    assert_eq!(past.counters.0, refresh.counter);
    match refresh.answer {
        vk::Result::SUCCESS => assert_ne!(refresh.duration, 0),
        // A compositor on no display may have nothing to say.
        answer => assert_eq!((answer, refresh.duration), (vk::Result::NOT_READY, 0)),
    }
    let kinds = [0, refresh.duration, u64::MAX];
    assert!(kinds.contains(&refresh.interval), "{refresh:?}");
    if stage.scripted().is_ok() {
        assert_eq!(refresh.duration, 16 * MILLISECOND);
    }
    Ok(())
}

/// "an internal monotonically increasing counter which updates when the presentation engine's timing
/// properties are modified" (vkGetSwapchainTimingPropertiesEXT).
fn another_refresh_counts(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    let mut last = timing::refresh(&swapchain).counter;
    for ms in [16, 10, 16] {
        compositor.behave(Behaviour::Automatic {
            refresh: Duration::from_millis(ms),
        });
        for _ in 0..3 {
            frame(&mut swapchain, 0, asked).unwrap();
            wait_for(&swapchain, 0, 1);
        }
        let refresh = timing::refresh(&swapchain);
        assert_eq!(refresh.duration, ms * MILLISECOND);
        assert!(refresh.counter > last, "{refresh:?}");
        last = refresh.counter;
    }
    Ok(())
}

/// VkSwapchainTimeDomainPropertiesEXT.
fn time_domains_have_numbers(stage: &Stage) -> Outcome {
    let app = stage.app();
    let swapchain = swapchain(stage, &app, Wanted::default(), 0)?;
    let (answer, count, _) = timing::domains(&swapchain, None);
    assert_eq!(answer, vk::Result::SUCCESS);
    let (answer, _, all) = timing::domains(&swapchain, Some(count as usize));
    assert_eq!((answer, all.len()), (vk::Result::SUCCESS, count as usize));
    assert!(all.iter().any(|(_, domain)| *domain == PRESENT_STAGE_LOCAL));
    for (at, (id, _)) in all.iter().enumerate() {
        assert!(
            all[at + 1..].iter().all(|(other, _)| other != id),
            "{all:?}"
        );
    }
    if count > 1 {
        let (answer, written, part) = timing::domains(&swapchain, Some(1));
        assert_eq!((answer, written), (vk::Result::INCOMPLETE, 1));
        assert_eq!(part, all[..1]);
    }
    Ok(())
}

fn clock(clock: libc::clockid_t) -> u64 {
    // SAFETY: all zeros are a time; it is filled.
    let mut time: libc::timespec = unsafe { mem::zeroed() };
    // SAFETY: a structure to fill.
    assert_eq!(unsafe { libc::clock_gettime(clock, &mut time) }, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// "timeDomain is the time domain used by the presentation engine to report times in pPresentStages"
/// (VkPastPresentationTimingEXT).
fn times_are_those_of_their_domain(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 4)?;
    let wanted = QUEUE_OPERATIONS_END;
    let mut id = 0;
    for (domain, name) in [
        (vk::TimeDomainKHR::CLOCK_MONOTONIC, libc::CLOCK_MONOTONIC),
        (
            vk::TimeDomainKHR::CLOCK_MONOTONIC_RAW,
            libc::CLOCK_MONOTONIC_RAW,
        ),
    ] {
        let Some(number) = timing::domain(&swapchain, domain) else {
            continue;
        };
        id += 1;
        let before = clock(name);
        let asked = Asked {
            domain: number,
            ..asked(&swapchain, wanted)
        };
        frame(&mut swapchain, id, asked).unwrap();
        let told = &wait_for(&swapchain, 0, 1)[0];
        assert_eq!(told.domain, (number, domain));
        let at = told.at(QUEUE_OPERATIONS_END).unwrap();
        // Clocks that differ in pace are compared with some loss.
        let loss = MILLISECOND;
        assert!(before <= at + loss && at <= clock(name) + loss, "{told:?}");
    }
    Ok(())
}

/// vkGetCalibratedTimestampsKHR with VkSwapchainCalibratedTimestampInfoEXT.
fn time_domains_of_swapchains_can_be_calibrated(stage: &Stage) -> Outcome {
    let app = stage.app();
    stage.needs(khr::calibrated_timestamps::NAME)?;
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 4)?;
    for domain in [PRESENT_STAGE_LOCAL, SWAPCHAIN_LOCAL] {
        let Some(number) = timing::domain(&swapchain, domain) else {
            continue;
        };
        let asked = Asked {
            domain: number,
            ..asked(&swapchain, QUEUE_OPERATIONS_END)
        };
        let (_, earlier, _) = timing::calibrate(&swapchain, (number, domain));
        frame(&mut swapchain, 0, asked).unwrap();
        let told = &wait_for(&swapchain, 0, 1)[0];
        let at = told.at(QUEUE_OPERATIONS_END).unwrap();
        let (local, monotonic, deviation) = timing::calibrate(&swapchain, (number, domain));
        // The same instant, by the clock that all know.
        let at = monotonic.wrapping_add(at.wrapping_sub(local));
        assert!(
            at + deviation >= earlier && at <= monotonic + deviation,
            "{told:?}"
        );
    }
    Ok(())
}

fn with_targets(stage: &Stage, swapchain: &Swapchain, relative: bool) -> Outcome {
    let _ = stage;
    let abilities = timing::abilities(&swapchain.surface, swapchain.device.physical);
    match if relative {
        abilities.relative
    } else {
        abilities.absolute
    } {
        true => Ok(()),
        false => Err(NotSupported::because("frames cannot be meant for a time")),
    }
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
        let target = now() + ahead * MILLISECOND;
        frame(&mut swapchain, id, Asked { target, ..asked }).unwrap();
        let returned = now();
        let told = &wait_for(&swapchain, 0, 1)[0];
        assert_eq!((told.id, told.target), (id, target));
        let out = told.at(PIXEL_OUT).unwrap();
        // It may have been presented, or drawn, after its time on a machine that is loaded.
        let ready = returned.max(told.at(QUEUE_OPERATIONS_END).unwrap());
        let after = |time: u64| (time as i64 - target as i64) as f64 / 1e6;
        let times = [returned, ready, out].map(after);
        assert!(out >= target, "{times:?} ms");
        assert!(out < target.max(ready) + SLACK, "{times:?} ms");
    }
    Ok(())
}

/// A target in the past is one that has lapsed.
fn a_target_that_has_passed_is_no_target(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    with_targets(stage, &swapchain, false)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    for id in 1..=6 {
        let target = match id {
            1 => 1,
            _ => now() - 100 * MILLISECOND,
        };
        let called = now();
        frame(&mut swapchain, id, Asked { target, ..asked }).unwrap();
        let out = wait_for(&swapchain, 0, 1)[0].at(PIXEL_OUT).unwrap();
        assert!(out < called + SLACK, "{}", out as i64 - called as i64);
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
    // When it is presented, the frame before may not have been shown: what is expected of it counts.
    let refresh = timing::refresh(&swapchain).duration.max(20 * MILLISECOND);
    for pair in shown.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(apart + refresh >= long && apart < long + SLACK, "{shown:?}");
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
    for (flags, offset, earlier) in [
        (0, 20, 0),
        (NEAREST, 20, refresh / 2),
        (0, 80, 0),
        (NEAREST, 80, refresh / 2),
    ] {
        let target = shown + 3 * refresh + offset * MILLISECOND;
        let asked = Asked {
            flags,
            target,
            ..asked
        };
        compositor.take_commits();
        frame(&mut swapchain, 0, asked).unwrap();
        // The first refresh from then on is the nearest to the target.
        let told = compositor.next_commit().pacing.target;
        assert_eq!(told, Some(Duration::from_nanos(target - earlier)));
        let out = wait_for(&swapchain, 0, 1)[0].at(PIXEL_OUT).unwrap();
        assert!(out >= target - earlier, "{flags} {offset}");
        shown = out;
    }
    Ok(())
}

/// A compositor that shows its frames to nobody may forget the targets of some.
fn a_target_is_waited_for_where_no_display_drives_the_refreshes(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    with_targets(stage, &swapchain, false)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    compositor.behave(Behaviour::Manual);
    compositor.take_commits();
    let mut target = 0;
    for (id, told_of_before, flags) in [
        // Nothing is known of the display.
        (1, None, Kind::empty()),
        (2, Some(false), Kind::Vsync),
        (3, Some(true), Kind::HwCompletion),
        (4, Some(false), Kind::HwClock),
        (5, Some(true), Kind::Vsync),
    ] {
        if told_of_before.is_some() {
            target = now() + 200 * MILLISECOND;
        }
        frame(&mut swapchain, id, Asked { target, ..asked }).unwrap();
        let is_told = told_of_before == Some(true);
        assert!(is_told || now() >= target, "{id}");
        let commit = compositor.next_commit();
        let of = Duration::from_nanos(target);
        assert_eq!(commit.pacing.target, is_told.then_some(of), "{id}");
        compositor.frame_done(commit.surface);
        let presented = Presented {
            flags,
            ..Presented::default()
        };
        compositor.presented(&commit, presented);
        compositor.release(&commit, With::nothing());
        wait_for(&swapchain, 0, 1);
    }
    Ok(())
}

/// "Timing information for some present stages may have a time value of 0, indicating that results for that
/// present stage are not available" (VkPastPresentationTimingEXT): in MAILBOX for those that are replaced.
fn frames_that_are_replaced_are_told_of(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::mailbox(), 16)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    for id in 1..=12 {
        frame(&mut swapchain, id, asked).unwrap();
    }
    let told = wait_for(&swapchain, 0, 12);
    assert!(told.iter().map(|told| told.id).eq(1..=12), "{told:?}");
    assert!(told.iter().any(|told| told.at(PIXEL_OUT) != Some(0)));
    Ok(())
}

/// "results must be made available in finite time" (vkGetPastPresentationTimingEXT).
fn frames_that_nobody_sees_are_told_of(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    frame(&mut swapchain, 1, asked).unwrap();
    wait_for(&swapchain, 0, 1);
    stage.hide(&app)?;
    for id in 2..=5 {
        frame(&mut swapchain, id, asked).unwrap();
    }
    let told = wait_for(&swapchain, 0, 4);
    assert!(told.iter().map(|told| told.id).eq(2..=5), "{told:?}");
    Ok(())
}

/// What is meant for a time while nobody looks delays nothing that is shown later.
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
    let called = now();
    frame(&mut swapchain, 13, Asked { stages, ..asked }).unwrap();
    let told = &wait_for(&swapchain, 0, 1)[0];
    let took = told.at(PIXEL_OUT).unwrap().saturating_sub(called);
    assert!(took < asked.target + SLACK, "{told:?} {took}");
    Ok(())
}

/// The commands of VK_GOOGLE_display_timing.
struct Google<'a> {
    swapchain: &'a mut Swapchain,
    commands: google::display_timing::Device,
}

impl<'a> Google<'a> {
    fn of(stage: &Stage, swapchain: &'a mut Swapchain) -> Self {
        let instance = &stage.instance().raw;
        let commands = google::display_timing::Device::new(instance, &swapchain.device.raw);
        Google {
            swapchain,
            commands,
        }
    }

    fn frame(&mut self, id: u32, desired: u64) {
        let index = self.swapchain.acquire_and_wait(u64::MAX).unwrap();
        self.swapchain.draw_now(index).unwrap();
        let times = [vk::PresentTimeGOOGLE {
            present_id: id,
            desired_present_time: desired,
        }];
        let info = vk::PresentTimesInfoGOOGLE::default().times(&times);
        let chain = (&raw const info).cast();
        self.swapchain.present_with(index, chain).unwrap();
        self.swapchain.surface.dispatch();
    }

    fn refresh(&self) -> u64 {
        // SAFETY: the swapchain is the device's.
        let refresh = unsafe { self.commands.get_refresh_cycle_duration(self.swapchain.raw) };
        refresh.unwrap().refresh_duration
    }

    fn past(&self, many: usize) -> Vec<vk::PastPresentationTimingGOOGLE> {
        let begun = Instant::now();
        let mut told = Vec::new();
        while told.len() < many {
            assert!(begun.elapsed() < LONG, "of {many} frames {}", told.len());
            // SAFETY: the swapchain is the device's.
            let past = unsafe {
                self.commands
                    .get_past_presentation_timing(self.swapchain.raw)
            };
            told.extend(past.unwrap());
            self.swapchain.surface.dispatch();
            thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(told.len(), many);
        told
    }
}

/// "The results for a given swapchain and presentID are only returned once"
/// (VkPastPresentationTimingGOOGLE).
fn google_tells_of_each_frame_once(stage: &Stage) -> Outcome {
    let app = stage.app();
    stage.needs(google::display_timing::NAME)?;
    let mut swapchain = app.swapchain();
    let mut google = Google::of(stage, &mut swapchain);
    assert_ne!(google.refresh(), 0);
    for id in 1..=6 {
        let called = now();
        google.frame(id, 0);
        let told = google.past(1)[0];
        assert_eq!((told.present_id, told.desired_present_time), (id, 0));
        assert!(
            told.actual_present_time + SLACK > called && told.actual_present_time < now() + SLACK
        );
        assert!(told.earliest_present_time <= told.actual_present_time);
    }
    assert_ne!(google.refresh(), 0);
    Ok(())
}

/// "desiredPresentTime [...] was used by the application to indicate that an image not be presented any
/// sooner" (VkPastPresentationTimingGOOGLE).
fn google_shows_no_frame_before_its_desired_time(stage: &Stage) -> Outcome {
    let app = stage.app();
    stage.needs(google::display_timing::NAME)?;
    let mut swapchain = app.swapchain();
    with_targets(stage, &swapchain, false)?;
    let mut google = Google::of(stage, &mut swapchain);
    google.frame(1, 0);
    google.past(1);
    for id in 2..=4 {
        let desired = now() + 200 * MILLISECOND;
        google.frame(id, desired);
        let returned = now();
        app.device.wait_idle().unwrap();
        // It may have been presented, or drawn, after its time on a machine that is loaded.
        let ready = now();
        let told = google.past(1)[0];
        assert_eq!(told.desired_present_time, desired);
        let actual = told.actual_present_time;
        let after = |time: u64| (time as i64 - desired as i64) as f64 / 1e6;
        let times = [returned, ready, actual].map(after);
        assert!(actual >= desired, "{times:?} ms");
        assert!(actual < desired.max(ready) + SLACK, "{times:?} ms");
        let refresh = google.refresh();
        if ready + refresh < desired {
            assert!(told.earliest_present_time < actual, "it had time");
        }
    }
    Ok(())
}
