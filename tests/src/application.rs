//! A window with its surface and a device that draws on it: what most tests begin with.

use std::ffi::CStr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::device::Device;
use ash::{khr, vk};

use crate::instance::{HEADLESS, Instance, Options, WAYLAND};
use crate::surface::Surface;
use crate::swapchain::{Swapchain, Wanted};
use crate::window::Window;

/// An application with one window.
pub struct Application {
    /// The window's surface.
    pub surface: Arc<Surface>,
    /// The device that draws on it.
    pub device: Arc<Device>,
}

impl Application {
    /// An application of Vulkan 1.1 on Wayland.
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    /// An application with this kind of instance.
    pub fn with(options: Options<'_>) -> Self {
        // The window first: then the first panic names what one would set up first on this machine.
        let window = Window::open();
        let instance = Instance::new(options);
        let surface = Surface::of_window(&instance, window);
        let device = Device::new(&instance);
        Self { surface, device }
    }

    /// An application of Vulkan 1.1 whose window is on the test's own compositor, at the other end of this
    /// socket.
    pub fn at(socket: UnixStream) -> Self {
        Self::at_with(
            socket,
            &[],
            &[],
            &mut vk::PhysicalDeviceFeatures2::default(),
        )
    }

    /// The same, with more extensions of instance and device, and with these features.
    pub fn at_with(
        socket: UnixStream,
        of_instance: &[&CStr],
        of_device: &[&CStr],
        features: &mut vk::PhysicalDeviceFeatures2<'_>,
    ) -> Self {
        let window = Window::open_at(socket);
        let instance = Instance::new(Options {
            extensions: &[WAYLAND, of_instance].concat(),
            ..Options::default()
        });
        let surface = Surface::of_window(&instance, window);
        let extensions = [&[khr::swapchain::NAME], of_device].concat();
        let device = Device::with_features(&instance, &extensions, features);
        Self { surface, device }
    }

    /// An application without a display.
    pub fn headless() -> Self {
        let instance = Instance::new(Options {
            extensions: HEADLESS,
            ..Options::default()
        });
        let surface = Surface::headless(&instance);
        let device = Device::new(&instance);
        Self { surface, device }
    }

    /// Another application in the same process and on the same connection to the compositor, with
    /// the same device.
    pub fn second_window(&self) -> Self {
        let window = self.surface.window().open_beside();
        Self {
            surface: Surface::of_window(&self.device.instance, window),
            device: Arc::clone(&self.device),
        }
    }

    /// A swapchain of 256x256 pixels with three images, FIFO, opaque, in the surface's first
    /// format.
    pub fn swapchain(&self) -> Swapchain {
        self.swapchain_with(Wanted::default())
    }

    /// A swapchain like this.
    ///
    /// # Panics
    /// If it cannot be created.
    pub fn swapchain_with(&self, wanted: Wanted) -> Swapchain {
        self.try_swapchain(wanted)
            .unwrap_or_else(|error| panic!("vkCreateSwapchainKHR: {error}"))
    }

    /// A swapchain like this.
    ///
    /// # Errors
    /// What `vkCreateSwapchainKHR` answers.
    pub fn try_swapchain(&self, wanted: Wanted) -> Result<Swapchain, ash::vk::Result> {
        Swapchain::new(&self.device, &self.surface, wanted)
    }
}

impl Default for Application {
    fn default() -> Self {
        Self::new()
    }
}
