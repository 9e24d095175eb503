//! Instances: their place in the chain, and what the layer adds to them.

use std::{
    collections::{HashMap, HashSet},
    ffi::{CStr, CString, c_char},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use ash::{ext, khr, vk};

use crate::{
    extensions::{self, EXTENSIONS, INSTANCE_NEEDS, Level, Provider},
    loader::contract::{Chain, PfnGetPhysicalDeviceProcAddr, VkLayerInstanceLink},
    objects::{
        dispatch,
        next::{InstanceCommands, PhysicalDeviceCommands},
        physical_device::PhysicalDevice,
        settings::Settings,
        surface::{Surface, Verdict},
    },
    vulkan::{p_next, result},
};

/// One `VkInstance`.
pub struct Instance {
    /// Its handle.
    pub handle: vk::Instance,
    /// The commands below us.
    pub next: InstanceCommands,
    /// The queries below us.
    pub queries: PhysicalDeviceCommands,
    get_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    get_physical_device_proc_addr: Option<PfnGetPhysicalDeviceProcAddr>,
    /// The version that the application asked for.
    pub api_version: u32,
    /// What user and application set.
    pub settings: Settings,
    /// The extensions that the application asked for.
    enabled: HashSet<CString>,
    physical_devices: RwLock<HashMap<vk::PhysicalDevice, Arc<PhysicalDevice>>>,
    surfaces: RwLock<HashMap<vk::SurfaceKHR, Arc<Surface>>>,
    /// The application has asked about a Wayland display, and can present there.
    asked_of_display: AtomicBool,
}

impl Instance {
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

    /// Whether the layer may come to own swapchains on that device: others' programs, on X11 say, are
    /// left alone.
    pub fn can_own(&self, device: &PhysicalDevice) -> bool {
        self.has(khr::wayland_surface::NAME) && device.ability.is_ok()
    }

    /// Whether the layer owns the swapchains of a surface on that device, or would: only then may the
    /// device have extensions that the driver does not know. An application that enables several window
    /// systems' extensions may be on another one.
    pub fn owns(&self, handle: vk::PhysicalDevice) -> bool {
        if !self.can_own(&self.physical_device(handle)) {
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
            [] => self.asked_of_display.load(Ordering::Relaxed),
            some => some
                .iter()
                .any(|surface| matches!(*surface.verdict(self, handle), Verdict::Owned(_))),
        }
    }

    /// The application asks about a Wayland display, and can present there.
    pub fn is_asked_of_display(&self) {
        self.asked_of_display.store(true, Ordering::Relaxed);
    }

    /// What we know of a physical device, asked for once.
    pub fn physical_device(&self, handle: vk::PhysicalDevice) -> Arc<PhysicalDevice> {
        let known = self
            .physical_devices
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = known.get(&handle) {
            return Arc::clone(device);
        }
        drop(known);
        let device = Arc::new(PhysicalDevice::new(self, handle));
        let mut known = self
            .physical_devices
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(handle).or_insert(device))
    }

    /// The Wayland surface with this handle; none for a surface of another platform.
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
}

/// `vkCreateInstance`: creates the instance below, with what we need beside what the application asked
/// for.
pub unsafe extern "system" fn create_instance(
    create_info: *const vk::InstanceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    instance: *mut vk::Instance,
) -> vk::Result {
    result::guard("vkCreateInstance", result::PANICKED, || {
        // SAFETY: valid by the specification.
        let info = unsafe { &*create_info };
        // SAFETY: the loader's chain, which lives during this call.
        let Some(mut chain) = (unsafe { Chain::<VkLayerInstanceLink>::find(info.p_next) }) else {
            tracing::error!("vkCreateInstance: no link information from the loader");
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let get_proc_addr = chain.link().pfn_next_get_instance_proc_addr;
        let get_physical_device_proc_addr = chain.link().pfn_next_get_physical_device_proc_addr;
        // SAFETY: the next layer's `vkGetInstanceProcAddr`, asked for a global command.
        let next = unsafe { get_proc_addr(vk::Instance::null(), c"vkCreateInstance".as_ptr()) };
        let Some(next) = next else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        // SAFETY: a command of this name has this type.
        let next = unsafe {
            std::mem::transmute::<unsafe extern "system" fn(), vk::PFN_vkCreateInstance>(next)
        };

        // SAFETY: null or valid by the specification.
        let api_version = unsafe { info.p_application_info.as_ref() }
            .map_or(0, |application| application.api_version)
            .max(vk::API_VERSION_1_0);
        // SAFETY: valid by the specification.
        let (asked, enabled) = unsafe {
            extensions::enabled(
                info.pp_enabled_extension_names,
                info.enabled_extension_count,
            )
        };

        // SAFETY: valid by the specification.
        let settings = unsafe { Settings::of_instance(info.p_next) };
        let mut created = vk::Result::ERROR_EXTENSION_NOT_PRESENT;
        for names in extension_lists(asked, &enabled, api_version) {
            let info = vk::InstanceCreateInfo {
                enabled_extension_count: names.len() as u32,
                pp_enabled_extension_names: names.as_ptr(),
                ..*info
            };
            chain.advance();
            // SAFETY: the application's parameters, but for the extensions, which are valid names.
            created = unsafe { next(&info, allocator, instance) };
            if created != vk::Result::ERROR_EXTENSION_NOT_PRESENT {
                break;
            }
        }
        if created != vk::Result::SUCCESS {
            return created;
        }

        // SAFETY: written by a successful create call.
        let handle = unsafe { *instance };
        // SAFETY: the next layer's function, with the instance that it made.
        let look_up = |name: &CStr| unsafe { get_proc_addr(handle, name.as_ptr()) };
        let old = api_version < vk::API_VERSION_1_1;
        let object = Arc::new(Instance {
            handle,
            // SAFETY: the look-up answers commands by their names.
            next: unsafe { InstanceCommands::load(old, look_up) },
            // SAFETY: as above.
            queries: unsafe { PhysicalDeviceCommands::load(old, look_up) },
            get_proc_addr,
            get_physical_device_proc_addr,
            api_version,
            settings,
            enabled,
            physical_devices: RwLock::default(),
            surfaces: RwLock::default(),
            asked_of_display: AtomicBool::new(false),
        });
        // SAFETY: a valid new handle.
        unsafe { dispatch::add_instance(handle, object) };
        vk::Result::SUCCESS
    })
}

/// The lists of extensions to try, best first. A driver may lack what we would add (then we step
/// aside), or what we provide to the application (then it gets ours).
fn extension_lists(
    asked: &[*const c_char],
    enabled: &HashSet<CString>,
    api_version: u32,
) -> Vec<Vec<*const c_char>> {
    let without = |list: &[*const c_char], names: &[&CStr]| -> Vec<_> {
        list.iter()
            .copied()
            // SAFETY: valid C strings, the application's and our own.
            .filter(|name| !names.contains(&unsafe { CStr::from_ptr(*name) }))
            .collect()
    };
    let mut lists = vec![asked.to_vec()];
    if enabled.contains(khr::wayland_surface::NAME) {
        let needed = INSTANCE_NEEDS
            .iter()
            .filter(|need| need.by_name(api_version) && !enabled.contains(need.name))
            .map(|need| need.name.as_ptr());
        let full: Vec<_> = asked.iter().copied().chain(needed).collect();
        let newer = EXTENSIONS.names(Level::Instance, |one| one.provider == Provider::Layer);
        let without_newer = without(&full, &newer);
        let without_ours = without(&full, &EXTENSIONS.names(Level::Instance, |_| true));
        lists.splice(0..0, [full, without_newer, without_ours]);
    }
    if enabled.contains(ext::layer_settings::NAME) {
        // Other layers below may read the application's settings, too; a driver knows nothing of them.
        lists = lists
            .into_iter()
            .flat_map(|list| {
                let without_settings = without(&list, &[ext::layer_settings::NAME]);
                [list, without_settings]
            })
            .collect();
    }
    lists
}

/// `vkDestroyInstance`.
pub unsafe extern "system" fn destroy_instance(
    instance: vk::Instance,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    result::guard("vkDestroyInstance", (), || {
        if instance == vk::Instance::null() {
            return;
        }
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::remove_instance(instance) }) else {
            return;
        };
        if let Some(next) = object.next.destroy_instance {
            // SAFETY: the application's own parameters.
            unsafe { next(instance, allocator) };
        }
    });
}

/// `vkEnumerateInstanceLayerProperties`, answered for this layer alone: the loader answers for all.
pub unsafe extern "system" fn enumerate_instance_layer_properties(
    count: *mut u32,
    properties: *mut vk::LayerProperties,
) -> vk::Result {
    let own = [extensions::layer_properties()];
    // SAFETY: valid by the specification.
    unsafe { p_next::enumerate(&own, count, properties, |from, to| *to = *from) }
}

/// `vkEnumerateInstanceExtensionProperties`, answered for this layer alone.
pub unsafe extern "system" fn enumerate_instance_extension_properties(
    layer: *const c_char,
    count: *mut u32,
    properties: *mut vk::ExtensionProperties,
) -> vk::Result {
    // SAFETY: null or a valid C string by the specification.
    if layer.is_null() || unsafe { CStr::from_ptr(layer) } != extensions::LAYER_NAME {
        return vk::Result::ERROR_LAYER_NOT_PRESENT;
    }
    let own = EXTENSIONS.properties(Level::Instance, |_| true);
    // SAFETY: valid by the specification.
    unsafe { p_next::enumerate(&own, count, properties, |from, to| *to = *from) }
}
