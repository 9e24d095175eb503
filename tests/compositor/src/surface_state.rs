//! The double-buffered state of a surface: what the client has asked for since its last commit, and what
//! is in force.

use std::collections::VecDeque;
use std::sync::Arc;

use wayfence::sync_file::SyncFile;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::server::zwp_linux_buffer_release_v1::ZwpLinuxBufferReleaseV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::server::zwp_linux_surface_synchronization_v1::ZwpLinuxSurfaceSynchronizationV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_surface_v1::WpLinuxDrmSyncobjSurfaceV1;
use wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::WpPresentationFeedback;
use wayland_protocols::wp::viewporter::server::wp_viewport::WpViewport;
use wayland_server::protocol::wl_buffer::WlBuffer;
use wayland_server::protocol::wl_callback::WlCallback;
use wayland_server::protocol::wl_surface::WlSurface;

use crate::buffer::Buffer;
use crate::colour::{Parameters, SurfaceColour};
use crate::commit::{Pacing, Point, Rectangle};
use crate::ids::{ClientId, SurfaceId};
use crate::viewport::Viewport;
use crate::xdg_surface::XdgSurfaceState;

/// A `wl_surface`.
#[derive(Debug)]
pub(crate) struct Surface {
    pub id: SurfaceId,
    pub client: ClientId,
    pub resource: WlSurface,
    pub pending: Pending,
    pub current: Current,
    pub extensions: Extensions,
    pub role: Option<Role>,
    /// The colours that the compositor would like best, if not those of the output.
    pub preferred: Option<Parameters>,
    /// Nobody sees it: no frame callbacks, no presentation feedback.
    pub hidden: bool,
    /// While it is hidden, nothing clears its fifo barriers.
    pub barriers_stay: bool,
    /// Frame callbacks of commits that are in force, to be answered.
    pub callbacks: Vec<WlCallback>,
    /// A `fifo_barrier` condition is present.
    pub barrier: bool,
    /// Commits whose constraints are not met yet, oldest first. Empty unless the compositor is
    /// automatic.
    pub queue: VecDeque<u64>,
    /// The commit whose buffer is shown.
    pub showing: Option<u64>,
    /// The last commit in force, until it is presented.
    pub unpresented: Option<u64>,
}

/// What a surface is there for.
#[derive(Debug)]
pub(crate) enum Role {
    Xdg(Box<XdgSurfaceState>),
    Subsurface {
        /// It takes effect with its parent.
        synchronised: bool,
    },
}

/// The next commit.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub attached: PendingBuffer,
    pub offset: (i32, i32),
    pub damage: Vec<Rectangle>,
    pub buffer_damage: Vec<Rectangle>,
    pub callbacks: Vec<WlCallback>,
    pub acquire_fence: Option<SyncFile>,
    pub release: Option<ZwpLinuxBufferReleaseV1>,
    pub acquire_point: Option<Point>,
    pub release_point: Option<Point>,
    pub feedbacks: Vec<WpPresentationFeedback>,
    pub pacing: Pacing,
    /// What stays until it is changed.
    pub lasting: Lasting,
}

/// What `wl_surface.attach` said.
#[derive(Debug, Default)]
pub(crate) enum PendingBuffer {
    #[default]
    Nothing,
    Null,
    Buffer(Arc<Buffer>, WlBuffer),
}

/// State that a commit does not use up.
#[derive(Clone, Debug)]
pub(crate) struct Lasting {
    pub scale: i32,
    pub transform: u32,
    pub viewport: Viewport,
    pub tearing: bool,
    pub colour: Option<SurfaceColour>,
}

impl Default for Lasting {
    fn default() -> Self {
        Self {
            scale: 1,
            transform: 0,
            viewport: Viewport::default(),
            tearing: false,
            colour: None,
        }
    }
}

/// What is in force, as far as anybody asks.
#[derive(Debug, Default)]
pub(crate) struct Current {
    pub buffer: Option<Arc<Buffer>>,
}

/// The objects that extend the surface, of which it has one each at the most.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub viewport: Option<WpViewport>,
    pub explicit: Option<ZwpLinuxSurfaceSynchronizationV1>,
    pub syncobj: Option<WpLinuxDrmSyncobjSurfaceV1>,
    pub fifo: bool,
    pub commit_timer: bool,
    pub tearing_control: bool,
    pub color_management: bool,
}

impl Surface {
    pub fn new(id: SurfaceId, client: ClientId, resource: WlSurface) -> Self {
        Self {
            id,
            client,
            resource,
            pending: Pending::default(),
            current: Current::default(),
            extensions: Extensions::default(),
            role: None,
            preferred: None,
            hidden: false,
            barriers_stay: false,
            callbacks: Vec::new(),
            barrier: false,
            queue: VecDeque::new(),
            showing: None,
            unpresented: None,
        }
    }

    /// What the client has asked for since the last commit. What lasts stays pending as it is.
    pub fn take_pending(&mut self) -> Pending {
        let lasting = self.pending.lasting.clone();
        std::mem::replace(
            &mut self.pending,
            Pending {
                lasting,
                ..Pending::default()
            },
        )
    }

    /// Whether it takes effect with its parent only.
    pub fn is_synchronised(&self) -> bool {
        matches!(self.role, Some(Role::Subsurface { synchronised: true }))
    }
}

impl Pending {
    /// The attached buffer.
    pub fn buffer(&self) -> Option<&Arc<Buffer>> {
        match &self.attached {
            PendingBuffer::Buffer(buffer, _) => Some(buffer),
            PendingBuffer::Nothing | PendingBuffer::Null => None,
        }
    }

    /// The buffer that the surface has with this commit, if it had `current` before.
    pub fn buffer_in_force<'a>(
        &'a self,
        current: Option<&'a Arc<Buffer>>,
    ) -> Option<&'a Arc<Buffer>> {
        match &self.attached {
            PendingBuffer::Nothing => current,
            PendingBuffer::Null => None,
            PendingBuffer::Buffer(buffer, _) => Some(buffer),
        }
    }
}
