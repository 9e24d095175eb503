//! Scaling and gravity: VK_KHR_surface_maintenance1, VkSwapchainPresentScalingCreateInfoKHR.

use ash::vk;
use wayfence_tests::{Application, Swapchain, Wanted};

use crate::case::cases;
use crate::names::{self, MAINTENANCE1};
use crate::outcome::{NotSupported, Outcome};
use crate::stage::Stage;

cases![
    what_a_surface_says_of_scaling_holds_together,
    every_way_to_scale_that_is_offered_can_be_had,
    every_gravity_that_is_offered_can_be_had,
    images_of_every_scaled_extent_are_shown,
];

type Capabilities = vk::SurfacePresentScalingCapabilitiesEXT<'static>;

/// The surface's scaling capabilities in this mode.
fn ask(app: &Application, mode: vk::PresentModeKHR) -> (vk::SurfaceCapabilitiesKHR, Capabilities) {
    let mut of_mode = vk::SurfacePresentModeEXT::default().present_mode(mode);
    let mut info = app.surface.info2();
    info.p_next = (&raw mut of_mode).cast();
    let mut scaling = Capabilities::default();
    let mut capabilities = vk::SurfaceCapabilities2KHR {
        p_next: (&raw mut scaling).cast(),
        ..Default::default()
    };
    // SAFETY: device and surface are alive; both chains outlive the call.
    unsafe {
        app.surface
            .ask_capabilities2(app.device.physical, &info, &mut capabilities)
    }
    .unwrap();
    let own = capabilities.surface_capabilities;
    (own, scaling)
}

/// The offered scaling, in FIFO.
fn offered(stage: &Stage, app: &Application) -> Result<Capabilities, NotSupported> {
    stage.needs_of_instance(names::KHR_SURFACE_MAINTENANCE1)?;
    stage.needs_one(MAINTENANCE1)?;
    let (_, scaling) = ask(app, vk::PresentModeKHR::FIFO);
    match scaling.supported_present_scaling.is_empty() {
        true => Err(NotSupported::because("no scaling is offered")),
        false => Ok(scaling),
    }
}

fn bits(mask: u32) -> Vec<u32> {
    (0..32)
        .map(|at| 1 << at)
        .filter(|bit| mask & bit != 0)
        .collect()
}

/// Shows frames of a swapchain with this scaling.
fn is_shown(
    app: &Application,
    extent: (u32, u32),
    scaling: vk::PresentScalingFlagsEXT,
    gravity: (vk::PresentGravityFlagsEXT, vk::PresentGravityFlagsEXT),
) {
    let create_info = vk::SwapchainPresentScalingCreateInfoEXT::default()
        .scaling_behavior(scaling)
        .present_gravity_x(gravity.0)
        .present_gravity_y(gravity.1);
    let wanted = Wanted {
        extent,
        ..Wanted::default()
    };
    let mut swapchain = Swapchain::changed(&app.device, &app.surface, wanted, |info| {
        info.p_next = (&raw const create_info).cast();
    })
    .unwrap_or_else(|error| panic!("{extent:?} {scaling:?} {gravity:?}: {error}"));
    for _ in 0..4 {
        swapchain.frame().unwrap();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
}

/// VkSurfacePresentScalingCapabilitiesKHR: gravity for both axes or for neither; known bits only;
/// what is possible without scaling is possible with it, unless the special value (0xFFFFFFFF, 0xFFFFFFFF)
/// says that the swapchain decides.
fn what_a_surface_says_of_scaling_holds_together(stage: &Stage) -> Outcome {
    stage.needs_of_instance(names::KHR_SURFACE_MAINTENANCE1)?;
    let app = stage.app();
    for mode in [vk::PresentModeKHR::FIFO, vk::PresentModeKHR::MAILBOX] {
        let (own, scaling) = ask(&app, mode);
        let (x, y) = (
            scaling.supported_present_gravity_x,
            scaling.supported_present_gravity_y,
        );
        for known in [
            scaling.supported_present_scaling.as_raw(),
            x.as_raw(),
            y.as_raw(),
        ] {
            assert_eq!(known & !0b111, 0, "{scaling:?}");
        }
        assert_eq!(x.is_empty(), y.is_empty(), "{scaling:?}");
        let (least, most) = (
            scaling.min_scaled_image_extent,
            scaling.max_scaled_image_extent,
        );
        if least.width == u32::MAX && most.width == u32::MAX {
            continue;
        }
        assert!(least.width <= own.min_image_extent.width, "{scaling:?}");
        assert!(least.height <= own.min_image_extent.height, "{scaling:?}");
        assert!(most.width >= own.max_image_extent.width, "{scaling:?}");
        assert!(most.height >= own.max_image_extent.height, "{scaling:?}");
    }
    Ok(())
}

/// `scalingBehavior` "must be 0 or a valid scaling method for the surface".
fn every_way_to_scale_that_is_offered_can_be_had(stage: &Stage) -> Outcome {
    let app = stage.app();
    let told = offered(stage, &app)?;
    let none = vk::PresentGravityFlagsEXT::empty();
    let gravity = (
        first(told.supported_present_gravity_x),
        first(told.supported_present_gravity_y),
    );
    for bit in bits(told.supported_present_scaling.as_raw()) {
        let scaling = vk::PresentScalingFlagsEXT::from_raw(bit);
        is_shown(&app, (200, 100), scaling, (none, none));
        is_shown(&app, (200, 100), scaling, gravity);
    }
    // Zero is the platform's default.
    is_shown(
        &app,
        (200, 100),
        vk::PresentScalingFlagsEXT::empty(),
        (none, none),
    );
    Ok(())
}

fn first(gravity: vk::PresentGravityFlagsEXT) -> vk::PresentGravityFlagsEXT {
    vk::PresentGravityFlagsEXT::from_raw(bits(gravity.as_raw()).first().copied().unwrap_or(0))
}

/// `presentGravityX` and `presentGravityY` "must be 0 or a valid … gravity for the surface".
fn every_gravity_that_is_offered_can_be_had(stage: &Stage) -> Outcome {
    let app = stage.app();
    let told = offered(stage, &app)?;
    if told.supported_present_gravity_x.is_empty() {
        return Err(NotSupported::because("no gravity is offered"));
    }
    let scaling = bits(told.supported_present_scaling.as_raw())[0];
    for x in bits(told.supported_present_gravity_x.as_raw()) {
        for y in bits(told.supported_present_gravity_y.as_raw()) {
            is_shown(
                &app,
                (120, 90),
                vk::PresentScalingFlagsEXT::from_raw(scaling),
                (
                    vk::PresentGravityFlagsEXT::from_raw(x),
                    vk::PresentGravityFlagsEXT::from_raw(y),
                ),
            );
        }
    }
    Ok(())
}

/// `imageExtent` "must be between minScaledImageExtent and maxScaledImageExtent": from the least to one
/// that is larger than the output.
fn images_of_every_scaled_extent_are_shown(stage: &Stage) -> Outcome {
    let app = stage.app();
    let told = offered(stage, &app)?;
    let none = vk::PresentGravityFlagsEXT::empty();
    let (least, most) = (told.min_scaled_image_extent, told.max_scaled_image_extent);
    for (width, height) in [(1, 1), (64, 400), (1200, 30), (2048, 16)] {
        let extent = (
            width.clamp(least.width, most.width),
            height.clamp(least.height, most.height),
        );
        for bit in bits(told.supported_present_scaling.as_raw()) {
            is_shown(
                &app,
                extent,
                vk::PresentScalingFlagsEXT::from_raw(bit),
                (none, none),
            );
        }
    }
    Ok(())
}
