//! An application that opens, resizes, hides and closes windows at random for a long time, and checks for
//! leaks.

use std::{
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use ash::vk;

use crate::{Device, Footprint, Instance, Surface, Swapchain, Wanted, Window, instance};

/// How many windows it has at most.
const WINDOWS: usize = 4;

/// How many actions a round has; after it everything is closed and counted.
const ACTIONS: u32 = 60;

/// No acquire or present of a living compositor takes longer; in nanoseconds.
const TIMEOUT: u64 = 20_000_000_000;

/// By how many bytes memory may differ between counts: malloc and driver keep freed memory.
const SLACK: usize = 32 << 20;

/// Why it ended early.
#[derive(Debug)]
pub enum Failure {
    /// The compositor is gone, as `VK_ERROR_SURFACE_LOST_KHR` says.
    Lost,
    /// A fault.
    Wrong(String),
}

/// What it did.
#[derive(Debug, Default)]
pub struct Done {
    /// Frames presented.
    pub frames: u64,
    /// Swapchains made.
    pub swapchains: u64,
    /// How often everything was closed and counted.
    pub rounds: u64,
}

/// Random numbers, the same for the same seed.
struct Random(u64);

impl Random {
    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

struct Shown {
    // Destroyed before the surface.
    swapchain: Option<Swapchain>,
    surface: Arc<Surface>,
}

/// Runs it for this long.
///
/// # Errors
/// Why it cannot go on.
///
/// # Panics
/// Without a compositor, or without a driver.
pub fn play(seed: u64, duration: Duration) -> Result<Done, Failure> {
    let begin = Instant::now();
    let mut random = Random(seed);
    let mut done = Done::default();
    let first = Window::open();
    let instance = Instance::new(instance::Options::default());
    let anchor = Surface::of_window(&instance, first);
    let device = Device::new(&instance);
    let mut early: Option<Footprint> = None;
    while begin.elapsed() < duration {
        round(&device, &anchor, &mut random, &mut done)?;
        device
            .wait_idle()
            .map_err(|error| wrong("vkDeviceWaitIdle", error))?;
        if anchor.window().roundtrip().is_err() {
            return Err(Failure::Lost);
        }
        done.rounds += 1;
        // Caches are filled after two rounds.
        if done.rounds < 3 {
            continue;
        }
        let now = Footprint::settled();
        let early = *early.get_or_insert(now);
        if now.descriptors > early.descriptors || now.resident > early.resident + SLACK {
            return Err(Failure::Wrong(format!(
                "a leak: {early:?} and then {now:?}"
            )));
        }
    }
    Ok(done)
}

fn wrong(command: &str, error: vk::Result) -> Failure {
    match error {
        vk::Result::ERROR_SURFACE_LOST_KHR => Failure::Lost,
        error => Failure::Wrong(format!("{command}: {error:?}")),
    }
}

/// Some windows, some frames in each, and all of them closed in the end.
fn round(
    device: &Arc<Device>,
    anchor: &Surface,
    random: &mut Random,
    done: &mut Done,
) -> Result<(), Failure> {
    let mut windows: Vec<Shown> = Vec::new();
    for _ in 0..ACTIONS {
        let action = random.below(16);
        if windows.is_empty() || action == 0 && windows.len() < WINDOWS {
            let window = anchor.window().open_beside();
            windows.push(Shown {
                swapchain: None,
                surface: Surface::of_window(&device.instance, window),
            });
        }
        let at = random.below(windows.len() as u64) as usize;
        match action {
            1 => {
                windows.swap_remove(at);
                continue;
            }
            // Not every compositor hides it.
            2 => windows[at].surface.window().minimise(),
            3 => sleep(Duration::from_millis(random.below(200))),
            4..7 => windows[at].change(device, random, done)?,
            _ => {}
        }
        let frames = random.below(20);
        windows[at].draw(device, frames, random, done)?;
    }
    Ok(())
}

impl Shown {
    /// Another swapchain, with another size, mode and number of images: in the place of the one before, or
    /// after its end.
    fn change(
        &mut self,
        device: &Arc<Device>,
        random: &mut Random,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let modes = self.surface.present_modes(device.physical);
        let mut modes =
            modes.map_err(|error| wrong("vkGetPhysicalDeviceSurfacePresentModesKHR", error))?;
        // Modes that need no feature.
        modes.retain(|mode| {
            [
                vk::PresentModeKHR::FIFO,
                vk::PresentModeKHR::FIFO_RELAXED,
                vk::PresentModeKHR::MAILBOX,
                vk::PresentModeKHR::IMMEDIATE,
            ]
            .contains(mode)
        });
        let mut side = || 16 + random.below(300) as u32;
        let extent = (side(), side());
        let wanted = Wanted {
            extent,
            present_mode: modes[random.below(modes.len() as u64) as usize],
            images: 2 + random.below(4) as u32,
            ..Wanted::default()
        };
        let old = self.swapchain.take().filter(|_| random.below(4) > 0);
        let made = match &old {
            Some(old) => old.replaced_by(wanted),
            None => Swapchain::new(device, &self.surface, wanted),
        };
        self.swapchain = Some(made.map_err(|error| wrong("vkCreateSwapchainKHR", error))?);
        done.swapchains += 1;
        Ok(())
    }

    fn draw(
        &mut self,
        device: &Arc<Device>,
        frames: u64,
        random: &mut Random,
        done: &mut Done,
    ) -> Result<(), Failure> {
        for _ in 0..frames {
            let Some(swapchain) = &mut self.swapchain else {
                self.change(device, random, done)?;
                continue;
            };
            match swapchain.frame_within(TIMEOUT) {
                Ok(()) => done.frames += 1,
                Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => self.change(device, random, done)?,
                Err(error) => return Err(wrong("a frame", error)),
            }
        }
        Ok(())
    }
}
