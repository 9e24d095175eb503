//! What the application does.

use std::sync::Arc;

use ash::vk;

use super::{Fallible, Outcome, Part, Trial};
use crate::{Device, Instance, Semaphore, Surface, Swapchain, Wanted, Window, instance::Options};

/// Frames with each swapchain: more than it has images, so that some come back.
pub const FRAMES: u32 = 8;

/// A call of a living compositor's, in nanoseconds.
pub const TIMEOUT: u64 = 5_000_000_000;

impl<F: Fallible> Trial<'_, F> {
    /// The whole story. If it fails, it is told again from there, and goes well.
    ///
    /// # Panics
    /// If it does not.
    pub fn story(&self) -> Outcome {
        let instance = self.during(Part::Instance, || Instance::try_new(Options::default()))?;
        let device = self
            .during(Part::Device, || Device::try_new(&instance))
            .inspect_err(|_| {
                self.faulty.relent();
                Device::try_new(&instance).expect("another try at a device");
            })?;
        let outcome = self.window(&device);
        // A device is lost for good.
        if outcome.is_err_and(|(_, error)| error != vk::Result::ERROR_DEVICE_LOST) {
            self.faulty.relent();
            self.window(&device).expect("another window");
        }
        self.faulty.during(Part::DestroyDevice, || drop(device));
        outcome
    }

    /// The same with a device that is there.
    pub fn window(&self, device: &Arc<Device>) -> Outcome {
        let window = Window::open_at(self.compositor.connect());
        let surface = self.during(Part::Surface, || {
            Surface::try_of_window(&device.instance, window)
        })?;
        let outcome = self.swapchains(device, &surface);
        self.faulty.during(Part::DestroySurface, || drop(surface));
        outcome
    }

    fn swapchains(&self, device: &Arc<Device>, surface: &Arc<Surface>) -> Outcome {
        let wanted = Wanted {
            extent: (32, 32),
            ..Wanted::mailbox()
        };
        self.during(Part::Queries, || ask(device, surface))?;
        let mut first = self.during(Part::Create, || Swapchain::new(device, surface, wanted))?;
        let outcome = self.frames(&mut first).and_then(|()| {
            let wanted = Wanted {
                extent: (48, 32),
                ..wanted
            };
            let mut second = self.during(Part::Create, || first.replaced_by(wanted))?;
            let outcome = self.frames(&mut second);
            self.faulty.during(Part::Destroy, || drop(second));
            outcome
        });
        self.faulty.during(Part::Destroy, || drop(first));
        outcome
    }

    /// Draws frames, until one fails: by turns with a fence and with a semaphore, and presented after one semaphore,
    /// or after two.
    pub fn frames(&self, swapchain: &mut Swapchain) -> Outcome {
        (0..FRAMES).try_for_each(|number| self.frame(swapchain, number))
    }

    fn frame(&self, swapchain: &mut Swapchain, number: u32) -> Outcome {
        swapchain.surface.dispatch();
        let device = Arc::clone(&swapchain.device);
        let (acquired, second) = self.during(Part::Semaphore, || {
            Ok((Semaphore::new(&device)?, Semaphore::new(&device)?))
        })?;
        let index = self.during(Part::Acquire, || match number % 2 {
            0 => swapchain.acquire_and_wait(TIMEOUT),
            _ => swapchain.acquire(TIMEOUT, acquired.raw, vk::Fence::null()),
        })?;
        let drawn = self.during(Part::Work, || {
            match number % 2 {
                0 => swapchain.draw_now(index),
                _ => swapchain.draw_after(index, acquired.raw),
            }?;
            signal(&device, second.raw)
        });
        let waits = [swapchain.drawn(index), second.raw];
        let waits = &waits[..1 + (number / 2 % 2) as usize];
        let shown =
            drawn.and_then(|()| self.during(Part::Present, || present(swapchain, index, waits)));
        // The semaphores are in use until then.
        let idle = self.during(Part::Work, || device.wait_idle());
        let commits = self.compositor.take_commits();
        let is_drivers = commits
            .iter()
            .any(|commit| commit.has_buffer() && commit.buffer().image().is_none());
        if is_drivers {
            self.is_drivers.set(true);
        }
        shown.and(idle)
    }

    fn during<T>(
        &self,
        part: Part,
        command: impl FnOnce() -> Result<T, vk::Result>,
    ) -> Result<T, (Part, vk::Result)> {
        self.faulty
            .during(part, command)
            .map_err(|error| (part, error))
    }
}

/// Asks what an application asks of a surface.
///
/// # Errors
/// The first query's that fails.
pub fn ask(device: &Device, surface: &Surface) -> Result<(), vk::Result> {
    let physical = device.physical;
    surface.is_supported(physical, device.queue_family)?;
    surface.formats(physical)?;
    surface.present_modes(physical)?;
    surface.capabilities(physical).map(drop)
}

/// Submits nothing that signals a semaphore.
fn signal(device: &Device, semaphore: vk::Semaphore) -> Result<(), vk::Result> {
    let signals = [semaphore];
    let submit = vk::SubmitInfo::default().signal_semaphores(&signals);
    // SAFETY: both are the device's, and the semaphore is new.
    device
        .with_queue(|queue| unsafe { device.raw.queue_submit(queue, &[submit], vk::Fence::null()) })
}

/// `vkQueuePresentKHR` after these semaphores.
///
/// # Errors
/// What it answers.
pub fn present(
    swapchain: &Swapchain,
    index: u32,
    waits: &[vk::Semaphore],
) -> Result<(), vk::Result> {
    let swapchains = [swapchain.raw];
    let indices = [index];
    let info = vk::PresentInfoKHR::default()
        .wait_semaphores(waits)
        .swapchains(&swapchains)
        .image_indices(&indices);
    let device = &swapchain.device;
    // SAFETY: queue, swapchain and semaphores are the device's; the image is held, and the semaphores have a signal
    // pending, by the caller's word.
    let shown = device.with_queue(|queue| unsafe { device.swapchain.queue_present(queue, &info) });
    shown.map(drop)
}
