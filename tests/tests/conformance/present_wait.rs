//! Numbers of frames, and waiting for them: VK_KHR_present_id and VK_KHR_present_wait, in both generations.

use std::thread;
use std::time::{Duration, Instant};

use ash::{khr, vk};
use wayfence_tests::present_wait::FLAGS;
use wayfence_tests::present_wait::Generation::{self, One, Two};
use wayfence_tests::{Application, Swapchain, Wanted};

use crate::case::cases;
use crate::frames::{MILLISECOND, SECOND};
use crate::names;
use crate::outcome::{NotSupported, Outcome};
use crate::stage::Stage;

cases![
    a_frame_is_waited_for,
    a_frame_is_waited_for_in_the_second_generation,
    a_wait_for_a_later_frame_is_one_for_an_earlier,
    a_wait_for_a_frame_that_never_comes_times_out,
    frames_without_a_number_change_nothing,
    numbers_may_be_far_apart,
    a_frame_that_is_replaced_ends_its_waits,
    a_wait_goes_on_while_another_thread_presents,
];

/// What device and surface must have.
fn needed(generation: Generation, stage: &Stage, app: &Application) -> Outcome {
    match generation {
        One => {
            stage.needs(khr::present_id::NAME)?;
            stage.needs(khr::present_wait::NAME)
        }
        Two => {
            stage.needs(names::PRESENT_ID2)?;
            stage.needs(names::PRESENT_WAIT2)?;
            let mut wait = names::Feature::of(names::SURFACE_CAPABILITIES_PRESENT_WAIT_2);
            let mut capabilities = vk::SurfaceCapabilities2KHR {
                p_next: (&raw mut wait).cast(),
                ..Default::default()
            };
            // SAFETY: device and surface are alive; the chain outlives the call.
            unsafe {
                app.surface.ask_capabilities2(
                    app.device.physical,
                    &app.surface.info2(),
                    &mut capabilities,
                )
            }
            .unwrap();
            match wait.feature {
                vk::TRUE => Ok(()),
                _ => Err(NotSupported::because("this surface has no waits")),
            }
        }
    }
}

pub fn swapchain_of(generation: Generation, app: &Application, wanted: Wanted) -> Swapchain {
    app.swapchain_with(Wanted {
        flags: match generation {
            One => vk::SwapchainCreateFlagsKHR::empty(),
            Two => FLAGS,
        },
        ..wanted
    })
}

/// The first generation that is supported.
pub fn any(stage: &Stage, app: &Application) -> Result<Generation, NotSupported> {
    match needed(One, stage, app) {
        Ok(()) => Ok(One),
        Err(reason) => needed(Two, stage, app).map(|()| Two).map_err(|_| reason),
    }
}

/// Acquires, draws and presents a frame with this number.
pub fn frame(swapchain: &mut Swapchain, generation: Generation, id: u64) {
    let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
    swapchain.draw_now(index).unwrap();
    present(swapchain, index, generation, id);
}

fn present(swapchain: &Swapchain, index: u32, generation: Generation, id: u64) {
    generation.present(swapchain, index, id);
    swapchain.surface.dispatch();
}

fn each_is_waited_for(app: &Application, generation: Generation) {
    for wanted in [Wanted::default(), Wanted::mailbox()] {
        let mut swapchain = swapchain_of(generation, app, wanted);
        for id in 1..=8 {
            frame(&mut swapchain, generation, id);
            let answer = generation.wait(&swapchain, id, 10 * SECOND);
            assert_eq!(answer, vk::Result::SUCCESS, "{id}");
            // It stays over.
            assert_eq!(generation.wait(&swapchain, id, 0), vk::Result::SUCCESS);
        }
    }
    app.surface.window().assert_alive();
}

/// "vkWaitForPresentKHR waits for the presentId associated with swapchain to be increased in value so that
/// it is at least equal to presentId".
fn a_frame_is_waited_for(stage: &Stage) -> Outcome {
    let app = stage.app();
    needed(One, stage, &app)?;
    each_is_waited_for(&app, One);
    Ok(())
}

/// vkWaitForPresent2KHR.
fn a_frame_is_waited_for_in_the_second_generation(stage: &Stage) -> Outcome {
    let app = stage.app();
    needed(Two, stage, &app)?;
    each_is_waited_for(&app, Two);
    Ok(())
}

/// "at least equal to presentId" (vkWaitForPresentKHR; in the second generation a frame that is waited for has
/// been presented).
fn a_wait_for_a_later_frame_is_one_for_an_earlier(stage: &Stage) -> Outcome {
    let app = stage.app();
    needed(One, stage, &app)?;
    let mut swapchain = swapchain_of(One, &app, Wanted::default());
    for id in [10, 20, 30] {
        frame(&mut swapchain, One, id);
    }
    assert_eq!(One.wait(&swapchain, 30, 10 * SECOND), vk::Result::SUCCESS);
    for earlier in [1, 10, 15, 20] {
        assert_eq!(One.wait(&swapchain, earlier, 0), vk::Result::SUCCESS);
    }
    Ok(())
}

/// "block until either the presentId associated with swapchain is greater than or equal to presentId, or
/// timeout nanoseconds passes" (vkWaitForPresentKHR).
fn a_wait_for_a_frame_that_never_comes_times_out(stage: &Stage) -> Outcome {
    let app = stage.app();
    needed(One, stage, &app)?;
    let mut swapchain = swapchain_of(One, &app, Wanted::default());
    frame(&mut swapchain, One, 1);
    for timeout in [0, 100 * MILLISECOND] {
        let begun = Instant::now();
        let answer = One.wait(&swapchain, 2, timeout);
        assert_eq!(answer, vk::Result::TIMEOUT);
        assert!(begun.elapsed() >= Duration::from_nanos(timeout));
        assert!(begun.elapsed() < Duration::from_nanos(timeout + SECOND));
    }
    Ok(())
}

/// "each non-zero value in pPresentIds specifies the present id" (VkPresentIdKHR): zero is none.
fn frames_without_a_number_change_nothing(stage: &Stage) -> Outcome {
    let app = stage.app();
    needed(One, stage, &app)?;
    let mut swapchain = swapchain_of(One, &app, Wanted::default());
    frame(&mut swapchain, One, 5);
    frame(&mut swapchain, One, 0);
    swapchain.frame().unwrap();
    assert_eq!(One.wait(&swapchain, 5, 10 * SECOND), vk::Result::SUCCESS);
    assert_eq!(One.wait(&swapchain, 6, 0), vk::Result::TIMEOUT);
    frame(&mut swapchain, One, 6);
    assert_eq!(One.wait(&swapchain, 6, 10 * SECOND), vk::Result::SUCCESS);
    Ok(())
}

/// Each number is greater than those before it (VkPresentIdKHR): by any amount.
fn numbers_may_be_far_apart(stage: &Stage) -> Outcome {
    let app = stage.app();
    let generation = any(stage, &app)?;
    let mut swapchain = swapchain_of(generation, &app, Wanted::default());
    for id in [1, 1 << 32, u64::MAX - 1, u64::MAX] {
        frame(&mut swapchain, generation, id);
        let answer = generation.wait(&swapchain, id, 10 * SECOND);
        assert_eq!(answer, vk::Result::SUCCESS, "{id}");
    }
    Ok(())
}

/// Where images are replaced "any wait of this type associated with such an image must be signaled no later
/// than a wait associated with the replacing image would be signaled" (vkWaitForPresentKHR).
fn a_frame_that_is_replaced_ends_its_waits(stage: &Stage) -> Outcome {
    let app = stage.app();
    let generation = any(stage, &app)?;
    let mut swapchain = swapchain_of(generation, &app, Wanted::mailbox());
    for id in 1..=12 {
        frame(&mut swapchain, generation, id);
    }
    for id in 1..=12 {
        let answer = generation.wait(&swapchain, id, 10 * SECOND);
        assert_eq!(answer, vk::Result::SUCCESS, "{id}");
    }
    Ok(())
}

/// "the swapchain passed to vkWaitForPresentKHR may be simultaneously used by other threads in calls to
/// functions other than vkDestroySwapchainKHR"; a wait may begin before its present.
fn a_wait_goes_on_while_another_thread_presents(stage: &Stage) -> Outcome {
    let app = stage.app();
    needed(One, stage, &app)?;
    let mut swapchain = swapchain_of(One, &app, Wanted::default());
    frame(&mut swapchain, One, 1);
    let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
    swapchain.draw_now(index).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| One.wait(&swapchain, 2, 20 * SECOND));
        thread::sleep(Duration::from_millis(50));
        present(&swapchain, index, One, 2);
        assert_eq!(waiter.join().unwrap(), vk::Result::SUCCESS);
    });
    Ok(())
}
