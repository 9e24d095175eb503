//! What loader, driver and layer answer to an application, asked as one.
//!
//! Whether the layer takes over is not worked out here: a surface is made and a swapchain on it,
//! through the loader, and the layer's own report and log say what became of it.

use std::collections::{BTreeMap, HashSet};
use std::env;
use std::ffi::{CStr, CString};

use super::{Looked, compositor};
use ash::{Entry, ext, khr, vk};
use serde::{Deserialize, Serialize};
use wayfence::colour;
use wayfence::format::{self, modifier_name};
use wayfence::present_mode::PresentMode;
use wayfence::report::{self, SwapchainReport};
use wayland_client::globals::{GlobalListContents, registry_queue_init};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, delegate_noop};

/// What was found.
#[derive(Serialize, Deserialize)]
pub struct Vulkan {
    /// The loader's version of Vulkan.
    pub version: String,
    /// The devices, in the loader's order: most applications take the first.
    pub devices: Vec<Device>,
}

/// One physical device.
#[derive(Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// The driver's name and version, if it tells.
    pub driver: String,
    /// Its version of Vulkan.
    pub version: String,
    /// Whether it computes on the CPU.
    pub is_software: bool,
    /// The extensions that the layer needs, and whether they are there.
    pub extensions: BTreeMap<String, bool>,
    /// Whether semaphores become sync_files and come from them.
    pub semaphore_sync_files: bool,
    /// Whether fences come from sync_files.
    pub fence_sync_files: bool,
    /// The DRM format modifiers of the formats that a Vulkan surface can have.
    pub formats: BTreeMap<String, Vec<String>>,
    /// What a surface offers on it; an error without a compositor.
    pub surface: Looked<Surface>,
}

/// What a surface offers on a device.
#[derive(Serialize, Deserialize)]
pub struct Surface {
    /// Its formats.
    pub formats: Vec<String>,
    /// The colour spaces in which it has some of them.
    pub color_spaces: Vec<String>,
    /// Its present modes.
    pub present_modes: Vec<String>,
    /// The layer's report on a swapchain that was made and not used; none if the layer did not own
    /// it, an error if it could not be made.
    pub swapchain: Looked<Option<SwapchainReport>>,
}

/// The layer's needs that drivers lack, with the version of Vulkan that has taken them in.
const NEEDS: &[(&CStr, u32)] = &[
    (khr::image_format_list::NAME, vk::API_VERSION_1_2),
    (khr::external_memory_fd::NAME, u32::MAX),
    (khr::external_semaphore_fd::NAME, u32::MAX),
    (khr::external_fence_fd::NAME, u32::MAX),
    (ext::external_memory_dma_buf::NAME, u32::MAX),
    (ext::image_drm_format_modifier::NAME, u32::MAX),
    (ext::queue_family_foreign::NAME, u32::MAX),
];

/// On standard error, before the device with this number is asked anything: what the layer logs from here
/// on is about it, and what extensions it has depends on the surface already.
pub const MARK: &str = "wayfence probe: device ";

impl Vulkan {
    /// Asks loader, layers and driver of this environment.
    ///
    /// # Errors
    /// Why there are none to ask.
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
        // Not before: layers above ours ask about each device when they are enumerated, and with a surface
        // there the layer would say what it does with it before the first mark.
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
                let mut found = instance.device(*device);
                found.surface = match &surface {
                    Ok(surface) => instance.surface_on(*device, *surface),
                    Err(error) => Err(error.clone()),
                }
                .into();
                found
            })
            .collect();
        // All is found out, and the process ends: layers that crash when an instance goes (MangoHud 0.8
        // does on Wayland) are not what was asked about.
        std::mem::forget((entry, instance, window));
        Ok(Self {
            version: version(loader),
            devices,
        })
    }
}

/// An instance.
struct Instance {
    raw: ash::Instance,
    surfaces: khr::surface::Instance,
    wayland: khr::wayland_surface::Instance,
    has_wayland: bool,
    version: u32,
}

impl Instance {
    fn new(entry: &Entry, version: u32) -> Result<Self, String> {
        let application = vk::ApplicationInfo::default()
            .application_name(c"wayfence doctor")
            .api_version(version);
        let create = |extensions: &[&CStr]| {
            let names: Vec<_> = extensions.iter().map(|name| name.as_ptr()).collect();
            let info = vk::InstanceCreateInfo::default()
                .application_info(&application)
                .enabled_extension_names(&names);
            // SAFETY: everything that the create info points to is alive.
            unsafe { entry.create_instance(&info, None) }
        };
        let mut has_wayland = true;
        let wayland = [
            khr::surface::NAME,
            khr::wayland_surface::NAME,
            ext::swapchain_colorspace::NAME,
        ];
        let without = |error, extensions: &[&CStr]| match error {
            vk::Result::ERROR_EXTENSION_NOT_PRESENT => create(extensions),
            error => Err(error),
        };
        let created = create(&wayland)
            .or_else(|error| without(error, &wayland[..2]))
            .or_else(|error| {
                has_wayland = false;
                without(error, &[])
            });
        let raw = created.map_err(|error| match error {
            vk::Result::ERROR_INCOMPATIBLE_DRIVER => "there is no Vulkan driver".to_owned(),
            error => format!("vkCreateInstance: {error}"),
        })?;
        Ok(Self {
            surfaces: khr::surface::Instance::new(entry, &raw),
            wayland: khr::wayland_surface::Instance::new(entry, &raw),
            raw,
            has_wayland,
            version,
        })
    }

    fn surface(&self, window: &Window) -> Result<vk::SurfaceKHR, String> {
        let info = vk::WaylandSurfaceCreateInfoKHR::default()
            .display(window.connection.backend().display_ptr().cast())
            .surface(window.surface.id().as_ptr().cast());
        // SAFETY: a live display and surface, which the window keeps longer than the instance.
        unsafe { self.wayland.create_wayland_surface(&info, None) }
            .map_err(|error| format!("vkCreateWaylandSurfaceKHR: {error}"))
    }

    /// What a device says of itself; nothing about a surface yet.
    fn device(&self, device: vk::PhysicalDevice) -> Device {
        // SAFETY: a device of this instance.
        let properties = unsafe { self.raw.get_physical_device_properties(device) };
        let shared_version = properties.api_version.min(self.version);
        let known = self.extensions(device);
        let has = |name: &CStr| known.contains(name);
        let extensions = NEEDS
            .iter()
            .filter(|(_, core_since)| shared_version < *core_since)
            .map(|(name, _)| (name.to_string_lossy().into_owned(), has(name)))
            .collect();
        let modern = shared_version >= vk::API_VERSION_1_1;
        Device {
            name: text(properties.device_name_as_c_str().ok()),
            driver: if shared_version >= vk::API_VERSION_1_2 {
                self.driver(device)
            } else {
                String::new()
            },
            version: version(properties.api_version),
            is_software: properties.device_type == vk::PhysicalDeviceType::CPU,
            extensions,
            semaphore_sync_files: modern
                && has(khr::external_semaphore_fd::NAME)
                && self.has_semaphore_sync_files(device),
            fence_sync_files: modern
                && has(khr::external_fence_fd::NAME)
                && self.has_fence_sync_files(device),
            formats: if modern && has(ext::image_drm_format_modifier::NAME) {
                self.modifiers(device, shared_version, has)
            } else {
                BTreeMap::new()
            },
            surface: Err(String::new()).into(),
        }
    }

    fn extensions(&self, device: vk::PhysicalDevice) -> HashSet<CString> {
        // SAFETY: a device of this instance.
        unsafe { self.raw.enumerate_device_extension_properties(device) }
            .unwrap_or_default()
            .iter()
            .filter_map(|extension| Some(extension.extension_name_as_c_str().ok()?.to_owned()))
            .collect()
    }

    /// Of Vulkan 1.2.
    fn driver(&self, device: vk::PhysicalDevice) -> String {
        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
        // SAFETY: a device of this instance that has Vulkan 1.2, and structures of it.
        unsafe {
            self.raw
                .get_physical_device_properties2(device, &mut properties);
        }
        format!(
            "{} {}",
            text(driver.driver_name_as_c_str().ok()),
            text(driver.driver_info_as_c_str().ok())
        )
        .trim()
        .to_owned()
    }

    /// Of Vulkan 1.1.
    fn has_semaphore_sync_files(&self, device: vk::PhysicalDevice) -> bool {
        let info = vk::PhysicalDeviceExternalSemaphoreInfo::default()
            .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD);
        let mut answer = vk::ExternalSemaphoreProperties::default();
        // SAFETY: a device of this instance that has Vulkan 1.1.
        unsafe {
            self.raw
                .get_physical_device_external_semaphore_properties(device, &info, &mut answer);
        }
        answer.external_semaphore_features.contains(
            vk::ExternalSemaphoreFeatureFlags::EXPORTABLE
                | vk::ExternalSemaphoreFeatureFlags::IMPORTABLE,
        )
    }

    /// Of Vulkan 1.1.
    fn has_fence_sync_files(&self, device: vk::PhysicalDevice) -> bool {
        let info = vk::PhysicalDeviceExternalFenceInfo::default()
            .handle_type(vk::ExternalFenceHandleTypeFlags::SYNC_FD);
        let mut answer = vk::ExternalFenceProperties::default();
        // SAFETY: a device of this instance that has Vulkan 1.1.
        unsafe {
            self.raw
                .get_physical_device_external_fence_properties(device, &info, &mut answer);
        }
        answer
            .external_fence_features
            .contains(vk::ExternalFenceFeatureFlags::IMPORTABLE)
    }

    /// Of Vulkan 1.1 and `VK_EXT_image_drm_format_modifier`.
    fn modifiers(
        &self,
        device: vk::PhysicalDevice,
        version: u32,
        has: impl Fn(&CStr) -> bool,
    ) -> BTreeMap<String, Vec<String>> {
        let ask = |format: vk::Format, into: &mut [vk::DrmFormatModifierPropertiesEXT]| {
            let mut list = vk::DrmFormatModifierPropertiesListEXT::default();
            if !into.is_empty() {
                list = list.drm_format_modifier_properties(into);
            }
            let mut properties = vk::FormatProperties2::default().push_next(&mut list);
            // SAFETY: a device of this instance that has the extension of the chained structure.
            unsafe {
                self.raw
                    .get_physical_device_format_properties2(device, format, &mut properties);
            }
            list.drm_format_modifier_count as usize
        };
        format::all()
            .iter()
            .filter(|format| format.is_known(version, &has))
            .filter_map(|format| {
                let count = ask(format.vk, &mut []);
                let mut modifiers = vec![vk::DrmFormatModifierPropertiesEXT::default(); count];
                let count = ask(format.vk, &mut modifiers).min(count);
                let names: Vec<_> = modifiers[..count]
                    .iter()
                    .map(|of| modifier_name(of.drm_format_modifier))
                    .collect();
                (!names.is_empty()).then(|| (format.to_string(), names))
            })
            .collect()
    }

    /// What the surface offers on the device, and what becomes of a swapchain there.
    fn surface_on(
        &self,
        device: vk::PhysicalDevice,
        surface: vk::SurfaceKHR,
    ) -> Result<Surface, String> {
        let family = self.presenting_family(device, surface)?;
        // SAFETY: a device and a surface of this instance.
        let (formats, present_modes) = unsafe {
            (
                self.surfaces
                    .get_physical_device_surface_formats(device, surface),
                self.surfaces
                    .get_physical_device_surface_present_modes(device, surface),
            )
        };
        let formats =
            formats.map_err(|error| format!("vkGetPhysicalDeviceSurfaceFormatsKHR: {error}"))?;
        let present_modes = present_modes
            .map_err(|error| format!("vkGetPhysicalDeviceSurfacePresentModesKHR: {error}"))?;
        let swapchain = match formats.first() {
            Some(format) => self.swapchain(device, surface, family, *format),
            None => Err("the surface offers no format".to_owned()),
        };
        let mut names: Vec<String> = Vec::new();
        let mut color_spaces: Vec<String> = Vec::new();
        let add = |names: &mut Vec<String>, name| {
            // Once for each colour space, or format.
            if !names.contains(&name) {
                names.push(name);
            }
        };
        for format in &formats {
            add(&mut names, format!("{:?}", format.format));
            let space = colour::from_vk(format.color_space);
            let unknown = || format!("{:?}", format.color_space);
            add(
                &mut color_spaces,
                space.map_or_else(unknown, ToString::to_string),
            );
        }
        Ok(Surface {
            formats: names,
            color_spaces,
            present_modes: present_modes
                .iter()
                .map(|mode| present_mode(*mode))
                .collect(),
            swapchain: swapchain.into(),
        })
    }

    fn presenting_family(
        &self,
        device: vk::PhysicalDevice,
        surface: vk::SurfaceKHR,
    ) -> Result<u32, String> {
        // SAFETY: a device of this instance.
        let families = unsafe { self.raw.get_physical_device_queue_family_properties(device) };
        (0..families.len() as u32)
            .find(|family| {
                // SAFETY: a device and a surface of this instance, and a family that the device has.
                unsafe {
                    self.surfaces
                        .get_physical_device_surface_support(device, *family, surface)
                }
                .unwrap_or(false)
            })
            .ok_or_else(|| "no queue can present to the surface".to_owned())
    }

    /// Makes a swapchain and destroys it; answers what the layer reported of it.
    fn swapchain(
        &self,
        device: vk::PhysicalDevice,
        surface: vk::SurfaceKHR,
        family: u32,
        format: vk::SurfaceFormatKHR,
    ) -> Result<Option<SwapchainReport>, String> {
        // SAFETY: a device and a surface of this instance.
        let capabilities = unsafe {
            self.surfaces
                .get_physical_device_surface_capabilities(device, surface)
        }
        .map_err(|error| format!("vkGetPhysicalDeviceSurfaceCapabilitiesKHR: {error}"))?;
        let queues = [vk::DeviceQueueCreateInfo::default()
            .queue_family_index(family)
            .queue_priorities(&[1.0])];
        let names = [khr::swapchain::NAME.as_ptr()];
        let info = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&names);
        // SAFETY: everything that the create info points to is alive.
        let logical = unsafe { self.raw.create_device(device, &info, None) }
            .map_err(|error| format!("vkCreateDevice: {error}"))?;
        let alpha = [
            vk::CompositeAlphaFlagsKHR::OPAQUE,
            vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED,
            vk::CompositeAlphaFlagsKHR::INHERIT,
        ]
        .into_iter()
        .find(|alpha| capabilities.supported_composite_alpha.contains(*alpha))
        .unwrap_or(vk::CompositeAlphaFlagsKHR::OPAQUE);
        let info = vk::SwapchainCreateInfoKHR::default()
            .surface(surface)
            .min_image_count(capabilities.min_image_count)
            .image_format(format.format)
            .image_color_space(format.color_space)
            .image_extent(vk::Extent2D {
                width: 64,
                height: 64,
            })
            .image_array_layers(1)
            .image_usage(vk::ImageUsageFlags::COLOR_ATTACHMENT)
            .pre_transform(capabilities.current_transform)
            .composite_alpha(alpha)
            .present_mode(vk::PresentModeKHR::FIFO);
        let swapchains = khr::swapchain::Device::new(&self.raw, &logical);
        let before = reports();
        // SAFETY: a device with the extension, and a surface without a swapchain; nothing is done with
        // the images, so both can be destroyed at once.
        let created = unsafe {
            let created = swapchains.create_swapchain(&info, None);
            if let Ok(swapchain) = created {
                swapchains.destroy_swapchain(swapchain, None);
            }
            logical.destroy_device(None);
            created
        };
        created.map_err(|error| format!("vkCreateSwapchainKHR: {error}"))?;
        Ok(reports().into_iter().nth(before.len()))
    }
}

/// What the layer has reported so far.
fn reports() -> Vec<SwapchainReport> {
    env::var_os("WAYFENCE_REPORT")
        .and_then(|file| report::read(file).ok())
        .unwrap_or_default()
}

fn version(version: u32) -> String {
    format!(
        "{}.{}.{}",
        vk::api_version_major(version),
        vk::api_version_minor(version),
        vk::api_version_patch(version)
    )
}

/// The mode's name, without its prefix.
fn present_mode(mode: vk::PresentModeKHR) -> String {
    match mode {
        FIFO_LATEST_READY => PresentMode::FifoLatestReady.name().to_owned(),
        mode => format!("{mode:?}"),
    }
}

/// `VK_PRESENT_MODE_FIFO_LATEST_READY_KHR`, which is newer than our Vulkan definitions.
const FIFO_LATEST_READY: vk::PresentModeKHR = vk::PresentModeKHR::from_raw(1_000_361_000);

fn text(name: Option<&CStr>) -> String {
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// A `wl_surface` that is never shown.
struct Window {
    connection: Connection,
    surface: WlSurface,
}

impl Window {
    fn open() -> Result<Self, String> {
        let connection = compositor::connect()?;
        let (globals, queue) =
            registry_queue_init::<Nothing>(&connection).map_err(|error| error.to_string())?;
        let compositor: WlCompositor = globals
            .bind(&queue.handle(), 1..=6, ())
            .map_err(|error| error.to_string())?;
        let surface = compositor.create_surface(&queue.handle(), ());
        Ok(Self {
            connection,
            surface,
        })
    }
}

struct Nothing;

impl Dispatch<WlRegistry, GlobalListContents> for Nothing {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

delegate_noop!(Nothing: WlCompositor);
delegate_noop!(Nothing: ignore WlSurface);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_present_mode_has_a_name() {
        let modes = [
            vk::PresentModeKHR::IMMEDIATE,
            vk::PresentModeKHR::MAILBOX,
            vk::PresentModeKHR::FIFO,
            vk::PresentModeKHR::FIFO_RELAXED,
            FIFO_LATEST_READY,
        ];
        for mode in modes.map(present_mode) {
            let known = PresentMode::ALL.iter().any(|known| known.name() == mode);
            assert!(known, "{mode}");
        }
    }
}
