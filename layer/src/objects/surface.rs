//! Wayland surfaces, and whether the layer owns their swapchains.

use std::{
    collections::HashMap,
    ffi::{CStr, c_void},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use ash::vk;
use wayfence::{
    error::Error,
    wayland::{self, Capabilities, Nodes},
};

use crate::{
    catalogue::list::List,
    driver::{offer::Offer, physical_device::PhysicalDevice},
};

/// One `VkSurfaceKHR` of a Wayland surface.
///
/// It may outlive its `wl_display` and `wl_surface`, and some queries do not name it. The answers come from
/// what the compositor said when the application created the surface.
pub struct Surface {
    /// Valid while a swapchain is created or lives.
    display: *mut c_void,
    /// As above.
    surface: *mut c_void,
    /// The driver has created it, too. Otherwise the handle is the layer's own.
    below: bool,
    /// What the compositor can do, or why that is not known.
    compositor: Result<Arc<Capabilities>, String>,
    verdicts: Mutex<HashMap<vk::PhysicalDevice, Arc<Verdict>>>,
    /// Whether it is logged already that compositor and driver use different devices.
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
    /// The driver; why.
    Aside(String),
    /// Not known yet: the driver lacks the memory to say what it can do.
    Unknown(vk::Result),
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

    /// Who owns swapchains of this surface on that device. Decided once, without asking the compositor again.
    /// What is [not known](Verdict::Unknown) is asked again with the next call.
    pub fn verdict(
        &self,
        handle: vk::PhysicalDevice,
        extensions: List,
        is_enabled: impl Fn(&CStr) -> bool,
        device: impl FnOnce() -> Arc<PhysicalDevice>,
    ) -> Arc<Verdict> {
        if let Some(verdict) = self.verdicts().get(&handle) {
            return Arc::clone(verdict);
        }
        let device = device();
        let verdict = Arc::new(self.judge(extensions, is_enabled, &device));
        match &*verdict {
            Verdict::Owned(offer) => {
                tracing::info!(
                    driver = device.name,
                    formats = offer.formats.len(),
                    "Wayfence owns the swapchains of this surface"
                );
                let below = extensions.only_below(|name| device.has(name)).join(", ");
                if !below.is_empty() {
                    tracing::info!(
                        extensions = below,
                        "a device that enables one of these keeps the driver's swapchains"
                    );
                }
            }
            Verdict::Aside(why) if self.below && self.compositor.is_ok() => {
                tracing::info!(driver = device.name, why, "Wayfence steps aside");
            }
            // The driver will fail for the same reason without a message, or does not know the surface at all.
            Verdict::Aside(why) => {
                let driver = &device.name;
                tracing::error!(
                    driver,
                    why,
                    "the layer cannot make swapchains of this surface"
                );
            }
            Verdict::Unknown(answer) => {
                let driver = &device.name;
                tracing::error!(driver, ?answer, "the driver cannot say what it can do");
                return verdict;
            }
        }
        Arc::clone(self.verdicts().entry(handle).or_insert(verdict))
    }

    /// Whether compositor and driver use different devices. Logs that once, and whether it makes the images
    /// linear.
    pub fn is_foreign(&self, nodes: &Nodes, window: &wayland::Surface, preferred: &[u64]) -> bool {
        let main = window.feedback().main_device;
        let Some(main) = main.filter(|_| nodes.is_foreign(main)) else {
            return false;
        };
        if !self.told_foreign.swap(true, Ordering::Relaxed) {
            tracing::info!(
                compositor = format_args!("{}:{}", libc::major(main), libc::minor(main)),
                linear = preferred == [0],
                "the compositor composes on another device than the driver's"
            );
        }
        true
    }

    /// Leaves swapchains of this surface on that device to the driver from now on, and logs why.
    pub fn step_aside(&self, handle: vk::PhysicalDevice, driver: &str, why: String) {
        tracing::warn!(driver, why, "Wayfence steps aside");
        self.verdicts()
            .insert(handle, Arc::new(Verdict::Aside(why)));
    }

    /// Whether the driver knows the surface.
    pub fn is_known_below(&self) -> bool {
        self.below
    }

    fn verdicts(&self) -> MutexGuard<'_, HashMap<vk::PhysicalDevice, Arc<Verdict>>> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(
        &self,
        extensions: List,
        is_enabled: impl Fn(&CStr) -> bool,
        device: &PhysicalDevice,
    ) -> Verdict {
        if let Some(lack) = device.lack {
            return Verdict::Unknown(lack);
        }
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
        let color_spaces = extensions.color_spaces(is_enabled, compositor);
        match Offer::of(device, compositor, &color_spaces) {
            Ok(Some(offer)) => Verdict::Owned(offer),
            Ok(None) => Verdict::Aside(
                "compositor and driver share no pair of format and modifier".to_owned(),
            ),
            Err(lack) => Verdict::Unknown(lack),
        }
    }

    /// A surface of the application's, which the driver knows if it is `below`, with what its compositor can do.
    pub fn new(
        display: *mut c_void,
        surface: *mut c_void,
        below: bool,
        compositor: Result<Arc<Capabilities>, String>,
    ) -> Self {
        Surface {
            display,
            surface,
            below,
            compositor,
            verdicts: Mutex::default(),
            told_foreign: AtomicBool::new(false),
        }
    }
}
