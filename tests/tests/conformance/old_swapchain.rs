//! Replacing swapchains: `oldSwapchain` of VkSwapchainCreateInfoKHR ("WSI Swapchain").

use ash::vk;
use wayfence_tests::{Fence, Wanted};

use crate::case::cases;
use crate::frames::{MILLISECOND, SECOND, signal_and_wait};
use crate::maintenance1::{present_with_fence, signals};
use crate::names::MAINTENANCE1;
use crate::outcome::Outcome;
use crate::present_wait;
use crate::stage::Stage;

cases![
    a_replacement_takes_over,
    a_replacement_may_differ_in_everything,
    what_was_acquired_before_may_be_presented_after_the_replacement,
    a_present_to_a_retired_swapchain_waits_for_its_semaphore,
    frames_of_a_retired_swapchain_have_numbers_of_their_own,
    a_second_swapchain_of_a_surface_is_refused,
    a_window_is_free_again_while_a_retired_swapchain_lives,
    a_swapchain_may_be_replaced_for_every_frame,
    a_swapchain_may_be_replaced_before_it_is_used,
];

/// `oldSwapchain` "allows the application to still present any images that are already acquired from it":
/// a present of one succeeds or says that the swapchain is out of date, and breaks nothing.
fn what_was_acquired_before_may_be_presented_after_the_replacement(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut old = app.swapchain();
    old.frame().unwrap();
    let held = old.acquire_and_wait(u64::MAX).unwrap();
    let mut new = old.replaced_by(Wanted::default()).unwrap();
    match old.draw_and_present(held) {
        Ok(()) | Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => {}
        Err(error) => panic!("{error}"),
    }
    for _ in 0..5 {
        new.frame().unwrap();
    }
    drop(old);
    for _ in 0..5 {
        new.frame().unwrap();
    }
    app.surface.window().assert_alive();
    Ok(())
}

/// Whether it shows the image or answers VK_ERROR_OUT_OF_DATE_KHR: "the set of queue operations are still
/// considered to be enqueued and thus any semaphore wait operation specified in VkPresentInfoKHR will execute"
/// (vkQueuePresentKHR). So after the present's fence the semaphore can be used again.
fn a_present_to_a_retired_swapchain_waits_for_its_semaphore(stage: &Stage) -> Outcome {
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let done = Fence::new(&app.device).unwrap();
    for wanted in [Wanted::default(), Wanted::mailbox()] {
        let mut old = app.swapchain_with(wanted);
        old.frame().unwrap();
        let held = old.acquire_and_wait(u64::MAX).unwrap();
        let mut new = old.replaced_by(wanted).unwrap();
        old.draw_now(held).unwrap();
        match present_with_fence(&old, held, &done) {
            Ok(()) | Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => {}
            Err(error) => panic!("{error}"),
        }
        signals(&done);
        signal_and_wait(&app.device, old.drawn(held));
        for _ in 0..3 {
            new.frame().unwrap();
        }
    }
    app.surface.window().assert_alive();
    Ok(())
}

/// A present to a retired swapchain may have a number (VkPresentIdKHR), although waiting for it is not allowed
/// (VUID-vkWaitForPresentKHR-swapchain-04997). The new swapchain's numbers are independent.
fn frames_of_a_retired_swapchain_have_numbers_of_their_own(stage: &Stage) -> Outcome {
    let app = stage.app();
    let generation = present_wait::any(stage, &app)?;
    let mut old = present_wait::swapchain_of(generation, &app, Wanted::default());
    present_wait::frame(&mut old, generation, 1);
    let held = old.acquire_and_wait(u64::MAX).unwrap();
    let wanted = Wanted {
        old: old.raw,
        ..Wanted::default()
    };
    let mut new = present_wait::swapchain_of(generation, &app, wanted);
    old.draw_now(held).unwrap();
    match generation.try_present(&old, held, 7) {
        Ok(()) | Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => {}
        Err(error) => panic!("{error}"),
    }
    let answer = generation.wait(&new, 1, MILLISECOND);
    assert_eq!(answer, vk::Result::TIMEOUT);
    present_wait::frame(&mut new, generation, 1);
    let answer = generation.wait(&new, 1, 10 * SECOND);
    assert_eq!(answer, vk::Result::SUCCESS);
    drop(old);
    app.surface.window().assert_alive();
    Ok(())
}

/// "If oldSwapchain is VK_NULL_HANDLE, and the native window referred to by pCreateInfo->surface is already
/// associated with a Vulkan swapchain, VK_ERROR_NATIVE_WINDOW_IN_USE_KHR must be returned."
fn a_second_swapchain_of_a_surface_is_refused(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut first = app.swapchain();
    first.frame().unwrap();
    let second = app.try_swapchain(Wanted::default());
    assert_eq!(
        second.err(),
        Some(vk::Result::ERROR_NATIVE_WINDOW_IN_USE_KHR)
    );
    // The refusal has retired nothing.
    first.frame().unwrap();
    drop(first);
    // And the window is free again.
    app.swapchain().frame().unwrap();
    Ok(())
}

/// "A native window cannot be associated with more than one non-retired swapchain at a time": retired ones
/// do not count.
fn a_window_is_free_again_while_a_retired_swapchain_lives(stage: &Stage) -> Outcome {
    let app = stage.app();
    let first = app.swapchain();
    let second = first.replaced_by(Wanted::default()).unwrap();
    drop(second);
    // The window is free though the retired one still exists.
    let mut third = app.swapchain();
    for _ in 0..5 {
        third.frame().unwrap();
    }
    drop(first);
    third.frame().unwrap();
    Ok(())
}

/// "oldSwapchain is VK_NULL_HANDLE, or the existing non-retired swapchain currently associated with
/// surface": the new one is in its place.
fn a_replacement_takes_over(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut old = app.swapchain();
    for _ in 0..3 {
        old.frame().unwrap();
    }
    let mut new = old.replaced_by(Wanted::default()).unwrap();
    for _ in 0..3 {
        new.frame().unwrap();
    }
    drop(old);
    for _ in 0..3 {
        new.frame().unwrap();
    }
    drop(new);
    app.surface.window().assert_alive();
    Ok(())
}

/// No parameter need be the old swapchain's.
fn a_replacement_may_differ_in_everything(stage: &Stage) -> Outcome {
    let app = stage.app();
    let formats = app.surface.formats(app.device.physical).unwrap();
    let mut swapchain = app.swapchain();
    for (turn, format) in formats.iter().cycle().take(6).enumerate() {
        swapchain.frame().unwrap();
        let turn = turn as u32;
        let like = match turn % 2 {
            0 => Wanted::mailbox(),
            _ => Wanted::default(),
        };
        swapchain = swapchain
            .replaced_by(Wanted {
                extent: (64 + 50 * turn, 300 - 40 * turn),
                format: Some(*format),
                images: 3 + turn % 3,
                ..like
            })
            .unwrap();
    }
    swapchain.frame().unwrap();
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// As an application does while it is resized.
fn a_swapchain_may_be_replaced_for_every_frame(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain();
    for turn in 0..15 {
        swapchain.frame().unwrap();
        swapchain = swapchain
            .replaced_by(Wanted {
                extent: (100 + turn, 100),
                ..Wanted::default()
            })
            .unwrap();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// It has shown no frame.
fn a_swapchain_may_be_replaced_before_it_is_used(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain();
    for _ in 0..3 {
        swapchain = swapchain.replaced_by(Wanted::default()).unwrap();
    }
    swapchain.frame().unwrap();
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}
