//! Present modes, as named by Vulkan and by the library, and how many images they need.

use ash::vk;
use wayfence::present_mode::PresentMode;

use super::registry;

/// The images that FIFO needs for progress: one on screen, one waiting for the next refresh, one to draw.
const MIN_IMAGES: u32 = 3;
/// A mode in which an acquire never waits for the refresh needs one more.
const MIN_IMAGES_UNPACED: u32 = 4;

/// The mode's name in Vulkan.
pub fn to_vk(mode: PresentMode) -> vk::PresentModeKHR {
    match mode {
        PresentMode::Fifo => vk::PresentModeKHR::FIFO,
        PresentMode::Mailbox => vk::PresentModeKHR::MAILBOX,
        PresentMode::FifoRelaxed => vk::PresentModeKHR::FIFO_RELAXED,
        PresentMode::Immediate => vk::PresentModeKHR::IMMEDIATE,
        PresentMode::FifoLatestReady => registry::PRESENT_MODE_FIFO_LATEST_READY_KHR,
    }
}

/// The mode with this name in Vulkan; `None` for a mode that Wayland has no use for.
pub fn from_vk(mode: vk::PresentModeKHR) -> Option<PresentMode> {
    PresentMode::ALL
        .into_iter()
        .find(|ours| to_vk(*ours) == mode)
}

/// The least number of images with which a present mode works as it should.
pub fn min_images(mode: vk::PresentModeKHR) -> u32 {
    match mode {
        vk::PresentModeKHR::FIFO | vk::PresentModeKHR::FIFO_RELAXED => MIN_IMAGES,
        _ => MIN_IMAGES_UNPACED,
    }
}
