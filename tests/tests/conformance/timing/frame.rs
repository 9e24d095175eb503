//! A swapchain whose frames have times, and their results.

use std::thread;
use std::time::{Duration, Instant};

use ash::vk;
use wayfence_tests::present_timing::{
    self as timing, Asked, PIXEL_OUT, QUEUE_OPERATIONS_END, Told,
};
use wayfence_tests::stalls::Stalls;
use wayfence_tests::{Application, Swapchain, Wanted, layers};

use crate::frames::MILLISECOND;
use crate::names::{
    CREATE_PRESENT_ID_2, CREATE_PRESENT_TIMING, PRESENT_ID2, PRESENT_STAGE_LOCAL, PRESENT_TIMING,
};
use crate::outcome::{NotSupported, Outcome};
use crate::stage::Stage;

/// For an emulated machine.
pub(crate) const SLACK: u64 = 500 * MILLISECOND;

/// The same on a machine that may have stood still since `begun`.
pub(crate) fn slack(stalls: &Stalls, begun: Instant) -> u64 {
    SLACK + stalls.since(begun).as_nanos() as u64
}

/// No result takes longer.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// A swapchain whose frames have times, with so many slots.
pub(crate) fn swapchain(
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

pub(crate) fn stages(swapchain: &Swapchain) -> u32 {
    timing::abilities(&swapchain.surface, swapchain.device.physical).stages
}

/// Skips the case under the validation layer, which for this reason reports valid usage.
pub(crate) fn not_validated(reason: &str) -> Outcome {
    match layers::chosen()
        .iter()
        .any(|name| name == layers::VALIDATION)
    {
        true => Err(NotSupported::because(reason)),
        false => Ok(()),
    }
}

/// The first stage and that of the pixels.
pub(crate) fn with_pixels(swapchain: &Swapchain) -> Result<u32, NotSupported> {
    match stages(swapchain) & PIXEL_OUT {
        0 => Err(NotSupported::because("nobody tells when pixels are out")),
        pixels => Ok(QUEUE_OPERATIONS_END | pixels),
    }
}

pub(crate) fn asked(swapchain: &Swapchain, stages: u32) -> Asked {
    Asked {
        stages,
        domain: timing::domain(swapchain, PRESENT_STAGE_LOCAL).expect("a domain of the stages"),
        ..Asked::default()
    }
}

pub(crate) fn frame(swapchain: &mut Swapchain, id: u64, asked: Asked) -> Result<(), vk::Result> {
    let index = swapchain.acquire_and_wait(u64::MAX)?;
    swapchain.draw_now(index)?;
    let answer = timing::present(swapchain, index, id, asked);
    swapchain.surface.dispatch();
    answer
}

/// Waits for the results of so many frames.
pub(crate) fn wait_for(swapchain: &Swapchain, flags: u32, many: usize) -> Vec<Told> {
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

pub(crate) fn with_targets(stage: &Stage, swapchain: &Swapchain, relative: bool) -> Outcome {
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
