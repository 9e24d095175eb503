//! Images on a surface of another size: `VkSurfacePresentScalingCapabilitiesKHR` and
//! `VkSwapchainPresentScalingCreateInfoKHR`.

use std::sync::Arc;

use ash::vk;
use wayfence_test_compositor::{Commit, Compositor, Offer, Viewport, With};
use wayfence_tests::registry::{KHR_SURFACE_MAINTENANCE1, KHR_SWAPCHAIN_MAINTENANCE1};
use wayfence_tests::{Application, Swapchain, Wanted};

const NO_SCALING: vk::PresentScalingFlagsEXT = vk::PresentScalingFlagsEXT::empty();
const STRETCH: vk::PresentScalingFlagsEXT = vk::PresentScalingFlagsEXT::STRETCH;
const NO_GRAVITY: vk::PresentGravityFlagsEXT = vk::PresentGravityFlagsEXT::empty();

fn application() -> (Arc<Compositor>, Application) {
    let compositor = Arc::new(Compositor::new(Offer::default()));
    let mut maintenance =
        vk::PhysicalDeviceSwapchainMaintenance1FeaturesEXT::default().swapchain_maintenance1(true);
    let app = Application::at_with(
        compositor.connect(),
        &[KHR_SURFACE_MAINTENANCE1],
        &[KHR_SWAPCHAIN_MAINTENANCE1],
        &mut vk::PhysicalDeviceFeatures2::default().push_next(&mut maintenance),
    );
    (compositor, app)
}

/// One frame, and its commit.
fn frame(compositor: &Compositor, swapchain: &mut Swapchain) -> Commit {
    swapchain.frame().unwrap();
    let commit = compositor.next_commit();
    compositor.release(&commit, With::nothing());
    compositor.frame_done(commit.surface);
    commit
}

fn size(commit: &Commit) -> (i32, i32) {
    (commit.buffer().width, commit.buffer().height)
}

/// Without a viewport the surface takes the image's size; with one the compositor stretches the image. A
/// second viewport would end the connection, so the only one is the application's.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn an_image_fills_its_surface_and_the_viewport_stays_the_applications() {
    let (compositor, app) = application();
    let wanted = Wanted {
        scaling: (STRETCH, NO_GRAVITY),
        ..Wanted::default()
    };
    let mut swapchain = app.swapchain_with(wanted);
    let commit = frame(&compositor, &mut swapchain);
    assert_eq!(commit.viewport, Viewport::default());
    assert_eq!(size(&commit), (256, 256));

    // The window grows, and the swapchain stays as it is.
    app.surface.window().set_size(640, 360);
    let stretched = Viewport {
        destination: Some((640, 360)),
        ..Viewport::default()
    };
    for _ in 0..3 {
        let commit = frame(&compositor, &mut swapchain);
        assert_eq!(commit.viewport, stretched);
        assert_eq!(size(&commit), (256, 256));
    }

    // A replaced swapchain's image of another size fills the surface, too.
    let late = swapchain.acquire_and_wait(u64::MAX).unwrap();
    let mut next = swapchain
        .replaced_by(Wanted {
            extent: (100, 50),
            ..wanted
        })
        .unwrap();
    let commit = frame(&compositor, &mut next);
    assert_eq!(size(&commit), (100, 50));
    swapchain.draw_and_present(late).unwrap();
    let commit = compositor.next_commit();
    assert_eq!(size(&commit), (256, 256));
    assert_eq!(commit.viewport, stretched);
    drop(swapchain);
    drop(next);
    app.device.wait_idle().unwrap();
    drop(app);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
}

/// "supportedPresentScaling is a bitmask of VkPresentScalingFlagBitsKHR representing the scaling methods
/// supported by the surface". Where the surface has the size of the image, all of them are the same.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_surface_has_every_scaling_and_every_gravity() {
    let (compositor, app) = application();
    let mut mode = vk::SurfacePresentModeEXT::default().present_mode(vk::PresentModeKHR::FIFO);
    let mut info = app.surface.info2();
    info.p_next = (&raw mut mode).cast();
    let mut scaling = vk::SurfacePresentScalingCapabilitiesEXT::default();
    let mut capabilities = vk::SurfaceCapabilities2KHR::default().push_next(&mut scaling);
    // SAFETY: surface and device are alive.
    unsafe {
        app.surface
            .ask_capabilities2(app.device.physical, &info, &mut capabilities)
    }
    .unwrap();
    let own = capabilities.surface_capabilities;
    let behaviours = [
        vk::PresentScalingFlagsEXT::ONE_TO_ONE,
        vk::PresentScalingFlagsEXT::ASPECT_RATIO_STRETCH,
        STRETCH,
    ];
    let gravities = [
        vk::PresentGravityFlagsEXT::MIN,
        vk::PresentGravityFlagsEXT::MAX,
        vk::PresentGravityFlagsEXT::CENTERED,
    ];
    assert_eq!(
        scaling.supported_present_scaling,
        behaviours
            .into_iter()
            .fold(NO_SCALING, |all, one| all | one)
    );
    let all = gravities.into_iter().fold(NO_GRAVITY, |all, one| all | one);
    assert_eq!(scaling.supported_present_gravity_x, all);
    assert_eq!(scaling.supported_present_gravity_y, all);
    // "The width and height of the extent will each be smaller than or equal to the corresponding width
    // and height of VkSurfaceCapabilitiesKHR::minImageExtent", and the other way round.
    assert_eq!(scaling.min_scaled_image_extent, own.min_image_extent);
    assert_eq!(scaling.max_scaled_image_extent, own.max_image_extent);

    // With STRETCH, or without scaling, gravity has no effect: the image fills its surface.
    for behaviour in behaviours.into_iter().chain([NO_SCALING]) {
        for gravity in gravities.into_iter().chain([NO_GRAVITY]) {
            let mut swapchain = app.swapchain_with(Wanted {
                scaling: (behaviour, gravity),
                extent: (100, 50),
                ..Wanted::default()
            });
            let commit = frame(&compositor, &mut swapchain);
            assert_eq!(size(&commit), (100, 50), "{behaviour:?} {gravity:?}");
            assert_eq!(commit.viewport, Viewport::default());
        }
    }
    drop(app);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
}
