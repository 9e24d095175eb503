//! What the chain of a `VkSwapchainCreateInfoKHR` asks for, as the extensions read it.

use ash::vk;

use crate::driver::compression::Compression;

/// What the structures ask for.
#[derive(Default)]
pub struct Asked {
    /// The present modes to which the swapchain may change.
    pub present_modes: Vec<vk::PresentModeKHR>,
    /// Flags of the images.
    pub image_flags: vk::ImageCreateFlags,
    /// The formats of the images' views, with `MUTABLE_FORMAT`.
    pub view_formats: Vec<vk::Format>,
    /// How far the images may be compressed.
    pub compression: Option<Compression>,
    /// Whether presents may ask for times and have target times.
    pub timed: bool,
}
