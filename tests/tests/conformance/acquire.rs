//! Acquiring images: "WSI Swapchain", vkAcquireNextImageKHR.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ash::vk;
use wayfence_tests::{Fence, Semaphore, Wanted};

use crate::case::cases;
use crate::frames::{MILLISECOND, SECOND, hold_all, wait_by_submit};
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    an_acquire_signals_semaphore_and_fence_alone_and_together,
    without_a_timeout_an_acquire_does_not_wait,
    a_finite_timeout_ends_an_acquire_in_time,
    a_failed_acquire_signals_nothing,
    an_infinite_acquire_waits_for_a_release,
    what_forward_progress_allows_can_be_acquired,
    an_image_is_acquired_once_until_it_is_presented,
    acquire_2_is_acquire,
    acquire_2_keeps_to_its_timeout,
];

/// "semaphore is VK_NULL_HANDLE or a semaphore to signal. fence is VK_NULL_HANDLE or a fence to signal"; one
/// of them there must be (vkAcquireNextImageKHR).
fn an_acquire_signals_semaphore_and_fence_alone_and_together(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let device = &app.device;
    let acquired = Semaphore::new(device).unwrap();
    let ready = Fence::new(device).unwrap();
    for round in 0..12 {
        let (with_semaphore, with_fence) = [(true, false), (false, true), (true, true)][round % 3];
        let index = swapchain
            .acquire(
                u64::MAX,
                if with_semaphore {
                    acquired.raw
                } else {
                    vk::Semaphore::null()
                },
                if with_fence {
                    ready.raw
                } else {
                    vk::Fence::null()
                },
            )
            .unwrap();
        if with_semaphore {
            wait_by_submit(device, acquired.raw);
        }
        if with_fence {
            ready.wait(u64::MAX).unwrap();
            ready.reset();
        }
        swapchain.draw_and_present(index).unwrap();
        app.surface.dispatch();
    }
    device.wait_idle().unwrap();
    Ok(())
}

/// "If timeout is zero, then vkAcquireNextImageKHR does not wait, and will either successfully
/// acquire an image, or fail and return VK_NOT_READY if no image is available."
fn without_a_timeout_an_acquire_does_not_wait(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let mut held = Vec::new();
    let error = loop {
        let begun = Instant::now();
        let answer = swapchain.acquire_and_wait(0);
        assert!(begun.elapsed() < Duration::from_secs(1));
        match answer {
            Ok(index) => held.push(index),
            Err(error) => break error,
        }
    };
    assert_eq!(error, vk::Result::NOT_READY);
    assert!(!held.is_empty() && held.len() <= swapchain.images.len());
    for index in held {
        swapchain.draw_and_present(index).unwrap();
    }
    // Presented images come back.
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    Ok(())
}

/// "If the specified timeout period expires before an image is acquired, vkAcquireNextImageKHR returns
/// VK_TIMEOUT"; and not much later than that.
fn a_finite_timeout_ends_an_acquire_in_time(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let held = hold_all(&swapchain);
    for timeout in [MILLISECOND, 50 * MILLISECOND, 300 * MILLISECOND] {
        let begun = Instant::now();
        let answer = swapchain.acquire_and_wait(timeout);
        let elapsed = begun.elapsed();
        assert_eq!(answer, Err(vk::Result::TIMEOUT));
        assert!(
            elapsed >= Duration::from_nanos(timeout),
            "{elapsed:?} of {timeout} ns"
        );
        assert!(
            elapsed < Duration::from_nanos(timeout) + Duration::from_secs(1),
            "{elapsed:?} of {timeout} ns"
        );
    }
    for index in held {
        swapchain.draw_and_present(index).unwrap();
    }
    for _ in 0..5 {
        swapchain.frame().unwrap();
    }
    Ok(())
}

/// A failed acquire leaves semaphore and fence as they were, to be used at once by the next.
fn a_failed_acquire_signals_nothing(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let device = &app.device;
    let mut held = hold_all(&swapchain);
    let acquired = Semaphore::new(device).unwrap();
    let ready = Fence::new(device).unwrap();
    for timeout in [0, MILLISECOND] {
        assert!(swapchain.acquire(timeout, acquired.raw, ready.raw).is_err());
        assert!(!ready.is_signalled());
    }
    let index = held.pop().unwrap();
    swapchain.draw_and_present(index).unwrap();
    let index = held.pop().unwrap();
    swapchain.draw_and_present(index).unwrap();
    let index = swapchain
        .acquire(10 * SECOND, acquired.raw, ready.raw)
        .unwrap();
    wait_by_submit(device, acquired.raw);
    ready.wait(u64::MAX).unwrap();
    swapchain.draw_and_present(index).unwrap();
    for index in held {
        swapchain.draw_and_present(index).unwrap();
    }
    device.wait_idle().unwrap();
    Ok(())
}

/// "If timeout is UINT64_MAX, the timeout period is treated as infinite, and vkAcquireNextImageKHR will
/// block until an image is acquired or an error occurs."
fn an_infinite_acquire_waits_for_a_release(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain();
    for _ in 0..12 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_and_present(index).unwrap();
        app.surface.dispatch();
    }
    Ok(())
}

/// vkAcquireNextImage2KHR.
fn acquire_2_is_acquire(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    let device = &app.device;
    let ready = Fence::new(device).unwrap();
    for _ in 0..10 {
        let index = swapchain
            .acquire_2(u64::MAX, vk::Semaphore::null(), ready.raw)
            .unwrap();
        ready.wait(u64::MAX).unwrap();
        ready.reset();
        swapchain.draw_and_present(index).unwrap();
    }
    device.wait_idle().unwrap();
    Ok(())
}

/// Forward progress: of S images, where the surface's minImageCount is M, S - M may be acquired, and an acquire
/// without a timeout still ends (vkAcquireNextImageKHR).
fn what_forward_progress_allows_can_be_acquired(stage: &Stage) -> Outcome {
    let app = stage.app();
    let least = app
        .surface
        .capabilities(app.device.physical)
        .unwrap()
        .min_image_count as usize;
    for more in [0, 1, 2] {
        let mut swapchain = app.swapchain_with(Wanted {
            images: (least + more) as u32,
            ..Wanted::default()
        });
        for _ in 0..3 {
            let allowed = swapchain.images.len() - least + 1;
            let held: Vec<u32> = (0..allowed)
                .map(|_| swapchain.acquire_and_wait(u64::MAX).unwrap())
                .collect();
            for index in held {
                swapchain.draw_and_present(index).unwrap();
                app.surface.dispatch();
            }
        }
    }
    Ok(())
}

/// An image belongs to the application from its acquire to its present ("WSI Swapchain").
fn an_image_is_acquired_once_until_it_is_presented(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    for _ in 0..3 {
        let held = hold_all(&swapchain);
        let distinct: HashSet<u32> = held.iter().copied().collect();
        assert_eq!(distinct.len(), held.len(), "{held:?}");
        let count = swapchain.images.len() as u32;
        assert!(held.iter().all(|index| *index < count), "{held:?}");
        for index in held {
            swapchain.draw_and_present(index).unwrap();
            app.surface.dispatch();
        }
    }
    Ok(())
}

/// VkAcquireNextImageInfoKHR, `timeout`.
fn acquire_2_keeps_to_its_timeout(stage: &Stage) -> Outcome {
    let app = stage.app();
    let swapchain = app.swapchain_with(Wanted::mailbox());
    let _held = hold_all(&swapchain);
    let device = &app.device;
    let ready = Fence::new(device).unwrap();
    for (timeout, expected) in [
        (0, vk::Result::NOT_READY),
        (50 * MILLISECOND, vk::Result::TIMEOUT),
    ] {
        let begun = Instant::now();
        let answer = swapchain.acquire_2(timeout, vk::Semaphore::null(), ready.raw);
        assert_eq!(answer, Err(expected));
        assert!(begun.elapsed() >= Duration::from_nanos(timeout));
        assert!(!ready.is_signalled());
    }
    Ok(())
}
