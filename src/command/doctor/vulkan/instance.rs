//! An instance of Vulkan.

use std::ffi::CStr;

use ash::{Entry, ext, khr, vk};

use super::window::Window;

/// An instance.
pub struct Instance {
    /// The instance.
    pub raw: ash::Instance,
    /// `VK_KHR_surface`.
    pub surfaces: khr::surface::Instance,
    wayland: khr::wayland_surface::Instance,
    /// Whether it has Wayland surfaces.
    pub has_wayland: bool,
    /// Its version of Vulkan.
    pub version: u32,
}

impl Instance {
    /// An instance of this version, with Wayland surfaces and their colour spaces where there are some.
    ///
    /// # Errors
    /// Why there is none.
    pub fn new(entry: &Entry, version: u32) -> Result<Self, String> {
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

    /// A surface of the window.
    ///
    /// # Errors
    /// What `vkCreateWaylandSurfaceKHR` answers.
    pub fn surface(&self, window: &Window) -> Result<vk::SurfaceKHR, String> {
        let info = vk::WaylandSurfaceCreateInfoKHR::default()
            .display(window.display_ptr())
            .surface(window.surface_ptr());
        // SAFETY: a live display and surface, which the window keeps longer than the instance.
        unsafe { self.wayland.create_wayland_surface(&info, None) }
            .map_err(|error| format!("vkCreateWaylandSurfaceKHR: {error}"))
    }
}
