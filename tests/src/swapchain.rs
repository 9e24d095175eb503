//! A swapchain and the frames drawn with it.

use std::ffi::c_void;
use std::sync::Arc;

use ash::vk;

use crate::device::Device;
use crate::fence::Fence;
use crate::semaphore::Semaphore;
use crate::surface::Surface;

/// Frames in flight: the application waits for the frame before the last.
const SLOTS: usize = 2;

/// The properties of a new swapchain.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// Width and height in pixels.
    pub extent: (u32, u32),
    /// The present mode.
    pub present_mode: vk::PresentModeKHR,
    /// The modes to which it may change; empty: none.
    pub present_modes: &'static [vk::PresentModeKHR],
    /// Flags of its creation.
    pub flags: vk::SwapchainCreateFlagsKHR,
    /// The format, or the first that the surface lists.
    pub format: Option<vk::SurfaceFormatKHR>,
    /// What the compositor does with alpha.
    pub alpha: vk::CompositeAlphaFlagsKHR,
    /// How an image of another size than the surface is scaled, and its gravity on both axes; not in the chain
    /// if both are empty.
    pub scaling: (vk::PresentScalingFlagsEXT, vk::PresentGravityFlagsEXT),
    /// The least number of images.
    pub images: u32,
    /// The swapchain to retire.
    pub old: vk::SwapchainKHR,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            extent: (256, 256),
            present_mode: vk::PresentModeKHR::FIFO,
            present_modes: &[],
            flags: vk::SwapchainCreateFlagsKHR::empty(),
            format: None,
            alpha: vk::CompositeAlphaFlagsKHR::OPAQUE,
            scaling: Default::default(),
            images: 3,
            old: vk::SwapchainKHR::null(),
        }
    }
}

impl Wanted {
    /// MAILBOX, which is not paced by the compositor.
    pub fn mailbox() -> Self {
        Self {
            present_mode: vk::PresentModeKHR::MAILBOX,
            images: 4,
            ..Self::default()
        }
    }
}

/// A swapchain with what it takes to draw. Waits for its work and is destroyed on drop.
pub struct Swapchain {
    /// The device that draws.
    pub device: Arc<Device>,
    /// The surface that shows.
    pub surface: Arc<Surface>,
    /// The swapchain.
    pub raw: vk::SwapchainKHR,
    /// Its images.
    pub images: Vec<vk::Image>,
    /// How it was made, its format filled in.
    pub wanted: Wanted,
    /// The colour of all frames; `None`: each has its own.
    pub colour: Option<[f32; 4]>,
    pool: vk::CommandPool,
    slots: Vec<Slot>,
    /// Signalled when an image is drawn. One for each image: only the image's next acquire means that the
    /// present has waited for it.
    drawn: Vec<Semaphore>,
    frame: u64,
}

struct Slot {
    commands: vk::CommandBuffer,
    acquired: Semaphore,
    /// Signalled when the commands are done.
    done: Fence,
}

impl Swapchain {
    /// A swapchain of a surface.
    ///
    /// # Errors
    /// What the surface's queries or `vkCreateSwapchainKHR` answer.
    pub fn new(
        device: &Arc<Device>,
        surface: &Arc<Surface>,
        wanted: Wanted,
    ) -> Result<Self, vk::Result> {
        Self::changed(device, surface, wanted, |_| {})
    }

    /// A swapchain of a surface; `change` may set what [`Wanted`] lacks. What it adds to the chain must outlive
    /// this call.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn changed(
        device: &Arc<Device>,
        surface: &Arc<Surface>,
        mut wanted: Wanted,
        change: impl FnOnce(&mut vk::SwapchainCreateInfoKHR<'_>),
    ) -> Result<Self, vk::Result> {
        // An application must ask whether it may present: drivers count on it.
        assert!(
            surface.is_supported(device.physical, device.queue_family)?,
            "the queue presents to the surface"
        );
        let format = match wanted.format {
            Some(format) => format,
            None => surface.formats(device.physical)?[0],
        };
        wanted.format = Some(format);
        let capabilities = surface.capabilities(device.physical)?;
        let mut modes =
            vk::SwapchainPresentModesCreateInfoEXT::default().present_modes(wanted.present_modes);
        let mut create_info = vk::SwapchainCreateInfoKHR::default()
            .flags(wanted.flags)
            .surface(surface.raw)
            .min_image_count(wanted.images.max(capabilities.min_image_count))
            .image_format(format.format)
            .image_color_space(format.color_space)
            .image_extent(vk::Extent2D {
                width: wanted.extent.0,
                height: wanted.extent.1,
            })
            .image_array_layers(1)
            .image_usage(vk::ImageUsageFlags::TRANSFER_DST | vk::ImageUsageFlags::COLOR_ATTACHMENT)
            .image_sharing_mode(vk::SharingMode::EXCLUSIVE)
            .pre_transform(vk::SurfaceTransformFlagsKHR::IDENTITY)
            .composite_alpha(wanted.alpha)
            .present_mode(wanted.present_mode)
            .clipped(true)
            .old_swapchain(wanted.old);
        if !wanted.present_modes.is_empty() {
            create_info = create_info.push_next(&mut modes);
        }
        let (scaling, gravity) = wanted.scaling;
        let mut scaling = vk::SwapchainPresentScalingCreateInfoEXT::default()
            .scaling_behavior(scaling)
            .present_gravity_x(gravity)
            .present_gravity_y(gravity);
        if wanted.scaling != Default::default() {
            create_info = create_info.push_next(&mut scaling);
        }
        change(&mut create_info);
        // SAFETY: device and surface are alive and of the same instance, the surface was asked
        // whether it can do all this; `old` is a swapchain of the surface by the caller's word.
        let raw = unsafe { device.swapchain.create_swapchain(&create_info, None) }?;
        // What fails from here on leaves nothing behind.
        let mut made = Self {
            device: Arc::clone(device),
            surface: Arc::clone(surface),
            raw,
            images: Vec::new(),
            wanted,
            colour: None,
            pool: vk::CommandPool::null(),
            slots: Vec::new(),
            drawn: Vec::new(),
            frame: 0,
        };
        // SAFETY: the swapchain is the device's.
        made.images = unsafe { device.swapchain.get_swapchain_images(raw) }?;
        made.pool = {
            let create_info = vk::CommandPoolCreateInfo::default()
                .queue_family_index(device.queue_family)
                .flags(vk::CommandPoolCreateFlags::RESET_COMMAND_BUFFER);
            // SAFETY: the device is alive; so for everything that is made here.
            unsafe { device.raw.create_command_pool(&create_info, None) }?
        };
        let commands = {
            let allocate = vk::CommandBufferAllocateInfo::default()
                .command_pool(made.pool)
                .level(vk::CommandBufferLevel::PRIMARY)
                .command_buffer_count(SLOTS as u32);
            // SAFETY: the pool is new and used by this thread alone.
            unsafe { device.raw.allocate_command_buffers(&allocate) }?
        };
        let slot = |commands| {
            Ok(Slot {
                commands,
                acquired: Semaphore::new(device)?,
                done: Fence::signalled(device)?,
            })
        };
        made.slots = commands
            .into_iter()
            .map(slot)
            .collect::<Result<_, vk::Result>>()?;
        made.drawn = made
            .images
            .iter()
            .map(|_| Semaphore::new(device))
            .collect::<Result<_, _>>()?;
        Ok(made)
    }

    /// One frame as an application draws it: acquire, clear to a colour, present.
    ///
    /// # Errors
    /// What the acquire or the present answers; the swapchain can be used on or destroyed.
    pub fn frame(&mut self) -> Result<(), vk::Result> {
        self.frame_within(u64::MAX)
    }

    /// [`frame`](Self::frame) with a timeout for the acquire, in nanoseconds.
    ///
    /// # Errors
    /// As `frame`, and `TIMEOUT` or `NOT_READY`.
    pub fn frame_within(&mut self, timeout: u64) -> Result<(), vk::Result> {
        self.surface.dispatch();
        let acquired = self.free_slot()?.acquired.raw;
        let index = self.acquire(timeout, acquired, vk::Fence::null())?;
        self.draw(index, acquired)?;
        self.present(index)
    }

    /// `vkAcquireNextImageKHR`: an image's number.
    ///
    /// # Errors
    /// What it answers, `TIMEOUT` and `NOT_READY` included.
    pub fn acquire(
        &self,
        timeout: u64,
        semaphore: vk::Semaphore,
        fence: vk::Fence,
    ) -> Result<u32, vk::Result> {
        let (index, _suboptimal) = self.acquire_or_suboptimal(timeout, semaphore, fence)?;
        Ok(index)
    }

    /// The same, and whether the swapchain is no longer the best that the surface could have.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn acquire_or_suboptimal(
        &self,
        timeout: u64,
        semaphore: vk::Semaphore,
        fence: vk::Fence,
    ) -> Result<(u32, bool), vk::Result> {
        // SAFETY: swapchain, semaphore and fence are the device's; semaphore and fence have no
        // operation pending, by the caller's word.
        unsafe {
            self.device
                .swapchain
                .acquire_next_image(self.raw, timeout, semaphore, fence)
        }
    }

    /// `vkAcquireNextImage2KHR`: an image's number.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn acquire_2(
        &self,
        timeout: u64,
        semaphore: vk::Semaphore,
        fence: vk::Fence,
    ) -> Result<u32, vk::Result> {
        let info = vk::AcquireNextImageInfoKHR::default()
            .swapchain(self.raw)
            .timeout(timeout)
            .semaphore(semaphore)
            .fence(fence)
            .device_mask(1);
        // SAFETY: as in `acquire_or_suboptimal`.
        let (index, _suboptimal) = unsafe { self.device.swapchain.acquire_next_image2(&info) }?;
        Ok(index)
    }

    /// Acquires an image and waits until it may be drawn to, by a fence.
    ///
    /// # Errors
    /// What the acquire answers.
    pub fn acquire_and_wait(&self, timeout: u64) -> Result<u32, vk::Result> {
        let ready = Fence::new(&self.device)?;
        let index = self.acquire(timeout, vk::Semaphore::null(), ready.raw)?;
        ready.wait(u64::MAX)?;
        Ok(index)
    }

    /// Draws an image that is held and may be drawn to at once, and presents it.
    ///
    /// # Errors
    /// What the submit or the present answers.
    pub fn draw_and_present(&mut self, index: u32) -> Result<(), vk::Result> {
        self.draw_now(index)?;
        self.present(index)
    }

    /// Draws an image that is held and may be drawn to at once.
    ///
    /// # Errors
    /// What the submit answers.
    pub fn draw_now(&mut self, index: u32) -> Result<(), vk::Result> {
        self.draw_after(index, vk::Semaphore::null())
    }

    /// Draws an image that is held and may be drawn to when this semaphore has signalled.
    ///
    /// # Errors
    /// What the submit answers.
    pub fn draw_after(&mut self, index: u32, acquired: vk::Semaphore) -> Result<(), vk::Result> {
        self.free_slot()?;
        self.draw(index, acquired)
    }

    /// `vkQueuePresentKHR` of an image that was drawn.
    ///
    /// # Errors
    /// What it answers.
    pub fn present(&self, index: u32) -> Result<(), vk::Result> {
        self.present_with(index, std::ptr::null())
    }

    /// `vkQueuePresentKHR` of an image that was drawn, in this mode from now on.
    ///
    /// # Errors
    /// What it answers.
    pub fn present_as(&self, index: u32, mode: vk::PresentModeKHR) -> Result<(), vk::Result> {
        let modes = [mode];
        let info = vk::SwapchainPresentModeInfoEXT::default().present_modes(&modes);
        self.present_with(index, (&raw const info).cast())
    }

    /// `vkQueuePresentKHR` of an image that was drawn, with a chain of structures for one swapchain.
    ///
    /// # Errors
    /// What it answers.
    pub fn present_with(&self, index: u32, chain: *const c_void) -> Result<(), vk::Result> {
        self.present_or_suboptimal(index, chain).map(drop)
    }

    /// The same, and whether the swapchain is no longer the best that the surface could have.
    ///
    /// # Errors
    /// As [`present_with`](Self::present_with).
    pub fn present_or_suboptimal(
        &self,
        index: u32,
        chain: *const c_void,
    ) -> Result<bool, vk::Result> {
        self.present_chained(index, self.drawn(index), chain)
    }

    /// `vkQueuePresentKHR` of an image when this semaphore has signalled.
    ///
    /// # Errors
    /// What it answers.
    pub fn present_after(&self, index: u32, semaphore: vk::Semaphore) -> Result<(), vk::Result> {
        self.present_chained(index, semaphore, std::ptr::null())
            .map(drop)
    }

    fn present_chained(
        &self,
        index: u32,
        semaphore: vk::Semaphore,
        chain: *const c_void,
    ) -> Result<bool, vk::Result> {
        let wait = [semaphore];
        let swapchains = [self.raw];
        let indices = [index];
        let mut info = vk::PresentInfoKHR::default()
            .wait_semaphores(&wait)
            .swapchains(&swapchains)
            .image_indices(&indices);
        info.p_next = chain;
        self.device.with_queue(|queue| {
            // SAFETY: queue, swapchain and semaphore are the device's; the image is held and its
            // semaphore has a signal pending, by the caller's word.
            unsafe { self.device.swapchain.queue_present(queue, &info) }
        })
    }

    /// The semaphore that the drawing of an image signals.
    pub fn drawn(&self, index: u32) -> vk::Semaphore {
        self.drawn[index as usize].raw
    }

    /// Replaces that semaphore. The present that waits for it must be over.
    ///
    /// # Panics
    /// If the driver makes none.
    pub fn renew_drawn(&mut self, index: u32) {
        self.drawn[index as usize] = Semaphore::new(&self.device).expect("a semaphore");
    }

    /// A swapchain like this one in its place, with other properties; this one is retired.
    ///
    /// # Errors
    /// What `vkCreateSwapchainKHR` answers; this one is retired all the same.
    pub fn replaced_by(&self, wanted: Wanted) -> Result<Self, vk::Result> {
        Self::new(
            &self.device,
            &self.surface,
            Wanted {
                old: self.raw,
                ..wanted
            },
        )
    }

    /// The slot of the next frame, once its last frame is drawn.
    fn free_slot(&self) -> Result<&Slot, vk::Result> {
        let slot = &self.slots[self.frame as usize % SLOTS];
        slot.done.wait(u64::MAX)?;
        Ok(slot)
    }

    /// Clears the image to the frame's colour in the free slot, after the semaphore unless it is null.
    fn draw(&mut self, index: u32, acquired: vk::Semaphore) -> Result<(), vk::Result> {
        let slot = &self.slots[self.frame as usize % SLOTS];
        let image = self.images[index as usize];
        let drawn = self.drawn(index);
        let shade = (self.frame % 16) as f32 / 15.0;
        self.frame += 1;
        let colour = self.colour.unwrap_or([shade, 0.5, 1.0 - shade, 1.0]);
        let device = &self.device.raw;
        let begin = vk::CommandBufferBeginInfo::default()
            .flags(vk::CommandBufferUsageFlags::ONE_TIME_SUBMIT);
        // SAFETY: the slot's fence was waited for, so that its commands are not in use; image,
        // buffer and semaphores are the device's. The pool is used by one thread at a time, as
        // this takes `&mut self`.
        unsafe {
            device.begin_command_buffer(slot.commands, &begin)?;
            clear(device, slot.commands, image, colour);
            device.end_command_buffer(slot.commands)?;
            device.reset_fences(&[slot.done.raw])?;
        }
        let commands = [slot.commands];
        let signal = [drawn];
        let wait = [acquired];
        let stages = [vk::PipelineStageFlags::TRANSFER];
        let mut submit = vk::SubmitInfo::default()
            .command_buffers(&commands)
            .signal_semaphores(&signal);
        if acquired != vk::Semaphore::null() {
            submit = submit.wait_semaphores(&wait).wait_dst_stage_mask(&stages);
        }
        self.device.with_queue(|queue| {
            // SAFETY: everything is the device's and lives until the fence is waited for.
            unsafe { device.queue_submit(queue, &[submit], slot.done.raw) }
        })
    }
}

impl Drop for Swapchain {
    fn drop(&mut self) {
        // A lost device is as good as idle.
        let _ = self.device.wait_idle();
        let device = &self.device.raw;
        // SAFETY: the queue is idle, so nothing of this is in use; both are the device's and made by `new`.
        unsafe {
            device.destroy_command_pool(self.pool, None);
            self.device.swapchain.destroy_swapchain(self.raw, None);
        }
    }
}

/// The create info of a FIFO swapchain of 64x64 pixels, for tests that call `vkCreateSwapchainKHR` themselves.
pub fn plain(
    surface: vk::SurfaceKHR,
    format: vk::SurfaceFormatKHR,
    capabilities: &vk::SurfaceCapabilitiesKHR,
) -> vk::SwapchainCreateInfoKHR<'static> {
    vk::SwapchainCreateInfoKHR::default()
        .surface(surface)
        .min_image_count(capabilities.min_image_count)
        .image_format(format.format)
        .image_color_space(format.color_space)
        .image_extent(vk::Extent2D {
            width: 64,
            height: 64,
        })
        .image_array_layers(1)
        .image_usage(vk::ImageUsageFlags::COLOR_ATTACHMENT)
        .pre_transform(capabilities.current_transform)
        .composite_alpha(vk::CompositeAlphaFlagsKHR::OPAQUE)
        .present_mode(vk::PresentModeKHR::FIFO)
        .clipped(true)
}

/// Records a clear of the whole image, from any layout to that of presentation.
///
/// # Safety
/// `commands` is being recorded, `image` is the device's and may be written to when the commands
/// run, from the transfer stage on.
pub unsafe fn clear(
    device: &ash::Device,
    commands: vk::CommandBuffer,
    image: vk::Image,
    colour: [f32; 4],
) {
    let range = vk::ImageSubresourceRange::default()
        .aspect_mask(vk::ImageAspectFlags::COLOR)
        .level_count(1)
        .layer_count(1);
    let barrier = vk::ImageMemoryBarrier::default()
        .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .image(image)
        .subresource_range(range);
    // The first begins at the stage at which the acquire's semaphore is waited for, so that the
    // change of layout comes after it.
    let to_write = barrier
        .dst_access_mask(vk::AccessFlags::TRANSFER_WRITE)
        .old_layout(vk::ImageLayout::UNDEFINED)
        .new_layout(vk::ImageLayout::TRANSFER_DST_OPTIMAL);
    let to_show = barrier
        .src_access_mask(vk::AccessFlags::TRANSFER_WRITE)
        .old_layout(vk::ImageLayout::TRANSFER_DST_OPTIMAL)
        .new_layout(vk::ImageLayout::PRESENT_SRC_KHR);
    // SAFETY: by the caller's word.
    unsafe {
        device.cmd_pipeline_barrier(
            commands,
            vk::PipelineStageFlags::TRANSFER,
            vk::PipelineStageFlags::TRANSFER,
            vk::DependencyFlags::empty(),
            &[],
            &[],
            &[to_write],
        );
        device.cmd_clear_color_image(
            commands,
            image,
            vk::ImageLayout::TRANSFER_DST_OPTIMAL,
            &vk::ClearColorValue { float32: colour },
            &[range],
        );
        device.cmd_pipeline_barrier(
            commands,
            vk::PipelineStageFlags::TRANSFER,
            vk::PipelineStageFlags::BOTTOM_OF_PIPE,
            vk::DependencyFlags::empty(),
            &[],
            &[],
            &[to_show],
        );
    }
}
