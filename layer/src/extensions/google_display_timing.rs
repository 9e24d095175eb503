//! `VK_GOOGLE_display_timing`: the older form of [`present_timing`](super::present_timing). Times are those of
//! `CLOCK_MONOTONIC`.

use std::ffi::c_void;

use ash::{
    google::display_timing::NAME,
    vk::{self, PFN_vkGetPastPresentationTimingGOOGLE, PFN_vkGetRefreshCycleDurationGOOGLE},
};
use wayfence::{
    presentations::{Past, Reader, Stage, Stages, Target, Time, Wanted},
    swapchain::Timing,
};

use crate::{
    catalogue::{
        command::{Given, command},
        extension::Extension,
        per_swapchain::{Frame, PerSwapchain, value_at},
    },
    entry::answer::on_swapchain,
    vulkan::p_next,
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    needs: "past times: `wp_presentation`; desired times: `wp_commit_timing_v1`, too",
    commands: &[
        command!(
            c"vkGetRefreshCycleDurationGOOGLE",
            Device,
            Given::Device(NAME),
            get_refresh_cycle_duration,
            PFN_vkGetRefreshCycleDurationGOOGLE
        ),
        command!(
            c"vkGetPastPresentationTimingGOOGLE",
            Device,
            Given::Device(NAME),
            get_past_presentation_timing,
            PFN_vkGetPastPresentationTimingGOOGLE
        ),
    ],
    present: Some(read),
    // SAFETY: the structure is laid out so.
    per_swapchain: &[unsafe {
        PerSwapchain::of::<vk::PresentTimesInfoGOOGLE<'_>, vk::PresentTimeGOOGLE>()
    }],
    ..Extension::device(&[(NAME, 1)])
};

/// The refresh that is reported while it is unknown: the command has no result for that.
const USUAL_REFRESH: u64 = 1_000_000_000 / 60;

/// Frames that were shown, in the order in which that is known.
const WANTED: Wanted = Wanted {
    partial: false,
    out_of_order: true,
};

/// Whether its time is told of.
fn is_told(stage: Stage) -> bool {
    matches!(stage, Stage::Rendered | Stage::PixelOut)
}

unsafe fn read(chain: *const c_void, at: usize, frame: &mut Frame) {
    // SAFETY: a valid chain, as `Extension::present` says, whose arrays have the lengths that they say.
    let time = unsafe {
        p_next::find::<vk::PresentTimesInfoGOOGLE<'_>>(chain)
            .and_then(|of| value_at(of.p_times, of.swapchain_count, at))
    };
    // The newer extension takes precedence.
    if let (Some(time), None) = (time, &frame.timing) {
        frame.timing = Some(Timing {
            stages: Stages::that(is_told),
            reader: Reader::History,
            target: (time.desired_present_time != 0).then_some(Target {
                time: Time::At(time.desired_present_time),
                nearest: false,
            }),
            said: [time.desired_present_time, time.present_id.into()],
        });
    }
}

/// `vkGetRefreshCycleDurationGOOGLE`.
unsafe extern "system" fn get_refresh_cycle_duration(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    properties: *mut vk::RefreshCycleDurationGOOGLE,
) -> vk::Result {
    let command = "vkGetRefreshCycleDurationGOOGLE";
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            command,
            device,
            swapchain,
            |ours| {
                ours.look(command)?;
                (*properties).refresh_duration = match ours.compositor.refresh_or_outputs().duration
                {
                    0 => USUAL_REFRESH,
                    known => known,
                };
                Ok(vk::Result::SUCCESS)
            },
            |object| {
                let next: PFN_vkGetRefreshCycleDurationGOOGLE =
                    object.below(c"vkGetRefreshCycleDurationGOOGLE")?;
                Ok(next(device, swapchain, properties))
            },
        )
    }
}

/// `vkGetPastPresentationTimingGOOGLE`. Frames that were never shown are left out.
unsafe extern "system" fn get_past_presentation_timing(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    count: *mut u32,
    timings: *mut vk::PastPresentationTimingGOOGLE,
) -> vk::Result {
    let command = "vkGetPastPresentationTimingGOOGLE";
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            command,
            device,
            swapchain,
            |ours| {
                ours.look(command)?;
                let refresh = ours.compositor.refresh().duration;
                let room = (!timings.is_null()).then_some(*count as usize);
                let mut written = 0;
                loop {
                    let most = room.map(|room| room - written);
                    let (past, is_more) = ours.compositor.past(Reader::History, WANTED, most);
                    for shown in past.iter().filter_map(|past| of(past, refresh)) {
                        if room.is_some() {
                            // There are no more of them than there is room.
                            *timings.add(written) = shown;
                        }
                        written += 1;
                    }
                    let is_full = room.is_none_or(|room| written == room);
                    if is_full || !is_more {
                        *count = written as u32;
                        return Ok(match is_more {
                            true => vk::Result::INCOMPLETE,
                            false => vk::Result::SUCCESS,
                        });
                    }
                }
            },
            |object| {
                let next: PFN_vkGetPastPresentationTimingGOOGLE =
                    object.below(c"vkGetPastPresentationTimingGOOGLE")?;
                Ok(next(device, swapchain, count, timings))
            },
        )
    }
}

/// The timing of a frame; `None` if it was not shown.
fn of(past: &Past, refresh: u64) -> Option<vk::PastPresentationTimingGOOGLE> {
    let at = |stage: Stage| past.times[stage as usize].filter(|at| *at > 0);
    let actual = at(Stage::PixelOut)?;
    // From when on the frame was ready.
    let ready = at(Stage::Rendered).unwrap_or(0).max(past.called);
    // At the refreshes before, unless another frame was shown at them.
    let first = past
        .before
        .map_or(ready, |before| ready.max(before.saturating_add(refresh)));
    let earlier = actual.saturating_sub(first).checked_div(refresh);
    let earliest = actual - earlier.unwrap_or(0) * refresh;
    Some(vk::PastPresentationTimingGOOGLE {
        present_id: past.said[1] as u32,
        desired_present_time: past.said[0],
        actual_present_time: actual,
        earliest_present_time: earliest,
        present_margin: earliest.saturating_sub(ready),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ready at the first time, shown at the second, after another frame at the third.
    fn past(ready: u64, actual: u64, before: u64) -> Past {
        Past {
            id: 0,
            stages: Stages::that(is_told),
            said: [500, 7],
            called: 1,
            before: Some(before),
            times: [Some(ready), Some(0), Some(actual), None],
        }
    }

    #[test]
    fn a_frame_could_have_been_shown_at_the_first_refresh_for_which_it_was_ready() {
        for (ready, before, earliest, margin) in [
            (595, 100, 600, 5),
            (590, 100, 590, 0),
            (450, 100, 450, 0),
            (451, 100, 460, 9),
            // The refreshes before were another frame's.
            (451, 580, 590, 139),
            (451, 590, 600, 149),
        ] {
            let told = of(&past(ready, 600, before), 10).unwrap();
            assert_eq!(told.actual_present_time, 600);
            assert_eq!((told.present_id, told.desired_present_time), (7, 500));
            assert_eq!(told.earliest_present_time, earliest, "{ready}, {before}");
            assert_eq!(told.present_margin, margin, "{ready}, {before}");
        }
    }

    /// A compositor may say anything.
    #[test]
    fn no_time_is_too_late() {
        let told = of(&past(5, u64::MAX, u64::MAX), 10).unwrap();
        assert_eq!(told.earliest_present_time, u64::MAX);
    }

    #[test]
    fn without_a_refresh_a_frame_could_have_been_shown_when_it_was() {
        assert_eq!(of(&past(5, 600, 9), 0).unwrap().earliest_present_time, 600);
    }

    #[test]
    fn a_frame_that_was_not_shown_is_not_told_of() {
        assert!(of(&past(5, 0, 0), 10).is_none());
    }
}
