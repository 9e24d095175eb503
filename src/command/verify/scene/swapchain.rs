//! A swapchain of the window's, and its frames.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ash::{khr, vk};

use super::device::Device;
use super::fault::Fault;
use super::surface::Surface;
use crate::command::composite_alpha;

/// Width and height of the window.
const EXTENT: vk::Extent2D = vk::Extent2D {
    width: 480,
    height: 270,
};
/// For how long an image is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A swapchain, gone on drop.
pub struct Swapchain<'a> {
    /// Whose it is.
    pub device: Arc<Device>,
    /// The format of its images.
    pub format: vk::Format,
    surface: &'a Surface,
    functions: khr::swapchain::Device,
    raw: vk::SwapchainKHR,
    clears: Vec<vk::CommandBuffer>,
    used: RefCell<(Vec<vk::Semaphore>, Vec<vk::Fence>)>,
}

/// An image that is ours, and all that its frame needs.
pub struct Frame {
    /// Which image.
    pub index: u32,
    /// How long the acquire took.
    pub took: Duration,
    /// What the acquire signals.
    pub acquired: vk::Semaphore,
    /// The same for the CPU.
    pub acquired_fence: vk::Fence,
    /// What the present waits for.
    pub rendered: vk::Semaphore,
    /// The same, to be looked at.
    pub reference: vk::Semaphore,
    /// What the rendering signals.
    pub done: vk::Fence,
}

impl<'a> Swapchain<'a> {
    /// # Errors
    /// What the driver answers, or if the surface's images cannot be cleared.
    pub fn new(
        device: &Arc<Device>,
        surface: &'a Surface,
        mode: vk::PresentModeKHR,
        images: u32,
    ) -> Result<Self, Fault> {
        let surfaces = &device.gpu.surfaces;
        // SAFETY: a device and a surface of this instance.
        let (capabilities, formats, modes) = unsafe {
            (
                surfaces
                    .get_physical_device_surface_capabilities(device.physical, surface.raw)
                    .map_err(Fault::of("vkGetPhysicalDeviceSurfaceCapabilitiesKHR"))?,
                surfaces
                    .get_physical_device_surface_formats(device.physical, surface.raw)
                    .map_err(Fault::of("vkGetPhysicalDeviceSurfaceFormatsKHR"))?,
                surfaces
                    .get_physical_device_surface_present_modes(device.physical, surface.raw)
                    .map_err(Fault::of("vkGetPhysicalDeviceSurfacePresentModesKHR"))?,
            )
        };
        if !modes.contains(&mode) {
            return Err(Fault(format!("the surface has no mode {mode:?}")));
        }
        let usage = vk::ImageUsageFlags::TRANSFER_DST | vk::ImageUsageFlags::COLOR_ATTACHMENT;
        if !capabilities.supported_usage_flags.contains(usage) {
            return Err(Fault("the surface's images cannot be cleared".to_owned()));
        }
        let format = formats
            .iter()
            .find(|format| format.format == vk::Format::B8G8R8A8_UNORM)
            .or(formats.first())
            .ok_or_else(|| Fault("the surface has no format".to_owned()))?;
        let most = match capabilities.max_image_count {
            0 => u32::MAX,
            most => most,
        };
        let info = vk::SwapchainCreateInfoKHR::default()
            .surface(surface.raw)
            .min_image_count(images.clamp(capabilities.min_image_count, most))
            .image_format(format.format)
            .image_color_space(format.color_space)
            .image_extent(EXTENT)
            .image_array_layers(1)
            .image_usage(usage)
            .pre_transform(vk::SurfaceTransformFlagsKHR::IDENTITY)
            .composite_alpha(composite_alpha::of(&capabilities))
            .present_mode(mode)
            .clipped(true);
        let functions = khr::swapchain::Device::new(&device.gpu.instance, &device.raw);
        // SAFETY: a device with VK_KHR_swapchain, a surface that has no other swapchain, and what it offers.
        let raw = unsafe { functions.create_swapchain(&info, None) }
            .map_err(Fault::of("vkCreateSwapchainKHR"))?;
        let mut this = Self {
            device: Arc::clone(device),
            format: format.format,
            surface,
            functions,
            raw,
            clears: Vec::new(),
            used: RefCell::default(),
        };
        // SAFETY: a swapchain of this device's.
        let images = unsafe { this.functions.get_swapchain_images(raw) }
            .map_err(Fault::of("vkGetSwapchainImagesKHR"))?;
        for (at, image) in images.iter().enumerate() {
            let shade = at as f32 / images.len() as f32;
            this.clears
                .push(device.commands(|commands| clear(device, commands, *image, shade))?);
        }
        Ok(this)
    }

    /// The next image.
    ///
    /// # Errors
    /// If none comes; so for all that follows, or what the driver answers.
    pub fn acquire(&self) -> Result<Frame, Fault> {
        self.surface.window.answer()?;
        let device = &self.device;
        let mut frame = Frame {
            index: 0,
            took: Duration::ZERO,
            acquired: device.semaphore(false)?,
            acquired_fence: device.fence()?,
            rendered: device.semaphore(false)?,
            reference: device.semaphore(true)?,
            done: device.fence()?,
        };
        let mut used = self.used.borrow_mut();
        used.0
            .extend([frame.acquired, frame.rendered, frame.reference]);
        used.1.extend([frame.acquired_fence, frame.done]);
        let begun = Instant::now();
        // SAFETY: a swapchain, a semaphore and a fence of this device's, with nothing pending.
        let answer = unsafe {
            self.functions.acquire_next_image(
                self.raw,
                PATIENCE.as_nanos() as u64,
                frame.acquired,
                frame.acquired_fence,
            )
        };
        frame.took = begun.elapsed();
        match answer {
            Ok((index, _)) => {
                frame.index = index;
                Ok(frame)
            }
            Err(vk::Result::TIMEOUT) => Err(Fault(format!(
                "no image came back in {} s: the compositor may not show the window",
                PATIENCE.as_secs()
            ))),
            Err(error) => Err(Fault::of("vkAcquireNextImageKHR")(error)),
        }
    }

    /// Draws the frame, after this work.
    ///
    /// # Errors
    /// See [`acquire`](Self::acquire).
    pub fn draw(&self, frame: &Frame, work: &[vk::CommandBuffer]) -> Result<(), Fault> {
        let mut commands = work.to_vec();
        commands.push(self.clears[frame.index as usize]);
        self.device.submit(
            &[frame.acquired],
            &commands,
            &[frame.rendered, frame.reference],
            frame.done,
        )
    }

    /// Presents the frame. Answers how long the call took.
    ///
    /// # Errors
    /// See [`acquire`](Self::acquire).
    pub fn present(&self, frame: &Frame) -> Result<Duration, Fault> {
        let (waits, swapchains, indices) = ([frame.rendered], [self.raw], [frame.index]);
        let info = vk::PresentInfoKHR::default()
            .wait_semaphores(&waits)
            .swapchains(&swapchains)
            .image_indices(&indices);
        self.surface.window.ask_how_it_is_shown();
        let begun = Instant::now();
        // SAFETY: an image that is ours, and a semaphore that the queue signals; one thread uses the queue.
        unsafe { self.functions.queue_present(self.device.queue, &info) }
            .map_err(Fault::of("vkQueuePresentKHR"))?;
        Ok(begun.elapsed())
    }

    /// Acquires, draws and presents a frame without work.
    ///
    /// # Errors
    /// See [`acquire`](Self::acquire).
    pub fn show(&self) -> Result<Frame, Fault> {
        let frame = self.acquire()?;
        self.draw(&frame, &[])?;
        self.present(&frame)?;
        Ok(frame)
    }
}

impl Drop for Swapchain<'_> {
    fn drop(&mut self) {
        self.device.idle();
        let (semaphores, fences) = &*self.used.borrow();
        // SAFETY: all is the device's, and it has nothing to do any more. What the present engine still
        // waits for is no object of ours.
        unsafe {
            let raw = &self.device.raw;
            self.functions.destroy_swapchain(self.raw, None);
            for semaphore in semaphores {
                raw.destroy_semaphore(*semaphore, None);
            }
            for fence in fences {
                raw.destroy_fence(*fence, None);
            }
            raw.free_command_buffers(self.device.pool, &self.clears);
        }
    }
}

fn clear(device: &Device, commands: vk::CommandBuffer, image: vk::Image, shade: f32) {
    let range = vk::ImageSubresourceRange::default()
        .aspect_mask(vk::ImageAspectFlags::COLOR)
        .level_count(1)
        .layer_count(1);
    let barrier = |from, to, before, after| {
        vk::ImageMemoryBarrier::default()
            .old_layout(from)
            .new_layout(to)
            .src_access_mask(before)
            .dst_access_mask(after)
            .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
            .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
            .image(image)
            .subresource_range(range)
    };
    let (write, none) = (vk::AccessFlags::TRANSFER_WRITE, vk::AccessFlags::empty());
    let target = vk::ImageLayout::TRANSFER_DST_OPTIMAL;
    let first = [barrier(vk::ImageLayout::UNDEFINED, target, none, write)];
    let last = [barrier(
        target,
        vk::ImageLayout::PRESENT_SRC_KHR,
        write,
        none,
    )];
    let colour = vk::ClearColorValue {
        float32: [0.1, 0.2 + shade / 2.0, 0.4, 1.0],
    };
    let all = vk::PipelineStageFlags::ALL_COMMANDS;
    let flags = vk::DependencyFlags::empty();
    // SAFETY: commands that are being recorded, and an image of the swapchain, which outlives them.
    unsafe {
        let raw = &device.raw;
        raw.cmd_pipeline_barrier(commands, all, all, flags, &[], &[], &first);
        raw.cmd_clear_color_image(commands, image, target, &colour, &[range]);
        raw.cmd_pipeline_barrier(commands, all, all, flags, &[], &[], &last);
    }
}
