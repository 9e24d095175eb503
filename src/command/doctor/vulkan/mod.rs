//! What loader, driver and layer answer to an application.
//!
//! This is an application: it makes a surface and a swapchain through the loader. The layer's own report and log
//! then say whether the layer took over.

mod device;
mod instance;
mod surface;
mod swapchain;
mod version;
mod window;

use ash::{Entry, vk};
pub use device::Device;
use instance::Instance;
use serde::{Deserialize, Serialize};
pub use surface::Surface;
use version::version;
use window::Window;

/// The findings.
#[derive(Serialize, Deserialize)]
pub struct Vulkan {
    /// The loader's version of Vulkan.
    pub version: String,
    /// The devices, in the loader's order: most applications take the first.
    pub devices: Vec<Device>,
}

/// On standard error, before the first query of the device with this number: the layer's log from here on is about
/// this device, also about its extensions, which depend on the surface.
pub const MARK: &str = "wayfence probe: device ";

impl Vulkan {
    /// Asks loader, layers and driver of this environment.
    ///
    /// # Errors
    /// Why there is no Vulkan to ask.
    pub fn look() -> Result<Self, String> {
        // SAFETY: the loader and what it loads may run their constructors: this process is for that.
        let entry = unsafe { Entry::load() }
            .map_err(|error| format!("there is no Vulkan loader: {error}"))?;
        // SAFETY: a plain query.
        let loader = unsafe { entry.try_enumerate_instance_version() }
            .ok()
            .flatten()
            .unwrap_or(vk::API_VERSION_1_0);
        let window = Window::open();
        let instance = Instance::new(&entry, loader.min(vk::API_VERSION_1_3))?;
        // SAFETY: a valid instance.
        let handles = unsafe { instance.raw.enumerate_physical_devices() }
            .map_err(|error| format!("vkEnumeratePhysicalDevices: {error}"))?;
        // Not earlier: layers above Wayfence query each device during enumeration. If the surface existed then,
        // Wayfence would log its decision about the surface before the first mark.
        let surface = match (&window, instance.has_wayland) {
            (Ok(window), true) => instance.surface(window),
            (Ok(_), false) => Err("the driver has no Wayland surfaces".to_owned()),
            (Err(error), _) => Err(error.clone()),
        };
        let devices = handles
            .iter()
            .enumerate()
            .map(|(number, device)| {
                eprintln!("{MARK}{number}");
                let mut found = Device::of(&instance, *device);
                found.surface = match &surface {
                    Ok(surface) => Surface::on(&instance, *device, *surface),
                    Err(error) => Err(error.clone()),
                }
                .into();
                found
            })
            .collect();
        // The findings are complete, and the process ends. Destroying the instance would only add the crashes of
        // other layers (MangoHud 0.8 on Wayland).
        std::mem::forget((entry, instance, window));
        Ok(Self {
            version: version(loader),
            devices,
        })
    }
}
