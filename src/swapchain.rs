//! A swapchain from the compositor's side: images as dma-bufs, who holds them, and the way of a frame.
//!
//! A frame's way: [`acquire`](Swapchain::acquire) hands out a free image with the fences that came back
//! with it; the application renders; [`present`](Swapchain::present) puts the rendering's fence on the
//! image and commits it; the compositor's release is dispatched by whoever waits next, which takes the
//! image's fences ([`ReleaseListener::released`]) and makes it free.

mod state;

use std::{
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use crate::{
    counters::Counters,
    deadline::Deadline,
    dma_buf::DmaBuf,
    error::{Error, Result},
    lock::lock,
    sync_file::SyncFile,
    synchronisation::{Choice, Release, Synchronisation, Wait},
    wayland::{Plane, Rectangle, ReleaseListener, Surface, WlBuffer},
};
pub use state::Holder;
use state::{Acquire, State};

/// When a presented image is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentMode {
    /// Every image, one after the other, each for at least one refresh (`VK_PRESENT_MODE_FIFO_KHR`).
    Fifo,
    /// The newest image; one that is replaced before it is shown comes back
    /// (`VK_PRESENT_MODE_MAILBOX_KHR`).
    Mailbox,
}

/// What all images of a swapchain share.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// Width and height in pixels.
    pub extent: (u32, u32),
    /// The DRM format under which the compositor gets the images.
    pub fourcc: u32,
    /// The DRM format modifier of their layout.
    pub modifier: u64,
    /// When they are shown.
    pub mode: PresentMode,
    /// How they are to be synchronised.
    pub choice: Choice,
}

/// The memory of one image.
#[derive(Debug)]
pub struct Memory {
    /// The dma-buf in which all its planes lie.
    pub dma_buf: DmaBuf,
    /// Where in it they lie.
    pub planes: Vec<Plane>,
}

/// An image that the application now holds.
#[derive(Debug)]
pub struct Acquired {
    /// The image's number.
    pub index: u32,
    /// What to wait for before writing to it.
    pub wait: Wait,
}

/// The images of one swapchain, shared with the compositor. Thread-safe, though Vulkan allows only one
/// thread at a time in a swapchain.
pub struct Swapchain {
    surface: Arc<Surface>,
    mode: PresentMode,
    buffers: Vec<WlBuffer>,
    shared: Arc<Shared>,
}

/// The part that release events reach, also after the swapchain is gone.
struct Shared {
    synchronisation: Synchronisation,
    images: Vec<DmaBuf>,
    state: Mutex<Held>,
    counters: Counters,
}

/// Who holds the images, and whether anybody wants them.
struct Held {
    state: State<Release>,
    /// The swapchain is gone: what the compositor releases now is destroyed.
    gone: bool,
}

impl Swapchain {
    /// Offers the images to the compositor, one `wl_buffer` each. Takes their descriptors. Nothing is
    /// shown before the first present.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the chosen way of synchronisation cannot be had, or if there is no
    /// image.
    pub fn new(
        surface: Arc<Surface>,
        description: &Description,
        memory: Vec<Memory>,
    ) -> Result<Self> {
        let Some(first) = memory.first() else {
            return Err(Error::Unsupported("a swapchain without images".to_owned()));
        };
        let synchronisation = Synchronisation::choose(description.choice, &first.dma_buf)?;
        let (images, planes): (Vec<_>, Vec<_>) = memory
            .into_iter()
            .map(|memory| (memory.dma_buf, memory.planes))
            .unzip();
        let shared = Arc::new(Shared {
            synchronisation,
            state: Mutex::new(Held {
                state: State::new(images.len() as u32),
                gone: false,
            }),
            images,
            counters: Counters::default(),
        });
        let mut swapchain = Swapchain {
            surface,
            mode: description.mode,
            buffers: Vec::with_capacity(planes.len()),
            shared,
        };
        // What the compositor has released of the swapchains before this one can go.
        swapchain.surface.display().look()?;
        let shared: Arc<dyn ReleaseListener> = swapchain.shared.clone();
        let listener = Arc::downgrade(&shared);
        for (index, planes) in planes.iter().enumerate() {
            let buffer = swapchain.surface.display().create_buffer(
                swapchain.shared.images[index].as_fd(),
                description.extent,
                description.fourcc,
                description.modifier,
                planes,
                listener.clone(),
                index as u32,
            )?;
            swapchain.buffers.push(buffer);
        }
        Ok(swapchain)
    }

    /// The way in which it is synchronised.
    pub fn synchronisation(&self) -> Synchronisation {
        self.shared.synchronisation
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The surface on which it is shown.
    pub fn surface(&self) -> &Arc<Surface> {
        &self.surface
    }

    /// Takes the longest free image, or waits for one until the deadline; `None` when it passes. In
    /// FIFO this is also where the application is slowed down to the compositor's pace.
    ///
    /// # Errors
    /// [`Error::Retired`] after [`retire`](Self::retire), [`Error::CompositorGone`] when no image can
    /// come back any more. On every error and on `None` the application holds no image more than
    /// before.
    pub fn acquire(&self, deadline: Deadline) -> Result<Option<Acquired>> {
        loop {
            let paced_until = self.paced_until();
            let patience = paced_until.map_or(deadline, |due| deadline.or_at(due));
            let answer = self.surface.display().wait(patience, || {
                let mut held = self.state();
                let state = &mut held.state;
                if self.paced_until().is_some() && !state.is_retired() {
                    return None;
                }
                match state.acquire() {
                    Acquire::Image(index, release) => Some(Ok((index, release))),
                    Acquire::Retired => Some(Err(Error::Retired)),
                    Acquire::Wait => None,
                }
            })?;
            match answer {
                Some(image) => {
                    let (index, release) = image?;
                    return self.ready(index, release, deadline);
                }
                None if deadline.is_over() => return Ok(None),
                None => {}
            }
        }
    }

    /// Undoes an acquire that the driver refused to complete.
    pub fn give_back(&self, acquired: Acquired) {
        let release = match acquired.wait {
            Wait::Signalled => None,
            Wait::Pending(fences) => Some(Release::Fences(fences)),
        };
        // It was acquired, so it can be returned.
        let _ = self.state().state.return_acquired(acquired.index, release);
    }

    /// Gives an image back unpresented (`vkReleaseSwapchainImagesKHR`). The application has finished
    /// with it.
    ///
    /// # Errors
    /// [`Error::NotAcquired`] if the application does not hold it.
    pub fn release(&self, index: u32) -> Result<()> {
        if self.state().state.holder(index) != Some(Holder::Application) {
            return Err(Error::NotAcquired(index));
        }
        // The application may have got it with fences that have not signalled. They are still there,
        // and nothing else: it has finished with the image.
        let Shared {
            synchronisation,
            images,
            counters,
            ..
        } = &*self.shared;
        let release = synchronisation.released(&images[index as usize], counters);
        self.state()
            .state
            .return_acquired(index, Some(release))
            .map_err(Error::from)
    }

    /// Shows the image when `rendering` has signalled; at once, if that is over already (`None`). In
    /// FIFO waits for the compositor's pace, up to [`pacing::BOUND`](crate::pacing::BOUND).
    ///
    /// # Errors
    /// [`Error::NotAcquired`] if the application does not hold the image; [`Error::CompositorGone`]; or
    /// what the kernel answers, and then the image is free again, unshown.
    pub fn present(
        &self,
        index: u32,
        rendering: Option<&SyncFile>,
        damage: &[Rectangle],
    ) -> Result<()> {
        if self.state().state.holder(index) != Some(Holder::Application) {
            return Err(Error::NotAcquired(index));
        }
        if let Some(rendering) = rendering {
            let Shared {
                synchronisation,
                images,
                counters,
                ..
            } = &*self.shared;
            synchronisation
                .before_commit(&images[index as usize], rendering, counters)
                .inspect_err(|_| {
                    let _ = self
                        .state()
                        .state
                        .return_acquired(index, Some(Release::Buffer));
                })?;
        }
        if let Some(due) = self.paced_until() {
            self.surface.display().wait(Deadline::At(due), || {
                self.paced_until().is_none().then_some(())
            })?;
        }
        // Before the commit: the release may be dispatched by another thread right after it.
        self.state().state.present(index)?;
        self.surface.commit(
            &self.buffers[index as usize],
            damage,
            self.mode == PresentMode::Fifo,
        )
    }

    /// Another swapchain takes over: no more acquires; what is acquired may still be presented.
    pub fn retire(&self) {
        self.state().state.retire();
    }

    /// Whether another swapchain has taken over.
    pub fn is_retired(&self) -> bool {
        self.state().state.is_retired()
    }

    /// The memory of an image; `None` if there is no such image.
    pub fn dma_buf(&self, index: u32) -> Option<&DmaBuf> {
        self.shared.images.get(index as usize)
    }

    fn state(&self) -> MutexGuard<'_, Held> {
        lock(&self.shared.state)
    }

    fn paced_until(&self) -> Option<Instant> {
        match self.mode {
            PresentMode::Fifo => self.surface.not_before(Instant::now()),
            PresentMode::Mailbox => None,
        }
    }

    fn ready(
        &self,
        index: u32,
        mut release: Option<Release>,
        deadline: Deadline,
    ) -> Result<Option<Acquired>> {
        let image = &self.shared.images[index as usize];
        let counters = &self.shared.counters;
        let wait = self
            .shared
            .synchronisation
            .acquired(image, &mut release, deadline, counters);
        match wait {
            Ok(Some(wait)) => Ok(Some(Acquired { index, wait })),
            Ok(None) | Err(_) => {
                let _ = self.state().state.return_acquired(index, release);
                wait.map(|_| None)
            }
        }
    }
}

impl Drop for Swapchain {
    fn drop(&mut self) {
        // One look at all: a release that another thread dispatches now is either seen here, or sees
        // that the swapchain is gone.
        let mut held = lock(&self.shared.state);
        held.gone = true;
        for (index, buffer) in self.buffers.drain(..).enumerate() {
            match held.state.holder(index as u32) {
                // Destroying a buffer on screen makes the surface's content undefined.
                Some(Holder::Compositor) => self.surface.leave(buffer),
                _ => buffer.destroy(),
            }
        }
        drop(held);
        // A dead compositor needs no requests.
        let _ = self.surface.display().flush();
    }
}

impl ReleaseListener for Shared {
    fn released(&self, index: u32) -> bool {
        if lock(&self.state).state.holder(index) != Some(Holder::Compositor) {
            tracing::warn!(
                index,
                "the compositor released an image that it does not hold"
            );
            return true;
        }
        let release = self
            .synchronisation
            .released(&self.images[index as usize], &self.counters);
        let mut held = lock(&self.state);
        held.state.released(index, release);
        !held.gone
    }
}
