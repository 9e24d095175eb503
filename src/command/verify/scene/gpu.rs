//! The Vulkan instance, and the devices that it has.

use ash::{Entry, Instance, khr, vk};

use super::fault::Fault;
use super::window::Window;

/// An instance that can make surfaces of windows; it goes with the process.
pub struct Gpu {
    /// The loader.
    pub entry: Entry,
    /// The instance.
    pub instance: Instance,
    /// `VK_KHR_surface`.
    pub surfaces: khr::surface::Instance,
    /// The devices, in the loader's order: most applications take the first.
    pub devices: Vec<vk::PhysicalDevice>,
}

impl Gpu {
    /// # Errors
    /// If there is no loader, no device, or no way to make a surface of a window.
    pub fn new(window: &Window) -> Result<Self, Fault> {
        // SAFETY: the system's loader, whose initialisation is its own.
        let entry = unsafe { Entry::load() }
            .map_err(|error| Fault(format!("there is no Vulkan loader: {error}")))?;
        let (display, _) = window.handles()?;
        let extensions = ash_window::enumerate_required_extensions(display)
            .map_err(Fault::of("extensions of Wayland surfaces"))?;
        let application = vk::ApplicationInfo::default()
            .application_name(c"wayfence verify")
            .api_version(vk::API_VERSION_1_1);
        let info = vk::InstanceCreateInfo::default()
            .application_info(&application)
            .enabled_extension_names(extensions);
        // SAFETY: everything that the create info points to outlives the call.
        let instance = unsafe { entry.create_instance(&info, None) }.map_err(|error| {
            Fault(match error {
                vk::Result::ERROR_INCOMPATIBLE_DRIVER => "there is no Vulkan driver".to_owned(),
                vk::Result::ERROR_EXTENSION_NOT_PRESENT => {
                    "neither the Vulkan driver nor a layer knows Wayland".to_owned()
                }
                error => format!("vkCreateInstance: {error:?}"),
            })
        })?;
        // SAFETY: the instance is alive.
        let devices = unsafe { instance.enumerate_physical_devices() }
            .map_err(Fault::of("vkEnumeratePhysicalDevices"))?;
        if devices.is_empty() {
            return Err(Fault("there is no Vulkan device".to_owned()));
        }
        Ok(Self {
            surfaces: khr::surface::Instance::new(&entry, &instance),
            entry,
            instance,
            devices,
        })
    }

    /// A device's name and driver.
    pub fn name(&self, device: vk::PhysicalDevice) -> String {
        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
        // SAFETY: a device of this instance, and a structure that a driver of Vulkan 1.1 passes by.
        unsafe {
            self.instance
                .get_physical_device_properties2(device, &mut properties);
        }
        let text = |text: Result<&std::ffi::CStr, _>| {
            text.map_or_else(
                |_| String::new(),
                |text| text.to_string_lossy().into_owned(),
            )
        };
        let name = text(properties.properties.device_name_as_c_str());
        format!(
            "{name}, {} {}",
            text(driver.driver_name_as_c_str()),
            text(driver.driver_info_as_c_str())
        )
        .trim_matches([',', ' '])
        .to_owned()
    }

    /// Whether the device computes on the CPU.
    pub fn is_software(&self, device: vk::PhysicalDevice) -> bool {
        let mut properties = vk::PhysicalDeviceProperties2::default();
        // SAFETY: a device of this instance.
        unsafe {
            self.instance
                .get_physical_device_properties2(device, &mut properties);
        }
        properties.properties.device_type == vk::PhysicalDeviceType::CPU
    }

    /// Whether the device is surely not the one with this number.
    pub fn is_another(&self, device: vk::PhysicalDevice, number: libc::dev_t) -> bool {
        if !self.has(device, ash::ext::physical_device_drm::NAME) {
            return false;
        }
        let mut nodes = vk::PhysicalDeviceDrmPropertiesEXT::default();
        let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut nodes);
        // SAFETY: a device of this instance that has the extension of the chained structure.
        unsafe {
            self.instance
                .get_physical_device_properties2(device, &mut properties);
        }
        let number = (
            i64::from(libc::major(number)),
            i64::from(libc::minor(number)),
        );
        let primary = (
            nodes.has_primary != 0,
            (nodes.primary_major, nodes.primary_minor),
        );
        let render = (
            nodes.has_render != 0,
            (nodes.render_major, nodes.render_minor),
        );
        ![primary, render].contains(&(true, number))
    }

    /// Whether the device has the extension.
    pub fn has(&self, device: vk::PhysicalDevice, extension: &std::ffi::CStr) -> bool {
        // SAFETY: a device of this instance.
        unsafe { self.instance.enumerate_device_extension_properties(device) }
            .unwrap_or_default()
            .iter()
            .any(|known| known.extension_name_as_c_str() == Ok(extension))
    }

    /// How the device can lay out this format.
    pub fn layouts(
        &self,
        device: vk::PhysicalDevice,
        format: vk::Format,
    ) -> Vec<vk::DrmFormatModifierPropertiesEXT> {
        if !self.has(device, ash::ext::image_drm_format_modifier::NAME) {
            return Vec::new();
        }
        let ask = |into: &mut [vk::DrmFormatModifierPropertiesEXT]| {
            let mut list = vk::DrmFormatModifierPropertiesListEXT::default();
            if !into.is_empty() {
                list = list.drm_format_modifier_properties(into);
            }
            let mut properties = vk::FormatProperties2::default().push_next(&mut list);
            // SAFETY: a device of this instance that has the extension of the chained structure.
            unsafe {
                self.instance.get_physical_device_format_properties2(
                    device,
                    format,
                    &mut properties,
                );
            }
            list.drm_format_modifier_count as usize
        };
        let mut all = vec![vk::DrmFormatModifierPropertiesEXT::default(); ask(&mut [])];
        let count = ask(&mut all);
        all.truncate(count);
        all
    }
}
