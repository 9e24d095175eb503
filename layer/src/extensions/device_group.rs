//! `VK_KHR_device_group`, of Vulkan 1.1, beside `VK_KHR_swapchain`: a group of ours has one device, which
//! presents what it has rendered, and the whole surface.

use ash::{
    khr::{device_group::NAME, surface},
    vk::{self, PFN_vkGetDeviceGroupPresentCapabilitiesKHR},
};

use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Provider},
        per_swapchain::PerSwapchain,
    },
    driver::next::below,
    entry::answer::{on_device, on_surface},
    frame::acquire,
    vulkan::p_next,
};

const GIVEN: Given = Given::SwapchainWith(NAME);

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Driver,
    commands: &[
        command!(
            c"vkGetDeviceGroupPresentCapabilitiesKHR",
            Device,
            GIVEN,
            get_device_group_present_capabilities,
            PFN_vkGetDeviceGroupPresentCapabilitiesKHR
        ),
        command!(
            c"vkGetDeviceGroupSurfacePresentModesKHR",
            Device,
            GIVEN,
            get_device_group_surface_present_modes,
            PFN_vkGetDeviceGroupSurfacePresentModesKHR
        ),
        command!(
            c"vkGetPhysicalDevicePresentRectanglesKHR",
            PhysicalDevice,
            Given::Instance(surface::NAME),
            get_present_rectangles,
            PFN_vkGetPhysicalDevicePresentRectanglesKHR
        ),
        command!(
            c"vkAcquireNextImage2KHR",
            Device,
            GIVEN,
            acquire::acquire_next_image2,
            PFN_vkAcquireNextImage2KHR
        ),
    ],
    // SAFETY: the structure is laid out so.
    per_swapchain: &[unsafe { PerSwapchain::of::<vk::DeviceGroupPresentInfoKHR<'_>, u32>() }],
    ..Extension::device(&[(NAME, 4)])
};

/// `vkGetDeviceGroupPresentCapabilitiesKHR`: the driver's, or else each device presents what it has
/// rendered.
unsafe extern "system" fn get_device_group_present_capabilities(
    device: vk::Device,
    capabilities: *mut vk::DeviceGroupPresentCapabilitiesKHR<'_>,
) -> vk::Result {
    let command = "vkGetDeviceGroupPresentCapabilitiesKHR";
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_device(command, device, |object| {
            let next: Result<PFN_vkGetDeviceGroupPresentCapabilitiesKHR, _> =
                object.below(c"vkGetDeviceGroupPresentCapabilitiesKHR");
            if let Ok(next) = next {
                return Ok(next(device, capabilities));
            }
            let own = &mut *capabilities;
            own.present_mask = [0; vk::MAX_DEVICE_GROUP_SIZE];
            own.present_mask[0] = 1;
            own.modes = vk::DeviceGroupPresentModeFlagsKHR::LOCAL;
            Ok(vk::Result::SUCCESS)
        })
    }
}

/// `vkGetDeviceGroupSurfacePresentModesKHR`: each device presents what it has rendered.
unsafe extern "system" fn get_device_group_surface_present_modes(
    device: vk::Device,
    surface: vk::SurfaceKHR,
    modes: *mut vk::DeviceGroupPresentModeFlagsKHR,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_device("vkGetDeviceGroupSurfacePresentModesKHR", device, |object| {
            let known_below = object.instance.is_known_below(surface);
            let kept = object.keeps_drivers() && known_below;
            if !kept
                && object
                    .instance
                    .owned_surface(object.physical, surface)?
                    .is_some()
            {
                *modes = vk::DeviceGroupPresentModeFlagsKHR::LOCAL;
                return Ok(vk::Result::SUCCESS);
            }
            let next = object.next.get_device_group_surface_present_modes;
            let next = below(next.filter(|_| known_below))?;
            Ok(next(device, surface, modes))
        })
    }
}

/// `vkGetPhysicalDevicePresentRectanglesKHR`: one device presents the whole surface, whose size on Wayland
/// is the swapchain's.
unsafe extern "system" fn get_present_rectangles(
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
    count: *mut u32,
    rectangles: *mut vk::Rect2D,
) -> vk::Result {
    let all = vk::Rect2D {
        offset: vk::Offset2D::default(),
        extent: vk::Extent2D {
            width: u32::MAX,
            height: u32::MAX,
        },
    };
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_surface(
            "vkGetPhysicalDevicePresentRectanglesKHR",
            device,
            surface,
            |_, _| {
                Ok(p_next::enumerate(&[all], count, rectangles, |from, to| {
                    *to = *from
                }))
            },
            |instance| {
                let next = below(instance.next.get_present_rectangles)?;
                Ok(next(device, surface, count, rectangles))
            },
        )
    }
}
