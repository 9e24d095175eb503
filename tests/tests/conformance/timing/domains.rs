//! The refresh, and the time domains of swapchains.

use std::mem;
use std::time::Duration;

use ash::{khr, vk};
use wayfence_test_compositor::{Behaviour, Clock, Kind, Presented, With};
use wayfence_tests::Wanted;
use wayfence_tests::present_timing::{self as timing, Asked, QUEUE_OPERATIONS_END};

use crate::case::cases;
use crate::frames::MILLISECOND;
use crate::names::{PRESENT_STAGE_LOCAL, SWAPCHAIN_LOCAL};
use crate::outcome::Outcome;
use crate::stage::Stage;

use super::frame::{asked, frame, swapchain, wait_for, with_pixels};

cases![
    the_refresh_is_known_after_a_frame,
    another_refresh_counts,
    the_frames_show_whether_the_refresh_is_fixed,
    time_domains_have_numbers,
    times_are_those_of_their_domain,
    time_domains_of_swapchains_can_be_calibrated,
];

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
        // A compositor without a display may not know it.
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

/// refreshInterval is 0 where it is unknown, UINT64_MAX where refreshes may be longer, else "the same value as
/// refreshDuration" (VkSwapchainTimingPropertiesEXT).
fn the_frames_show_whether_the_refresh_is_fixed(stage: &Stage) -> Outcome {
    let compositor = stage.scripted()?;
    let app = stage.app();
    let mut swapchain = swapchain(stage, &app, Wanted::default(), 8)?;
    let asked = asked(&swapchain, with_pixels(&swapchain)?);
    compositor.behave(Behaviour::Manual);
    compositor.take_commits();
    let refresh = Duration::from_millis(10);
    let mut at = Clock::Monotonic.now();
    let mut sequence = 100;
    for (frames, apart, refreshes, interval) in [
        // At each refresh.
        (6, 10, 1, 0),
        (4, 23, 1, u64::MAX),
        (4, 20, 2, 10 * MILLISECOND),
    ] {
        for _ in 0..frames {
            frame(&mut swapchain, 0, asked).unwrap();
            let commit = compositor.next_commit();
            at += Duration::from_millis(apart);
            sequence += refreshes;
            compositor.presented(
                &commit,
                Presented {
                    at,
                    refresh,
                    sequence,
                    flags: Kind::Vsync | Kind::HwClock,
                },
            );
            compositor.frame_done(commit.surface);
            compositor.release(&commit, With::nothing());
            wait_for(&swapchain, 0, 1);
        }
        let told = timing::refresh(&swapchain);
        let expected = (10 * MILLISECOND, interval);
        assert_eq!((told.duration, told.interval), expected, "{apart} ms apart");
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
        // Clocks of different pace compare inexactly.
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
        // The same instant by `CLOCK_MONOTONIC`.
        let at = monotonic.wrapping_add(at.wrapping_sub(local));
        assert!(
            at + deviation >= earlier && at <= monotonic + deviation,
            "{told:?}"
        );
    }
    Ok(())
}
