//! The benchmark's own application: acquire, clear and present as fast as possible; swapchain recreation and
//! surface queries. The meter above the layer times them.

use std::{
    hint,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ash::vk;
use wayfence_tests::{Application, Wanted};

/// Sizes between which the window changes when its swapchain is recreated.
const SIZES: [(u32, u32); 2] = [(256, 256), (320, 240)];
/// What every side has. Which formats a surface lists first is the driver's or the layer's own choice, and
/// images of another depth cost something else.
const FORMAT: vk::SurfaceFormatKHR = vk::SurfaceFormatKHR {
    format: vk::Format::B8G8R8A8_UNORM,
    color_space: vk::ColorSpaceKHR::SRGB_NONLINEAR,
};
/// Frames between two recreations.
const BETWEEN: u32 = 3;

/// What the application does.
#[derive(Debug, Clone, clap::Args)]
pub struct Loop {
    /// Present in this mode.
    #[arg(long, value_enum, default_value = "mailbox")]
    pub mode: Mode,
    /// Keep the CPU busy for so many milliseconds before each frame.
    #[arg(long, default_value_t = 0)]
    pub work: u64,
    /// Frames to draw.
    #[arg(long, default_value_t = 100)]
    pub frames: u32,
    /// How often to recreate the swapchain, and how often to query the surface.
    #[arg(long, default_value_t = 0)]
    pub again: u32,
}

/// The pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// `VK_PRESENT_MODE_MAILBOX_KHR`.
    Mailbox,
    /// `VK_PRESENT_MODE_FIFO_KHR`.
    Fifo,
}

impl Mode {
    /// As the command line knows it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Mailbox => "mailbox",
            Mode::Fifo => "fifo",
        }
    }

    /// As Vulkan knows it.
    pub fn vk(self) -> vk::PresentModeKHR {
        match self {
            Mode::Mailbox => vk::PresentModeKHR::MAILBOX,
            Mode::Fifo => vk::PresentModeKHR::FIFO,
        }
    }
}

impl Loop {
    /// Runs it.
    ///
    /// # Errors
    /// What the driver or the layer answers. Where there is no compositor or no driver it panics with
    /// the reason, as the tests' harness does.
    pub fn run(&self) -> Result<()> {
        let app = Application::new();
        let (surface, physical) = (&app.surface, app.device.physical);
        for _ in 0..=self.again {
            ensure!(
                surface.is_supported(physical, app.device.queue_family)?,
                "the queue does not present to the surface"
            );
            let _ = surface.capabilities(physical)?;
            surface.formats(physical)?;
            surface.present_modes(physical)?;
        }
        let wanted = Wanted {
            present_mode: self.mode.vk(),
            format: Some(FORMAT),
            ..Wanted::mailbox()
        };
        let mut swapchain = app.try_swapchain(wanted).context("vkCreateSwapchainKHR")?;
        for _ in 0..self.frames {
            work(Duration::from_millis(self.work));
            swapchain.frame()?;
        }
        let sizes = SIZES.iter().cycle().skip(1);
        for extent in sizes.take(self.again as usize) {
            swapchain = swapchain.replaced_by(Wanted {
                extent: *extent,
                ..swapchain.wanted
            })?;
            for _ in 0..BETWEEN {
                swapchain.frame()?;
            }
        }
        for _ in 0..self.again / 2 {
            drop(swapchain);
            swapchain = app.try_swapchain(wanted)?;
            for _ in 0..BETWEEN {
                swapchain.frame()?;
            }
        }
        drop(swapchain);
        surface.window().assert_alive();
        Ok(())
    }
}

/// Keeps the CPU busy. Reading a clock may be a system call, which is traced: it is read a few dozen times.
fn work(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        for _ in 0..10_000 {
            hint::spin_loop();
        }
    }
}
