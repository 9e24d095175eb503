//! Exact synchronisation between Vulkan applications and Wayland compositors.
