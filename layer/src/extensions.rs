//! The extensions that the layer provides, and those that it needs.

use std::{
    collections::HashSet,
    ffi::{CStr, CString, c_char},
};

use ash::{ext, khr, vk};

use crate::{p_next, registry};

/// The layer's name.
pub const LAYER_NAME: &CStr = c"VK_LAYER_WAYFENCE_wsi";

/// Instance extensions that the manifest promises, with their revisions.
pub const INSTANCE: &[(&CStr, u32)] = &[
    (khr::surface::NAME, 25),
    (khr::wayland_surface::NAME, 6),
    (khr::get_surface_capabilities2::NAME, 1),
    (registry::KHR_SURFACE_MAINTENANCE1, 1),
    (ext::surface_maintenance1::NAME, 1),
    (khr::surface_protected_capabilities::NAME, 1),
    (ext::layer_settings::NAME, 2),
];

/// How many of these, the first ones, every driver for Wayland has.
pub const INSTANCE_USUAL: usize = 3;

/// Device extensions that the manifest promises, with their revisions.
pub const DEVICE: &[(&CStr, u32)] = &[
    (khr::swapchain::NAME, 70),
    (registry::KHR_SWAPCHAIN_MAINTENANCE1, 1),
    (ext::swapchain_maintenance1::NAME, 1),
    (registry::KHR_PRESENT_MODE_FIFO_LATEST_READY, 1),
    (registry::EXT_PRESENT_MODE_FIFO_LATEST_READY, 1),
    (khr::present_id::NAME, 1),
    (khr::present_wait::NAME, 1),
    (registry::KHR_PRESENT_ID2, 1),
    (registry::KHR_PRESENT_WAIT2, 1),
    (khr::incremental_present::NAME, 2),
    (khr::swapchain_mutable_format::NAME, 1),
    // Where the driver has VK_EXT_image_compression_control.
    (ext::image_compression_control_swapchain::NAME, 1),
];

/// How many of these, the first ones, every driver for Wayland has.
pub const DEVICE_USUAL: usize = 1;

/// The names of `VK_KHR_swapchain_maintenance1`.
pub const SWAPCHAIN_MAINTENANCE1: &[&CStr] = &[
    registry::KHR_SWAPCHAIN_MAINTENANCE1,
    ext::swapchain_maintenance1::NAME,
];

/// The structures that tell of the only feature of such an extension, and by which names the extension
/// goes.
pub const FEATURES: &[(vk::StructureType, &[&CStr])] = &[
    (
        vk::StructureType::PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT,
        SWAPCHAIN_MAINTENANCE1,
    ),
    (
        registry::PHYSICAL_DEVICE_PRESENT_MODE_FIFO_LATEST_READY_FEATURES_KHR,
        &[
            registry::KHR_PRESENT_MODE_FIFO_LATEST_READY,
            registry::EXT_PRESENT_MODE_FIFO_LATEST_READY,
        ],
    ),
    (
        vk::StructureType::PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
        &[khr::present_id::NAME],
    ),
    (
        vk::StructureType::PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
        &[khr::present_wait::NAME],
    ),
    (
        registry::PHYSICAL_DEVICE_PRESENT_ID_2_FEATURES_KHR,
        &[registry::KHR_PRESENT_ID2],
    ),
    (
        registry::PHYSICAL_DEVICE_PRESENT_WAIT_2_FEATURES_KHR,
        &[registry::KHR_PRESENT_WAIT2],
    ),
    (
        vk::StructureType::PHYSICAL_DEVICE_IMAGE_COMPRESSION_CONTROL_SWAPCHAIN_FEATURES_EXT,
        &[ext::image_compression_control_swapchain::NAME],
    ),
];

/// An extension that the layer needs below it, and the version of Vulkan that has taken it in.
pub struct Need {
    /// Its name.
    pub name: &'static CStr,
    core_since: u32,
}

impl Need {
    /// Whether it must be enabled by name with this version.
    pub fn by_name(&self, version: u32) -> bool {
        version < self.core_since
    }
}

/// Not in any version.
const NEVER: u32 = u32::MAX;

/// What the layer asks of an instance: to ask devices about formats and handle types.
pub const INSTANCE_NEEDS: &[Need] = &[
    Need {
        name: khr::get_physical_device_properties2::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::external_memory_capabilities::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::external_semaphore_capabilities::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::external_fence_capabilities::NAME,
        core_since: vk::API_VERSION_1_1,
    },
];

/// What the layer asks of a device: images in dma-bufs, semaphores and fences from sync_files; and
/// what those depend on.
pub const DEVICE_NEEDS: &[Need] = &[
    Need {
        name: khr::maintenance1::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::bind_memory2::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::get_memory_requirements2::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::dedicated_allocation::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::sampler_ycbcr_conversion::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::external_memory::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::external_semaphore::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::external_fence::NAME,
        core_since: vk::API_VERSION_1_1,
    },
    Need {
        name: khr::image_format_list::NAME,
        core_since: vk::API_VERSION_1_2,
    },
    Need {
        name: khr::external_memory_fd::NAME,
        core_since: NEVER,
    },
    Need {
        name: khr::external_semaphore_fd::NAME,
        core_since: NEVER,
    },
    Need {
        name: khr::external_fence_fd::NAME,
        core_since: NEVER,
    },
    Need {
        name: ext::external_memory_dma_buf::NAME,
        core_since: NEVER,
    },
    Need {
        name: ext::image_drm_format_modifier::NAME,
        core_since: NEVER,
    },
    Need {
        name: ext::queue_family_foreign::NAME,
        core_since: NEVER,
    },
];

/// Device extensions whose commands or structures name swapchains, and which the layer does not
/// implement: a driver that offers them would be handed swapchains that are not its own. They are left
/// out of what a device offers.
pub const HIDDEN: &[&CStr] = &[
    c"VK_EXT_present_timing",
    khr::shared_presentable_image::NAME,
    ext::display_control::NAME,
    c"VK_GOOGLE_display_timing",
    c"VK_AMD_display_native_hdr",
    c"VK_NV_low_latency2",
    c"VK_NV_present_barrier",
];

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

/// The properties of the layer's own extensions, as an enumeration gives them.
pub fn properties(extensions: &[(&CStr, u32)]) -> Vec<vk::ExtensionProperties> {
    extensions
        .iter()
        .map(|(name, revision)| {
            let mut properties = vk::ExtensionProperties {
                spec_version: *revision,
                ..Default::default()
            };
            for (to, from) in properties.extension_name.iter_mut().zip(name.to_bytes()) {
                *to = *from as c_char;
            }
            properties
        })
        .collect()
}

/// The properties of the layer, as an enumeration gives them.
pub fn layer_properties() -> vk::LayerProperties {
    let mut properties = vk::LayerProperties {
        spec_version: vk::HEADER_VERSION_COMPLETE,
        implementation_version: 1,
        ..Default::default()
    };
    let description = c"Exact synchronisation of Wayland swapchains";
    for (to, from) in properties.layer_name.iter_mut().zip(LAYER_NAME.to_bytes()) {
        *to = *from as c_char;
    }
    for (to, from) in properties
        .description
        .iter_mut()
        .zip(description.to_bytes())
    {
        *to = *from as c_char;
    }
    properties
}
