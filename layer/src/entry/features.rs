//! Features of the extensions that the layer implements, whether the driver knows them or not.

use std::ffi::CStr;

use ash::vk;

use super::dispatch;
use crate::{
    catalogue::list::List,
    vulkan::{p_next::Without, result, structures::size_of_type},
};

/// `vkGetPhysicalDeviceFeatures2`: the driver's answer, changed by the layer if it owns swapchains.
pub unsafe extern "system" fn get_physical_device_features2(
    device: vk::PhysicalDevice,
    features: *mut vk::PhysicalDeviceFeatures2<'_>,
) {
    result::guard("vkGetPhysicalDeviceFeatures2", (), || {
        // SAFETY: a valid handle by the specification.
        let Some(instance) = (unsafe { dispatch::instance(device) }) else {
            return;
        };
        if let Some(next) = instance.queries.get_features2 {
            // SAFETY: the application's own parameters. A driver leaves structures alone that it does not
            // know.
            unsafe { next(device, features) };
        }
        if !instance.owns(device) {
            return;
        }
        let known = instance.physical_device(device);
        // SAFETY: a valid chain by the specification.
        unsafe {
            instance
                .extensions
                .fill_features((*features).p_next, |one| (one.driver)(&known))
        };
    });
}

/// A device's chain without the features of extensions that the layer does not pass down: the driver does not
/// know these structures.
///
/// # Safety
/// The chain is valid, and stays unchanged while the answer lives.
pub unsafe fn withheld(
    extensions: List,
    info: &vk::DeviceCreateInfo<'_>,
    is_passed: impl Fn(&CStr) -> bool,
) -> Without {
    let is_unwanted = |structure| extensions.withholds(structure, &is_passed);
    let size_of =
        |structure| size_of_type(structure).or_else(|| extensions.size_of_features(structure));
    // SAFETY: the caller guarantees it; the sizes are the registry's.
    unsafe { Without::new(info.p_next, is_unwanted, size_of) }
}
