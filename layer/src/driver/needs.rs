//! What the layer needs of the driver.

use std::ffi::CStr;

use ash::{ext, khr, vk};

/// An extension that the layer needs of the driver, and the version of Vulkan of which it became a part.
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

/// In no version.
const NEVER: u32 = u32::MAX;

/// Of an instance: queries about formats and handle types.
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

/// Of a device: images in dma-bufs, semaphores and fences from sync_files; and what those depend on.
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
