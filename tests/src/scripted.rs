//! A swapchain on a scripted compositor, in each of the ways of synchronisation.
//!
//! One [`Stage`] serves many [`Scene`]s. In a scene the application holds every image at first; it
//! [`show`](Scene::show)s some, the test lets the compositor give them back, and the application
//! [`acquire`](Scene::acquire)s them again.

use std::fmt;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ash::{ext, khr, vk};
use wayfence::report::SwapchainReport;
use wayfence::sync_file::SyncFile;
use wayfence::syncobj::Node;
use wayfence_test_compositor::{Commit, Compositor, Offer, SurfaceId, Syncobj};

use crate::asynchronous::AsynchronousDriver;
use crate::device::Device;
use crate::fence::Fence;
use crate::instance::{Instance, Options, WAYLAND};
use crate::layers;
use crate::present_wait::{self, Generation, chained, feature};
use crate::refusing_kernel::RefusingKernel;
use crate::registry::{KHR_SURFACE_MAINTENANCE1, KHR_SWAPCHAIN_MAINTENANCE1, PresentId};
use crate::semaphore::Semaphore;
use crate::surface::Surface;
use crate::swapchain::{Swapchain, Wanted};
use crate::vgem::{self, Vgem};
use crate::window::Window;

/// vgem's fences signal by themselves after ten seconds: a call that takes less has not waited for one.
pub const SOON: Duration = Duration::from_secs(5);

/// Long enough for a release that the compositor has sent, in nanoseconds.
pub const TIMEOUT: u64 = 3_000_000_000;

/// How the compositor and the kernel let an application synchronise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `wp_linux_drm_syncobj_v1` is offered.
    Syncobj,
    /// `zwp_linux_explicit_synchronization_v1` is offered.
    Explicit,
    /// Neither is.
    Implicit,
    /// Neither is, and the kernel has no sync_files of dma-bufs.
    Cpu,
}

impl Way {
    /// All of them.
    pub const ALL: [Way; 4] = [Way::Syncobj, Way::Explicit, Way::Implicit, Way::Cpu];

    /// What a compositor offers for it.
    ///
    /// # Panics
    /// If this machine has no DRM node with timelines, where one is needed.
    pub fn offer(self) -> Offer {
        Offer {
            explicit: self == Way::Explicit,
            syncobj: match self {
                Way::Syncobj => Syncobj::On(Node::any().expect("a DRM node with timelines")),
                _ => Syncobj::None,
            },
            ..Offer::default()
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Syncobj => "syncobj",
            Way::Explicit => "explicit",
            Way::Implicit => "implicit",
            Way::Cpu => "cpu",
        })
    }
}

/// What an acquire is asked to signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A semaphore, seen through a submit that waits for it.
    Semaphore,
    /// A fence.
    Fence,
    /// Both.
    Both,
}

impl Payload {
    /// All of them.
    pub const ALL: [Payload; 3] = [Payload::Semaphore, Payload::Fence, Payload::Both];
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Payload::Semaphore => "semaphore",
            Payload::Fence => "fence",
            Payload::Both => "both",
        })
    }
}

/// A device on a driver whose work a test controls, and a source of fences.
pub struct Stage {
    /// The driver.
    pub driver: AsynchronousDriver,
    /// Where fences come from.
    pub vgem: Vgem,
    device: Arc<Device>,
}

impl Stage {
    /// # Panics
    /// If this machine lacks something: scripts/test has everything.
    #[expect(clippy::new_without_default, reason = "it changes the process")]
    pub fn new() -> Self {
        let driver = AsynchronousDriver::new();
        layers::set_up();
        assert!(layers::wayfence_is_on(), "this is about the layer");
        let instance = Instance::new(Options {
            extensions: &[
                WAYLAND,
                &[KHR_SURFACE_MAINTENANCE1, ext::surface_maintenance1::NAME],
            ]
            .concat(),
            ..Options::default()
        });
        // The device is made before any surface.
        let compositor = Compositor::new(Offer::default());
        assert!(instance.presents_on(&Window::open_at(compositor.connect())));
        drop(compositor);
        let extensions = [
            khr::swapchain::NAME,
            KHR_SWAPCHAIN_MAINTENANCE1,
            khr::external_semaphore_fd::NAME,
            khr::external_fence_fd::NAME,
            khr::present_id::NAME,
            khr::present_wait::NAME,
        ];
        let maintenance = vk::StructureType::PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT;
        let mut features: Vec<_> = present_wait::FEATURES[..2]
            .iter()
            .chain([&maintenance])
            .map(|structure| feature(*structure))
            .collect();
        Self {
            driver,
            vgem: Vgem::open(),
            device: Device::with_features(&instance, &extensions, &mut chained(&mut features)),
        }
    }

    /// A compositor and a kernel for that way, with a swapchain.
    pub fn scene(&self, way: Way) -> Scene<'_> {
        self.scene_of(way, |_| {})
    }

    /// The same, on this kernel.
    pub fn scene_on(&self, way: Way, kernel: RefusingKernel) -> Scene<'_> {
        let compositor = Arc::new(Compositor::new(way.offer()));
        let window = Window::open_at(compositor.connect());
        Scene::new(self, way, compositor, kernel, window)
    }

    /// The same as [`scene`](Self::scene), on a compositor whose offer is changed.
    pub fn scene_of(&self, way: Way, change: impl FnOnce(&mut Offer)) -> Scene<'_> {
        let mut offer = way.offer();
        change(&mut offer);
        let compositor = Arc::new(Compositor::new(offer));
        let kernel = match way {
            Way::Cpu => RefusingKernel::without_sync_files_of_dma_bufs(),
            _ => RefusingKernel::default(),
        };
        let window = Window::open_at(compositor.connect());
        Scene::new(self, way, compositor, kernel, window)
    }
}

/// An application with a swapchain, and its compositor.
pub struct Scene<'a> {
    /// The stage.
    pub stage: &'a Stage,
    /// The way that is offered.
    pub way: Way,
    /// The compositor, which does what the test says.
    pub compositor: Arc<Compositor>,
    /// The kernel on which the application's calls run.
    pub kernel: RefusingKernel,
    /// The application's swapchain.
    pub swapchain: Swapchain,
    /// The images that the application holds; the last is the next to be shown.
    pub held: Vec<u32>,
    extent: (u32, u32),
}

impl<'a> Scene<'a> {
    fn new(
        stage: &'a Stage,
        way: Way,
        compositor: Arc<Compositor>,
        kernel: RefusingKernel,
        window: Window,
    ) -> Self {
        static SCENES: AtomicU32 = AtomicU32::new(0);
        let surface = Surface::of_window(&stage.device.instance, window);
        // Its size is unique, so that its report can be found.
        let extent = (64 + SCENES.fetch_add(1, Ordering::Relaxed), 48);
        let wanted = Wanted {
            extent,
            ..Wanted::mailbox()
        };
        let swapchain = kernel
            .run(|| Swapchain::new(&stage.device, &surface, wanted))
            .unwrap_or_else(|error| panic!("a swapchain, {way}: {error}"));
        let held = (0..swapchain.images.len())
            .map(|_| {
                swapchain
                    .acquire_and_wait(TIMEOUT)
                    .expect("an image that nobody has used")
            })
            .rev()
            .collect();
        Self {
            stage,
            way,
            compositor,
            kernel,
            swapchain,
            held,
            extent,
        }
    }

    /// Another window of the same client, with a swapchain of its own.
    pub fn beside(&self) -> Self {
        Self::new(
            self.stage,
            self.way,
            Arc::clone(&self.compositor),
            self.kernel.clone(),
            self.swapchain.surface.window().open_beside(),
        )
    }

    /// A fence that signals when the test says so.
    pub fn fence(&self) -> vgem::Fence {
        self.stage.vgem.fence()
    }

    /// Draws an image that the application holds, and presents it. Answers its number and the compositor's
    /// commit.
    pub fn show(&mut self) -> (u32, Commit) {
        let index = self.held.pop().expect("the application holds an image");
        self.try_show(index).expect("a present");
        (index, self.compositor.next_commit())
    }

    /// The same as [`show`](Self::show), as the frame with this number.
    pub fn show_as(&mut self, id: u64) -> (u32, Commit) {
        let index = self.held.pop().expect("the application holds an image");
        let Self {
            kernel, swapchain, ..
        } = self;
        swapchain.draw_now(index).expect("a submit");
        kernel.run(|| Generation::One.present(swapchain, index, id));
        (index, self.compositor.next_commit())
    }

    /// Draws this image and presents it.
    ///
    /// # Errors
    /// What the present answers.
    pub fn try_show(&mut self, index: u32) -> Result<(), vk::Result> {
        let Self {
            kernel, swapchain, ..
        } = self;
        swapchain.draw_now(index).expect("a submit");
        kernel.run(|| swapchain.present(index))
    }

    /// Presents a drawn image as the frame with this number, and with a fence. Answers the result of the
    /// present, and the one for the swapchain.
    pub fn present(
        &mut self,
        index: u32,
        id: u64,
        done: vk::Fence,
    ) -> (Result<(), vk::Result>, vk::Result) {
        let Self {
            kernel, swapchain, ..
        } = self;
        kernel.run(|| {
            let id = PresentId::of(&id, false);
            let fences = [done];
            let mut of_fences = vk::SwapchainPresentFenceInfoEXT::default().fences(&fences);
            of_fences.p_next = (&raw const id).cast();
            let wait = [swapchain.drawn(index)];
            let swapchains = [swapchain.raw];
            let indices = [index];
            // No present answers this.
            let mut told = [vk::Result::EVENT_SET];
            let mut info = vk::PresentInfoKHR::default()
                .wait_semaphores(&wait)
                .swapchains(&swapchains)
                .image_indices(&indices)
                .results(&mut told);
            info.p_next = (&raw const of_fences).cast();
            let answer = swapchain.device.with_queue(|queue| {
                // SAFETY: everything is the device's; the image is held and its semaphore has a signal
                // pending, by the caller's word.
                unsafe { swapchain.device.swapchain.queue_present(queue, &info) }
            });
            (answer.map(drop), told[0])
        })
    }

    /// The same as [`show`](Self::show), with a rendering that is done when `rendering` is.
    pub fn show_unfinished(&mut self, rendering: &SyncFile) -> (u32, Commit) {
        self.stage.driver.export_next(rendering);
        self.show()
    }

    /// Acquires an image.
    ///
    /// # Panics
    /// If there is none.
    pub fn acquire(&self, payload: Payload) -> Acquired {
        self.try_acquire(payload, TIMEOUT)
            .unwrap_or_else(|error| panic!("an acquire, {}: {error}", self.way))
    }

    /// Acquires an image within a timeout in nanoseconds.
    ///
    /// # Errors
    /// What the acquire answers.
    pub fn try_acquire(&self, payload: Payload, timeout: u64) -> Result<Acquired, vk::Result> {
        self.acquire_after(payload, timeout, |_, _, _| {})
    }

    /// Acquires an image with a semaphore and a fence that have this sync_file as a temporary payload.
    ///
    /// # Errors
    /// What the acquire answers.
    pub fn try_acquire_with_payload_of(
        &self,
        payload: Payload,
        sync_file: &SyncFile,
        timeout: u64,
    ) -> Result<Acquired, vk::Result> {
        self.acquire_after(payload, timeout, |device, semaphore, fence| {
            import_both(device, semaphore, fence, sync_file);
        })
    }

    fn acquire_after(
        &self,
        payload: Payload,
        timeout: u64,
        prepare: impl FnOnce(&Device, vk::Semaphore, vk::Fence),
    ) -> Result<Acquired, vk::Result> {
        let device = &self.swapchain.device;
        let semaphore = match payload {
            Payload::Fence => None,
            _ => Some(Semaphore::new(device).expect("a semaphore")),
        };
        let ready = match payload {
            Payload::Semaphore => None,
            _ => Some(Fence::new(device).expect("a fence")),
        };
        let of_semaphore = semaphore
            .as_ref()
            .map_or_else(Default::default, |it| it.raw);
        let of_ready = ready.as_ref().map_or_else(Default::default, |it| it.raw);
        prepare(device, of_semaphore, of_ready);
        let begun = Instant::now();
        let answer = self
            .kernel
            .run(|| self.swapchain.acquire(timeout, of_semaphore, of_ready));
        let took = begun.elapsed();
        let index = answer?;
        // A driver may wait inside of the submit, so a thread makes it.
        let (done, submitting) = match &semaphore {
            Some(semaphore) => {
                let done = Fence::new(device).expect("a fence");
                let (device, semaphore, fence) = (Arc::clone(device), semaphore.raw, done.raw);
                let submitting = thread::spawn(move || device.submit_after(semaphore, fence));
                (Some(done), Some(submitting))
            }
            None => (None, None),
        };
        Ok(Acquired {
            index,
            took,
            ready,
            done,
            submitting,
            _semaphore: semaphore,
        })
    }

    /// The swapchain's surface, as the compositor numbers it.
    pub fn surface(&self) -> SurfaceId {
        let clients = self.compositor.clients();
        self.compositor.surfaces(clients[0])[0]
    }

    /// Ends it, and answers the layer's report.
    ///
    /// # Panics
    /// If the client did what a protocol forbids.
    pub fn end(self) -> SwapchainReport {
        self.swapchain.device.wait_idle().expect("an idle device");
        let errors = self.compositor.protocol_errors();
        assert!(errors.is_empty(), "{errors:?}");
        let Self {
            swapchain, extent, ..
        } = self;
        drop(swapchain);
        layers::report_of(extent)
    }
}

/// An image that was acquired, and what its acquire signals.
pub struct Acquired {
    /// Its number.
    pub index: u32,
    /// How long the call took.
    pub took: Duration,
    ready: Option<Fence>,
    /// Of the submit that waits for the semaphore.
    done: Option<Fence>,
    submitting: Option<JoinHandle<()>>,
    _semaphore: Option<Semaphore>,
}

impl Acquired {
    /// Whether all that was asked for has signalled.
    pub fn is_signalled(&self) -> bool {
        // A submit is asked for by a thread of its own.
        self.seen().all(|signalled| signalled)
    }

    /// Whether nothing that was asked for has signalled.
    pub fn is_held(&self) -> bool {
        !self.seen().any(|signalled| signalled)
    }

    fn seen(&self) -> impl Iterator<Item = bool> {
        let fences = [&self.ready, &self.done];
        fences.into_iter().flatten().map(Fence::is_signalled)
    }

    /// How long it takes from now until all has signalled, by polling; `None` if longer than `within`.
    pub fn signals_within(&self, within: Duration) -> Option<Duration> {
        let begun = Instant::now();
        loop {
            if self.is_signalled() {
                return Some(begun.elapsed());
            }
            if begun.elapsed() > within {
                return None;
            }
            thread::yield_now();
        }
    }
}

impl Drop for Acquired {
    fn drop(&mut self) {
        // The semaphore may only go after the submit.
        if let Some(submitting) = self.submitting.take() {
            let _ = submitting.join();
        }
        if let Some(done) = &self.done {
            let _ = done.wait(30_000_000_000);
        }
    }
}

/// Gives semaphore and fence, those that are not null, a temporary payload.
fn import_both(device: &Device, semaphore: vk::Semaphore, fence: vk::Fence, payload: &SyncFile) {
    let duplicate = || OwnedFd::from(payload.try_clone().expect("a descriptor is left"));
    let raw = &device.instance.raw;
    if semaphore != vk::Semaphore::null() {
        let info = vk::ImportSemaphoreFdInfoKHR::default()
            .semaphore(semaphore)
            .flags(vk::SemaphoreImportFlags::TEMPORARY)
            .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD)
            .fd(duplicate().into_raw_fd());
        // SAFETY: the semaphore is the device's, and nothing uses it; the driver takes the descriptor.
        unsafe {
            khr::external_semaphore_fd::Device::new(raw, &device.raw).import_semaphore_fd(&info)
        }
        .expect("the driver takes sync_files");
    }
    if fence != vk::Fence::null() {
        let info = vk::ImportFenceFdInfoKHR::default()
            .fence(fence)
            .flags(vk::FenceImportFlags::TEMPORARY)
            .handle_type(vk::ExternalFenceHandleTypeFlags::SYNC_FD)
            .fd(duplicate().into_raw_fd());
        // SAFETY: as above.
        unsafe { khr::external_fence_fd::Device::new(raw, &device.raw).import_fence_fd(&info) }
            .expect("the driver takes sync_files");
    }
}
