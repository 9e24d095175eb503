//! What a physical device says of itself.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{CStr, CString};

use ash::{ext, khr, vk};
use serde::{Deserialize, Serialize};
use wayfence::format::{self, modifier_name};

use super::instance::Instance;
use super::surface::Surface;
use super::version::version;
use crate::command::doctor::Looked;

/// One physical device.
#[derive(Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// The driver's name and version, if it has Vulkan 1.2.
    pub driver: String,
    /// Its version of Vulkan.
    pub version: String,
    /// Whether it computes on the CPU.
    pub is_software: bool,
    /// The extensions that the layer needs, and whether the driver has them.
    pub extensions: BTreeMap<String, bool>,
    /// Whether semaphores become sync_files and come from them.
    pub semaphore_sync_files: bool,
    /// Whether fences come from sync_files.
    pub fence_sync_files: bool,
    /// The DRM format modifiers of the formats that a Vulkan surface can have.
    pub formats: BTreeMap<String, Vec<String>>,
    /// The surface on this device; an error without a compositor.
    pub surface: Looked<Surface>,
}

/// The extensions that the layer needs and a driver may lack, with the version of Vulkan that includes each.
const NEEDS: &[(&CStr, u32)] = &[
    (khr::image_format_list::NAME, vk::API_VERSION_1_2),
    (khr::external_memory_fd::NAME, u32::MAX),
    (khr::external_semaphore_fd::NAME, u32::MAX),
    (khr::external_fence_fd::NAME, u32::MAX),
    (ext::external_memory_dma_buf::NAME, u32::MAX),
    (ext::image_drm_format_modifier::NAME, u32::MAX),
    (ext::queue_family_foreign::NAME, u32::MAX),
];

impl Device {
    /// Queries a device, without the surface.
    pub fn of(instance: &Instance, device: vk::PhysicalDevice) -> Self {
        // SAFETY: a device of this instance.
        let properties = unsafe { instance.raw.get_physical_device_properties(device) };
        let shared_version = properties.api_version.min(instance.version);
        let known = extensions(instance, device);
        let has = |name: &CStr| known.contains(name);
        let extensions = NEEDS
            .iter()
            .filter(|(_, core_since)| shared_version < *core_since)
            .map(|(name, _)| (name.to_string_lossy().into_owned(), has(name)))
            .collect();
        let modern = shared_version >= vk::API_VERSION_1_1;
        Self {
            name: text(properties.device_name_as_c_str().ok()),
            driver: if shared_version >= vk::API_VERSION_1_2 {
                driver(instance, device)
            } else {
                String::new()
            },
            version: version(properties.api_version),
            is_software: properties.device_type == vk::PhysicalDeviceType::CPU,
            extensions,
            semaphore_sync_files: modern
                && has(khr::external_semaphore_fd::NAME)
                && has_semaphore_sync_files(instance, device),
            fence_sync_files: modern
                && has(khr::external_fence_fd::NAME)
                && has_fence_sync_files(instance, device),
            formats: if modern && has(ext::image_drm_format_modifier::NAME) {
                modifiers(instance, device, shared_version, has)
            } else {
                BTreeMap::new()
            },
            surface: Err(String::new()).into(),
        }
    }
}

fn extensions(instance: &Instance, device: vk::PhysicalDevice) -> HashSet<CString> {
    // SAFETY: a device of this instance.
    unsafe { instance.raw.enumerate_device_extension_properties(device) }
        .unwrap_or_default()
        .iter()
        .filter_map(|extension| Some(extension.extension_name_as_c_str().ok()?.to_owned()))
        .collect()
}

/// Of Vulkan 1.2.
fn driver(instance: &Instance, device: vk::PhysicalDevice) -> String {
    let mut driver = vk::PhysicalDeviceDriverProperties::default();
    let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
    // SAFETY: a device of this instance that has Vulkan 1.2, and structures of it.
    unsafe {
        instance
            .raw
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
fn has_semaphore_sync_files(instance: &Instance, device: vk::PhysicalDevice) -> bool {
    let info = vk::PhysicalDeviceExternalSemaphoreInfo::default()
        .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD);
    let mut answer = vk::ExternalSemaphoreProperties::default();
    // SAFETY: a device of this instance that has Vulkan 1.1.
    unsafe {
        instance
            .raw
            .get_physical_device_external_semaphore_properties(device, &info, &mut answer);
    }
    answer.external_semaphore_features.contains(
        vk::ExternalSemaphoreFeatureFlags::EXPORTABLE
            | vk::ExternalSemaphoreFeatureFlags::IMPORTABLE,
    )
}

/// Of Vulkan 1.1.
fn has_fence_sync_files(instance: &Instance, device: vk::PhysicalDevice) -> bool {
    let info = vk::PhysicalDeviceExternalFenceInfo::default()
        .handle_type(vk::ExternalFenceHandleTypeFlags::SYNC_FD);
    let mut answer = vk::ExternalFenceProperties::default();
    // SAFETY: a device of this instance that has Vulkan 1.1.
    unsafe {
        instance
            .raw
            .get_physical_device_external_fence_properties(device, &info, &mut answer);
    }
    answer
        .external_fence_features
        .contains(vk::ExternalFenceFeatureFlags::IMPORTABLE)
}

/// Of Vulkan 1.1 and `VK_EXT_image_drm_format_modifier`.
fn modifiers(
    instance: &Instance,
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
            instance
                .raw
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

fn text(name: Option<&CStr>) -> String {
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
