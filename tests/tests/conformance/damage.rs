//! Damage: VK_KHR_incremental_present.

use ash::{khr, vk};
use wayfence_tests::{Swapchain, Wanted};

use crate::case::cases;
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    the_regions_of_an_incremental_present_are_taken,
    no_region_is_the_whole_image,
];

fn present_with(swapchain: &Swapchain, index: u32, region: vk::PresentRegionKHR<'_>) {
    let regions = [region];
    let info = vk::PresentRegionsKHR::default().regions(&regions);
    swapchain
        .present_with(index, (&raw const info).cast())
        .unwrap();
    swapchain.surface.dispatch();
}

fn rectangle(x: i32, y: i32, width: u32, height: u32) -> vk::RectLayerKHR {
    vk::RectLayerKHR::default()
        .offset(vk::Offset2D { x, y })
        .extent(vk::Extent2D { width, height })
}

/// "each entry in pRectangles is a rectangle of the given image that has changed since the last image was
/// presented" (VkPresentRegionKHR): one or several, up to the whole.
fn the_regions_of_an_incremental_present_are_taken(stage: &Stage) -> Outcome {
    stage.needs(khr::incremental_present::NAME)?;
    let app = stage.app();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    for turn in 0..10 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        let rectangles = [
            rectangle(turn, 5, 10, 20),
            rectangle(0, 0, 256, 256),
            rectangle(100, 200, 1, 1),
        ];
        let rectangles = &rectangles[..1 + turn as usize % 3];
        present_with(
            &swapchain,
            index,
            vk::PresentRegionKHR::default().rectangles(rectangles),
        );
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// "rectangleCount is the number of rectangles in pRectangles, or zero if the entire image has changed", and
/// "pRegions is NULL or a pointer" (VkPresentRegionsKHR).
fn no_region_is_the_whole_image(stage: &Stage) -> Outcome {
    stage.needs(khr::incremental_present::NAME)?;
    let app = stage.app();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    for turn in 0..4 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        if turn % 2 == 0 {
            present_with(&swapchain, index, vk::PresentRegionKHR::default());
        } else {
            let info = vk::PresentRegionsKHR {
                swapchain_count: 1,
                ..Default::default()
            };
            swapchain
                .present_with(index, (&raw const info).cast())
                .unwrap();
            app.surface.dispatch();
        }
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}
