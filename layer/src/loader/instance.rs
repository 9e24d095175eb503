//! Instances, created and destroyed, and what the layer adds to them.

use std::{
    collections::HashSet,
    ffi::{CStr, CString, c_char},
    sync::Arc,
};

use ash::{ext, khr, vk};

use super::enabled;
use crate::{
    catalogue::{
        extension::{Level, Provider},
        properties,
    },
    driver::needs::INSTANCE_NEEDS,
    entry::dispatch,
    extensions::EXTENSIONS,
    objects::{
        instance::{Instance, LookUp},
        settings::Settings,
    },
    vulkan::{
        contract::{Chain, VkLayerInstanceLink},
        p_next, result,
    },
};

/// `vkCreateInstance`: creates the instance below, with the application's extensions and those that the
/// layer needs.
pub unsafe extern "system" fn create_instance(
    create_info: *const vk::InstanceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    instance: *mut vk::Instance,
) -> vk::Result {
    result::guard("vkCreateInstance", result::PANICKED, || {
        // SAFETY: valid by the specification.
        let info = unsafe { &*create_info };
        // SAFETY: the loader's chain, which lives during this call.
        let Some(mut chain) = (unsafe { Chain::<VkLayerInstanceLink>::find(info.p_next) }) else {
            tracing::error!("vkCreateInstance: no link information from the loader");
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let get_proc_addr = chain.link().pfn_next_get_instance_proc_addr;
        let get_physical_device_proc_addr = chain.link().pfn_next_get_physical_device_proc_addr;
        // SAFETY: the next layer's `vkGetInstanceProcAddr`, asked for a global command.
        let next = unsafe { get_proc_addr(vk::Instance::null(), c"vkCreateInstance".as_ptr()) };
        let Some(next) = next else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        // SAFETY: a command of this name has this type.
        let next = unsafe {
            std::mem::transmute::<unsafe extern "system" fn(), vk::PFN_vkCreateInstance>(next)
        };

        // SAFETY: null or valid by the specification.
        let api_version = unsafe { info.p_application_info.as_ref() }
            .map_or(0, |application| application.api_version)
            .max(vk::API_VERSION_1_0);
        // SAFETY: valid by the specification.
        let (asked, enabled) = unsafe {
            enabled::extensions(
                info.pp_enabled_extension_names,
                info.enabled_extension_count,
            )
        };

        // SAFETY: valid by the specification.
        let settings = unsafe { Settings::of_instance(info.p_next) };
        let mut created = vk::Result::ERROR_EXTENSION_NOT_PRESENT;
        for names in extension_lists(asked, &enabled, api_version) {
            let info = vk::InstanceCreateInfo {
                enabled_extension_count: names.len() as u32,
                pp_enabled_extension_names: names.as_ptr(),
                ..*info
            };
            chain.advance();
            // SAFETY: the application's parameters, but for the extensions, which are valid names.
            created = unsafe { next(&info, allocator, instance) };
            if created != vk::Result::ERROR_EXTENSION_NOT_PRESENT {
                break;
            }
        }
        if created != vk::Result::SUCCESS {
            return created;
        }

        // SAFETY: written by a successful create call.
        let handle = unsafe { *instance };
        let look_up = LookUp {
            instance: get_proc_addr,
            physical_device: get_physical_device_proc_addr,
        };
        // SAFETY: the next layer's functions, with the instance that it made.
        let object =
            unsafe { Instance::new(handle, look_up, EXTENSIONS, api_version, settings, enabled) };
        let object = Arc::new(object);
        // SAFETY: a valid new handle.
        unsafe { dispatch::add_instance(handle, object) };
        vk::Result::SUCCESS
    })
}

/// The lists of extensions to try, best first. A driver may lack an extension that the layer adds (then the
/// layer steps aside), or one that the layer provides (then the application gets the layer's).
fn extension_lists(
    asked: &[*const c_char],
    enabled: &HashSet<CString>,
    api_version: u32,
) -> Vec<Vec<*const c_char>> {
    let without = |list: &[*const c_char], names: &[&CStr]| -> Vec<_> {
        list.iter()
            .copied()
            // SAFETY: valid C strings, the application's and our own.
            .filter(|name| !names.contains(&unsafe { CStr::from_ptr(*name) }))
            .collect()
    };
    let mut lists = vec![asked.to_vec()];
    if enabled.contains(khr::wayland_surface::NAME) {
        let needed = INSTANCE_NEEDS
            .iter()
            .filter(|need| need.by_name(api_version) && !enabled.contains(need.name))
            .map(|need| need.name.as_ptr());
        let full: Vec<_> = asked.iter().copied().chain(needed).collect();
        let newer = EXTENSIONS.names(Level::Instance, |one| one.provider == Provider::Layer);
        let without_newer = without(&full, &newer);
        let without_ours = without(&full, &EXTENSIONS.names(Level::Instance, |_| true));
        lists.splice(0..0, [full, without_newer, without_ours]);
    }
    if enabled.contains(ext::layer_settings::NAME) {
        // Layers below may read the application's settings, too; a driver does not know the extension.
        lists = lists
            .into_iter()
            .flat_map(|list| {
                let without_settings = without(&list, &[ext::layer_settings::NAME]);
                [list, without_settings]
            })
            .collect();
    }
    lists
}

/// `vkDestroyInstance`.
pub unsafe extern "system" fn destroy_instance(
    instance: vk::Instance,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    result::guard("vkDestroyInstance", (), || {
        if instance == vk::Instance::null() {
            return;
        }
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::remove_instance(instance) }) else {
            return;
        };
        if let Some(next) = object.next.destroy_instance {
            // SAFETY: the application's own parameters.
            unsafe { next(instance, allocator) };
        }
    });
}

/// `vkEnumerateInstanceLayerProperties`, of this layer alone: the loader collects those of all layers.
pub unsafe extern "system" fn enumerate_instance_layer_properties(
    count: *mut u32,
    properties: *mut vk::LayerProperties,
) -> vk::Result {
    let own = [properties::layer_properties()];
    // SAFETY: valid by the specification.
    unsafe { p_next::enumerate(&own, count, properties, |from, to| *to = *from) }
}

/// `vkEnumerateInstanceExtensionProperties`, of this layer alone.
pub unsafe extern "system" fn enumerate_instance_extension_properties(
    layer: *const c_char,
    count: *mut u32,
    properties: *mut vk::ExtensionProperties,
) -> vk::Result {
    // SAFETY: null or a valid C string by the specification.
    if layer.is_null() || unsafe { CStr::from_ptr(layer) } != properties::LAYER_NAME {
        return vk::Result::ERROR_LAYER_NOT_PRESENT;
    }
    let own = EXTENSIONS.properties(Level::Instance, |_| true);
    // SAFETY: valid by the specification.
    unsafe { p_next::enumerate(&own, count, properties, |from, to| *to = *from) }
}
