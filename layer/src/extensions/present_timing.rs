//! `VK_EXT_present_timing`: when frames were shown, and target times.
//!
//! All times are those of `CLOCK_MONOTONIC`, which the time domains of the swapchain and of its stages count,
//! too. The queue operations of a present are over when its sync_file has signalled, and the kernel keeps that
//! time (`SYNC_IOC_FILE_INFO`); the other times come from `wp_presentation`. Its times are those at which the
//! frame "turned into light", which a compositor may guess: the first pixel counts as visible only if the time
//! and the image come from the hardware, and as out in any case. Only the compositor knows when a request was
//! dequeued: that is not offered, and who asks for it gets 0.

use std::{ffi::c_void, time::Duration};

use ash::vk;
use wayfence::{
    presentations::{Past, Reader, Stage, Stages, Target, Time, Wanted},
    refresh::Rate,
    swapchain::Timing,
    trace,
};

use crate::{
    catalogue::{
        command::{Given, command},
        creation::Asked,
        extension::{Extension, Features, SurfaceQuery},
        per_swapchain::{Frame, PerSwapchain, value_at},
    },
    entry::answer::on_swapchain,
    vulkan::{
        p_next,
        registry::{
            EXT_PRESENT_TIMING as NAME,
            PAST_PRESENTATION_TIMING_ALLOW_OUT_OF_ORDER_RESULTS_BIT_EXT,
            PAST_PRESENTATION_TIMING_ALLOW_PARTIAL_RESULTS_BIT_EXT,
            PFN_vkGetPastPresentationTimingEXT, PFN_vkGetSwapchainTimeDomainPropertiesEXT,
            PFN_vkGetSwapchainTimingPropertiesEXT, PFN_vkSetSwapchainPresentTimingQueueSizeEXT,
            PHYSICAL_DEVICE_PRESENT_TIMING_FEATURES_EXT,
            PRESENT_STAGE_IMAGE_FIRST_PIXEL_OUT_BIT_EXT,
            PRESENT_STAGE_IMAGE_FIRST_PIXEL_VISIBLE_BIT_EXT,
            PRESENT_STAGE_QUEUE_OPERATIONS_END_BIT_EXT, PRESENT_STAGE_REQUEST_DEQUEUED_BIT_EXT,
            PRESENT_TIMING_INFO_PRESENT_AT_NEAREST_REFRESH_CYCLE_BIT_EXT,
            PRESENT_TIMING_INFO_PRESENT_AT_RELATIVE_TIME_BIT_EXT, PastPresentationTimingEXT,
            PastPresentationTimingInfoEXT, PastPresentationTimingPropertiesEXT,
            PresentStageTimeEXT, PresentTimingInfoEXT, PresentTimingSurfaceCapabilitiesEXT,
            PresentTimingsInfoEXT, SWAPCHAIN_CREATE_PRESENT_TIMING_BIT_EXT,
            SwapchainTimeDomainPropertiesEXT, SwapchainTimingPropertiesEXT,
            TIME_DOMAIN_PRESENT_STAGE_LOCAL_EXT, TIME_DOMAIN_SWAPCHAIN_LOCAL_EXT,
        },
    },
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    needs: "of the driver: timestamps that can be calibrated; when pixels are out: `wp_presentation`; \
            target times: `wp_commit_timing_v1`, too",
    driver: |device| (super::calibrated_timestamps::EXTENSION.driver)(device),
    features: Some(Features {
        structure: PHYSICAL_DEVICE_PRESENT_TIMING_FEATURES_EXT,
        supported: &[true, true, true],
    }),
    commands: &[
        command!(
            c"vkSetSwapchainPresentTimingQueueSizeEXT",
            Device,
            Given::Device(NAME),
            set_queue_size,
            self::PFN_vkSetSwapchainPresentTimingQueueSizeEXT
        ),
        command!(
            c"vkGetSwapchainTimingPropertiesEXT",
            Device,
            Given::Device(NAME),
            get_timing_properties,
            self::PFN_vkGetSwapchainTimingPropertiesEXT
        ),
        command!(
            c"vkGetSwapchainTimeDomainPropertiesEXT",
            Device,
            Given::Device(NAME),
            get_time_domain_properties,
            self::PFN_vkGetSwapchainTimeDomainPropertiesEXT
        ),
        command!(
            c"vkGetPastPresentationTimingEXT",
            Device,
            Given::Device(NAME),
            get_past_presentation_timing,
            self::PFN_vkGetPastPresentationTimingEXT
        ),
    ],
    capabilities: Some(fill),
    creation: Some(read_creation),
    present: Some(read),
    // SAFETY: the structure is laid out so.
    per_swapchain: &[unsafe {
        PerSwapchain::of::<PresentTimingsInfoEXT<'_>, PresentTimingInfoEXT<'_>>()
    }],
    ..Extension::device(&[(NAME, 3)])
};

/// The stages by their names in library and Vulkan. All may be asked for, also those that a surface does not
/// offer: their time is 0, "indicating that results for that present stage are not available"
/// (VkPastPresentationTimingEXT).
const STAGES: [(Stage, vk::Flags); 4] = [
    (Stage::Rendered, PRESENT_STAGE_QUEUE_OPERATIONS_END_BIT_EXT),
    (Stage::Dequeued, PRESENT_STAGE_REQUEST_DEQUEUED_BIT_EXT),
    (Stage::PixelOut, PRESENT_STAGE_IMAGE_FIRST_PIXEL_OUT_BIT_EXT),
    (
        Stage::PixelVisible,
        PRESENT_STAGE_IMAGE_FIRST_PIXEL_VISIBLE_BIT_EXT,
    ),
];

/// The time domains of each swapchain with their numbers. The device's is not among them: times are "in
/// nanoseconds", and its are not.
const DOMAINS: [(u64, vk::TimeDomainKHR); 4] = [
    (1, TIME_DOMAIN_PRESENT_STAGE_LOCAL_EXT),
    (2, TIME_DOMAIN_SWAPCHAIN_LOCAL_EXT),
    (3, vk::TimeDomainKHR::CLOCK_MONOTONIC),
    RAW,
];

/// The only domain that differs from `CLOCK_MONOTONIC`.
const RAW: (u64, vk::TimeDomainKHR) = (4, vk::TimeDomainKHR::CLOCK_MONOTONIC_RAW);

/// Their list never changes.
const DOMAINS_COUNTER: u64 = 1;

unsafe fn fill(query: &SurfaceQuery<'_>, chain: *mut c_void) {
    // SAFETY: a valid chain, as `Extension::capabilities` says.
    let ours = unsafe { p_next::find_mut::<PresentTimingSurfaceCapabilitiesEXT<'_>>(chain) };
    let Some(ours) = ours else {
        return;
    };
    let times = query.offer.is_some_and(|offer| offer.times);
    let schedules = query.offer.is_some_and(|offer| offer.schedules);
    ours.present_timing_supported = query.offer.is_some().into();
    ours.present_at_absolute_time_supported = schedules.into();
    ours.present_at_relative_time_supported = schedules.into();
    ours.present_stage_queries = STAGES
        .iter()
        .filter(|(stage, _)| match stage {
            Stage::Rendered => query.offer.is_some(),
            Stage::Dequeued => false,
            Stage::PixelOut | Stage::PixelVisible => times,
        })
        .fold(0, |all, (_, bit)| all | bit);
}

unsafe fn read_creation(
    info: &vk::SwapchainCreateInfoKHR<'_>,
    asked: &mut Asked,
) -> Result<(), &'static str> {
    asked.timed |= info.flags.contains(SWAPCHAIN_CREATE_PRESENT_TIMING_BIT_EXT);
    Ok(())
}

unsafe fn read(chain: *const c_void, at: usize, frame: &mut Frame) {
    // SAFETY: a valid chain, as `Extension::present` says, whose arrays have the lengths that they say.
    unsafe {
        if let Some(of) = p_next::find::<PresentTimingsInfoEXT<'_>>(chain)
            && let Some(info) = value_at(of.p_timing_infos, of.swapchain_count, at)
        {
            frame.timing = Some(timing(info));
        }
    }
}

fn timing(info: &PresentTimingInfoEXT<'_>) -> Timing {
    let relative = info.flags & PRESENT_TIMING_INFO_PRESENT_AT_RELATIVE_TIME_BIT_EXT != 0;
    let nearest = info.flags & PRESENT_TIMING_INFO_PRESENT_AT_NEAREST_REFRESH_CYCLE_BIT_EXT != 0;
    let time = match relative {
        true => Time::After(info.target_time),
        false => Time::At(of_domain(info.time_domain_id, info.target_time)),
    };
    Timing {
        stages: Stages::that(|wanted| {
            STAGES
                .iter()
                .any(|(stage, bit)| *stage == wanted && info.present_stage_queries & bit != 0)
        }),
        reader: Reader::Queue,
        target: (info.target_time != 0).then_some(Target { time, nearest }),
        said: [info.target_time, info.time_domain_id],
    }
}

/// A time of the domain with this number, by `CLOCK_MONOTONIC`.
fn of_domain(id: u64, at: u64) -> u64 {
    let raw = libc::CLOCK_MONOTONIC_RAW as u32;
    match id == RAW.0 {
        true => trace::monotonic(raw, Duration::from_nanos(at)).unwrap_or(at),
        false => at,
    }
}

/// A time by `CLOCK_MONOTONIC` in the domain with this number; 0, which is no time, stays that.
fn in_domain(id: u64, at: u64) -> u64 {
    match id == RAW.0 && at != 0 {
        true => trace::on_clock(libc::CLOCK_MONOTONIC_RAW as u32, at).unwrap_or(0),
        false => at,
    }
}

/// `vkSetSwapchainPresentTimingQueueSizeEXT`.
unsafe extern "system" fn set_queue_size(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    size: u32,
) -> vk::Result {
    let command = "vkSetSwapchainPresentTimingQueueSizeEXT";
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            command,
            device,
            swapchain,
            |ours| match ours.compositor.set_timing_slots(size) {
                true => Ok(vk::Result::SUCCESS),
                false => Ok(vk::Result::NOT_READY),
            },
            |object| {
                let next: PFN_vkSetSwapchainPresentTimingQueueSizeEXT =
                    object.below(c"vkSetSwapchainPresentTimingQueueSizeEXT")?;
                Ok(next(device, swapchain, size))
            },
        )
    }
}

/// `vkGetSwapchainTimingPropertiesEXT`: "not able to determine the current refresh cycle duration" before
/// a frame was shown, where outputs differ.
unsafe extern "system" fn get_timing_properties(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    properties: *mut SwapchainTimingPropertiesEXT<'_>,
    counter: *mut u64,
) -> vk::Result {
    let command = "vkGetSwapchainTimingPropertiesEXT";
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            command,
            device,
            swapchain,
            |ours| {
                ours.look(command)?;
                let refresh = ours.compositor.refresh_or_outputs();
                let properties = &mut *properties;
                properties.refresh_duration = refresh.duration;
                properties.refresh_interval = match refresh.rate {
                    Rate::Unknown => 0,
                    Rate::Fixed => refresh.duration,
                    Rate::Variable => u64::MAX,
                };
                if let Some(counter) = counter.as_mut() {
                    *counter = refresh.counter;
                }
                match refresh.duration {
                    0 => Ok(vk::Result::NOT_READY),
                    _ => Ok(vk::Result::SUCCESS),
                }
            },
            |object| {
                let next: PFN_vkGetSwapchainTimingPropertiesEXT =
                    object.below(c"vkGetSwapchainTimingPropertiesEXT")?;
                Ok(next(device, swapchain, properties, counter))
            },
        )
    }
}

/// `vkGetSwapchainTimeDomainPropertiesEXT`.
unsafe extern "system" fn get_time_domain_properties(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    properties: *mut SwapchainTimeDomainPropertiesEXT<'_>,
    counter: *mut u64,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            "vkGetSwapchainTimeDomainPropertiesEXT",
            device,
            swapchain,
            |_| {
                if let Some(counter) = counter.as_mut() {
                    *counter = DOMAINS_COUNTER;
                }
                Ok(list_domains(&mut *properties))
            },
            |object| {
                let next: PFN_vkGetSwapchainTimeDomainPropertiesEXT =
                    object.below(c"vkGetSwapchainTimeDomainPropertiesEXT")?;
                Ok(next(device, swapchain, properties, counter))
            },
        )
    }
}

/// The time domains in the arrays that there are: without any, only their number
/// (VkSwapchainTimeDomainPropertiesEXT). The specification wants both arrays or none, but an application that
/// gives one gets what it asks for.
///
/// # Safety
/// Each array is null, or has room for as many values as the structure says.
unsafe fn list_domains(properties: &mut SwapchainTimeDomainPropertiesEXT<'_>) -> vk::Result {
    let room = properties.time_domain_count;
    let (domains, ids) = (properties.p_time_domains, properties.p_time_domain_ids);
    let count = &raw mut properties.time_domain_count;
    // SAFETY: the caller guarantees room; the count is the structure's own.
    unsafe {
        let answer = p_next::enumerate(&DOMAINS, count, domains, |(_, domain), to| *to = *domain);
        if ids.is_null() {
            return answer;
        }
        *count = room;
        p_next::enumerate(&DOMAINS, count, ids, |(id, _), to| *to = *id)
    }
}

/// `vkGetPastPresentationTimingEXT`.
unsafe extern "system" fn get_past_presentation_timing(
    device: vk::Device,
    info: *const PastPresentationTimingInfoEXT<'_>,
    properties: *mut PastPresentationTimingPropertiesEXT<'_>,
) -> vk::Result {
    let command = "vkGetPastPresentationTimingEXT";
    // SAFETY: valid parameters by the specification.
    unsafe {
        let asked = &*info;
        on_swapchain(
            command,
            device,
            asked.swapchain,
            |ours| {
                let has = |flag| asked.flags & flag != 0;
                let wanted = Wanted {
                    partial: has(PAST_PRESENTATION_TIMING_ALLOW_PARTIAL_RESULTS_BIT_EXT),
                    out_of_order: has(PAST_PRESENTATION_TIMING_ALLOW_OUT_OF_ORDER_RESULTS_BIT_EXT),
                };
                let properties = &mut *properties;
                let out = properties.p_presentation_timings;
                let room =
                    (!out.is_null()).then_some(properties.presentation_timing_count as usize);
                ours.look(command)?;
                let (past, is_more) = ours.compositor.past(Reader::Queue, wanted, room);
                properties.timing_properties_counter = ours.compositor.refresh().counter;
                properties.time_domains_counter = DOMAINS_COUNTER;
                properties.presentation_timing_count = past.len() as u32;
                if room.is_some() {
                    for (at, past) in past.iter().enumerate() {
                        // There are no more of them than there is room.
                        write(past, &mut *out.add(at));
                    }
                }
                Ok(match is_more {
                    true => vk::Result::INCOMPLETE,
                    false => vk::Result::SUCCESS,
                })
            },
            |object| {
                let next: PFN_vkGetPastPresentationTimingEXT =
                    object.below(c"vkGetPastPresentationTimingEXT")?;
                Ok(next(device, info, properties))
            },
        )
    }
}

/// Writes all that is known. The count on the way in says no more than it must: it "must be at least the number of
/// present stages" that were asked for (VUID-vkGetPastPresentationTimingEXT-flags-12230 and 12231). Who uses a
/// structure again, as the conformance suite does, may have left there what was written of a part, and would never
/// get the rest.
///
/// # Safety
/// `to` is a valid structure whose array is null, or has room for the stages that were asked for.
unsafe fn write(past: &Past, to: &mut PastPresentationTimingEXT<'_>) {
    let [target, id] = past.said;
    let domain = DOMAINS.iter().find(|(known, _)| *known == id);
    // An unknown number is invalid usage; it gets the times of the swapchain.
    let (id, domain) = domain.copied().unwrap_or(DOMAINS[1]);
    to.present_id = past.id;
    to.target_time = target;
    to.time_domain = domain;
    to.time_domain_id = id;
    to.report_complete = past.is_complete().into();
    to.present_stage_count = 0;
    if to.p_present_stages.is_null() {
        return;
    }
    for (stage, at) in past.known() {
        let bit = STAGES.iter().find(|(known, _)| *known == stage);
        let time = PresentStageTimeEXT {
            stage: bit.map_or(0, |(_, bit)| *bit),
            time: in_domain(id, at),
        };
        // SAFETY: the caller guarantees room for all stages that were asked for, and each of these is one of them.
        unsafe {
            to.p_present_stages
                .add(to.present_stage_count as usize)
                .write(time);
        }
        to.present_stage_count += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::{mem, ptr::null_mut};

    use super::*;

    #[test]
    fn each_array_of_time_domains_may_be_missing() {
        let all = DOMAINS.len() as u32;
        for (has_domains, has_ids, room, written, answer) in [
            (false, false, 0, all, vk::Result::SUCCESS),
            (true, true, all, all, vk::Result::SUCCESS),
            (true, false, all + 1, all, vk::Result::SUCCESS),
            (false, true, all, all, vk::Result::SUCCESS),
            (true, true, 1, 1, vk::Result::INCOMPLETE),
            (true, false, 2, 2, vk::Result::INCOMPLETE),
            (false, true, 3, 3, vk::Result::INCOMPLETE),
        ] {
            let mut domains = [vk::TimeDomainKHR::DEVICE; 5];
            let mut ids = [0; 5];
            // SAFETY: a structure of numbers and pointers.
            let mut properties: SwapchainTimeDomainPropertiesEXT<'_> = unsafe { mem::zeroed() };
            properties.time_domain_count = room;
            properties.p_time_domains = match has_domains {
                true => domains.as_mut_ptr(),
                false => null_mut(),
            };
            properties.p_time_domain_ids = match has_ids {
                true => ids.as_mut_ptr(),
                false => null_mut(),
            };
            // SAFETY: the arrays are longer than the structure says.
            assert_eq!(unsafe { list_domains(&mut properties) }, answer);
            assert_eq!(properties.time_domain_count, written);
            for (at, (id, domain)) in DOMAINS.iter().enumerate() {
                let is_written = at < written as usize;
                assert_eq!(domains[at] == *domain, has_domains && is_written);
                assert_eq!(ids[at] == *id, has_ids && is_written);
            }
        }
    }

    #[test]
    fn all_stages_may_be_asked_for() {
        // SAFETY: a structure of numbers and pointers.
        let mut info: PresentTimingInfoEXT<'_> = unsafe { mem::zeroed() };
        for (stage, bit) in STAGES {
            info.present_stage_queries = bit;
            assert_eq!(
                timing(&info).stages,
                Stages::that(|one| one == stage),
                "{stage:?}"
            );
        }
        info.present_stage_queries = 15;
        assert_eq!(timing(&info).stages, Stages::that(|_| true));
    }

    #[test]
    fn all_that_is_known_is_written_whatever_was_written_there_before() {
        let mut past = Past {
            id: 7,
            stages: Stages::that(|_| true),
            said: [0, 1],
            called: 1,
            before: None,
            times: [Some(5), None, None, None],
        };
        let mut times = [PresentStageTimeEXT::default(); 4];
        // SAFETY: a structure of numbers and pointers.
        let mut to: PastPresentationTimingEXT<'_> = unsafe { mem::zeroed() };
        // SAFETY: no array.
        unsafe { write(&past, &mut to) };
        assert_eq!(to.present_stage_count, 0);
        to.present_stage_count = 4;
        to.p_present_stages = times.as_mut_ptr();
        // SAFETY: the array has room for every stage.
        unsafe { write(&past, &mut to) };
        assert_eq!((to.present_stage_count, to.report_complete), (1, vk::FALSE));
        past.times = [Some(5), Some(0), Some(6), Some(7)];
        // SAFETY: as above.
        unsafe { write(&past, &mut to) };
        assert_eq!((to.present_stage_count, to.report_complete), (4, vk::TRUE));
        let written = times.map(|of| (of.stage, of.time));
        assert_eq!(written, [(1, 5), (2, 0), (4, 6), (8, 7)]);
    }
}
