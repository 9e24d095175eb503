//! Versions of Vulkan, for people.

use ash::vk;

/// Major, minor and patch version.
pub fn version(version: u32) -> String {
    format!(
        "{}.{}.{}",
        vk::api_version_major(version),
        vk::api_version_minor(version),
        vk::api_version_patch(version)
    )
}
