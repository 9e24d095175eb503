//! The end of a chain, which a layer finds if it has not advanced its link.

use std::ffi::c_char;

use ash::vk;

/// `VK_LAYER_LINK_INFO`.
pub const VK_LAYER_LINK_INFO: i32 = 0;
/// `VK_LOADER_DATA_CALLBACK`, whose structure a layer must not take for a link.
pub const VK_LOADER_DATA_CALLBACK: i32 = 1;

/// There is no command below the driver.
pub unsafe extern "system" fn no_instance_proc_addr(
    _: vk::Instance,
    _: *const c_char,
) -> vk::PFN_vkVoidFunction {
    None
}

/// As [`no_instance_proc_addr`].
pub unsafe extern "system" fn no_device_proc_addr(
    _: vk::Device,
    _: *const c_char,
) -> vk::PFN_vkVoidFunction {
    None
}
