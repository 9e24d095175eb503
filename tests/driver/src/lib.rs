//! A Vulkan driver for tests, and nothing else: a real driver that does not have some extensions.
//!
//! It stands for drivers that cannot be had on the test machines: those without any window system, and
//! those that lack what the layer needs. Everything but the extensions is the real driver's.
//!
//! - `WAYFENCE_TEST_DRIVER`: the real driver's library (`libvulkan_lvp.so`).
//! - `WAYFENCE_TEST_HIDE`: the extensions to hide, separated by commas. Commands of the window system
//!   are hidden with `VK_KHR_surface` and `VK_KHR_swapchain`.

use std::{
    env,
    ffi::{CStr, c_char},
    mem::transmute,
    sync::OnceLock,
};

use ash::vk;
use libloading::Library;

/// `PFN_vkVoidFunction` without the option.
type Function = unsafe extern "system" fn();
type Negotiate = unsafe extern "system" fn(*mut u32) -> vk::Result;

struct Real {
    library: Library,
    hidden: Vec<String>,
}

fn real() -> &'static Real {
    static REAL: OnceLock<Real> = OnceLock::new();
    REAL.get_or_init(|| {
        let path = env::var_os("WAYFENCE_TEST_DRIVER").expect("WAYFENCE_TEST_DRIVER is not set");
        // SAFETY: a Vulkan driver, which the loader would load in the same way.
        let library = unsafe { Library::new(&path) }.expect("the real driver cannot be loaded");
        let hidden = env::var("WAYFENCE_TEST_HIDE").unwrap_or_default();
        Real {
            library,
            hidden: hidden.split(',').map(str::to_owned).collect(),
        }
    })
}

impl Real {
    fn hides(&self, extension: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden == extension)
    }

    /// Whether a command belongs to a hidden window system.
    fn hides_command(&self, command: &str) -> bool {
        let surface = command.contains("Surface") || command.contains("WaylandPresentation");
        let swapchain = command.contains("Swapchain")
            || command.contains("AcquireNextImage")
            || command == "vkQueuePresentKHR";
        (surface && self.hides("VK_KHR_surface")) || (swapchain && self.hides("VK_KHR_swapchain"))
    }

    fn command(&self, instance: vk::Instance, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the loader's interface to drivers gives the symbol this type.
        unsafe {
            let get: libloading::Symbol<'_, vk::PFN_vkGetInstanceProcAddr> = self
                .library
                .get(b"vk_icdGetInstanceProcAddr\0")
                .expect("not a Vulkan driver");
            get(instance, name.as_ptr())
        }
    }
}

/// The loader's first call.
///
/// # Safety
/// `version` is valid, as the loader guarantees.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdNegotiateLoaderICDInterfaceVersion(
    version: *mut u32,
) -> vk::Result {
    // SAFETY: the loader's interface to drivers gives the symbol this type; the caller's parameter.
    unsafe {
        let negotiate: libloading::Symbol<'_, Negotiate> = real()
            .library
            .get(b"vk_icdNegotiateLoaderICDInterfaceVersion\0")
            .expect("not a Vulkan driver");
        negotiate(version)
    }
}

/// The real driver's commands, but for the hidden ones.
///
/// # Safety
/// As of `vkGetInstanceProcAddr`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdGetInstanceProcAddr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: a valid C string by the loader's interface to drivers.
    let name = unsafe { CStr::from_ptr(name) };
    let text = name.to_str().unwrap_or_default();
    // SAFETY: function pointers; whoever gets one casts it back to the type that its name tells.
    unsafe {
        match text {
            "vkGetInstanceProcAddr" => Some(transmute::<vk::PFN_vkGetInstanceProcAddr, Function>(
                vk_icdGetInstanceProcAddr,
            )),
            "vkEnumerateInstanceExtensionProperties" => Some(transmute::<
                vk::PFN_vkEnumerateInstanceExtensionProperties,
                Function,
            >(instance_extensions)),
            "vkEnumerateDeviceExtensionProperties" => {
                // The real one, for the replacement to call.
                let _ = DEVICE_EXTENSIONS.set(transmute::<
                    vk::PFN_vkVoidFunction,
                    Option<vk::PFN_vkEnumerateDeviceExtensionProperties>,
                >(real().command(instance, name))?);
                Some(transmute::<
                    vk::PFN_vkEnumerateDeviceExtensionProperties,
                    Function,
                >(device_extensions))
            }
            "vkGetDeviceProcAddr" => {
                let _ = DEVICE_COMMAND.set(transmute::<
                    vk::PFN_vkVoidFunction,
                    Option<vk::PFN_vkGetDeviceProcAddr>,
                >(real().command(instance, name))?);
                Some(transmute::<vk::PFN_vkGetDeviceProcAddr, Function>(
                    device_command,
                ))
            }
            _ if real().hides_command(text) => None,
            _ => real().command(instance, name),
        }
    }
}

static DEVICE_EXTENSIONS: OnceLock<vk::PFN_vkEnumerateDeviceExtensionProperties> = OnceLock::new();
static DEVICE_COMMAND: OnceLock<vk::PFN_vkGetDeviceProcAddr> = OnceLock::new();

unsafe extern "system" fn device_command(
    device: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: a valid C string by the specification.
    let text = unsafe { CStr::from_ptr(name) }.to_str().unwrap_or_default();
    match DEVICE_COMMAND.get() {
        // SAFETY: the caller's parameters.
        Some(command) if !real().hides_command(text) => unsafe { command(device, name) },
        _ => None,
    }
}

unsafe extern "system" fn instance_extensions(
    layer: *const c_char,
    count: *mut u32,
    properties: *mut vk::ExtensionProperties,
) -> vk::Result {
    let name = c"vkEnumerateInstanceExtensionProperties";
    let Some(all) = real().command(vk::Instance::null(), name) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: the command of this name has this type.
    let all = unsafe { transmute::<Function, vk::PFN_vkEnumerateInstanceExtensionProperties>(all) };
    // SAFETY: the caller's parameters, with arrays of our own.
    unsafe {
        filter(
            |count, properties| all(layer, count, properties),
            count,
            properties,
        )
    }
}

unsafe extern "system" fn device_extensions(
    device: vk::PhysicalDevice,
    layer: *const c_char,
    count: *mut u32,
    properties: *mut vk::ExtensionProperties,
) -> vk::Result {
    let Some(all) = DEVICE_EXTENSIONS.get() else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: the caller's parameters, with arrays of our own.
    unsafe {
        filter(
            |count, properties| all(device, layer, count, properties),
            count,
            properties,
        )
    }
}

/// # Safety
/// `count` is valid; `out` is null or has room for `*count` values.
unsafe fn filter(
    enumerate: impl Fn(*mut u32, *mut vk::ExtensionProperties) -> vk::Result,
    count: *mut u32,
    out: *mut vk::ExtensionProperties,
) -> vk::Result {
    let mut total = 0;
    let mut result = enumerate(&mut total, std::ptr::null_mut());
    let mut all = vec![vk::ExtensionProperties::default(); total as usize];
    if result == vk::Result::SUCCESS {
        result = enumerate(&mut total, all.as_mut_ptr());
    }
    if result != vk::Result::SUCCESS {
        return result;
    }
    all.retain(|extension| {
        let name = extension.extension_name_as_c_str().unwrap_or_default();
        !real().hides(&name.to_string_lossy())
    });
    // SAFETY: the caller guarantees it.
    unsafe {
        if out.is_null() {
            *count = all.len() as u32;
            return vk::Result::SUCCESS;
        }
        let room = (*count as usize).min(all.len());
        std::ptr::copy_nonoverlapping(all.as_ptr(), out, room);
        *count = room as u32;
        if room < all.len() {
            vk::Result::INCOMPLETE
        } else {
            vk::Result::SUCCESS
        }
    }
}
