//! Steps that several cases share.

use std::ffi::c_void;

use ash::vk;
use wayfence_tests::swapchain::clear;
use wayfence_tests::{Device, Swapchain};

/// In nanoseconds.
pub const MILLISECOND: u64 = 1_000_000;
/// In nanoseconds.
pub const SECOND: u64 = 1_000 * MILLISECOND;

/// Acquires every image that it can. Until one is presented no acquire may be infinite: forward progress is not
/// guaranteed.
pub fn hold_all(swapchain: &Swapchain) -> Vec<u32> {
    let mut held = Vec::new();
    while held.len() < swapchain.images.len() {
        match swapchain.acquire_and_wait(SECOND) {
            Ok(index) => held.push(index),
            // The presentation engine holds the rest.
            Err(vk::Result::TIMEOUT) => break,
            Err(error) => panic!("vkAcquireNextImageKHR: {error}"),
        }
    }
    assert!(!held.is_empty());
    held
}

/// Waits until an empty submission that waits for the semaphore is done.
pub fn wait_by_submit(device: &Device, semaphore: vk::Semaphore) {
    device.submit_after(semaphore, vk::Fence::null());
    device.wait_idle().unwrap();
}

/// Draws an image of each of two swapchains. Answers their numbers.
pub fn draw_one_of_each(chains: &mut [Swapchain; 2]) -> [u32; 2] {
    chains.each_mut().map(|chain| {
        let index = chain.acquire_and_wait(u64::MAX).unwrap();
        chain.draw_now(index).unwrap();
        index
    })
}

/// Presents those images with one call, with this chain, and with results for each if wanted.
pub fn present_together(
    chains: &[Swapchain; 2],
    indices: [u32; 2],
    results: Option<&mut [vk::Result; 2]>,
    chain: *const c_void,
) -> Result<bool, vk::Result> {
    let [one, other] = chains;
    let swapchains = [one.raw, other.raw];
    let wait = [one.drawn(indices[0]), other.drawn(indices[1])];
    let mut info = vk::PresentInfoKHR::default()
        .wait_semaphores(&wait)
        .swapchains(&swapchains)
        .image_indices(&indices);
    if let Some(results) = results {
        info = info.results(results);
    }
    info.p_next = chain;
    let device = &one.device;
    // SAFETY: everything is the device's; both images are held and drawn.
    device.with_queue(|queue| unsafe { device.swapchain.queue_present(queue, &info) })
}

/// Signals a semaphore and waits for it, both by submissions. If an earlier wait for it were still pending, the
/// validation layer would report it.
pub fn signal_and_wait(device: &Device, semaphore: vk::Semaphore) {
    device.wait_idle().unwrap();
    let signal = [semaphore];
    let submit = vk::SubmitInfo::default().signal_semaphores(&signal);
    device
        // SAFETY: the semaphore is the device's, and the queue is idle.
        .with_queue(|queue| unsafe { device.raw.queue_submit(queue, &[submit], vk::Fence::null()) })
        .unwrap();
    wait_by_submit(device, semaphore);
}

/// Records commands, submits them, and waits until they are done.
///
/// # Safety
/// What `record` records may run now, on the device's queue.
pub unsafe fn submit_and_wait(device: &Device, record: impl FnOnce(vk::CommandBuffer)) {
    let pool_info = vk::CommandPoolCreateInfo::default().queue_family_index(device.queue_family);
    // SAFETY: everything is the device's and is used by this thread alone; the queue is idle before the
    // pool goes; the rest by the caller's word.
    unsafe {
        let pool = device.raw.create_command_pool(&pool_info, None).unwrap();
        let allocate = vk::CommandBufferAllocateInfo::default()
            .command_pool(pool)
            .command_buffer_count(1);
        let commands = device.raw.allocate_command_buffers(&allocate).unwrap();
        device
            .raw
            .begin_command_buffer(commands[0], &vk::CommandBufferBeginInfo::default())
            .unwrap();
        record(commands[0]);
        device.raw.end_command_buffer(commands[0]).unwrap();
        let submit = vk::SubmitInfo::default().command_buffers(&commands);
        device
            .with_queue(|queue| device.raw.queue_submit(queue, &[submit], vk::Fence::null()))
            .unwrap();
        device.wait_idle().unwrap();
        device.raw.destroy_command_pool(pool, None);
    }
}

/// Draws an acquired image, and waits on the CPU until it is drawn.
pub fn draw_without_semaphore(swapchain: &Swapchain, index: u32) {
    let device = &swapchain.device;
    let image = swapchain.images[index as usize];
    // SAFETY: the image is the device's, is held, and may be drawn to now.
    unsafe {
        submit_and_wait(device, |commands| {
            clear(&device.raw, commands, image, [1.0, 0.5, 0.0, 1.0]);
        });
    }
}
