//! What the layer keeps for an instance, a surface and a device, and its settings.
//!
//! A frame finds here the semaphores that a present uses. Knows `catalogue`, `driver` and `vulkan`; never a swapchain.

pub mod device;
pub mod instance;
pub mod settings;
pub mod surface;
