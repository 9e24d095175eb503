//! The loader's part of its contract with layers, played by the test: it opens the library itself
//! and puts a [`driver`](crate::driver) of its own below.
//!
//! Structures and names are those of `vk_layer.h` and Vulkan-Loader's `LoaderLayerInterface.md`.

mod below;
mod device;
mod instance;
mod library;

pub use device::LayerDevice;
pub use instance::LayerInstance;
pub use library::{Library, Negotiate, VkNegotiateLayerInterface, interface};
