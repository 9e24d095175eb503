//! The real driver, and its hidden extensions.

use std::{env, ffi::CStr, mem::transmute, sync::OnceLock};

use ash::vk;
use libloading::{Library, Symbol};

/// `PFN_vkVoidFunction` without the option.
pub type Function = unsafe extern "system" fn();
type Negotiate = unsafe extern "system" fn(*mut u32) -> vk::Result;

/// The driver that `WAYFENCE_TEST_DRIVER` names.
pub struct Real {
    library: Library,
    hidden: Vec<String>,
    /// Its `vkGetDeviceProcAddr`, from the first instance on.
    get_device_proc_addr: OnceLock<vk::PFN_vkGetDeviceProcAddr>,
}

/// The real driver of this process.
pub fn real() -> &'static Real {
    static REAL: OnceLock<Real> = OnceLock::new();
    REAL.get_or_init(|| {
        let path = env::var_os("WAYFENCE_TEST_DRIVER").expect("WAYFENCE_TEST_DRIVER is not set");
        // SAFETY: a Vulkan driver, which the loader would load in the same way.
        let library = unsafe { Library::new(&path) }.expect("the real driver cannot be loaded");
        let hidden = env::var("WAYFENCE_TEST_HIDE").unwrap_or_default();
        Real {
            library,
            hidden: hidden.split(',').map(str::to_owned).collect(),
            get_device_proc_addr: OnceLock::new(),
        }
    })
}

impl Real {
    /// Whether the real driver's extension of this name is hidden.
    pub fn hides(&self, extension: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden == extension)
    }

    /// Whether a command belongs to a hidden window system.
    pub fn hides_command(&self, command: &str) -> bool {
        let surface = command.contains("Surface") || command.contains("WaylandPresentation");
        let swapchain = command.contains("Swapchain")
            || command.contains("AcquireNextImage")
            || command == "vkQueuePresentKHR";
        (surface && self.hides("VK_KHR_surface")) || (swapchain && self.hides("VK_KHR_swapchain"))
    }

    /// The real answer to the loader's first call.
    ///
    /// # Safety
    /// `version` is valid.
    pub unsafe fn negotiate(&self, version: *mut u32) -> vk::Result {
        // SAFETY: the loader's interface to drivers gives the symbol this type; the caller's
        // parameter.
        unsafe {
            let negotiate: Symbol<'_, Negotiate> = self
                .library
                .get(b"vk_icdNegotiateLoaderICDInterfaceVersion\0")
                .expect("not a Vulkan driver");
            negotiate(version)
        }
    }

    /// The real command of this name.
    pub fn command(&self, instance: vk::Instance, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the loader's interface to drivers gives the symbol this type.
        unsafe {
            let get: Symbol<'_, vk::PFN_vkGetInstanceProcAddr> = self
                .library
                .get(b"vk_icdGetInstanceProcAddr\0")
                .expect("not a Vulkan driver");
            get(instance, name.as_ptr())
        }
    }

    /// Looks up the commands of devices; answers whether the driver has any.
    pub fn learn_device_commands(&self, instance: vk::Instance) -> bool {
        let Some(get) = self.command(instance, c"vkGetDeviceProcAddr") else {
            return false;
        };
        // SAFETY: the command of this name has this type.
        let get = unsafe { transmute::<Function, vk::PFN_vkGetDeviceProcAddr>(get) };
        self.get_device_proc_addr.get_or_init(|| get);
        true
    }

    /// The real command of this name, as a device has it.
    pub fn device_command(&self, device: vk::Device, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the driver's own command, with a device of the driver's.
        unsafe { self.get_device_proc_addr.get()?(device, name.as_ptr()) }
    }
}
