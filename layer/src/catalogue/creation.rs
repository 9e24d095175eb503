//! What the chain of a `VkSwapchainCreateInfoKHR` asks for, read by the extensions that it is of.

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
    /// Whether the times of presents may be asked for, and set.
    pub timed: bool,
}
