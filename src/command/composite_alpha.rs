//! How the windows of the command are composed.

use ash::vk;

/// Opaque if the surface has it; otherwise what it has.
pub fn of(capabilities: &vk::SurfaceCapabilitiesKHR) -> vk::CompositeAlphaFlagsKHR {
    [
        vk::CompositeAlphaFlagsKHR::OPAQUE,
        vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED,
        vk::CompositeAlphaFlagsKHR::INHERIT,
    ]
    .into_iter()
    .find(|alpha| capabilities.supported_composite_alpha.contains(*alpha))
    .unwrap_or(vk::CompositeAlphaFlagsKHR::OPAQUE)
}
