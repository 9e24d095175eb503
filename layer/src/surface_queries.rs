//! What a surface offers: answered by the layer where it owns the swapchains, by whoever is below
//! elsewhere.

use std::{ffi::c_void, sync::Arc};

use ash::vk;
use smallvec::SmallVec;
use wayfence::wayland;

use crate::{
    dispatch,
    extensions::SWAPCHAIN_MAINTENANCE1,
    instance::Instance,
    p_next,
    present_mode::min_images,
    registry,
    result::{self, PANICKED},
    scaling,
    surface::{Offer, Surface, Verdict},
};

/// More than any application has a use for; each is memory and a descriptor here and in the compositor.
pub const MAX_IMAGES: u32 = 64;

/// Who answers a query.
enum Answer {
    /// The layer, from this.
    Owned(Arc<Verdict>),
    /// Whoever is below.
    Below(Arc<Instance>),
    /// Nobody: the surface is ours alone, and the layer cannot own swapchains on this device.
    Nobody,
}

/// # Safety
/// `device` is a valid handle.
unsafe fn answer(device: vk::PhysicalDevice, surface: vk::SurfaceKHR) -> Answer {
    // SAFETY: the caller guarantees a valid handle.
    let Some(instance) = (unsafe { dispatch::instance(device) }) else {
        return Answer::Nobody;
    };
    match instance.surface(surface) {
        None => Answer::Below(instance),
        Some(known) => {
            let verdict = known.verdict(&instance, device);
            match &*verdict {
                Verdict::Owned(_) => Answer::Owned(verdict),
                Verdict::Aside(_) if known.is_known_below() => Answer::Below(instance),
                Verdict::Aside(_) => Answer::Nobody,
            }
        }
    }
}

fn offer(verdict: &Verdict) -> Option<&Offer> {
    match verdict {
        Verdict::Owned(offer) => Some(offer),
        Verdict::Aside(_) => None,
    }
}

/// Defines a surface query: its parameters, the command below, and what the layer answers.
macro_rules! query {
    (
        $(#[$meta:meta])*
        $name:ident, $command:literal, $next:ident, $surface:ident,
        ($($parameter:ident: $type:ty),*), |$offer:ident| $own:expr
    ) => {
        $(#[$meta])*
        pub unsafe extern "system" fn $name(
            device: vk::PhysicalDevice,
            $($parameter: $type),*
        ) -> vk::Result {
            result::guard($command, PANICKED, || {
                // SAFETY: the parameters are valid by the specification.
                let surface = unsafe { SurfaceOf::surface(&$surface) };
                // SAFETY: a valid handle by the specification.
                match unsafe { answer(device, surface) } {
                    Answer::Owned(verdict) => match offer(&verdict) {
                        Some($offer) => $own,
                        None => vk::Result::ERROR_SURFACE_LOST_KHR,
                    },
                    Answer::Below(instance) => match instance.next.$next {
                        // SAFETY: the application's own parameters.
                        Some(next) => unsafe { next(device, $($parameter),*) },
                        None => vk::Result::ERROR_EXTENSION_NOT_PRESENT,
                    },
                    Answer::Nobody => vk::Result::ERROR_SURFACE_LOST_KHR,
                }
            })
        }
    };
}

/// A parameter that names a surface.
trait SurfaceOf {
    /// # Safety
    /// The parameter is valid.
    unsafe fn surface(&self) -> vk::SurfaceKHR;
}

impl SurfaceOf for vk::SurfaceKHR {
    unsafe fn surface(&self) -> vk::SurfaceKHR {
        *self
    }
}

impl SurfaceOf for *const vk::PhysicalDeviceSurfaceInfo2KHR<'_> {
    unsafe fn surface(&self) -> vk::SurfaceKHR {
        // SAFETY: the caller guarantees a valid structure.
        unsafe { (**self).surface }
    }
}

query! {
    /// `vkGetPhysicalDeviceSurfaceCapabilitiesKHR`.
    get_surface_capabilities, "vkGetPhysicalDeviceSurfaceCapabilitiesKHR",
    get_surface_capabilities, surface,
    (surface: vk::SurfaceKHR, capabilities: *mut vk::SurfaceCapabilitiesKHR),
    |offer| {
        // SAFETY: valid by the specification.
        unsafe { *capabilities = own_capabilities(offer, vk::PresentModeKHR::FIFO) };
        vk::Result::SUCCESS
    }
}

/// `vkGetPhysicalDeviceSurfaceCapabilities2KHR`. What a driver does not know of the extensions that the
/// layer adds to it, it cannot do on a surface of its own.
pub unsafe extern "system" fn get_surface_capabilities2(
    device: vk::PhysicalDevice,
    info: *const vk::PhysicalDeviceSurfaceInfo2KHR<'_>,
    capabilities: *mut vk::SurfaceCapabilities2KHR<'_>,
) -> vk::Result {
    result::guard(
        "vkGetPhysicalDeviceSurfaceCapabilities2KHR",
        PANICKED,
        || {
            // SAFETY: valid by the specification.
            let (info, capabilities) = unsafe { (&*info, &mut *capabilities) };
            // SAFETY: a valid handle by the specification.
            match unsafe { answer(device, info.surface) } {
                Answer::Owned(verdict) => match offer(&verdict) {
                    // SAFETY: valid structures with valid chains by the specification.
                    Some(offer) => unsafe { fill_capabilities2(offer, info, capabilities) },
                    None => vk::Result::ERROR_SURFACE_LOST_KHR,
                },
                Answer::Below(instance) => {
                    let Some(next) = instance.next.get_surface_capabilities2 else {
                        return vk::Result::ERROR_EXTENSION_NOT_PRESENT;
                    };
                    let known = instance.physical_device(device);
                    // SAFETY: valid structures with valid chains by the specification. The driver fills
                    // what it knows.
                    unsafe {
                        if !known.has(registry::KHR_PRESENT_ID2) {
                            fill_present_waits(capabilities.p_next, vk::FALSE);
                        }
                        let result = next(device, info, capabilities);
                        let maintains = SWAPCHAIN_MAINTENANCE1.iter().any(|name| known.has(name));
                        if result != vk::Result::SUCCESS || maintains || !instance.can_own(&known) {
                            return result;
                        }
                        let own = capabilities.surface_capabilities;
                        fill_maintenance1(info, &own, None, capabilities.p_next)
                    }
                }
                Answer::Nobody => vk::Result::ERROR_SURFACE_LOST_KHR,
            }
        },
    )
}

query! {
    /// `vkGetPhysicalDeviceSurfaceCapabilities2EXT`: no counters on Wayland.
    get_surface_capabilities2_ext, "vkGetPhysicalDeviceSurfaceCapabilities2EXT",
    get_surface_capabilities2_ext, surface,
    (surface: vk::SurfaceKHR, capabilities: *mut vk::SurfaceCapabilities2EXT<'_>),
    |offer| {
        let own = own_capabilities(offer, vk::PresentModeKHR::FIFO);
        // SAFETY: valid by the specification.
        let out = unsafe { &mut *capabilities };
        out.min_image_count = own.min_image_count;
        out.max_image_count = own.max_image_count;
        out.current_extent = own.current_extent;
        out.min_image_extent = own.min_image_extent;
        out.max_image_extent = own.max_image_extent;
        out.max_image_array_layers = own.max_image_array_layers;
        out.supported_transforms = own.supported_transforms;
        out.current_transform = own.current_transform;
        out.supported_composite_alpha = own.supported_composite_alpha;
        out.supported_usage_flags = own.supported_usage_flags;
        out.supported_surface_counters = vk::SurfaceCounterFlagsEXT::empty();
        vk::Result::SUCCESS
    }
}

query! {
    /// `vkGetPhysicalDeviceSurfaceFormatsKHR`.
    get_surface_formats, "vkGetPhysicalDeviceSurfaceFormatsKHR", get_surface_formats, surface,
    (surface: vk::SurfaceKHR, count: *mut u32, formats: *mut vk::SurfaceFormatKHR),
    |offer| {
        // SAFETY: valid by the specification.
        unsafe {
            p_next::enumerate(&offer.surface_formats, count, formats, |format, to| *to = *format)
        }
    }
}

query! {
    /// `vkGetPhysicalDeviceSurfaceFormats2KHR`.
    get_surface_formats2, "vkGetPhysicalDeviceSurfaceFormats2KHR", get_surface_formats2, info,
    (
        info: *const vk::PhysicalDeviceSurfaceInfo2KHR<'_>,
        count: *mut u32,
        formats: *mut vk::SurfaceFormat2KHR<'_>
    ),
    |offer| {
        // SAFETY: valid by the specification.
        unsafe {
            p_next::enumerate(&offer.surface_formats, count, formats, |format, to| {
                to.surface_format = *format;
                if let Some(properties) =
                    p_next::find_mut::<vk::ImageCompressionPropertiesEXT<'_>>(to.p_next)
                {
                    let rates = offer.fixed_rates(format.format);
                    properties.image_compression_fixed_rate_flags = rates;
                    properties.image_compression_flags = match rates.is_empty() {
                        true => vk::ImageCompressionFlagsEXT::DEFAULT,
                        false => vk::ImageCompressionFlagsEXT::FIXED_RATE_EXPLICIT,
                    };
                }
            })
        }
    }
}

query! {
    /// `vkGetPhysicalDeviceSurfacePresentModesKHR`.
    get_surface_present_modes, "vkGetPhysicalDeviceSurfacePresentModesKHR",
    get_surface_present_modes, surface,
    (surface: vk::SurfaceKHR, count: *mut u32, modes: *mut vk::PresentModeKHR),
    |offer| {
        // SAFETY: valid by the specification.
        unsafe { p_next::enumerate(&offer.present_modes, count, modes, |mode, to| *to = *mode) }
    }
}

query! {
    /// `vkGetPhysicalDevicePresentRectanglesKHR`: one device presents the whole surface, whose size on
    /// Wayland is the swapchain's.
    get_present_rectangles, "vkGetPhysicalDevicePresentRectanglesKHR", get_present_rectangles, surface,
    (surface: vk::SurfaceKHR, count: *mut u32, rectangles: *mut vk::Rect2D),
    |_offer| {
        let all = vk::Rect2D {
            offset: vk::Offset2D::default(),
            extent: vk::Extent2D { width: u32::MAX, height: u32::MAX },
        };
        // SAFETY: valid by the specification.
        unsafe { p_next::enumerate(&[all], count, rectangles, |from, to| *to = *from) }
    }
}

/// `vkGetPhysicalDeviceSurfaceSupportKHR`: every queue can wait for the application's semaphores and
/// signal ours.
pub unsafe extern "system" fn get_surface_support(
    device: vk::PhysicalDevice,
    queue_family: u32,
    surface: vk::SurfaceKHR,
    supported: *mut vk::Bool32,
) -> vk::Result {
    result::guard("vkGetPhysicalDeviceSurfaceSupportKHR", PANICKED, || {
        let own = |answer: bool| {
            // SAFETY: valid by the specification.
            unsafe { *supported = answer.into() };
            vk::Result::SUCCESS
        };
        // SAFETY: a valid handle by the specification.
        match unsafe { answer(device, surface) } {
            Answer::Owned(_) => own(true),
            Answer::Below(instance) => match instance.next.get_surface_support {
                // SAFETY: the application's own parameters.
                Some(next) => unsafe { next(device, queue_family, surface, supported) },
                None => vk::Result::ERROR_EXTENSION_NOT_PRESENT,
            },
            Answer::Nobody => own(false),
        }
    })
}

/// `vkGetPhysicalDeviceWaylandPresentationSupportKHR`: the driver's yes, or ours.
pub unsafe extern "system" fn get_wayland_presentation_support(
    device: vk::PhysicalDevice,
    queue_family: u32,
    display: *mut vk::wl_display,
) -> vk::Bool32 {
    result::guard(
        "vkGetPhysicalDeviceWaylandPresentationSupportKHR",
        vk::FALSE,
        || {
            // SAFETY: a valid handle by the specification.
            let Some(instance) = (unsafe { dispatch::instance(device) }) else {
                return vk::FALSE;
            };
            if let Some(next) = instance.next.get_wayland_presentation_support {
                // SAFETY: the application's own parameters.
                let below = unsafe { next(device, queue_family, display) };
                if below == vk::TRUE {
                    instance.is_asked_of_display();
                    return below;
                }
            }
            let physical = instance.physical_device(device);
            if physical.ability.is_err() || queue_family >= physical.queue_families {
                return vk::FALSE;
            }
            // SAFETY: the display is valid during this call, which is how long the answer lives unless a
            // surface of the display holds it too.
            let display = unsafe { wayland::Display::of(display.cast::<c_void>()) };
            let able = display.is_ok_and(|display| !display.formats().is_empty());
            if able {
                instance.is_asked_of_display();
            }
            able.into()
        },
    )
}

/// `vkGetDeviceGroupSurfacePresentModesKHR`: each device presents what it has rendered.
pub unsafe extern "system" fn get_device_group_surface_present_modes(
    device: vk::Device,
    surface: vk::SurfaceKHR,
    modes: *mut vk::DeviceGroupPresentModeFlagsKHR,
) -> vk::Result {
    result::guard("vkGetDeviceGroupSurfacePresentModesKHR", PANICKED, || {
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::device(device) }) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        if owned_surface(&object.instance, object.physical, surface).is_some() {
            // SAFETY: valid by the specification.
            unsafe { *modes = vk::DeviceGroupPresentModeFlagsKHR::LOCAL };
            return vk::Result::SUCCESS;
        }
        let below = object
            .instance
            .surface(surface)
            .is_none_or(|known| known.is_known_below());
        match object
            .next
            .get_device_group_surface_present_modes
            .filter(|_| below)
        {
            // SAFETY: the application's own parameters.
            Some(next) => unsafe { next(device, surface, modes) },
            None => vk::Result::ERROR_EXTENSION_NOT_PRESENT,
        }
    })
}

/// The surface, if the layer owns its swapchains on that device.
pub fn owned_surface(
    instance: &Instance,
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
) -> Option<(Arc<Surface>, Arc<Verdict>)> {
    let surface = instance.surface(surface)?;
    let verdict = surface.verdict(instance, device);
    matches!(*verdict, Verdict::Owned(_)).then_some((surface, verdict))
}

fn own_capabilities(offer: &Offer, mode: vk::PresentModeKHR) -> vk::SurfaceCapabilitiesKHR {
    vk::SurfaceCapabilitiesKHR {
        min_image_count: min_images(mode),
        max_image_count: MAX_IMAGES,
        // "the surface size will be determined by the extent of a swapchain targeting the surface"
        current_extent: vk::Extent2D {
            width: u32::MAX,
            height: u32::MAX,
        },
        min_image_extent: vk::Extent2D {
            width: 1,
            height: 1,
        },
        max_image_extent: offer.max_extent,
        max_image_array_layers: 1,
        supported_transforms: vk::SurfaceTransformFlagsKHR::IDENTITY,
        current_transform: vk::SurfaceTransformFlagsKHR::IDENTITY,
        supported_composite_alpha: vk::CompositeAlphaFlagsKHR::OPAQUE
            | vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED,
        supported_usage_flags: offer.usage,
    }
}

/// # Safety
/// Both chains are valid.
unsafe fn fill_capabilities2(
    offer: &Offer,
    info: &vk::PhysicalDeviceSurfaceInfo2KHR<'_>,
    capabilities: &mut vk::SurfaceCapabilities2KHR<'_>,
) -> vk::Result {
    // SAFETY: the caller guarantees a valid chain.
    let mode = unsafe { p_next::find::<vk::SurfacePresentModeEXT<'_>>(info.p_next) }
        .map(|mode| mode.present_mode);
    capabilities.surface_capabilities =
        own_capabilities(offer, mode.unwrap_or(vk::PresentModeKHR::FIFO));
    let chain = capabilities.p_next;
    // SAFETY: the caller guarantees a valid chain; one structure is looked at at a time.
    unsafe {
        if let Some(protected) = p_next::find_mut::<vk::SurfaceProtectedCapabilitiesKHR<'_>>(chain)
        {
            protected.supports_protected = vk::FALSE;
        }
        if let Some(shared) = p_next::find_mut::<vk::SharedPresentSurfaceCapabilitiesKHR<'_>>(chain)
        {
            shared.shared_present_supported_usage_flags = vk::ImageUsageFlags::empty();
        }
        fill_present_waits(chain, vk::TRUE);
        let own = capabilities.surface_capabilities;
        fill_maintenance1(info, &own, Some(&offer.present_modes), chain)
    }
}

/// # Safety
/// The chain is valid.
unsafe fn fill_present_waits(chain: *mut c_void, supported: vk::Bool32) {
    // SAFETY: the caller guarantees a valid chain; one structure is looked at at a time.
    unsafe {
        if let Some(ids) = p_next::find_mut::<registry::SurfaceCapabilitiesPresentId2KHR<'_>>(chain)
        {
            ids.present_id2_supported = supported;
        }
        if let Some(waits) =
            p_next::find_mut::<registry::SurfaceCapabilitiesPresentWait2KHR<'_>>(chain)
        {
            waits.present_wait2_supported = supported;
        }
    }
}

/// `VK_KHR_surface_maintenance1`: which scaling there is, and which modes a swapchain can go between.
/// `modes`: all of these, on a surface of ours; or else each is alone, and there is no scaling.
///
/// # Safety
/// Both chains are valid.
unsafe fn fill_maintenance1(
    info: &vk::PhysicalDeviceSurfaceInfo2KHR<'_>,
    own: &vk::SurfaceCapabilitiesKHR,
    modes: Option<&[vk::PresentModeKHR]>,
    chain: *mut c_void,
) -> vk::Result {
    // SAFETY: the caller guarantees valid chains; one structure is looked at at a time.
    unsafe {
        if let Some(scaling) =
            p_next::find_mut::<vk::SurfacePresentScalingCapabilitiesEXT<'_>>(chain)
        {
            scaling.supported_present_scaling = match modes {
                Some(_) => scaling::SUPPORTED,
                None => vk::PresentScalingFlagsEXT::empty(),
            };
            scaling.supported_present_gravity_x = scaling::GRAVITY;
            scaling.supported_present_gravity_y = scaling::GRAVITY;
            scaling.min_scaled_image_extent = own.min_image_extent;
            scaling.max_scaled_image_extent = own.max_image_extent;
        }
        if let Some(compatible) =
            p_next::find_mut::<vk::SurfacePresentModeCompatibilityEXT<'_>>(chain)
        {
            let asked = p_next::find::<vk::SurfacePresentModeEXT<'_>>(info.p_next)
                .map_or(vk::PresentModeKHR::FIFO, |mode| mode.present_mode);
            // Ours differ in what is committed with an image, and in nothing that it is made of. "The
            // implementation must include the present mode passed to VkSurfacePresentModeKHR": first, as
            // there may be room for one.
            let others = modes.unwrap_or_default().iter().copied();
            let compatible_modes: SmallVec<[_; 8]> = std::iter::once(asked)
                .chain(others.filter(|mode| *mode != asked))
                .collect();
            // Too little room is no news here: the command has no success but VK_SUCCESS.
            let _ = p_next::enumerate(
                &compatible_modes,
                &mut compatible.present_mode_count,
                compatible.p_present_modes,
                |mode, to| *to = *mode,
            );
        }
    }
    vk::Result::SUCCESS
}
