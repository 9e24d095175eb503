//! Frames with times: `VK_EXT_present_timing`, whose definitions `ash` lacks.

use std::ffi::c_void;
use std::mem::transmute;
use std::ptr::{null, null_mut};

use ash::vk;

use crate::registry::PresentId;
use crate::surface::Surface;
use crate::swapchain::Swapchain;

/// `VK_PRESENT_STAGE_QUEUE_OPERATIONS_END_BIT_EXT`
pub const QUEUE_OPERATIONS_END: u32 = 1;
/// `VK_PRESENT_STAGE_REQUEST_DEQUEUED_BIT_EXT`
pub const REQUEST_DEQUEUED: u32 = 2;
/// `VK_PRESENT_STAGE_IMAGE_FIRST_PIXEL_OUT_BIT_EXT`
pub const PIXEL_OUT: u32 = 4;
/// `VK_PRESENT_STAGE_IMAGE_FIRST_PIXEL_VISIBLE_BIT_EXT`
pub const PIXEL_VISIBLE: u32 = 8;
/// `VK_PAST_PRESENTATION_TIMING_ALLOW_PARTIAL_RESULTS_BIT_EXT`
pub const PARTIAL: u32 = 1;
/// `VK_PAST_PRESENTATION_TIMING_ALLOW_OUT_OF_ORDER_RESULTS_BIT_EXT`
pub const OUT_OF_ORDER: u32 = 2;
/// `VK_PRESENT_TIMING_INFO_PRESENT_AT_RELATIVE_TIME_BIT_EXT`
pub const RELATIVE: u32 = 1;
/// `VK_PRESENT_TIMING_INFO_PRESENT_AT_NEAREST_REFRESH_CYCLE_BIT_EXT`
pub const NEAREST: u32 = 2;

const TYPE: i32 = 1_000_208_000;

const fn stype(number: i32) -> vk::StructureType {
    vk::StructureType::from_raw(TYPE + number)
}

/// `VkPresentTimingSurfaceCapabilitiesEXT`
#[repr(C)]
struct Capabilities {
    s_type: vk::StructureType,
    p_next: *mut c_void,
    supported: vk::Bool32,
    absolute: vk::Bool32,
    relative: vk::Bool32,
    stages: u32,
}

/// `VkSwapchainTimingPropertiesEXT`
#[repr(C)]
struct TimingProperties {
    s_type: vk::StructureType,
    p_next: *mut c_void,
    refresh_duration: u64,
    refresh_interval: u64,
}

/// `VkSwapchainTimeDomainPropertiesEXT`
#[repr(C)]
struct TimeDomainProperties {
    s_type: vk::StructureType,
    p_next: *mut c_void,
    count: u32,
    domains: *mut vk::TimeDomainKHR,
    ids: *mut u64,
}

/// `VkPastPresentationTimingInfoEXT`
#[repr(C)]
struct PastInfo {
    s_type: vk::StructureType,
    p_next: *const c_void,
    flags: u32,
    swapchain: vk::SwapchainKHR,
}

/// `VkPresentStageTimeEXT`
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct StageTime {
    stage: u32,
    time: u64,
}

/// `VkPastPresentationTimingEXT`
#[repr(C)]
struct PastTiming {
    s_type: vk::StructureType,
    p_next: *mut c_void,
    present_id: u64,
    target_time: u64,
    stage_count: u32,
    stages: *mut StageTime,
    domain: vk::TimeDomainKHR,
    domain_id: u64,
    complete: vk::Bool32,
}

/// `VkPastPresentationTimingPropertiesEXT`
#[repr(C)]
struct PastProperties {
    s_type: vk::StructureType,
    p_next: *mut c_void,
    properties_counter: u64,
    domains_counter: u64,
    count: u32,
    timings: *mut PastTiming,
}

/// `VkPresentTimingInfoEXT`
#[repr(C)]
struct TimingInfo {
    s_type: vk::StructureType,
    p_next: *const c_void,
    flags: u32,
    target_time: u64,
    domain_id: u64,
    stages: u32,
    target_stage: u32,
}

/// `VkPresentTimingsInfoEXT`
#[repr(C)]
struct TimingsInfo {
    s_type: vk::StructureType,
    p_next: *const c_void,
    count: u32,
    infos: *const TimingInfo,
}

/// `VkSwapchainCalibratedTimestampInfoEXT`
#[repr(C)]
struct CalibratedInfo {
    s_type: vk::StructureType,
    p_next: *const c_void,
    swapchain: vk::SwapchainKHR,
    stage: u32,
    domain_id: u64,
}

type SetQueueSize = unsafe extern "system" fn(vk::Device, vk::SwapchainKHR, u32) -> vk::Result;
type GetProperties = unsafe extern "system" fn(
    vk::Device,
    vk::SwapchainKHR,
    *mut TimingProperties,
    *mut u64,
) -> vk::Result;
type GetDomains = unsafe extern "system" fn(
    vk::Device,
    vk::SwapchainKHR,
    *mut TimeDomainProperties,
    *mut u64,
) -> vk::Result;
type GetPast =
    unsafe extern "system" fn(vk::Device, *const PastInfo, *mut PastProperties) -> vk::Result;

/// What a surface can do.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// Whether presents have times.
    pub times: bool,
    /// Whether a present can have a target time.
    pub absolute: bool,
    /// Whether the target can be relative to the present before.
    pub relative: bool,
    /// Whose times can be asked for.
    pub stages: u32,
}

/// What a present asks about times.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// [`RELATIVE`], [`NEAREST`]
    pub flags: u32,
    /// The target time, or 0.
    pub target: u64,
    /// The number of the time domain.
    pub domain: u64,
    /// Whose times are asked for.
    pub stages: u32,
}

/// What `vkGetSwapchainTimingPropertiesEXT` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// What it answers.
    pub answer: vk::Result,
    /// In nanoseconds.
    pub duration: u64,
    /// In nanoseconds.
    pub interval: u64,
    /// The properties' counter.
    pub counter: u64,
}

/// What `vkGetPastPresentationTimingEXT` says of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its number.
    pub id: u64,
    /// Its target time.
    pub target: u64,
    /// The time domain with its number.
    pub domain: (u64, vk::TimeDomainKHR),
    /// Stages with their times.
    pub stages: Vec<(u32, u64)>,
    /// Whether the report is complete.
    pub complete: bool,
}

impl Told {
    /// When it was at this stage.
    pub fn at(&self, stage: u32) -> Option<u64> {
        let found = self.stages.iter().find(|(of, _)| *of == stage);
        found.map(|(_, at)| *at)
    }
}

/// All that `vkGetPastPresentationTimingEXT` says.
#[derive(Debug)]
pub struct Past {
    /// What it answers.
    pub answer: vk::Result,
    /// Of each frame.
    pub frames: Vec<Told>,
    /// The counters of timing properties and of time domains.
    pub counters: (u64, u64),
}

/// What the surface can do.
///
/// # Panics
/// If the query fails.
pub fn abilities(surface: &Surface, device: vk::PhysicalDevice) -> Abilities {
    let mut ours = Capabilities {
        s_type: stype(8),
        p_next: null_mut(),
        supported: 0,
        absolute: 0,
        relative: 0,
        stages: 0,
    };
    let mut capabilities = vk::SurfaceCapabilities2KHR {
        p_next: (&raw mut ours).cast(),
        ..Default::default()
    };
    // SAFETY: device and surface are alive; the chain outlives the call.
    unsafe { surface.ask_capabilities2(device, &surface.info2(), &mut capabilities) }
        .expect("capabilities");
    Abilities {
        times: ours.supported == vk::TRUE,
        absolute: ours.absolute == vk::TRUE,
        relative: ours.relative == vk::TRUE,
        stages: ours.stages,
    }
}

/// A command of an extension that the swapchain's device has enabled.
fn command(swapchain: &Swapchain, name: &std::ffi::CStr) -> unsafe extern "system" fn() {
    swapchain
        .device
        .function(name)
        .expect("the extension is enabled")
}

/// `vkSetSwapchainPresentTimingQueueSizeEXT`
pub fn set_queue_size(swapchain: &Swapchain, size: u32) -> vk::Result {
    let function = command(swapchain, c"vkSetSwapchainPresentTimingQueueSizeEXT");
    // SAFETY: the function of this name has this type; device and swapchain are alive.
    unsafe {
        transmute::<unsafe extern "system" fn(), SetQueueSize>(function)(
            swapchain.device.raw.handle(),
            swapchain.raw,
            size,
        )
    }
}

/// `vkGetSwapchainTimingPropertiesEXT`
pub fn refresh(swapchain: &Swapchain) -> Refresh {
    let function = command(swapchain, c"vkGetSwapchainTimingPropertiesEXT");
    let mut properties = TimingProperties {
        s_type: stype(1),
        p_next: null_mut(),
        refresh_duration: 0,
        refresh_interval: 0,
    };
    let mut counter = 0;
    // SAFETY: as above; structure and counter are to be filled.
    let answer = unsafe {
        transmute::<unsafe extern "system" fn(), GetProperties>(function)(
            swapchain.device.raw.handle(),
            swapchain.raw,
            &mut properties,
            &mut counter,
        )
    };
    Refresh {
        answer,
        duration: properties.refresh_duration,
        interval: properties.refresh_interval,
        counter,
    }
}

/// `vkGetSwapchainTimeDomainPropertiesEXT` with room for so many; `None` asks for their number. Answers
/// what it answers, the number, and the domains with their numbers.
pub fn domains(
    swapchain: &Swapchain,
    room: Option<usize>,
) -> (vk::Result, u32, Vec<(u64, vk::TimeDomainKHR)>) {
    let function = command(swapchain, c"vkGetSwapchainTimeDomainPropertiesEXT");
    let mut domains = vec![vk::TimeDomainKHR::DEVICE; room.unwrap_or(0)];
    let mut ids = vec![0; domains.len()];
    let mut properties = TimeDomainProperties {
        s_type: stype(2),
        p_next: null_mut(),
        count: domains.len() as u32,
        domains: room.map_or(null_mut(), |_| domains.as_mut_ptr()),
        ids: room.map_or(null_mut(), |_| ids.as_mut_ptr()),
    };
    // SAFETY: as above; the arrays have this length.
    let answer = unsafe {
        transmute::<unsafe extern "system" fn(), GetDomains>(function)(
            swapchain.device.raw.handle(),
            swapchain.raw,
            &mut properties,
            null_mut(),
        )
    };
    let written = room.map_or(0, |_| properties.count as usize);
    let all = ids.into_iter().zip(domains).take(written).collect();
    (answer, properties.count, all)
}

/// The number of a time domain of the swapchain.
pub fn domain(swapchain: &Swapchain, wanted: vk::TimeDomainKHR) -> Option<u64> {
    let (_, _, all) = domains(swapchain, Some(16));
    let found = all.into_iter().find(|(_, domain)| *domain == wanted);
    found.map(|(id, _)| id)
}

/// How many frames `vkGetPastPresentationTimingEXT` has results for.
pub fn past_count(swapchain: &Swapchain, flags: u32) -> u32 {
    ask_past(swapchain, flags, &mut []).1.count
}

/// `vkGetPastPresentationTimingEXT` with room for so many.
pub fn past(swapchain: &Swapchain, flags: u32, room: usize) -> Past {
    let mut stages = vec![[StageTime::default(); 4]; room];
    let mut timings: Vec<PastTiming> = stages
        .iter_mut()
        .map(|stages| PastTiming {
            s_type: stype(7),
            p_next: null_mut(),
            present_id: 0,
            target_time: 0,
            stage_count: stages.len() as u32,
            stages: stages.as_mut_ptr(),
            domain: vk::TimeDomainKHR::DEVICE,
            domain_id: 0,
            complete: vk::FALSE,
        })
        .collect();
    let (answer, properties) = ask_past(swapchain, flags, &mut timings);
    let frames = timings
        .iter()
        .zip(&stages)
        .take(properties.count as usize)
        .map(|(timing, stages)| Told {
            id: timing.present_id,
            target: timing.target_time,
            domain: (timing.domain_id, timing.domain),
            stages: stages[..timing.stage_count as usize]
                .iter()
                .map(|of| (of.stage, of.time))
                .collect(),
            complete: timing.complete == vk::TRUE,
        })
        .collect();
    Past {
        answer,
        frames,
        counters: (properties.properties_counter, properties.domains_counter),
    }
}

fn ask_past(
    swapchain: &Swapchain,
    flags: u32,
    timings: &mut [PastTiming],
) -> (vk::Result, PastProperties) {
    let function = command(swapchain, c"vkGetPastPresentationTimingEXT");
    let info = PastInfo {
        s_type: stype(5),
        p_next: null(),
        flags,
        swapchain: swapchain.raw,
    };
    let mut properties = PastProperties {
        s_type: stype(6),
        p_next: null_mut(),
        properties_counter: 0,
        domains_counter: 0,
        count: timings.len() as u32,
        timings: match timings {
            [] => null_mut(),
            some => some.as_mut_ptr(),
        },
    };
    // SAFETY: as above; the array has this length, and room for all stages that there are.
    let answer = unsafe {
        transmute::<unsafe extern "system" fn(), GetPast>(function)(
            swapchain.device.raw.handle(),
            &info,
            &mut properties,
        )
    };
    (answer, properties)
}

/// Presents a drawn image as the frame with this number, and asks for these times.
///
/// # Errors
/// What the present answers.
pub fn present(swapchain: &Swapchain, index: u32, id: u64, asked: Asked) -> Result<(), vk::Result> {
    let info = TimingInfo {
        s_type: stype(4),
        p_next: null(),
        flags: asked.flags,
        target_time: asked.target,
        domain_id: asked.domain,
        stages: asked.stages,
        target_stage: QUEUE_OPERATIONS_END,
    };
    let mut numbered = PresentId::of(&id, true);
    let infos = TimingsInfo {
        s_type: stype(3),
        p_next: (&raw mut numbered).cast_const().cast(),
        count: 1,
        infos: &info,
    };
    swapchain.present_with(index, (&raw const infos).cast())
}

/// `vkGetCalibratedTimestampsKHR` of a time domain of the swapchain, for its first stage, and of
/// `CLOCK_MONOTONIC`. Answers both times and how far they may be apart.
///
/// # Panics
/// If that fails.
pub fn calibrate(swapchain: &Swapchain, domain: (u64, vk::TimeDomainKHR)) -> (u64, u64, u64) {
    let function = command(swapchain, c"vkGetCalibratedTimestampsKHR");
    let of = CalibratedInfo {
        s_type: stype(9),
        p_next: null(),
        swapchain: swapchain.raw,
        stage: QUEUE_OPERATIONS_END,
        domain_id: domain.0,
    };
    let mut local = vk::CalibratedTimestampInfoKHR::default().time_domain(domain.1);
    local.p_next = (&raw const of).cast();
    let monotonic =
        vk::CalibratedTimestampInfoKHR::default().time_domain(vk::TimeDomainKHR::CLOCK_MONOTONIC);
    let infos = [local, monotonic];
    let mut times = [0; 2];
    let mut deviation = 0;
    // SAFETY: as above; the arrays have this length.
    let answer = unsafe {
        transmute::<unsafe extern "system" fn(), vk::PFN_vkGetCalibratedTimestampsKHR>(function)(
            swapchain.device.raw.handle(),
            2,
            infos.as_ptr(),
            times.as_mut_ptr(),
            &mut deviation,
        )
    };
    assert_eq!(answer, vk::Result::SUCCESS);
    (times[0], times[1], deviation)
}
