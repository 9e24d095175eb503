//! Device groups: the part of VK_KHR_swapchain since revision 69 (with Vulkan 1.1).

use ash::vk;
use wayfence_tests::{Fence, Semaphore, Swapchain, Wanted};

use crate::case::cases;
use crate::frames::wait_by_submit;
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    a_device_alone_presents_what_it_has_drawn,
    a_surface_offers_local_presents,
    a_present_may_name_the_device,
    an_acquire_names_the_device,
    a_swapchain_names_its_device_group_modes,
];

/// vkGetDeviceGroupPresentCapabilitiesKHR: a device that can present is in its own presentMask, and LOCAL is
/// among the modes; here the logical device is one physical device.
fn a_device_alone_presents_what_it_has_drawn(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut told = vk::DeviceGroupPresentCapabilitiesKHR::default();
    // SAFETY: the device is alive.
    unsafe {
        app.device
            .swapchain
            .get_device_group_present_capabilities(&mut told)
    }
    .unwrap();
    assert_eq!(told.present_mask[0], 1);
    assert!(told.present_mask[1..].iter().all(|mask| *mask == 0));
    assert!(
        told.modes
            .contains(vk::DeviceGroupPresentModeFlagsKHR::LOCAL)
    );
    Ok(())
}

/// vkGetDeviceGroupSurfacePresentModesKHR: LOCAL is among the modes.
fn a_surface_offers_local_presents(stage: &Stage) -> Outcome {
    let app = stage.app();
    // SAFETY: device and surface are alive.
    let modes = unsafe {
        app.device
            .swapchain
            .get_device_group_surface_present_modes(app.surface.raw)
    }
    .unwrap();
    assert!(
        modes.contains(vk::DeviceGroupPresentModeFlagsKHR::LOCAL),
        "{modes:?}"
    );
    Ok(())
}

/// VkDeviceGroupPresentInfoKHR: one mask for each swapchain.
fn a_present_may_name_the_device(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain();
    for _ in 0..5 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        let masks = [1];
        let info = vk::DeviceGroupPresentInfoKHR::default()
            .device_masks(&masks)
            .mode(vk::DeviceGroupPresentModeFlagsKHR::LOCAL);
        swapchain
            .present_with(index, (&raw const info).cast())
            .unwrap();
        app.surface.dispatch();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// VkAcquireNextImageInfoKHR, `deviceMask`: semaphore and fence together.
fn an_acquire_names_the_device(stage: &Stage) -> Outcome {
    let app = stage.app();
    let device = &app.device;
    let mut swapchain = app.swapchain();
    let acquired = Semaphore::new(device).unwrap();
    let ready = Fence::new(device).unwrap();
    for _ in 0..5 {
        let index = swapchain
            .acquire_2(u64::MAX, acquired.raw, ready.raw)
            .unwrap();
        ready.wait(u64::MAX).unwrap();
        ready.reset();
        wait_by_submit(device, acquired.raw);
        swapchain.draw_and_present(index).unwrap();
        app.surface.dispatch();
    }
    device.wait_idle().unwrap();
    Ok(())
}

/// VkDeviceGroupSwapchainCreateInfoKHR, "a bitfield of modes that the swapchain can be used with".
fn a_swapchain_names_its_device_group_modes(stage: &Stage) -> Outcome {
    let app = stage.app();
    let groups = vk::DeviceGroupSwapchainCreateInfoKHR::default()
        .modes(vk::DeviceGroupPresentModeFlagsKHR::LOCAL);
    let mut swapchain = Swapchain::changed(&app.device, &app.surface, Wanted::default(), |info| {
        info.p_next = (&raw const groups).cast();
    })
    .unwrap();
    for _ in 0..3 {
        swapchain.frame().unwrap();
    }
    Ok(())
}
