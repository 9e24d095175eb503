//! The extensions that the layer provides or has to know, each in a file of its own, and what follows
//! from their list: what is enumerated, features, structures that a driver does not get, commands,
//! manifest and documentation.

mod calibrated_timestamps;
pub mod command;
mod debug_marker;
mod debug_utils;
mod device_group;
mod display_control;
mod display_surface_counter;
mod extension;
mod get_physical_device_properties2;
mod get_surface_capabilities2;
mod google_display_timing;
pub mod google_surfaceless_query;
mod hdr_metadata;
mod image_compression_control_swapchain;
mod incremental_present;
mod layer_settings;
#[cfg(test)]
mod made_up;
mod needs;
mod only_below;
mod present_id;
mod present_id2;
mod present_mode_fifo_latest_ready;
mod present_timing;
mod present_wait;
mod present_wait2;
mod private_data;
mod shared_presentable_image;
mod surface;
mod surface_maintenance1;
mod surface_protected_capabilities;
mod swapchain;
mod swapchain_colorspace;
mod swapchain_maintenance1;
mod swapchain_mutable_format;
#[cfg(test)]
mod tests;
mod wayland_surface;

use std::{
    collections::HashSet,
    ffi::{CStr, CString, c_char, c_void},
};

use ash::vk;
use wayfence::wayland;

pub use extension::{Extension, Level, Provider, SurfaceQuery};
pub use needs::{DEVICE_NEEDS, INSTANCE_NEEDS};
pub use surface_maintenance1::asked_mode;

use crate::{
    extensions::command::Command,
    frame::present_chain::{Frame, PerSwapchain},
    objects::surface::Offer,
    swapchain::creation::Asked,
    vulkan::{p_next, registry::FeaturesHead, structures},
};

/// The layer's name.
pub const LAYER_NAME: &CStr = c"VK_LAYER_WAYFENCE_wsi";

/// Every extension that the layer knows: the only place that names them all, in the order of the manifest.
pub static EXTENSIONS: List = List(&[
    // Of instances.
    &surface::EXTENSION,
    &wayland_surface::EXTENSION,
    &get_surface_capabilities2::EXTENSION,
    &surface_maintenance1::EXTENSION,
    &surface_protected_capabilities::EXTENSION,
    &layer_settings::EXTENSION,
    &swapchain_colorspace::EXTENSION,
    &display_surface_counter::EXTENSION,
    &google_surfaceless_query::EXTENSION,
    &get_physical_device_properties2::EXTENSION,
    &debug_utils::EXTENSION,
    // Of devices.
    &swapchain::EXTENSION,
    &swapchain_maintenance1::EXTENSION,
    &present_mode_fifo_latest_ready::EXTENSION,
    &present_id::EXTENSION,
    &present_wait::EXTENSION,
    &present_id2::EXTENSION,
    &present_wait2::EXTENSION,
    &calibrated_timestamps::EXTENSION,
    &present_timing::EXTENSION,
    &google_display_timing::EXTENSION,
    &incremental_present::EXTENSION,
    &swapchain_mutable_format::EXTENSION,
    &image_compression_control_swapchain::EXTENSION,
    &device_group::EXTENSION,
    &hdr_metadata::EXTENSION,
    &debug_marker::EXTENSION,
    &private_data::EXTENSION,
    &shared_presentable_image::EXTENSION,
    &display_control::EXTENSION,
    &only_below::EXTENSION,
]);

/// Extensions, and what they come to together.
#[derive(Clone, Copy)]
pub struct List(&'static [&'static Extension]);

impl List {
    fn iter(self) -> impl Iterator<Item = &'static Extension> {
        self.0.iter().copied()
    }

    /// Those that the manifest promises.
    fn provided(self, level: Level) -> impl Iterator<Item = &'static Extension> {
        self.iter()
            .filter(move |extension| extension.level == level && extension.is_provided())
    }

    /// The properties of those that the manifest promises and that are wanted, as an enumeration gives
    /// them.
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

    /// The names of those that the manifest promises and that are wanted.
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

    /// Whether a device does not tell of the extension of this name where the layer may own swapchains.
    pub fn hides(self, name: &CStr) -> bool {
        self.iter()
            .any(|extension| extension.provider == Provider::Hidden && extension.is_called(name))
    }

    /// What a driver must have enabled in the place of extensions of the layer that are enabled, and that
    /// it does not have.
    pub fn in_place_of(
        self,
        is_enabled: impl Fn(&CStr) -> bool,
        has: impl Fn(&CStr) -> bool,
    ) -> impl Iterator<Item = &'static CStr> {
        self.provided(Level::Device)
            .filter(move |one| one.is_had(&is_enabled) && !one.is_had(&has))
            .filter_map(|one| one.in_its_place)
    }

    /// The extensions that only a driver's own swapchains can do, of those that something has.
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

    /// Says in the chain of a `VkPhysicalDeviceFeatures2` which features the layer has, of the extensions
    /// that are wanted.
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

    /// Whether nobody below knows the structure of a device's chain: one of features of ours, while
    /// `is_passed` denies all names of the extension.
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

    /// Fills the chain of a `VkSurfaceCapabilities2KHR` with what those extensions say that are wanted.
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
    /// Why it cannot be had.
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

    /// Reads what the chain of a `VkPresentInfoKHR` says of the swapchain at this place.
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

/// Whether `VK_KHR_swapchain_maintenance1` is among these extensions, by either of its names.
pub fn maintains(has: impl Fn(&CStr) -> bool) -> bool {
    swapchain_maintenance1::EXTENSION.is_had(has)
}

/// The extensions that a create info enables, as it gives them and by name.
///
/// # Safety
/// `names` points to `count` valid C strings, or `count` is 0; the answer is used no longer than they
/// live.
pub unsafe fn enabled<'a>(
    names: *const *const c_char,
    count: u32,
) -> (&'a [*const c_char], HashSet<CString>) {
    // SAFETY: the caller guarantees it.
    let asked = unsafe { p_next::slice(names, count) };
    // SAFETY: the caller guarantees valid C strings.
    let names = asked
        .iter()
        .map(|name| unsafe { CStr::from_ptr(*name) }.to_owned());
    (asked, names.collect())
}

fn properties(name: &CStr, revision: u32) -> vk::ExtensionProperties {
    let mut properties = vk::ExtensionProperties {
        spec_version: revision,
        ..Default::default()
    };
    write(name, &mut properties.extension_name);
    properties
}

/// The properties of the layer, as an enumeration gives them.
pub fn layer_properties() -> vk::LayerProperties {
    let mut properties = vk::LayerProperties {
        spec_version: vk::HEADER_VERSION_COMPLETE,
        implementation_version: 1,
        ..Default::default()
    };
    write(LAYER_NAME, &mut properties.layer_name);
    write(
        c"Exact synchronisation of Wayland swapchains",
        &mut properties.description,
    );
    properties
}

fn write(text: &CStr, to: &mut [c_char]) {
    for (to, from) in to.iter_mut().zip(text.to_bytes()) {
        *to = *from as c_char;
    }
}
