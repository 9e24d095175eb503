//! Instances: their place in the chain, and what the layer adds to them.

use std::{
    collections::{HashMap, HashSet},
    ffi::{CStr, CString},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use ash::{khr, vk};

use super::{
    settings::Settings,
    surface::{Surface, Verdict},
};
use crate::{
    catalogue::list::List,
    driver::{
        next::{InstanceCommands, PhysicalDeviceCommands},
        physical_device::PhysicalDevice,
    },
    vulkan::contract::PfnGetPhysicalDeviceProcAddr,
};

/// One `VkInstance`.
pub struct Instance {
    /// Its handle.
    pub handle: vk::Instance,
    /// The next layer's commands.
    pub next: InstanceCommands,
    /// The next layer's queries.
    pub queries: PhysicalDeviceCommands,
    get_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    get_physical_device_proc_addr: Option<PfnGetPhysicalDeviceProcAddr>,
    /// The extensions that the layer knows.
    pub extensions: List,
    /// The version that the application asked for.
    pub api_version: u32,
    /// The settings of user and application.
    pub settings: Settings,
    /// The extensions that the application asked for.
    enabled: HashSet<CString>,
    physical_devices: RwLock<HashMap<vk::PhysicalDevice, Arc<PhysicalDevice>>>,
    surfaces: RwLock<HashMap<vk::SurfaceKHR, Arc<Surface>>>,
    /// Whether the application has queried presentation support on a Wayland display, and the answer was yes.
    asked_of_display: AtomicBool,
}

/// A surface whose swapchains the layer owns, and what it offers.
pub type OwnedSurface = (Arc<Surface>, Arc<Verdict>);

/// Where an instance's commands are looked up.
pub struct LookUp {
    /// The next layer's `vkGetInstanceProcAddr`.
    pub instance: vk::PFN_vkGetInstanceProcAddr,
    /// The same for commands of physical devices.
    pub physical_device: Option<PfnGetPhysicalDeviceProcAddr>,
}

impl Instance {
    /// An instance that the next layer or driver has made.
    ///
    /// # Safety
    /// `look_up` is the next layer's, and `handle` of an instance that it has made.
    pub unsafe fn new(
        handle: vk::Instance,
        look_up: LookUp,
        extensions: List,
        api_version: u32,
        settings: Settings,
        enabled: HashSet<CString>,
    ) -> Self {
        // SAFETY: the caller guarantees the function and its instance.
        let find = |name: &CStr| unsafe { (look_up.instance)(handle, name.as_ptr()) };
        let old = api_version < vk::API_VERSION_1_1;
        Instance {
            handle,
            // SAFETY: the look-up answers commands by their names.
            next: unsafe { InstanceCommands::load(old, find) },
            // SAFETY: as above.
            queries: unsafe { PhysicalDeviceCommands::load(old, find) },
            get_proc_addr: look_up.instance,
            get_physical_device_proc_addr: look_up.physical_device,
            extensions,
            api_version,
            settings,
            enabled,
            physical_devices: RwLock::default(),
            surfaces: RwLock::default(),
            asked_of_display: AtomicBool::new(false),
        }
    }

    /// The next layer's command of that name.
    pub fn next_proc_addr(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the next layer's `vkGetInstanceProcAddr`, with the instance that it made.
        unsafe { (self.get_proc_addr)(self.handle, name.as_ptr()) }
    }

    /// The next layer's physical-device command of that name.
    pub fn next_physical_device_proc_addr(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        let next = self.get_physical_device_proc_addr?;
        // SAFETY: the next layer's function, with the instance that it made.
        unsafe { next(self.handle, name.as_ptr()) }
    }

    /// Whether the application has enabled the extension.
    pub fn has(&self, extension: &CStr) -> bool {
        self.enabled.contains(extension)
    }

    /// Whether the layer may own swapchains on that device. It leaves programs alone that present elsewhere, on
    /// X11 for instance.
    pub fn can_own(&self, device: &PhysicalDevice) -> bool {
        self.has(khr::wayland_surface::NAME) && device.ability.is_ok()
    }

    /// Whether the layer owns the swapchains of a surface on that device, or would: only then may the
    /// device have extensions that the driver does not know. An application that enables the extensions of
    /// several window systems may present on another one.
    pub fn owns(&self, handle: vk::PhysicalDevice) -> bool {
        let known = self.physical_device(handle);
        if !self.can_own(&known) {
            return false;
        }
        let surfaces: Vec<_> = self
            .surfaces
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        match surfaces.as_slice() {
            // A surface may have been made for the question alone.
            [] => self.asked_of_display.load(Ordering::Relaxed) || known.is_told(),
            some => some
                .iter()
                .any(|surface| matches!(*self.verdict(surface, handle), Verdict::Owned(_))),
        }
    }

    /// Remembers that the application has queried presentation support on a Wayland display, and got a yes.
    pub fn is_asked_of_display(&self) {
        self.asked_of_display.store(true, Ordering::Relaxed);
    }

    /// The layer's knowledge of a physical device, queried once; again, where the driver
    /// [could not say](PhysicalDevice::lack) what it has.
    pub fn physical_device(&self, handle: vk::PhysicalDevice) -> Arc<PhysicalDevice> {
        let known = self
            .physical_devices
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = known.get(&handle) {
            return Arc::clone(device);
        }
        drop(known);
        let device = Arc::new(PhysicalDevice::new(
            &self.next,
            self.queries,
            self.api_version,
            handle,
        ));
        if device.lack.is_some() {
            return device;
        }
        let mut known = self
            .physical_devices
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(handle).or_insert(device))
    }

    /// The Wayland surface with this handle; `None` for a surface of another platform.
    pub fn surface(&self, handle: vk::SurfaceKHR) -> Option<Arc<Surface>> {
        self.surfaces
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&handle)
            .cloned()
    }

    /// Whether the driver knows the surface.
    pub fn is_known_below(&self, handle: vk::SurfaceKHR) -> bool {
        self.surface(handle)
            .is_none_or(|surface| surface.is_known_below())
    }

    /// Remembers a surface.
    pub fn add_surface(&self, handle: vk::SurfaceKHR, surface: Arc<Surface>) {
        self.surfaces
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(handle, surface);
    }

    /// Forgets a surface.
    pub fn remove_surface(&self, handle: vk::SurfaceKHR) -> Option<Arc<Surface>> {
        self.surfaces
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&handle)
    }

    /// Who owns swapchains of a surface on that device.
    pub fn verdict(&self, surface: &Surface, device: vk::PhysicalDevice) -> Arc<Verdict> {
        surface.verdict(
            device,
            self.extensions,
            |name| self.has(name),
            || self.physical_device(device),
        )
    }

    /// The surface, if the layer owns its swapchains on that device.
    ///
    /// # Errors
    /// That is [not known](Verdict::Unknown) yet.
    pub fn owned_surface(
        &self,
        device: vk::PhysicalDevice,
        surface: vk::SurfaceKHR,
    ) -> Result<Option<OwnedSurface>, vk::Result> {
        let Some(surface) = self.surface(surface) else {
            return Ok(None);
        };
        let verdict = self.verdict(&surface, device);
        match *verdict {
            Verdict::Owned(_) => Ok(Some((surface, verdict))),
            Verdict::Aside(_) => Ok(None),
            Verdict::Unknown(lack) => Err(lack),
        }
    }
}
