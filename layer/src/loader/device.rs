//! Devices, created and destroyed.

use std::{
    ffi::{CStr, c_char},
    sync::Arc,
};

use ash::{khr, vk};

use super::enabled;
use crate::{
    driver::{physical_device::Keeper, waits::Waits},
    entry::{dispatch, features},
    extensions::{EXTENSIONS, swapchain_maintenance1},
    objects::device::Device,
    swapchain::owner::Owner,
    vulkan::{
        contract::{Chain, VkLayerDeviceLink},
        p_next, result,
    },
};

/// `vkCreateDevice`: a device that is to have swapchains gets what the layer needs to own them, if the
/// driver has it.
pub unsafe extern "system" fn create_device(
    physical: vk::PhysicalDevice,
    create_info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    device: *mut vk::Device,
) -> vk::Result {
    result::guard("vkCreateDevice", result::PANICKED, || {
        // SAFETY: a valid handle by the specification.
        let Some(instance) = (unsafe { dispatch::instance(physical) }) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        // SAFETY: valid by the specification.
        let info = unsafe { &*create_info };
        // SAFETY: the loader's chain, which lives during this call.
        let Some(mut chain) = (unsafe { Chain::<VkLayerDeviceLink>::find(info.p_next) }) else {
            tracing::error!("vkCreateDevice: no link information from the loader");
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let get_proc_addr = chain.link().pfn_next_get_device_proc_addr;
        let Some(next) = instance.next.create_device else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };

        // SAFETY: valid by the specification.
        let (asked, enabled) = unsafe {
            enabled::extensions(
                info.pp_enabled_extension_names,
                info.enabled_extension_count,
            )
        };
        let known = instance.physical_device(physical);
        if let Some(lack) = known.lack {
            return lack;
        }
        let mut names: Vec<*const c_char> = asked.to_vec();
        let can_own = instance.can_own(&known);
        // Memory may have an instance on each of several physical devices, but has one dma-buf.
        // SAFETY: the application's chain, which lives during this call.
        let group = unsafe { p_next::find::<vk::DeviceGroupDeviceCreateInfo<'_>>(info.p_next) };
        let is_group = group.is_some_and(|group| group.physical_device_count > 1);
        let is_passed = |name: &CStr| {
            enabled.contains(name) && (known.has(name) || !can_own || !EXTENSIONS.provides(name))
        };
        // The driver does not get the names of extensions that the layer implements alone. SAFETY: valid C
        // strings by the specification.
        names.retain(|name| is_passed(unsafe { CStr::from_ptr(*name) }));
        if can_own {
            let is_enabled = |name: &CStr| enabled.contains(name);
            let others = EXTENSIONS.in_place_of(is_enabled, |name| known.has(name));
            names.extend(others.filter(|name| !is_enabled(name)).map(CStr::as_ptr));
        }
        let enables_swapchains = enabled.contains(khr::swapchain::NAME);
        if enables_swapchains && can_own {
            names.extend(
                known
                    .needs()
                    .filter(|need| !enabled.contains(*need))
                    .map(CStr::as_ptr),
            );
        }
        let mut info = vk::DeviceCreateInfo {
            enabled_extension_count: names.len() as u32,
            pp_enabled_extension_names: names.as_ptr(),
            ..*info
        };
        chain.advance();
        // SAFETY: the application's chain, which lives during this call; the loader's part of it has its
        // final state.
        let without = can_own.then(|| unsafe { features::withheld(EXTENSIONS, &info, is_passed) });
        if let Some(without) = &without {
            info.p_next = without.chain();
        }
        // SAFETY: the application's parameters, but for more extensions, which the driver has, and
        // without what it does not know.
        let created = unsafe { next(physical, &info, allocator, device) };
        drop(without);
        let maintains_below = swapchain_maintenance1::maintains(is_passed);
        if created != vk::Result::SUCCESS {
            return created;
        }

        // SAFETY: written by a successful create call.
        let handle = unsafe { *device };
        let below = EXTENSIONS.only_below(|name| enabled.contains(name));
        let is_kept = can_own && enables_swapchains && (is_group || !below.is_empty());
        if is_kept && is_group {
            tracing::info!(
                driver = known.name,
                "a device keeps the driver's swapchains: it consists of several physical devices"
            );
        } else if is_kept {
            tracing::info!(
                driver = known.name,
                extensions = below.join(", "),
                "a device keeps the driver's swapchains: only those support these extensions"
            );
        }
        // SAFETY: the next layer's function, with the device that it made.
        let mut object = unsafe {
            Device::new(
                handle,
                instance,
                (physical, &known),
                get_proc_addr,
                enabled,
                maintains_below,
                is_kept.then(|| Keeper::new(&known)),
            )
        };
        if enables_swapchains && can_own && !is_kept && known.exports_waits {
            object.waits = Some(Waits::default());
        }
        let object = Arc::new(Owner::new(object));
        // SAFETY: a valid new handle.
        unsafe { dispatch::add_device(handle, object) };
        vk::Result::SUCCESS
    })
}

/// `vkDestroyDevice`.
pub unsafe extern "system" fn destroy_device(
    device: vk::Device,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    result::guard("vkDestroyDevice", (), || {
        if device == vk::Device::null() {
            return;
        }
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::remove_device(device) }) else {
            return;
        };
        object.clear_swapchains();
        object.clear();
        if let Some(next) = object.next.destroy_device {
            // SAFETY: the application's own parameters.
            unsafe { next(device, allocator) };
        }
    });
}
