//! A compositor that is a client of another and composes nothing, as a virtual machine's that shows its guest's
//! windows on the host.

use std::os::fd::AsFd;
use std::sync::{Arc, Weak};

use wayfence::counters::Counters;
use wayfence::dma_buf::Access;
use wayfence::sync_file::SyncFile;
use wayfence::synchronisation::{Choice, Inherited, Synchronisation};
use wayfence::wayland::{BufferRelease, Plane, ReleaseListener, Surface};
use wayfence_test_compositor::{Commit, Compositor};

use crate::scripted::Way;
use crate::window::Window;

/// The client half of a proxy, and the compositor to which it passes frames on.
pub struct Proxy {
    way: Way,
    surface: Arc<Surface>,
    // The surface uses what the window owns.
    _window: Window,
    outer: Compositor,
}

impl Proxy {
    /// A proxy for a compositor that offers this way.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn to(way: Way) -> Self {
        let outer = Compositor::new(way.offer());
        let window = Window::open_at(outer.connect());
        // SAFETY: display and surface are the window's, which is dropped after the surface.
        let surface = unsafe { Surface::of(window.display_ptr(), window.surface_ptr()) };
        Self {
            way,
            surface: surface.expect("a surface"),
            _window: window,
            outer,
        }
    }

    /// Commits the buffer of a client's commit to the outer compositor, and passes its fence on instead of
    /// waiting for it. Answers the commit as the outer compositor sees it.
    ///
    /// # Panics
    /// If a request or an ioctl fails.
    pub fn pass_on(&self, frame: &Commit) -> Commit {
        let buffer = frame.buffer();
        let layout = buffer.image().expect("a dma-buf");
        let dma_buf = frame.dma_buf();
        let fence: SyncFile = match self.way {
            Way::Implicit => dma_buf.export_sync_file(Access::Read),
            _ => frame.fences().acquire().expect("a fence").try_clone(),
        }
        .expect("a sync_file");

        let image = Arc::new(dma_buf.try_clone().expect("a descriptor is left"));
        let (synchronisation, _) = Synchronisation::new(
            Choice::Auto,
            &self.surface,
            std::slice::from_ref(&image),
            vec![Inherited::default()],
        )
        .expect("the outer compositor's way");
        let planes: Vec<Plane> = layout
            .planes
            .iter()
            .map(|plane| Plane {
                offset: plane.offset,
                stride: plane.stride,
            })
            .collect();
        let nobody: Weak<dyn ReleaseListener> = Weak::<Nobody>::new();
        let passed_on = self
            .surface
            .display()
            .create_buffer(
                dma_buf.as_fd(),
                (buffer.width as u32, buffer.height as u32),
                layout.fourcc,
                layout.modifier,
                &planes,
                nobody.clone(),
                0,
            )
            .expect("a wl_buffer");
        synchronisation
            .before_commit(0, &mut Some(fence), &Counters::default())
            .expect("the fence is passed on");
        self.surface
            .show(&passed_on, || {
                synchronisation.commit(0, &self.surface, &nobody);
            })
            .expect("a commit");
        self.outer.next_commit()
    }
}

/// Ignores the release of the buffer.
struct Nobody;

impl ReleaseListener for Nobody {
    fn released(&self, _: u32, _: BufferRelease) -> bool {
        false
    }
}
