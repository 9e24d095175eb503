//! Allocation callbacks ("Host Memory"): they free what they have allocated, and where they fail, the command
//! says so or does without.

use ash::vk;
use wayfence_tests::Fence;
use wayfence_tests::heap::Heap;
use wayfence_tests::swapchain::plain;

use crate::case::cases;
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    a_surface_frees_what_it_has_allocated,
    a_swapchain_frees_what_it_has_allocated,
    a_surface_without_host_memory_says_so_or_does_without,
    a_swapchain_without_host_memory_says_so_or_does_without,
];

/// Makes a surface with these callbacks, asks it something, and destroys it.
fn surface(stage: &Stage, callbacks: &vk::AllocationCallbacks<'_>) -> Result<(), vk::Result> {
    let window = stage.window();
    let instance = stage.instance();
    let create_info = vk::WaylandSurfaceCreateInfoKHR::default()
        .display(window.display_ptr())
        .surface(window.surface_ptr());
    // SAFETY: display and surface outlive the surface, which goes here.
    unsafe {
        let surface = instance
            .wayland_surface
            .create_wayland_surface(&create_info, Some(callbacks))?;
        let answer = instance
            .surface
            .get_physical_device_surface_capabilities(stage.device().physical, surface);
        instance.surface.destroy_surface(surface, Some(callbacks));
        // A query may allocate for the surface, too.
        answer.map(drop)
    }
}

/// Makes a swapchain with these callbacks, acquires an image of it, and destroys it.
fn swapchain(stage: &Stage, callbacks: &vk::AllocationCallbacks<'_>) -> Result<(), vk::Result> {
    let app = stage.app();
    let device = &app.device;
    assert!(
        app.surface
            .is_supported(device.physical, device.queue_family)?
    );
    let format = app.surface.formats(device.physical)?[0];
    let told = app.surface.capabilities(device.physical)?;
    let create_info = plain(app.surface.raw, format, &told);
    // SAFETY: all is the device's; the fence is waited for before it goes, and nothing uses the image.
    unsafe {
        let swapchain = device
            .swapchain
            .create_swapchain(&create_info, Some(callbacks))?;
        let ready = Fence::new(device)?;
        device
            .swapchain
            .acquire_next_image(swapchain, u64::MAX, vk::Semaphore::null(), ready.raw)
            .unwrap();
        ready.wait(u64::MAX).unwrap();
        device
            .swapchain
            .destroy_swapchain(swapchain, Some(callbacks));
    }
    app.surface.window().assert_alive();
    Ok(())
}

/// How many allocations are made to fail at most, for drivers that allocate a lot.
const MOST: usize = 40;

fn fails_well(run: impl Fn(&vk::AllocationCallbacks<'_>) -> Result<(), vk::Result>) {
    let heap = Heap::default();
    run(&heap.callbacks()).unwrap();
    let asked = heap.asked();
    for first in 0..=asked.min(MOST) {
        let heap = Heap::failing_from(first);
        match run(&heap.callbacks()) {
            Ok(()) | Err(vk::Result::ERROR_OUT_OF_HOST_MEMORY) => {}
            Err(error) => panic!("allocation {first} of {asked} fails: {error}"),
        }
        heap.assert_empty();
    }
}

/// What was allocated for an object by pfnAllocation is given to pfnFree of the same callbacks (VkAllocationCallbacks).
fn a_surface_frees_what_it_has_allocated(stage: &Stage) -> Outcome {
    let heap = Heap::default();
    surface(stage, &heap.callbacks()).unwrap();
    heap.assert_empty();
    Ok(())
}

/// The same, with images.
fn a_swapchain_frees_what_it_has_allocated(stage: &Stage) -> Outcome {
    let heap = Heap::default();
    swapchain(stage, &heap.callbacks()).unwrap();
    heap.assert_empty();
    Ok(())
}

/// "If pfnAllocation is unable to allocate the requested memory, it must return NULL", and the command answers
/// VK_ERROR_OUT_OF_HOST_MEMORY.
fn a_surface_without_host_memory_says_so_or_does_without(stage: &Stage) -> Outcome {
    fails_well(|callbacks| surface(stage, callbacks));
    Ok(())
}

/// The same, with images.
fn a_swapchain_without_host_memory_says_so_or_does_without(stage: &Stage) -> Outcome {
    fails_well(|callbacks| swapchain(stage, callbacks));
    Ok(())
}
