//! What the layer keeps for an instance, a physical device, a surface and a device.
//!
//! A frame finds here which commands are below, and the semaphores that a present uses. Knows `vulkan`, the type of the
//! list of extensions, and the library; never a swapchain.

pub mod device;
pub mod instance;
pub mod next;
pub mod offer;
pub mod physical_device;
pub mod settings;
pub mod surface;
pub mod waits;
