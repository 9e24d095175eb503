//! The links of a chain of layers, named as in `vk_layer.h`.

use std::ffi::{c_char, c_void};

use ash::vk;

/// `PFN_GetPhysicalDeviceProcAddr`.
pub type GetPhysicalDeviceProcAddr =
    unsafe extern "system" fn(vk::Instance, *const c_char) -> vk::PFN_vkVoidFunction;

/// `VkLayerInstanceLink`.
#[repr(C)]
pub struct VkLayerInstanceLink {
    /// As there.
    pub next: *mut VkLayerInstanceLink,
    /// As there.
    pub get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    /// As there.
    pub get_physical_device_proc_addr: Option<GetPhysicalDeviceProcAddr>,
}

/// `VkLayerDeviceLink`.
#[repr(C)]
pub struct VkLayerDeviceLink {
    /// As there.
    pub next: *mut VkLayerDeviceLink,
    /// As there.
    pub get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    /// As there.
    pub get_device_proc_addr: vk::PFN_vkGetDeviceProcAddr,
}

/// `VkLayerInstanceCreateInfo` and `VkLayerDeviceCreateInfo`, as far as they bear a link.
#[repr(C)]
pub struct LinkInfo<Link> {
    /// `LOADER_INSTANCE_CREATE_INFO` or `LOADER_DEVICE_CREATE_INFO`.
    pub s_type: vk::StructureType,
    /// The rest of the chain.
    pub p_next: *const c_void,
    /// 0, `VK_LAYER_LINK_INFO`.
    pub function: i32,
    /// The link to the next layer or driver.
    pub link: *mut Link,
}
