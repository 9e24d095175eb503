//! What is enumerated for physical devices.

use std::ffi::{CStr, c_char};

use ash::vk;

use crate::{
    catalogue::{
        extension::{Level, Provider},
        properties,
    },
    driver::physical_device::next_extensions,
    entry::dispatch,
    extensions::EXTENSIONS,
    vulkan::{p_next, result},
};

/// `vkEnumerateDeviceExtensionProperties`: the driver's; where the layer can own swapchains with ours added,
/// and without those in which a swapchain occurs in a way that the layer does not know.
pub unsafe extern "system" fn enumerate_device_extension_properties(
    device: vk::PhysicalDevice,
    layer: *const c_char,
    count: *mut u32,
    properties: *mut vk::ExtensionProperties,
) -> vk::Result {
    result::guard(
        "vkEnumerateDeviceExtensionProperties",
        result::PANICKED,
        || {
            // SAFETY: null or a valid C string by the specification.
            let layer_name = (!layer.is_null()).then(|| unsafe { CStr::from_ptr(layer) });
            if layer_name == Some(properties::LAYER_NAME) {
                let own = EXTENSIONS.properties(Level::Device, |_| true);
                // SAFETY: valid by the specification.
                return unsafe {
                    p_next::enumerate(&own, count, properties, |from, to| *to = *from)
                };
            }
            if device == vk::PhysicalDevice::null() {
                return vk::Result::ERROR_LAYER_NOT_PRESENT;
            }
            // SAFETY: a valid handle by the specification.
            let Some(instance) = (unsafe { dispatch::instance(device) }) else {
                return vk::Result::ERROR_INITIALIZATION_FAILED;
            };
            let known = instance.physical_device(device);
            if let Some(lack) = known.lack {
                return lack;
            }
            let able = instance.can_own(&known);
            if layer_name.is_some() || !able {
                return match instance.next.enumerate_device_extension_properties {
                    // SAFETY: the application's own parameters.
                    Some(next) => unsafe { next(device, layer, count, properties) },
                    None => vk::Result::ERROR_INITIALIZATION_FAILED,
                };
            }
            let mut all = match next_extensions(&instance.next, device) {
                Ok(all) => all,
                Err(error) => return error,
            };
            if instance.owns(device) {
                known.tell();
            }
            let ours = EXTENSIONS.properties(Level::Device, |one| {
                (known.is_told() || one.provider == Provider::Everybody) && (one.driver)(&known)
            });
            for own in ours {
                let name = own.extension_name_as_c_str();
                if !all
                    .iter()
                    .any(|extension| extension.extension_name_as_c_str() == name)
                {
                    all.push(own);
                }
            }
            // SAFETY: valid by the specification.
            unsafe { p_next::enumerate(&all, count, properties, |from, to| *to = *from) }
        },
    )
}

/// `vkEnumerateDeviceLayerProperties`: device layers are deprecated; the layer names itself.
pub unsafe extern "system" fn enumerate_device_layer_properties(
    _: vk::PhysicalDevice,
    count: *mut u32,
    properties: *mut vk::LayerProperties,
) -> vk::Result {
    let own = [properties::layer_properties()];
    // SAFETY: valid by the specification.
    unsafe { p_next::enumerate(&own, count, properties, |from, to| *to = *from) }
}
