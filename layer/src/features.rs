//! Features of the extensions that the layer implements: the driver may know them or not.

use std::ffi::CStr;

use ash::{ext, vk};

use crate::{
    dispatch,
    extensions::FEATURES,
    p_next::{self, Without},
    registry::Feature,
    result,
};

/// `vkGetPhysicalDeviceFeatures2`: the driver's answer, and ours where the layer owns swapchains.
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
            // SAFETY: the application's own parameters. Whoever does not know a structure of a chain
            // leaves it as it is.
            unsafe { next(device, features) };
        }
        if !instance.owns(device) {
            return;
        }
        let compresses = instance.physical_device(device).compresses;
        for (structure, names) in FEATURES {
            if names.contains(&ext::image_compression_control_swapchain::NAME) && !compresses {
                continue;
            }
            // SAFETY: a valid chain by the specification, and the type names the layout.
            let ours = unsafe {
                p_next::find_type((*features).p_next.cast_const(), *structure)
                    .cast::<Feature<'_>>()
                    .cast_mut()
                    .as_mut()
            };
            if let Some(ours) = ours {
                ours.feature = vk::TRUE;
            }
        }
    });
}

/// Takes those features out of a device's chain whose extensions are not passed down: nobody below knows
/// them. They are back when the answer is dropped.
///
/// # Safety
/// The chain is valid while the answer lives, and nobody else writes to it.
pub unsafe fn withheld(
    info: *mut vk::DeviceCreateInfo<'_>,
    is_passed: impl Fn(&CStr) -> bool,
) -> Without {
    let knows = |extensions: &[&CStr]| extensions.iter().any(|name| is_passed(name));
    // SAFETY: the caller guarantees it.
    unsafe {
        Without::new(info.cast(), |structure| {
            FEATURES
                .iter()
                .any(|(ours, extensions)| *ours == structure && !knows(extensions))
        })
    }
}
