//! Windows that nobody sees: "forward progress" must go on where nothing is shown. The specification lets an
//! acquire with an infinite timeout wait for an image that nothing gives back only where the application
//! holds too many (VUID-vkAcquireNextImageKHR-surface-07783), and a present never waits for a refresh.

use std::time::{Duration, Instant};

use wayfence_tests::Wanted;

use crate::case::cases;
use crate::frames::SECOND;
use crate::outcome::Outcome;
use crate::present_wait;
use crate::stage::Stage;

cases![
    a_window_that_is_hidden_goes_on,
    a_window_that_is_hidden_goes_on_without_pace,
    a_window_that_is_hidden_may_be_replaced_by_a_larger_one,
    a_wait_for_the_last_frame_of_a_hidden_window_ends,
];

/// More than any queue of frames is long.
const FRAMES: u32 = 20;
/// No frame waits for so long, whatever else an emulated machine does. What waits for a refresh waits for
/// good.
const LONG: Duration = Duration::from_secs(10);

fn goes_on(stage: &Stage, wanted: Wanted) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain_with(wanted);
    for _ in 0..5 {
        swapchain.frame().unwrap();
    }
    stage.hide(&app)?;
    for frame in 0..FRAMES {
        let begun = Instant::now();
        swapchain.frame().unwrap();
        let took = begun.elapsed();
        assert!(took < LONG, "frame {frame} took {took:?}");
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// FIFO.
fn a_window_that_is_hidden_goes_on(stage: &Stage) -> Outcome {
    goes_on(stage, Wanted::default())
}

/// MAILBOX.
fn a_window_that_is_hidden_goes_on_without_pace(stage: &Stage) -> Outcome {
    goes_on(stage, Wanted::mailbox())
}

/// The old swapchain's images are with a compositor that shows none of them.
fn a_window_that_is_hidden_may_be_replaced_by_a_larger_one(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain();
    swapchain.frame().unwrap();
    stage.hide(&app)?;
    for size in 1..=4 {
        swapchain = swapchain
            .replaced_by(Wanted {
                extent: (256 + 16 * size, 256),
                ..Wanted::default()
            })
            .unwrap();
        for _ in 0..3 {
            swapchain.frame().unwrap();
        }
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// vkWaitForPresentKHR: no refresh comes, and nothing replaces the frame.
fn a_wait_for_the_last_frame_of_a_hidden_window_ends(stage: &Stage) -> Outcome {
    let app = stage.app();
    let generation = present_wait::any(stage, &app)?;
    let mut swapchain = present_wait::swapchain_of(generation, &app, Wanted::default());
    present_wait::frame(&mut swapchain, generation, 1);
    stage.hide(&app)?;
    for id in 2..=5 {
        present_wait::frame(&mut swapchain, generation, id);
    }
    let answer = generation.wait(&swapchain, 5, 10 * SECOND);
    assert_eq!(answer, ash::vk::Result::SUCCESS);
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}
