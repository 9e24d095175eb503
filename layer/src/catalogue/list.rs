//! A list of extensions: what is enumerated, features, structures that a driver does not get, commands, and
//! what their structures say about a surface, a swapchain or a present.

use std::ffi::{CStr, c_void};

use ash::vk;
use wayfence::wayland;

use super::{
    command::Command,
    creation::Asked,
    extension::{Extension, Level, Provider, SurfaceQuery},
    per_swapchain::{Frame, PerSwapchain},
    properties::properties,
};
use crate::{
    driver::offer::Offer,
    vulkan::{p_next, registry::FeaturesHead, structures},
};

/// A list of extensions.
#[derive(Clone, Copy)]
pub struct List(&'static [&'static Extension]);

impl List {
    /// These.
    pub const fn of(extensions: &'static [&'static Extension]) -> Self {
        List(extensions)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'static Extension> {
        self.0.iter().copied()
    }

    /// Those that the layer provides.
    pub fn provided(self, level: Level) -> impl Iterator<Item = &'static Extension> {
        self.iter()
            .filter(move |extension| extension.level == level && extension.is_provided())
    }

    /// The properties of those that the layer provides and that are wanted, as an enumeration gives them.
    pub fn properties(
        self,
        level: Level,
        is_wanted: impl Fn(&Extension) -> bool,
    ) -> Vec<vk::ExtensionProperties> {
        self.provided(level)
            .filter(|extension| is_wanted(extension))
            .flat_map(|extension| extension.names)
            .map(|(name, revision)| properties(name, *revision))
            .collect()
    }

    /// The names of those that the layer provides and that are wanted.
    pub fn names(self, level: Level, is_wanted: impl Fn(&Extension) -> bool) -> Vec<&'static CStr> {
        self.provided(level)
            .filter(|extension| is_wanted(extension))
            .flat_map(|extension| extension.names)
            .map(|(name, _)| *name)
            .collect()
    }

    /// Whether the layer provides a device extension of this name.
    pub fn provides(self, name: &CStr) -> bool {
        self.provided(Level::Device)
            .any(|extension| extension.is_called(name))
    }

    /// The older names to enable on a driver that lacks enabled extensions of the layer.
    pub fn in_place_of(
        self,
        is_enabled: impl Fn(&CStr) -> bool,
        has: impl Fn(&CStr) -> bool,
    ) -> impl Iterator<Item = &'static CStr> {
        self.provided(Level::Device)
            .filter(move |one| one.is_had(&is_enabled) && !one.is_had(&has))
            .filter_map(|one| one.in_its_place)
    }

    /// The extensions, of those that `has` knows, that only a driver's own swapchains support.
    pub fn only_below(self, has: impl Fn(&CStr) -> bool) -> Vec<&'static str> {
        self.iter()
            .filter(|extension| extension.provider == Provider::OnlyDriver)
            .flat_map(|extension| extension.names)
            .filter(|(name, _)| has(name))
            .filter_map(|(name, _)| name.to_str().ok())
            .collect()
    }

    /// The command of this name.
    pub fn command(self, name: &CStr) -> Option<&'static Command> {
        self.iter()
            .flat_map(|extension| extension.commands)
            .find(|command| command.name == name)
    }

    /// Sets the features of wanted extensions in the chain of a `VkPhysicalDeviceFeatures2`.
    ///
    /// # Safety
    /// `chain` is a valid chain that the caller may write to.
    pub unsafe fn fill_features(self, chain: *mut c_void, is_wanted: impl Fn(&Extension) -> bool) {
        let wanted = |extension: &&Extension| is_wanted(extension);
        for extension in self.provided(Level::Device).filter(wanted) {
            let Some(features) = &extension.features else {
                continue;
            };
            // SAFETY: the caller guarantees a valid chain.
            let found = unsafe { p_next::find_type(chain, features.structure) };
            if found.is_null() {
                continue;
            }
            for (at, _) in features.supported.iter().enumerate().filter(|(_, is)| **is) {
                // SAFETY: the structure of this type has so many `VkBool32` after its head.
                unsafe {
                    let first = found.cast_mut().cast::<FeaturesHead>().add(1);
                    *first.cast::<vk::Bool32>().add(at) = vk::TRUE;
                }
            }
        }
    }

    /// Whether a structure in a device's chain is kept from the driver: one of features of ours, if no name of
    /// the extension `is_passed` down.
    pub fn withholds(
        self,
        structure: vk::StructureType,
        is_passed: impl Fn(&CStr) -> bool,
    ) -> bool {
        self.provided(Level::Device).any(|extension| {
            let features = extension.features.as_ref();
            features.is_some_and(|features| features.structure == structure)
                && !extension.is_had(&is_passed)
        })
    }

    /// The size in bytes of the structure of features, if it is of this type.
    pub fn size_of_features(self, structure: vk::StructureType) -> Option<usize> {
        self.iter()
            .filter_map(|extension| extension.features.as_ref())
            .find(|features| features.structure == structure)
            .map(|features| structures::features(features.supported.len()))
    }

    /// The colour spaces that every format has in an instance with these extensions.
    pub fn color_spaces(
        self,
        has: impl Fn(&CStr) -> bool,
        compositor: &wayland::Capabilities,
    ) -> Vec<vk::ColorSpaceKHR> {
        let more = self
            .iter()
            .filter(|extension| extension.is_had(&has))
            .filter_map(|extension| extension.color_spaces)
            .flat_map(|of| of(compositor));
        std::iter::once(vk::ColorSpaceKHR::SRGB_NONLINEAR)
            .chain(more)
            .collect()
    }

    /// Fills the chain of a `VkSurfaceCapabilities2KHR` for wanted extensions.
    ///
    /// # Safety
    /// `chain` and that of the question are valid, and nobody else uses `chain`.
    pub unsafe fn fill_capabilities(
        self,
        query: &SurfaceQuery<'_>,
        chain: *mut c_void,
        is_wanted: impl Fn(&Extension) -> bool,
    ) {
        for extension in self.iter().filter(|extension| is_wanted(extension)) {
            if let Some(fill) = extension.capabilities {
                // SAFETY: the caller guarantees it.
                unsafe { fill(query, chain) };
            }
        }
    }

    /// Fills the chain of the `VkSurfaceFormat2KHR` of this format.
    ///
    /// # Safety
    /// `chain` is valid, and nobody else uses it.
    pub unsafe fn fill_format(self, offer: &Offer, format: vk::Format, chain: *mut c_void) {
        for extension in self.iter() {
            if let Some(fill) = extension.format {
                // SAFETY: the caller guarantees it.
                unsafe { fill(offer, format, chain) };
            }
        }
    }

    /// What the chain of a swapchain's create info asks for, of the extensions that are wanted.
    ///
    /// # Safety
    /// `info` is valid with its chain.
    ///
    /// # Errors
    /// Why it is impossible.
    pub unsafe fn read_creation(
        self,
        info: &vk::SwapchainCreateInfoKHR<'_>,
        is_wanted: impl Fn(&Extension) -> bool,
    ) -> Result<Asked, &'static str> {
        let mut asked = Asked::default();
        for extension in self.iter().filter(|extension| is_wanted(extension)) {
            if let Some(read) = extension.creation {
                // SAFETY: the caller guarantees it.
                unsafe { read(info, &mut asked) }?;
            }
        }
        Ok(asked)
    }

    /// Reads what the chain of a `VkPresentInfoKHR` says about the swapchain at this index.
    ///
    /// # Safety
    /// `chain` is valid.
    pub unsafe fn read_present(self, chain: *const c_void, at: usize, frame: &mut Frame) {
        for extension in self.iter() {
            if let Some(read) = extension.present {
                // SAFETY: the caller guarantees it.
                unsafe { read(chain, at, frame) };
            }
        }
    }

    /// The structures of such a chain with a value for each swapchain.
    pub fn per_swapchain(self) -> impl Iterator<Item = &'static PerSwapchain> {
        self.iter().flat_map(|extension| extension.per_swapchain)
    }
}
