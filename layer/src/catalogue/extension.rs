//! The description of an extension.

use std::ffi::{CStr, c_void};

use ash::vk;
use wayfence::wayland;

use super::{
    command::Command,
    creation::Asked,
    per_swapchain::{Frame, PerSwapchain},
};
use crate::driver::{offer::Offer, physical_device::PhysicalDevice};

/// An extension that the layer knows.
pub struct Extension {
    /// Its names with their revisions: the newer one first, where an `EXT` was promoted to `KHR`.
    pub names: &'static [(&'static CStr, u32)],
    /// Whether instances or devices enable it.
    pub level: Level,
    /// Who has it.
    pub provider: Provider,
    /// What it needs of driver and compositor to be offered, or to be of use, for `docs/features.md`;
    /// empty: nothing beyond what the layer needs to own swapchains.
    #[cfg_attr(not(test), allow(dead_code, reason = "a test reads it"))]
    pub needs: &'static str,
    /// Whether it is possible on this driver.
    pub driver: fn(&PhysicalDevice) -> bool,
    /// An older name of the same, to enable on a driver that lacks it.
    pub in_its_place: Option<&'static CStr>,
    /// Its features.
    pub features: Option<Features>,
    /// The commands that the layer intercepts because of it.
    pub commands: &'static [Command],
    /// The colour spaces that every format has with it, beside `SRGB_NONLINEAR`.
    pub color_spaces: Option<fn(&wayland::Capabilities) -> Vec<vk::ColorSpaceKHR>>,
    /// Fills its structures in the chain of a `VkSurfaceCapabilities2KHR`.
    ///
    /// The chain is valid, and nobody else uses it.
    pub capabilities: Option<unsafe fn(&SurfaceQuery<'_>, *mut c_void)>,
    /// Fills its structures in the chain of the `VkSurfaceFormat2KHR` of a format.
    ///
    /// The chain is valid, and nobody else uses it.
    pub format: Option<unsafe fn(&Offer, vk::Format, *mut c_void)>,
    /// Reads its structures in the chain of a valid `VkSwapchainCreateInfoKHR`; an error is why the
    /// swapchain cannot be made.
    pub creation: Option<CreationHook>,
    /// Reads its structures in the valid chain of a `VkPresentInfoKHR`, for the swapchain at this index.
    pub present: Option<unsafe fn(*const c_void, usize, &mut Frame)>,
    /// Its structures with a value for each swapchain in that chain.
    pub per_swapchain: &'static [PerSwapchain],
}

/// See [`Extension::creation`].
pub type CreationHook =
    unsafe fn(&vk::SwapchainCreateInfoKHR<'_>, &mut Asked) -> Result<(), &'static str>;

/// What enables an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `vkCreateInstance`.
    Instance,
    /// `vkCreateDevice`.
    Device,
}

/// Who has an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The layer, and every driver for Wayland, so that it is listed everywhere.
    Everybody,
    /// The layer, on every driver: listed where the layer owns swapchains.
    Layer,
    /// The driver: the layer handles its use of the layer's objects.
    Driver,
    /// The driver, for swapchains of its own only: a device that enables it keeps them.
    OnlyDriver,
}

/// The structure of an extension's features: only `VkBool32` after its head.
pub struct Features {
    /// Its type.
    pub structure: vk::StructureType,
    /// For each of them, in order, whether the layer has it.
    pub supported: &'static [bool],
}

impl Features {
    /// A structure with one feature, which the layer has.
    pub const fn one(structure: vk::StructureType) -> Option<Self> {
        Some(Features {
            structure,
            supported: &[true],
        })
    }
}

/// What a `vkGetPhysicalDeviceSurfaceCapabilities2KHR` asks, and the answer so far.
pub struct SurfaceQuery<'a> {
    /// The question.
    pub info: &'a vk::PhysicalDeviceSurfaceInfo2KHR<'a>,
    /// The answer.
    pub capabilities: vk::SurfaceCapabilitiesKHR,
    /// What a surface of ours offers; `None` for one of the driver's, which does not know the extension.
    pub offer: Option<&'a Offer>,
}

impl Extension {
    /// An instance extension of the layer with these names and revisions.
    pub const fn instance(names: &'static [(&'static CStr, u32)]) -> Self {
        Extension {
            names,
            level: Level::Instance,
            provider: Provider::Layer,
            needs: "",
            driver: |_| true,
            in_its_place: None,
            features: None,
            commands: &[],
            color_spaces: None,
            capabilities: None,
            format: None,
            creation: None,
            present: None,
            per_swapchain: &[],
        }
    }

    /// A device extension of the layer with these names and revisions.
    pub const fn device(names: &'static [(&'static CStr, u32)]) -> Self {
        Extension {
            level: Level::Device,
            ..Self::instance(names)
        }
    }

    /// Whether it goes by this name.
    pub fn is_called(&self, name: &CStr) -> bool {
        self.names.iter().any(|(known, _)| *known == name)
    }

    /// Whether something has it by one of its names.
    pub fn is_had(&self, has: impl Fn(&CStr) -> bool) -> bool {
        self.names.iter().any(|(name, _)| has(name))
    }

    /// Whether the layer provides it.
    pub fn is_provided(&self) -> bool {
        matches!(self.provider, Provider::Everybody | Provider::Layer)
    }
}
