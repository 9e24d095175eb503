//! The driver's extensions: the real driver's, without hidden ones.

use std::{
    ffi::{CStr, c_char},
    mem::transmute,
    sync::OnceLock,
};

use ash::vk;

use crate::{
    real::{Function, real},
    requests::next_failure,
};

/// The real `vkEnumerateDeviceExtensionProperties`, known once the loader has asked for it.
pub static REAL_DEVICE_EXTENSIONS: OnceLock<vk::PFN_vkEnumerateDeviceExtensionProperties> =
    OnceLock::new();

/// `vkEnumerateInstanceExtensionProperties`.
pub unsafe extern "system" fn instance_extensions(
    layer: *const c_char,
    count: *mut u32,
    properties: *mut vk::ExtensionProperties,
) -> vk::Result {
    let name = c"vkEnumerateInstanceExtensionProperties";
    let Some(all) = real().command(vk::Instance::null(), name) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: the command of this name has this type.
    let all = unsafe { transmute::<Function, vk::PFN_vkEnumerateInstanceExtensionProperties>(all) };
    // SAFETY: the caller's parameters, with arrays of our own.
    unsafe {
        filter(
            |count, properties| all(layer, count, properties),
            &crate::hardware::instance_extensions(),
            count,
            properties,
        )
    }
}

/// `vkEnumerateDeviceExtensionProperties`.
pub unsafe extern "system" fn device_extensions(
    device: vk::PhysicalDevice,
    layer: *const c_char,
    count: *mut u32,
    properties: *mut vk::ExtensionProperties,
) -> vk::Result {
    if let Some(failure) = next_failure(c"vkEnumerateDeviceExtensionProperties") {
        return failure;
    }
    let Some(all) = REAL_DEVICE_EXTENSIONS.get() else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: the caller's parameters, with arrays of our own.
    unsafe {
        filter(
            |count, properties| all(device, layer, count, properties),
            &crate::hardware::extensions(),
            count,
            properties,
        )
    }
}

/// Answers an enumeration without hidden extensions, and with these.
///
/// # Safety
/// `count` is valid; `out` is null or has room for `*count` values.
unsafe fn filter(
    enumerate: impl Fn(*mut u32, *mut vk::ExtensionProperties) -> vk::Result,
    more: &[&CStr],
    count: *mut u32,
    out: *mut vk::ExtensionProperties,
) -> vk::Result {
    let mut total = 0;
    let mut result = enumerate(&mut total, std::ptr::null_mut());
    let mut all = vec![vk::ExtensionProperties::default(); total as usize];
    if result == vk::Result::SUCCESS {
        result = enumerate(&mut total, all.as_mut_ptr());
    }
    if result != vk::Result::SUCCESS {
        return result;
    }
    all.retain(|extension| {
        let name = extension.extension_name_as_c_str().unwrap_or_default();
        !real().hides(&name.to_string_lossy()) && !more.contains(&name)
    });
    for name in more {
        let mut properties = vk::ExtensionProperties {
            spec_version: 1,
            ..Default::default()
        };
        for (to, from) in properties.extension_name.iter_mut().zip(name.to_bytes()) {
            *to = *from as c_char;
        }
        all.push(properties);
    }
    // SAFETY: the caller guarantees it.
    unsafe {
        if out.is_null() {
            *count = all.len() as u32;
            return vk::Result::SUCCESS;
        }
        let room = (*count as usize).min(all.len());
        std::ptr::copy_nonoverlapping(all.as_ptr(), out, room);
        *count = room as u32;
        if room < all.len() {
            vk::Result::INCOMPLETE
        } else {
            vk::Result::SUCCESS
        }
    }
}
