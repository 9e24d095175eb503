//! What tests ask a physical device.

use ash::vk;
use rustix::fs::{Dev, makedev};

use crate::instance::Instance;

/// The number of its render node, where the driver tells it (`VK_EXT_physical_device_drm`).
pub fn render_node(instance: &Instance, physical: vk::PhysicalDevice) -> Dev {
    let mut drm = vk::PhysicalDeviceDrmPropertiesEXT::default();
    let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut drm);
    // SAFETY: the device is the instance's.
    unsafe {
        let raw = &instance.raw;
        raw.get_physical_device_properties2(physical, &mut properties);
    }
    makedev(drm.render_major as u32, drm.render_minor as u32)
}

/// The layouts of a format in which it draws.
pub fn layouts(
    instance: &Instance,
    physical: vk::PhysicalDevice,
    format: vk::Format,
) -> Vec<vk::DrmFormatModifierPropertiesEXT> {
    let ask = |all: &mut [vk::DrmFormatModifierPropertiesEXT]| {
        let mut list = vk::DrmFormatModifierPropertiesListEXT::default();
        if !all.is_empty() {
            list = list.drm_format_modifier_properties(all);
        }
        let mut properties = vk::FormatProperties2::default().push_next(&mut list);
        // SAFETY: the device is the instance's; the list has as much room as it says.
        unsafe {
            let raw = &instance.raw;
            raw.get_physical_device_format_properties2(physical, format, &mut properties);
        }
        list.drm_format_modifier_count as usize
    };
    let mut all = vec![vk::DrmFormatModifierPropertiesEXT::default(); ask(&mut [])];
    ask(&mut all);
    let draws = vk::FormatFeatureFlags::COLOR_ATTACHMENT | vk::FormatFeatureFlags::TRANSFER_DST;
    all.retain(|one| one.drm_format_modifier_tiling_features.contains(draws));
    all
}
