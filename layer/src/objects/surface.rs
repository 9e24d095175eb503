//! Wayland surfaces, and whether the layer owns their swapchains.

use std::{
    collections::HashMap,
    ffi::c_void,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use ash::{
    ext,
    vk::{self, Handle},
};
use wayfence::{
    error::Error,
    format,
    present_mode::PresentMode,
    wayland::{self, Capabilities, Nodes},
};

use crate::{
    extensions::EXTENSIONS,
    objects::{
        dispatch,
        instance::Instance,
        physical_device::{ImageKind, Layout, PhysicalDevice},
    },
    vulkan::{present_mode, result},
};

/// One `VkSurfaceKHR` of a Wayland surface.
///
/// It may outlive its `wl_display` and `wl_surface`, and is asked about by commands that do not name it:
/// what answers them is what the compositor said when the application made it.
pub struct Surface {
    /// Valid while a swapchain is made or lives.
    display: *mut c_void,
    /// As above.
    surface: *mut c_void,
    /// The driver knows it too: without, the handle is ours.
    below: bool,
    /// What the compositor can do, or why that is not known.
    compositor: Result<Arc<Capabilities>, String>,
    verdicts: Mutex<HashMap<vk::PhysicalDevice, Arc<Verdict>>>,
    /// It was said that its images go to another device.
    told_foreign: AtomicBool,
}

// SAFETY: the pointers are the application's proxies, which libwayland lets every thread use.
unsafe impl Send for Surface {}
// SAFETY: as above.
unsafe impl Sync for Surface {}

/// Who owns the swapchains of a surface on a physical device.
pub enum Verdict {
    /// The layer, with what compositor and driver share.
    Owned(Offer),
    /// Whoever is below; why.
    Aside(String),
}

/// What compositor and driver share.
pub struct Offer {
    /// The formats, in the order in which applications see them.
    pub formats: Vec<SharedFormat>,
    /// The formats as applications see them.
    pub surface_formats: Vec<vk::SurfaceFormatKHR>,
    /// What images of the first format can be used for.
    pub usage: vk::ImageUsageFlags,
    /// The largest image.
    pub max_extent: vk::Extent2D,
    /// When images can be shown.
    pub present_modes: Vec<vk::PresentModeKHR>,
    /// Whether the compositor tells when it has shown an image.
    pub times: bool,
    /// Whether it can be told when to.
    pub schedules: bool,
}

/// A format that both can do, opaque and with alpha.
pub struct SharedFormat {
    /// Its names.
    pub format: &'static format::Format,
    /// The layouts that the driver can do; in one at least the compositor takes it opaque, and in one at
    /// least with alpha.
    pub layouts: Vec<Layout>,
    /// The fixed rates at which its images can be compressed.
    pub fixed_rates: vk::ImageCompressionFixedRateFlagsEXT,
}

impl Surface {
    /// The Wayland side, for a swapchain.
    ///
    /// # Errors
    /// Why there is none.
    ///
    /// # Safety
    /// The application's display and surface are valid, and stay so while the answer or a clone of it
    /// lives: as they do while a swapchain is made from the `VkSurfaceKHR`, and then for its lifetime.
    pub unsafe fn window(&self) -> Result<Arc<wayland::Surface>, Error> {
        // SAFETY: the caller guarantees it.
        unsafe { wayland::Surface::of(self.display, self.surface) }
    }

    /// Who owns swapchains of this surface on that device: decided once, without a word to the compositor.
    pub fn verdict(&self, instance: &Instance, handle: vk::PhysicalDevice) -> Arc<Verdict> {
        if let Some(verdict) = self.verdicts().get(&handle) {
            return Arc::clone(verdict);
        }
        let device = instance.physical_device(handle);
        let verdict = Arc::new(self.judge(instance, &device));
        match &*verdict {
            Verdict::Owned(offer) => {
                tracing::info!(
                    driver = device.name,
                    formats = offer.formats.len(),
                    "Wayfence owns the swapchains of this surface"
                );
                let below = EXTENSIONS.only_below(|name| device.has(name)).join(", ");
                if !below.is_empty() {
                    tracing::info!(
                        extensions = below,
                        "a device that enables one of these keeps the driver's swapchains"
                    );
                }
            }
            Verdict::Aside(why) => {
                tracing::info!(driver = device.name, why, "Wayfence steps aside");
            }
        }
        Arc::clone(self.verdicts().entry(handle).or_insert(verdict))
    }

    /// Says once if the compositor composes on another device than the driver's, and what follows from
    /// that for the images.
    pub fn tell_foreign(&self, nodes: &Nodes, window: &wayland::Surface, preferred: &[u64]) {
        let main = window.feedback().main_device;
        if let Some(main) = main.filter(|_| nodes.is_foreign(main))
            && !self.told_foreign.swap(true, Ordering::Relaxed)
        {
            tracing::info!(
                compositor = format_args!("{}:{}", libc::major(main), libc::minor(main)),
                linear = preferred == [0],
                "the compositor composes on another device than the driver's"
            );
        }
    }

    /// Whether the driver knows the surface.
    pub fn is_known_below(&self) -> bool {
        self.below
    }

    fn verdicts(&self) -> MutexGuard<'_, HashMap<vk::PhysicalDevice, Arc<Verdict>>> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, instance: &Instance, device: &PhysicalDevice) -> Verdict {
        if let Err(why) = &device.ability {
            return Verdict::Aside(why.clone());
        }
        let compositor = match &self.compositor {
            Ok(compositor) => compositor,
            Err(why) => return Verdict::Aside(why.clone()),
        };
        let offered = &compositor.formats;
        if offered.is_empty() {
            return Verdict::Aside(
                "the compositor takes no dma-bufs with explicit modifiers".to_owned(),
            );
        }
        let formats: Vec<_> = format::all()
            .iter()
            .filter_map(|format| shared(device, offered, format))
            .collect();
        let Some(first) = formats.first() else {
            return Verdict::Aside(
                "compositor and driver share no pair of format and modifier".to_owned(),
            );
        };
        let usage = usages(device, offered, first);
        let present_modes = PresentMode::ALL
            .into_iter()
            .filter(|mode| mode.is_offered(compositor))
            .map(present_mode::to_vk)
            .collect();
        let side = device.max_extent;
        Verdict::Owned(Offer {
            surface_formats: surface_formats(instance, compositor, &formats),
            formats,
            usage,
            max_extent: vk::Extent2D {
                width: side,
                height: side,
            },
            present_modes,
            times: compositor.clock.is_some(),
            schedules: compositor.schedules,
        })
    }
}

impl Offer {
    /// The fixed rates at which images of this format can be compressed.
    pub fn fixed_rates(&self, format: vk::Format) -> vk::ImageCompressionFixedRateFlagsEXT {
        let shared = self
            .formats
            .iter()
            .find(|shared| shared.format.vk == format);
        shared.map_or_else(Default::default, |shared| shared.fixed_rates)
    }

    /// The shared format with that name, in a colour space in which it is offered.
    pub fn format(
        &self,
        format: vk::Format,
        color_space: vk::ColorSpaceKHR,
    ) -> Option<&SharedFormat> {
        let wanted = vk::SurfaceFormatKHR {
            format,
            color_space,
        };
        if !self.surface_formats.contains(&wanted) {
            return None;
        }
        self.formats
            .iter()
            .find(|shared| shared.format.vk == format)
    }
}

/// The formats in every colour space in which a buffer can be handed over as it is.
fn surface_formats(
    instance: &Instance,
    compositor: &Capabilities,
    formats: &[SharedFormat],
) -> Vec<vk::SurfaceFormatKHR> {
    EXTENSIONS
        .color_spaces(|name| instance.has(name), compositor)
        .into_iter()
        .flat_map(|color_space| {
            formats.iter().map(move |shared| vk::SurfaceFormatKHR {
                format: shared.format.vk,
                color_space,
            })
        })
        .collect()
}

/// The format with the layouts that both can do: opaque and with alpha, for an application may choose
/// either with every format that a surface offers.
fn shared(
    device: &PhysicalDevice,
    offered: &wayland::Formats,
    format: &'static format::Format,
) -> Option<SharedFormat> {
    let opaque = offered.modifiers(format.opaque);
    let alpha = offered.modifiers(format.alpha);
    if opaque.is_empty() || alpha.is_empty() {
        return None;
    }
    let kind = kind(format.vk);
    let layouts = exportable(device, &kind);
    let is_shared = |modifiers: &[u64]| {
        let taken = |layout: &Layout| modifiers.contains(&layout.modifier);
        layouts.iter().any(taken)
    };
    (is_shared(opaque) && is_shared(alpha)).then(|| SharedFormat {
        format,
        fixed_rates: match device.compresses {
            true => device.compression_of(&kind, &layouts),
            false => Default::default(),
        },
        layouts,
    })
}

/// The least that images of a format are.
fn kind(format: vk::Format) -> ImageKind<'static> {
    ImageKind {
        format,
        usage: vk::ImageUsageFlags::COLOR_ATTACHMENT,
        flags: vk::ImageCreateFlags::empty(),
        view_formats: &[],
        compression: None,
        queue_families: &[],
        extent: vk::Extent2D {
            width: 1,
            height: 1,
        },
    }
}

/// The layouts in which the driver can make such images for others.
fn exportable(device: &PhysicalDevice, kind: &ImageKind<'_>) -> Vec<Layout> {
    let mut layouts = device.layouts(kind.format);
    layouts.retain(|layout| device.can_export(kind, layout.modifier));
    layouts
}

/// Whether the driver can make images of the format for a compositor that takes it.
pub fn can_hand_over(device: &PhysicalDevice, format: vk::Format) -> bool {
    format::all().iter().any(|known| known.vk == format)
        && !exportable(device, &kind(format)).is_empty()
}

/// What images of the format can be used for, in one layout at least.
fn usages(
    device: &PhysicalDevice,
    offered: &wayland::Formats,
    shared: &SharedFormat,
) -> vk::ImageUsageFlags {
    [
        vk::ImageUsageFlags::COLOR_ATTACHMENT,
        vk::ImageUsageFlags::TRANSFER_SRC,
        vk::ImageUsageFlags::TRANSFER_DST,
        vk::ImageUsageFlags::SAMPLED,
        vk::ImageUsageFlags::STORAGE,
        vk::ImageUsageFlags::INPUT_ATTACHMENT,
        vk::ImageUsageFlags::ATTACHMENT_FEEDBACK_LOOP_EXT,
        vk::ImageUsageFlags::HOST_TRANSFER_EXT,
    ]
    .into_iter()
    .filter(|usage| {
        let needs = match *usage {
            vk::ImageUsageFlags::ATTACHMENT_FEEDBACK_LOOP_EXT => {
                Some(ext::attachment_feedback_loop_layout::NAME)
            }
            vk::ImageUsageFlags::HOST_TRANSFER_EXT => Some(ext::host_image_copy::NAME),
            _ => None,
        };
        if needs.is_some_and(|extension| !device.has(extension)) {
            return false;
        }
        let kind = ImageKind {
            usage: *usage,
            ..kind(shared.format.vk)
        };
        let offered = offered.modifiers(shared.format.opaque);
        shared
            .layouts
            .iter()
            .filter(|layout| offered.contains(&layout.modifier))
            .any(|layout| device.can_export(&kind, layout.modifier))
    })
    .fold(vk::ImageUsageFlags::empty(), |all, usage| all | usage)
}

/// `vkCreateWaylandSurfaceKHR`: goes down, so that the layer can step aside later, and is remembered. A
/// driver without Wayland surfaces gets one of ours.
pub unsafe extern "system" fn create_wayland_surface(
    instance: vk::Instance,
    create_info: *const vk::WaylandSurfaceCreateInfoKHR<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    handle: *mut vk::SurfaceKHR,
) -> vk::Result {
    result::guard("vkCreateWaylandSurfaceKHR", result::PANICKED, || {
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::instance(instance) }) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let created = match object.next.create_wayland_surface {
            // SAFETY: the application's own parameters.
            Some(next) => unsafe { next(instance, create_info, allocator, handle) },
            None => vk::Result::ERROR_EXTENSION_NOT_PRESENT,
        };
        let below = match created {
            vk::Result::SUCCESS => true,
            vk::Result::ERROR_EXTENSION_NOT_PRESENT => false,
            error => return error,
        };
        // SAFETY: valid by the specification.
        let info = unsafe { &*create_info };
        // Now, since later nothing says when there is a display.
        // SAFETY: the application's display, which is valid during this call.
        let compositor = unsafe { wayland::Display::of(info.display) }
            .map(|display| Arc::clone(display.capabilities()))
            .map_err(|error| error.to_string());
        let surface = Arc::new(Surface {
            display: info.display,
            surface: info.surface,
            below,
            compositor,
            verdicts: Mutex::default(),
            told_foreign: AtomicBool::new(false),
        });
        if !below {
            let own = vk::SurfaceKHR::from_raw(Arc::as_ptr(&surface) as usize as u64);
            // SAFETY: valid by the specification.
            unsafe { *handle = own };
        }
        // SAFETY: written just now, or by a successful create call.
        object.add_surface(unsafe { *handle }, surface);
        vk::Result::SUCCESS
    })
}

/// `vkDestroySurfaceKHR`.
pub unsafe extern "system" fn destroy_surface(
    instance: vk::Instance,
    surface: vk::SurfaceKHR,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    result::guard("vkDestroySurfaceKHR", (), || {
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::instance(instance) }) else {
            return;
        };
        let ours = object.remove_surface(surface);
        if ours.is_some_and(|ours| !ours.below) {
            // The next object at its address must not inherit anything.
            for device in dispatch::devices_of(instance) {
                device.forget_private_data(surface.as_raw());
            }
            return;
        }
        if let Some(next) = object.next.destroy_surface {
            // SAFETY: the application's own parameters.
            unsafe { next(instance, surface, allocator) };
        }
    });
}
