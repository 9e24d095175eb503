//! A Vulkan surface and its queries.

use std::sync::Arc;

use ash::vk;

use crate::instance::Instance;
use crate::window::Window;

/// A surface of a window, or of nothing. Destroyed on drop, after everything made from it: that
/// holds an `Arc` of it.
pub struct Surface {
    /// The instance that it comes from.
    pub instance: Arc<Instance>,
    /// The window, unless it is headless.
    window: Option<Window>,
    /// The surface.
    pub raw: vk::SurfaceKHR,
}

impl Surface {
    /// The surface of a window.
    ///
    /// # Panics
    /// If the instance refuses.
    pub fn of_window(instance: &Arc<Instance>, window: Window) -> Arc<Self> {
        Self::try_of_window(instance, window)
            .unwrap_or_else(|error| panic!("vkCreateWaylandSurfaceKHR: {error}"))
    }

    /// The surface of a window.
    ///
    /// # Errors
    /// What `vkCreateWaylandSurfaceKHR` answers.
    pub fn try_of_window(
        instance: &Arc<Instance>,
        window: Window,
    ) -> Result<Arc<Self>, vk::Result> {
        let create_info = vk::WaylandSurfaceCreateInfoKHR::default()
            .display(window.display_ptr())
            .surface(window.surface_ptr());
        // SAFETY: display and surface outlive the surface, which owns the window.
        let raw = unsafe {
            instance
                .wayland_surface
                .create_wayland_surface(&create_info, None)
        }?;
        Ok(Arc::new(Self {
            instance: Arc::clone(instance),
            window: Some(window),
            raw,
        }))
    }

    /// A surface that shows nothing anywhere.
    ///
    /// # Panics
    /// If the instance refuses.
    pub fn headless(instance: &Arc<Instance>) -> Arc<Self> {
        // SAFETY: the create info has no content.
        let raw = unsafe {
            instance
                .headless_surface
                .create_headless_surface(&vk::HeadlessSurfaceCreateInfoEXT::default(), None)
        }
        .unwrap_or_else(|error| panic!("vkCreateHeadlessSurfaceEXT: {error}"));
        Arc::new(Self {
            instance: Arc::clone(instance),
            window: None,
            raw,
        })
    }

    /// The window.
    ///
    /// # Panics
    /// If the surface is headless.
    pub fn window(&self) -> &Window {
        self.window.as_ref().expect("a headless surface has none")
    }

    /// Lets the window answer its compositor; nothing to do for a headless surface.
    pub fn dispatch(&self) {
        if let Some(window) = &self.window {
            // The swapchain reports a dead compositor.
            let _ = window.dispatch();
        }
    }

    /// `vkGetPhysicalDeviceSurfaceSupportKHR`.
    ///
    /// # Errors
    /// What it answers; so for all queries here.
    pub fn is_supported(
        &self,
        device: vk::PhysicalDevice,
        queue_family: u32,
    ) -> Result<bool, vk::Result> {
        // SAFETY: surface and device are of the same living instance; so for all queries here.
        unsafe {
            self.instance.surface.get_physical_device_surface_support(
                device,
                queue_family,
                self.raw,
            )
        }
    }

    /// `vkGetPhysicalDeviceSurfaceCapabilitiesKHR`.
    pub fn capabilities(
        &self,
        device: vk::PhysicalDevice,
    ) -> Result<vk::SurfaceCapabilitiesKHR, vk::Result> {
        // SAFETY: see `is_supported`.
        unsafe {
            self.instance
                .surface
                .get_physical_device_surface_capabilities(device, self.raw)
        }
    }

    /// `vkGetPhysicalDeviceSurfaceFormatsKHR`.
    pub fn formats(
        &self,
        device: vk::PhysicalDevice,
    ) -> Result<Vec<vk::SurfaceFormatKHR>, vk::Result> {
        // SAFETY: see `is_supported`.
        unsafe {
            self.instance
                .surface
                .get_physical_device_surface_formats(device, self.raw)
        }
    }

    /// `vkGetPhysicalDeviceSurfacePresentModesKHR`.
    pub fn present_modes(
        &self,
        device: vk::PhysicalDevice,
    ) -> Result<Vec<vk::PresentModeKHR>, vk::Result> {
        // SAFETY: see `is_supported`.
        unsafe {
            self.instance
                .surface
                .get_physical_device_surface_present_modes(device, self.raw)
        }
    }

    /// `vkGetPhysicalDeviceSurfaceCapabilities2KHR`.
    pub fn capabilities2(
        &self,
        device: vk::PhysicalDevice,
    ) -> Result<vk::SurfaceCapabilitiesKHR, vk::Result> {
        let mut answer = vk::SurfaceCapabilities2KHR::default();
        // SAFETY: neither has a chain.
        unsafe { self.ask_capabilities2(device, &self.info2(), &mut answer)? };
        Ok(answer.surface_capabilities)
    }

    /// The same, with the chains of question and answer.
    ///
    /// # Errors
    /// What it answers.
    ///
    /// # Safety
    /// Both chains are valid, of structures that the query knows.
    pub unsafe fn ask_capabilities2(
        &self,
        device: vk::PhysicalDevice,
        info: &vk::PhysicalDeviceSurfaceInfo2KHR<'_>,
        answer: &mut vk::SurfaceCapabilities2KHR<'_>,
    ) -> Result<(), vk::Result> {
        // SAFETY: see `is_supported`; the caller guarantees the chains.
        unsafe {
            self.instance
                .capabilities2
                .get_physical_device_surface_capabilities2(device, info, answer)
        }
    }

    /// `vkGetPhysicalDeviceSurfaceFormats2KHR`.
    pub fn formats2(
        &self,
        device: vk::PhysicalDevice,
    ) -> Result<Vec<vk::SurfaceFormatKHR>, vk::Result> {
        // SAFETY: see `is_supported`; each array has the length that is passed for it.
        unsafe {
            let functions = &self.instance.capabilities2;
            let count =
                functions.get_physical_device_surface_formats2_len(device, &self.info2())?;
            let mut formats = vec![vk::SurfaceFormat2KHR::default(); count];
            functions.get_physical_device_surface_formats2(device, &self.info2(), &mut formats)?;
            Ok(formats.iter().map(|format| format.surface_format).collect())
        }
    }

    /// The argument of the queries whose names end in 2.
    pub fn info2(&self) -> vk::PhysicalDeviceSurfaceInfo2KHR<'static> {
        vk::PhysicalDeviceSurfaceInfo2KHR::default().surface(self.raw)
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        // SAFETY: every swapchain of the surface held an `Arc` of it, so it is gone. The window's
        // objects are destroyed after this, as the specification wants.
        unsafe { self.instance.surface.destroy_surface(self.raw, None) };
    }
}
