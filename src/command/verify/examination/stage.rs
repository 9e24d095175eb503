//! What all questions need: the window, the device, work for it, and what passes between window and
//! compositor.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use ash::vk;

use crate::command::doctor::compositor::Compositor;
use crate::command::verify::machine::Machine;
use crate::command::verify::scene::{
    Device, Fault, Frame, Gpu, Readers, Surface, Swapchain, Window, Work,
};
use crate::command::verify::wire::{self, Commit, Seen};

/// It stands until the process ends.
pub struct Stage {
    /// The instance.
    pub gpu: Arc<Gpu>,
    /// The device that draws on the window: the loader's first.
    pub device: Arc<Device>,
    /// The window's surface.
    pub surface: Surface,
    /// What passes.
    pub seen: Arc<Seen>,
    /// Work for the device, or why there is none.
    pub work: Result<Work, String>,
    /// Another device of the same GPU, without a window, and work for it.
    pub plain: Result<(Arc<Device>, Work), String>,
    /// Those who read images.
    pub readers: Readers,
    /// How the driver gives fences out, once that was asked.
    pub fences: Cell<DriverFences>,
    /// The number of the compositor's main device, if it tells.
    pub main_device: Option<u64>,
}

/// How a driver gives out the fence of work that still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverFences {
    /// It is not known.
    Unknown,
    /// At once.
    Pending,
    /// When the work is over.
    Late,
    /// As one that does not wait for the work.
    Wrong,
}

/// Long enough that nobody is slow enough to miss it, and no longer than people wait for a table.
pub const LONG: Duration = Duration::from_millis(200);
/// What others may take to see that a fence has signalled, on a machine that is busy.
pub const SOON: Duration = Duration::from_millis(100);
/// What takes longer does not come any more.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// Images of a swapchain, so that one is free while the compositor has two.
pub const IMAGES: u32 = 4;

impl Stage {
    /// Opens the window. `tell` learns of the machine.
    ///
    /// # Errors
    /// Why nothing can be asked.
    pub fn set(tell: impl FnOnce(Machine)) -> Result<Self, Fault> {
        let compositor = Compositor::look()?;
        let (socket, seen) = wire::open()?;
        let window = Window::open(socket)?;
        let gpu = Arc::new(Gpu::new(&window)?);
        let surface = Surface::new(&gpu, window)?;
        let physical = gpu.devices[0];
        let device = Device::new(&gpu, physical, Some(&surface))?;
        let work = Work::calibrated(&device).map_err(|Fault(why)| why);
        let plain = alone(&gpu, physical);
        let readers = Readers::find(|| alone(&gpu, physical));
        let uname = rustix::system::uname();
        tell(Machine {
            kernel: format!(
                "{} {}",
                uname.sysname().to_string_lossy(),
                uname.release().to_string_lossy()
            ),
            compositor: compositor.name,
            main_device: compositor
                .main_device
                .as_ref()
                .map(|path| path.display().to_string()),
            protocols: compositor
                .protocols
                .iter()
                .map(|(name, version)| format!("{name} {version}"))
                .collect(),
            devices: gpu.devices.iter().map(|device| gpu.name(*device)).collect(),
            readers: readers.to_string(),
        });
        Ok(Self {
            gpu,
            device,
            surface,
            seen,
            work,
            plain,
            readers,
            fences: Cell::new(DriverFences::Unknown),
            main_device: compositor.main_device.as_deref().and_then(number_of),
        })
    }

    /// A swapchain that waits for no refresh.
    ///
    /// # Errors
    /// What the driver answers.
    pub fn swapchain(&self) -> Result<Swapchain<'_>, Fault> {
        Swapchain::new(
            &self.device,
            &self.surface,
            vk::PresentModeKHR::MAILBOX,
            IMAGES,
        )
    }

    /// How many commits there were, when all that was said has passed.
    ///
    /// # Errors
    /// If the compositor does not answer.
    pub fn commits(&self) -> Result<usize, Fault> {
        self.surface.window.answer()?;
        Ok(self.seen.commits())
    }

    /// The commit with this number, from 0.
    ///
    /// # Errors
    /// If it does not come.
    pub fn commit(&self, number: usize) -> Result<Arc<Commit>, Fault> {
        self.seen
            .commit(number, PATIENCE)
            .ok_or_else(|| Fault("no commit was seen".to_owned()))
    }

    /// Shows a frame without work. Answers its commit, too.
    ///
    /// # Errors
    /// What the driver answers, or if there is no commit.
    pub fn show(&self, swapchain: &Swapchain<'_>) -> Result<(Frame, Arc<Commit>), Fault> {
        let number = self.commits()?;
        let frame = swapchain.show()?;
        Ok((frame, self.commit(number)?))
    }

    /// The device's work.
    ///
    /// # Errors
    /// Why there is none.
    pub fn work(&self) -> Result<&Work, Fault> {
        self.work.as_ref().map_err(|why| Fault(why.clone()))
    }
}

/// A device without a window, with its work.
fn alone(gpu: &Arc<Gpu>, physical: vk::PhysicalDevice) -> Result<(Arc<Device>, Work), String> {
    let made = || {
        let device = Device::new(gpu, physical, None)?;
        let work = Work::calibrated(&device)?;
        Ok((device, work))
    };
    made().map_err(|Fault(why)| why)
}

fn number_of(path: &std::path::Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    Some(path.metadata().ok()?.rdev())
}
