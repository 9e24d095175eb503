//! VK_KHR_swapchain_maintenance1, and the EXT of this name: fences of presents, released images, deferred
//! memory allocation.

use std::ffi::CStr;

use ash::{ext, vk};
use wayfence_tests::swapchain::clear;
use wayfence_tests::{Application, Fence, Semaphore, Swapchain, Wanted};

use crate::case::cases;
use crate::creation::own_image;
use crate::frames::{SECOND, draw_one_of_each, hold_all, present_together, submit_and_wait};
use crate::names::{KHR_SWAPCHAIN_MAINTENANCE1, MAINTENANCE1};
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    the_fence_of_a_present_signals,
    a_fence_may_be_for_one_of_two_swapchains,
    what_a_present_used_may_go_once_its_fence_has_signalled,
    the_fence_of_a_present_to_a_retired_swapchain_signals,
    images_that_are_released_can_be_acquired_again,
    images_are_released_by_the_name_of_the_older_extension_too,
    some_of_the_images_may_be_released,
    a_released_image_keeps_its_content,
    images_of_a_retired_swapchain_can_be_released,
    an_image_has_memory_once_it_is_acquired,
    images_of_the_application_are_bound_to_late_memory,
];

/// Presents a drawn image, with a fence.
pub fn present_with_fence(
    swapchain: &Swapchain,
    index: u32,
    done: &Fence,
) -> Result<(), vk::Result> {
    let fences = [done.raw];
    let info = vk::SwapchainPresentFenceInfoEXT::default().fences(&fences);
    let answer = swapchain.present_with(index, (&raw const info).cast());
    swapchain.surface.dispatch();
    answer
}

/// Waits for the fence of a present, and resets it.
pub fn signals(done: &Fence) {
    done.wait(20 * SECOND).expect("the fence of a present");
    done.reset();
}

/// Releases images unpresented.
fn release(swapchain: &Swapchain, command: &CStr, indices: &[u32]) -> vk::Result {
    let function = swapchain
        .device
        .function(command)
        .expect("the extension is enabled");
    let info = vk::ReleaseSwapchainImagesInfoEXT::default()
        .swapchain(swapchain.raw)
        .image_indices(indices);
    // SAFETY: the command of this name has this type; the images are held by the caller's word, and
    // nothing uses them.
    unsafe {
        std::mem::transmute::<unsafe extern "system" fn(), vk::PFN_vkReleaseSwapchainImagesEXT>(
            function,
        )(swapchain.device.raw.handle(), &info)
    }
}

/// The command by its name in the enabled extension.
fn release_command(stage: &Stage) -> &'static CStr {
    match stage.needs(KHR_SWAPCHAIN_MAINTENANCE1) {
        Ok(()) => c"vkReleaseSwapchainImagesKHR",
        Err(_) => c"vkReleaseSwapchainImagesEXT",
    }
}

/// "The application can provide a fence that the implementation will signal when all such queue operations have
/// completed" (VkSwapchainPresentFenceInfoKHR); also for the last frame.
fn the_fence_of_a_present_signals(stage: &Stage) -> Outcome {
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let done = Fence::new(&app.device).unwrap();
    for wanted in [Wanted::default(), Wanted::mailbox()] {
        let mut swapchain = app.swapchain_with(wanted);
        for _ in 0..10 {
            let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
            swapchain.draw_now(index).unwrap();
            present_with_fence(&swapchain, index, &done).unwrap();
            signals(&done);
        }
    }
    Ok(())
}

/// "Each entry must be VK_NULL_HANDLE or the handle of a fence."
fn a_fence_may_be_for_one_of_two_swapchains(stage: &Stage) -> Outcome {
    stage.needs_one(MAINTENANCE1)?;
    let first = stage.app();
    let second = first.second_window();
    let mut chains = [
        first.swapchain_with(Wanted::mailbox()),
        second.swapchain_with(Wanted::mailbox()),
    ];
    let done = Fence::new(&first.device).unwrap();
    for turn in 0..6 {
        let indices = draw_one_of_each(&mut chains);
        let mut fences = [vk::Fence::null(); 2];
        fences[turn % 2] = done.raw;
        let of_fences = vk::SwapchainPresentFenceInfoEXT::default().fences(&fences);
        present_together(&chains, indices, None, (&raw const of_fences).cast()).unwrap();
        signals(&done);
        first.surface.dispatch();
        second.surface.dispatch();
    }
    Ok(())
}

/// After the fence the application may destroy the wait semaphores, and the swapchain itself once all are
/// signalled; it need not wait for anything else.
fn what_a_present_used_may_go_once_its_fence_has_signalled(stage: &Stage) -> Outcome {
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let device = &app.device;
    let done = Fence::new(device).unwrap();
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    for turn in 0..8 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        crate::frames::draw_without_semaphore(&swapchain, index);
        let drawn = Semaphore::new(device).unwrap();
        let signal = [drawn.raw];
        let submit = vk::SubmitInfo::default().signal_semaphores(&signal);
        let swapchains = [swapchain.raw];
        let indices = [index];
        let fences = [done.raw];
        let mut of_fences = vk::SwapchainPresentFenceInfoEXT::default().fences(&fences);
        let info = vk::PresentInfoKHR::default()
            .wait_semaphores(&signal)
            .swapchains(&swapchains)
            .image_indices(&indices)
            .push_next(&mut of_fences);
        device
            // SAFETY: everything is the device's; the image is held and drawn.
            .with_queue(|queue| unsafe {
                device
                    .raw
                    .queue_submit(queue, &[submit], vk::Fence::null())?;
                device.swapchain.queue_present(queue, &info)
            })
            .unwrap();
        signals(&done);
        // The fence of the present says that nothing uses it any more.
        drop(drawn);
        app.surface.dispatch();
        if turn % 3 == 2 {
            drop(swapchain);
            swapchain = app.swapchain_with(Wanted::mailbox());
        }
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// A present that answers VK_ERROR_OUT_OF_DATE_KHR has still queued its operations (vkQueuePresentKHR, "the set
/// of queue operations are still considered to be enqueued").
fn the_fence_of_a_present_to_a_retired_swapchain_signals(stage: &Stage) -> Outcome {
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let mut old = app.swapchain();
    old.frame().unwrap();
    let held = old.acquire_and_wait(u64::MAX).unwrap();
    let mut new = old.replaced_by(Wanted::default()).unwrap();
    old.draw_now(held).unwrap();
    let done = Fence::new(&app.device).unwrap();
    match present_with_fence(&old, held, &done) {
        Ok(()) | Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => {}
        Err(error) => panic!("{error}"),
    }
    signals(&done);
    new.frame().unwrap();
    Ok(())
}

fn all_can_be_acquired_again(app: &Application, command: &CStr) {
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    for turn in 0..2 {
        let held = hold_all(&swapchain);
        assert_eq!(release(&swapchain, command, &held), vk::Result::SUCCESS);
        let again = hold_all(&swapchain);
        let all = held.iter().all(|index| again.contains(index));
        assert!(all, "{held:?}, {again:?}, {turn}");
        assert_eq!(release(&swapchain, command, &again), vk::Result::SUCCESS);
        for _ in 0..3 {
            swapchain.frame().unwrap();
        }
        app.device.wait_idle().unwrap();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
}

/// vkReleaseSwapchainImagesKHR: "Release previously acquired but unused images".
fn images_that_are_released_can_be_acquired_again(stage: &Stage) -> Outcome {
    stage.needs(KHR_SWAPCHAIN_MAINTENANCE1)?;
    all_can_be_acquired_again(&stage.app(), c"vkReleaseSwapchainImagesKHR");
    Ok(())
}

/// vkReleaseSwapchainImagesEXT (VK_EXT_swapchain_maintenance1).
fn images_are_released_by_the_name_of_the_older_extension_too(stage: &Stage) -> Outcome {
    stage.needs(ext::swapchain_maintenance1::NAME)?;
    all_can_be_acquired_again(&stage.app(), c"vkReleaseSwapchainImagesEXT");
    Ok(())
}

/// `imageIndexCount`: any number of images; the application continues with the others.
fn some_of_the_images_may_be_released(stage: &Stage) -> Outcome {
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let command = release_command(stage);
    let mut swapchain = app.swapchain_with(Wanted::mailbox());
    for _ in 0..3 {
        let mut held = hold_all(&swapchain);
        let shown = held.pop().unwrap();
        assert_eq!(release(&swapchain, command, &held), vk::Result::SUCCESS);
        swapchain.draw_and_present(shown).unwrap();
        app.surface.dispatch();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// "Releasing images is a read-only operation that will not affect the content of the released images. Upon
/// reacquiring the image, the image contents and its layout will be the same as they were prior to
/// releasing it."
fn a_released_image_keeps_its_content(stage: &Stage) -> Outcome {
    const SIDE: u32 = 16;
    stage.needs_one(MAINTENANCE1)?;
    stage.needs_pixels()?;
    let app = stage.app();
    let command = release_command(stage);
    let format = app
        .surface
        .formats(app.device.physical)
        .unwrap()
        .into_iter()
        .find(|format| format.format == vk::Format::B8G8R8A8_UNORM);
    let wanted = Wanted {
        extent: (SIDE, SIDE),
        format,
        ..Wanted::default()
    };
    let usage = vk::ImageUsageFlags::TRANSFER_SRC | vk::ImageUsageFlags::TRANSFER_DST;
    let offered = app
        .surface
        .capabilities(app.device.physical)
        .unwrap()
        .supported_usage_flags;
    if format.is_none() || !offered.contains(usage) {
        return Err(crate::outcome::NotSupported::because(
            "an image of the surface cannot be read back",
        ));
    }
    let swapchain = Swapchain::changed(&app.device, &app.surface, wanted, |info| {
        info.image_usage |= usage;
    })
    .unwrap();
    let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
    let device = &app.device;
    // SAFETY: the image is held, and may be drawn to now.
    unsafe {
        submit_and_wait(device, |commands| {
            clear(
                &device.raw,
                commands,
                swapchain.images[index as usize],
                [1.0, 0.0, 1.0, 0.0],
            );
        });
    }
    assert_eq!(release(&swapchain, command, &[index]), vk::Result::SUCCESS);
    let held = hold_all(&swapchain);
    assert!(held.contains(&index), "{index} in {held:?}");
    let pixels = read_back(&swapchain, index);
    assert_eq!(pixels.len(), (SIDE * SIDE * 4) as usize);
    for pixel in pixels.chunks_exact(4) {
        assert_eq!(pixel, [255, 0, 255, 0], "blue, green, red, alpha");
    }
    Ok(())
}

/// The bytes of an acquired image in the layout of presentation.
fn read_back(swapchain: &Swapchain, index: u32) -> Vec<u8> {
    let device = &swapchain.device;
    let raw = &device.raw;
    let (width, height) = swapchain.wanted.extent;
    let size = u64::from(width * height * 4);
    let create_info = vk::BufferCreateInfo::default()
        .size(size)
        .usage(vk::BufferUsageFlags::TRANSFER_DST);
    // SAFETY: everything is the device's and used by this thread alone; the memory is mapped for as long as
    // it is read, which is after the copy is done.
    unsafe {
        let buffer = raw.create_buffer(&create_info, None).unwrap();
        let needs = raw.get_buffer_memory_requirements(buffer);
        let properties = device
            .instance
            .raw
            .get_physical_device_memory_properties(device.physical);
        let visible =
            vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT;
        let of_type = (0..properties.memory_type_count)
            .find(|at| {
                needs.memory_type_bits & (1 << at) != 0
                    && properties.memory_types[*at as usize]
                        .property_flags
                        .contains(visible)
            })
            .expect("a buffer in memory that the host sees");
        let allocate = vk::MemoryAllocateInfo::default()
            .allocation_size(needs.size)
            .memory_type_index(of_type);
        let memory = raw.allocate_memory(&allocate, None).unwrap();
        raw.bind_buffer_memory(buffer, memory, 0).unwrap();
        let image = swapchain.images[index as usize];
        let layers = vk::ImageSubresourceLayers::default()
            .aspect_mask(vk::ImageAspectFlags::COLOR)
            .layer_count(1);
        let barrier = vk::ImageMemoryBarrier::default()
            .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
            .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
            .image(image)
            .dst_access_mask(vk::AccessFlags::TRANSFER_READ)
            .old_layout(vk::ImageLayout::PRESENT_SRC_KHR)
            .new_layout(vk::ImageLayout::TRANSFER_SRC_OPTIMAL)
            .subresource_range(
                vk::ImageSubresourceRange::default()
                    .aspect_mask(vk::ImageAspectFlags::COLOR)
                    .level_count(1)
                    .layer_count(1),
            );
        let copy = vk::BufferImageCopy::default()
            .image_subresource(layers)
            .image_extent(vk::Extent3D {
                width,
                height,
                depth: 1,
            });
        let for_host = vk::MemoryBarrier::default()
            .src_access_mask(vk::AccessFlags::TRANSFER_WRITE)
            .dst_access_mask(vk::AccessFlags::HOST_READ);
        submit_and_wait(device, |commands| {
            raw.cmd_pipeline_barrier(
                commands,
                vk::PipelineStageFlags::TRANSFER,
                vk::PipelineStageFlags::TRANSFER,
                vk::DependencyFlags::empty(),
                &[],
                &[],
                &[barrier],
            );
            raw.cmd_copy_image_to_buffer(
                commands,
                image,
                vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
                buffer,
                &[copy],
            );
            raw.cmd_pipeline_barrier(
                commands,
                vk::PipelineStageFlags::TRANSFER,
                vk::PipelineStageFlags::HOST,
                vk::DependencyFlags::empty(),
                &[for_host],
                &[],
                &[],
            );
        });
        let bytes = raw
            .map_memory(memory, 0, size, vk::MemoryMapFlags::empty())
            .unwrap();
        let pixels = std::slice::from_raw_parts(bytes.cast::<u8>(), size as usize).to_vec();
        raw.unmap_memory(memory);
        raw.destroy_buffer(buffer, None);
        raw.free_memory(memory, None);
        pixels
    }
}

/// "This functionality is useful during swapchain recreation, where acquired images from the old swapchain
/// can be released instead of presented."
fn images_of_a_retired_swapchain_can_be_released(stage: &Stage) -> Outcome {
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let command = release_command(stage);
    let mut old = app.swapchain();
    old.frame().unwrap();
    let held = old.acquire_and_wait(u64::MAX).unwrap();
    let mut new = old.replaced_by(Wanted::default()).unwrap();
    app.device.wait_idle().unwrap();
    assert_eq!(release(&old, command, &[held]), vk::Result::SUCCESS);
    drop(old);
    for _ in 0..3 {
        new.frame().unwrap();
    }
    app.surface.window().assert_alive();
    Ok(())
}

fn deferred() -> Wanted {
    Wanted {
        flags: vk::SwapchainCreateFlagsKHR::DEFERRED_MEMORY_ALLOCATION_EXT,
        ..Wanted::default()
    }
}

/// VK_SWAPCHAIN_CREATE_DEFERRED_MEMORY_ALLOCATION_BIT_KHR: "the image whose index is returned … will be
/// fully backed by memory before this call returns" (vkAcquireNextImageKHR).
fn an_image_has_memory_once_it_is_acquired(stage: &Stage) -> Outcome {
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let mut swapchain = app.swapchain_with(deferred());
    for _ in 0..10 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_and_present(index).unwrap();
        app.surface.dispatch();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// VkBindImageMemorySwapchainInfoKHR: with deferred allocation `imageIndex` is one that an acquire has
/// returned before.
fn images_of_the_application_are_bound_to_late_memory(stage: &Stage) -> Outcome {
    stage.needs_one(MAINTENANCE1)?;
    let app = stage.app();
    let mut swapchain = app.swapchain_with(deferred());
    let mut own = vec![vk::Image::null(); swapchain.images.len()];
    for _ in 0..8 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        let at = index as usize;
        if own[at] == vk::Image::null() {
            own[at] = own_image(&swapchain, index);
        }
        // Drawn through the application's own image, shown through the swapchain's.
        let theirs = std::mem::replace(&mut swapchain.images[at], own[at]);
        swapchain.draw_now(index).unwrap();
        swapchain.images[at] = theirs;
        swapchain.present(index).unwrap();
        app.surface.dispatch();
    }
    app.device.wait_idle().unwrap();
    for image in own {
        // SAFETY: the image is the application's own, or null, and the queue is idle.
        unsafe { app.device.raw.destroy_image(image, None) };
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}
