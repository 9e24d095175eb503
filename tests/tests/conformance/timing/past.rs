//! Results of past presents (vkGetPastPresentationTimingEXT).

use std::time::Instant;

use ash::vk;
use wayfence::trace::now;
use wayfence_tests::present_timing::{
    self as timing, Asked, OUT_OF_ORDER, PARTIAL, PIXEL_OUT, PIXEL_VISIBLE, QUEUE_OPERATIONS_END,
    REQUEST_DEQUEUED,
};
use wayfence_tests::{Swapchain, Wanted, layers};

use crate::case::cases;
use crate::names::{PRESENT_STAGE_LOCAL, PRESENT_TIMING, PRESENT_TIMING_QUEUE_FULL};
use crate::outcome::{NotSupported, Outcome};
use crate::stage::Stage;

use super::frame::{
    LONG, SLACK, asked, frame, not_validated, stages, swapchain, wait_for, with_pixels,
};

cases![
    a_surface_has_the_first_stage_at_least,
    each_frame_is_told_of_once,
    every_stage_may_be_asked_for,
    a_queue_without_slots_is_full,
    a_full_queue_leaves_the_image_to_the_application,
    a_queue_is_not_made_smaller_than_what_is_outstanding,
    frames_that_ask_for_nothing_take_no_slot,
    a_retired_swapchain_still_tells,
    what_has_no_room_is_told_later,
    a_part_is_told_where_that_is_allowed,
    frames_that_are_replaced_are_told_of,
    frames_that_nobody_sees_are_told_of,
];

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

/// "results for all the present stages queried by the presentation request are written by the implementation"
/// (VkPastPresentationTimingEXT), also for those that the surface does not offer: with a time of 0.
fn every_stage_may_be_asked_for(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 4)?;
    let offered = stages(&swapchain);
    let all = [
        QUEUE_OPERATIONS_END,
        REQUEST_DEQUEUED,
        PIXEL_OUT,
        PIXEL_VISIBLE,
    ];
    for (id, wanted) in [(1, all.iter().sum()), (2, REQUEST_DEQUEUED)] {
        let asked = asked(&swapchain, wanted);
        frame(&mut swapchain, id, asked).unwrap();
        let told = &wait_for(&swapchain, 0, 1)[0];
        assert_eq!((told.id, told.complete), (id, true));
        for stage in all {
            match told.at(stage) {
                None => assert_eq!(wanted & stage, 0, "{told:?}"),
                Some(0) => {}
                Some(_) => assert_ne!(offered & stage, 0, "{told:?}"),
            }
        }
    }
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

/// Signals a semaphore by an empty submission.
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
        // A present without stage queries succeeds.
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
