//! `VK_KHR_calibrated_timestamps`: also on drivers that only have its older name; and the time domains of our
//! swapchains, whose times are those of `CLOCK_MONOTONIC`.

use ash::{
    ext::calibrated_timestamps::NAME as EXT,
    khr::calibrated_timestamps::NAME as KHR,
    vk::{
        self, PFN_vkGetCalibratedTimestampsKHR, PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsKHR,
    },
};
use smallvec::SmallVec;

use crate::{
    catalogue::{
        command::{Given, command},
        extension::Extension,
    },
    driver::physical_device::PhysicalDevice,
    entry::answer::{Answer, on_device, on_instance},
    objects::{device::Device, instance::Instance},
    swapchain::owner::Owner,
    vulkan::{
        p_next,
        registry::{
            SwapchainCalibratedTimestampInfoEXT, TIME_DOMAIN_PRESENT_STAGE_LOCAL_EXT,
            TIME_DOMAIN_SWAPCHAIN_LOCAL_EXT,
        },
    },
};

/// The time domains of swapchains.
const LOCAL: [vk::TimeDomainKHR; 2] = [
    TIME_DOMAIN_PRESENT_STAGE_LOCAL_EXT,
    TIME_DOMAIN_SWAPCHAIN_LOCAL_EXT,
];

/// The extension.
pub static EXTENSION: Extension = Extension {
    needs: "of the driver: it, or `VK_EXT_calibrated_timestamps`",
    driver: |device| device.has(KHR) || device.has(EXT),
    in_its_place: Some(EXT),
    commands: &[
        command!(
            c"vkGetPhysicalDeviceCalibrateableTimeDomainsKHR",
            PhysicalDevice,
            Given::Device(KHR),
            get_calibrateable_time_domains,
            PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsKHR
        ),
        command!(
            c"vkGetPhysicalDeviceCalibrateableTimeDomainsEXT",
            PhysicalDevice,
            Given::Device(EXT),
            get_calibrateable_time_domains,
            PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsKHR
        ),
        command!(
            c"vkGetCalibratedTimestampsKHR",
            Device,
            Given::Device(KHR),
            get_calibrated_timestamps,
            PFN_vkGetCalibratedTimestampsKHR
        ),
        command!(
            c"vkGetCalibratedTimestampsEXT",
            Device,
            Given::Device(EXT),
            get_calibrated_timestamps,
            PFN_vkGetCalibratedTimestampsKHR
        ),
    ],
    ..Extension::device(&[(KHR, 1)])
};

/// The domains that the driver can calibrate, queried once.
fn domains_below<'a>(
    instance: &Instance,
    device: vk::PhysicalDevice,
    known: &'a PhysicalDevice,
) -> Result<&'a [vk::TimeDomainKHR], vk::Result> {
    if let Some(domains) = known.time_domains.get() {
        return Ok(domains);
    }
    let domains = ask(instance, device, known)?;
    Ok(known.time_domains.get_or_init(|| domains))
}

fn ask(
    instance: &Instance,
    device: vk::PhysicalDevice,
    known: &PhysicalDevice,
) -> Result<Vec<vk::TimeDomainKHR>, vk::Result> {
    // The loader aborts a process that calls a command which the driver lacks.
    let command = if known.has(KHR) {
        c"vkGetPhysicalDeviceCalibrateableTimeDomainsKHR"
    } else if known.has(EXT) {
        c"vkGetPhysicalDeviceCalibrateableTimeDomainsEXT"
    } else {
        return Err(vk::Result::ERROR_EXTENSION_NOT_PRESENT);
    };
    let next = instance
        .next_proc_addr(command)
        .ok_or(vk::Result::ERROR_EXTENSION_NOT_PRESENT)?;
    // SAFETY: the command of this name has this type.
    let next = unsafe {
        std::mem::transmute::<
            unsafe extern "system" fn(),
            PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsKHR,
        >(next)
    };
    let mut count = 0;
    // SAFETY: a valid handle; a null array asks for the count.
    unsafe { next(device, &mut count, std::ptr::null_mut()) }.result()?;
    let mut domains = vec![vk::TimeDomainKHR::DEVICE; count as usize];
    // SAFETY: a valid handle, and room for `count` values.
    unsafe { next(device, &mut count, domains.as_mut_ptr()) }.result()?;
    domains.truncate(count as usize);
    Ok(domains)
}

/// `vkGetPhysicalDeviceCalibrateableTimeDomainsKHR` and `…EXT`: the driver's, and those of swapchains.
unsafe extern "system" fn get_calibrateable_time_domains(
    device: vk::PhysicalDevice,
    count: *mut u32,
    domains: *mut vk::TimeDomainKHR,
) -> vk::Result {
    let command = "vkGetPhysicalDeviceCalibrateableTimeDomainsKHR";
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_instance(command, device, |instance| {
            let known = instance.physical_device(device);
            let mut all = domains_below(instance, device, &known)?.to_vec();
            if instance.owns(device) {
                let more = LOCAL.into_iter().filter(|local| !all.contains(local));
                let more: SmallVec<[_; 2]> = more.collect();
                all.extend(more);
            }
            Ok(p_next::enumerate(&all, count, domains, |from, to| {
                *to = *from
            }))
        })
    }
}

/// `vkGetCalibratedTimestampsKHR` and `…EXT`: the times of our swapchains are those of `CLOCK_MONOTONIC`.
unsafe extern "system" fn get_calibrated_timestamps(
    device: vk::Device,
    count: u32,
    infos: *const vk::CalibratedTimestampInfoKHR<'_>,
    timestamps: *mut u64,
    deviation: *mut u64,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_device("vkGetCalibratedTimestampsKHR", device, |object| {
            let next: PFN_vkGetCalibratedTimestampsKHR = object
                .below(c"vkGetCalibratedTimestampsKHR")
                .or_else(|_| object.below(c"vkGetCalibratedTimestampsEXT"))?;
            let all = p_next::slice(infos, count);
            let is_ours: SmallVec<[bool; 4]> =
                all.iter().map(|info| is_ours(object, info)).collect();
            if !is_ours.contains(&true) {
                return Ok(next(device, count, infos, timestamps, deviation));
            }
            calibrate(object, next, all, &is_ours, timestamps, deviation)
        })
    }
}

/// Whether it asks for a time of a swapchain of ours.
///
/// # Safety
/// `info` is valid with its chain.
unsafe fn is_ours(device: &Owner, info: &vk::CalibratedTimestampInfoKHR<'_>) -> bool {
    // SAFETY: the caller guarantees it.
    let of = unsafe { p_next::find::<SwapchainCalibratedTimestampInfoEXT<'_>>(info.p_next) };
    LOCAL.contains(&info.time_domain)
        && of.is_some_and(|of| device.swapchain(of.swapchain).is_some())
}

/// Queries each domain of the driver once, with `CLOCK_MONOTONIC` in place of ours.
///
/// # Safety
/// `timestamps` has room for as many values as there are infos, and `deviation` for one.
unsafe fn calibrate(
    device: &Device,
    next: PFN_vkGetCalibratedTimestampsKHR,
    all: &[vk::CalibratedTimestampInfoKHR<'_>],
    is_ours: &[bool],
    timestamps: *mut u64,
    deviation: *mut u64,
) -> Answer {
    let monotonic =
        vk::CalibratedTimestampInfoKHR::default().time_domain(vk::TimeDomainKHR::CLOCK_MONOTONIC);
    let known = device.instance.physical_device(device.physical);
    let below = domains_below(&device.instance, device.physical, &known)?;
    if !below.contains(&monotonic.time_domain) {
        tracing::warn!("the driver does not calibrate CLOCK_MONOTONIC");
        return Err(vk::Result::ERROR_OUT_OF_HOST_MEMORY);
    }
    let mut asked: SmallVec<[vk::CalibratedTimestampInfoKHR<'_>; 5]> = SmallVec::new();
    let mut places: SmallVec<[usize; 4]> = SmallVec::new();
    for (info, is_ours) in all.iter().zip(is_ours) {
        let info = match is_ours {
            true => monotonic,
            false => *info,
        };
        // "The timeDomain value of each [...] must be unique".
        let known = asked
            .iter()
            .position(|known| known.time_domain == info.time_domain);
        places.push(known.unwrap_or_else(|| {
            asked.push(info);
            asked.len() - 1
        }));
    }
    let mut answers: SmallVec<[u64; 5]> = SmallVec::from_elem(0, asked.len());
    // SAFETY: the application's own structures but for one of ours, and room for as many answers; the
    // caller guarantees `deviation`.
    let answer = unsafe {
        next(
            device.handle,
            asked.len() as u32,
            asked.as_ptr(),
            answers.as_mut_ptr(),
            deviation,
        )
    };
    answer.result()?;
    for (at, place) in places.into_iter().enumerate() {
        // SAFETY: the caller guarantees room.
        unsafe { *timestamps.add(at) = answers[place] };
    }
    Ok(answer)
}
