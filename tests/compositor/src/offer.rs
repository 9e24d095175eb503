//! What the compositor offers to its clients.

use rustix::fs::{Dev, makedev};

use crate::behaviour::Behaviour;
use crate::clock::Clock;
use crate::colour::Colour;
use crate::feedback::Feedback;
use crate::format::Format;

/// The globals of a compositor, and their events. `wl_compositor`, `wl_subcompositor`, `wl_shm`, `wl_output`,
/// `wl_seat` (without devices) and `xdg_wm_base` are always there.
///
/// The default is a plain modern compositor: dma-bufs with feedback, presentation times and the
/// viewporter; fences are implicit.
#[derive(Clone, Debug)]
pub struct Offer {
    /// `zwp_linux_dmabuf_v1`.
    pub dmabuf: Dmabuf,
    /// The dma-bufs that can be shown. Only these are accepted.
    pub formats: Vec<Format>,
    /// The main device of the dma-buf feedback.
    pub main_device: Dev,
    /// The dma-buf feedback that clients get first; without it, one tranche of all
    /// [`formats`](Self::formats) for the [`main_device`](Self::main_device).
    pub feedback: Option<Feedback>,
    /// `zwp_linux_explicit_synchronization_v1`, version 2.
    pub explicit: bool,
    /// `wp_linux_drm_syncobj_manager_v1`.
    pub syncobj: Syncobj,
    /// Whether a buffer that was committed with timeline points gets `wl_buffer.release`, too: "the
    /// delivery of wl_buffer.release events […] becomes undefined".
    pub release_event_with_syncobj: bool,
    /// `wp_presentation`, version 2, with this clock.
    pub presentation: Option<Clock>,
    /// `wp_viewporter`.
    pub viewporter: bool,
    /// `wp_fifo_manager_v1`.
    pub fifo: bool,
    /// `wp_commit_timing_manager_v1`.
    pub commit_timing: bool,
    /// `wp_tearing_control_manager_v1`.
    pub tearing_control: bool,
    /// `wl_fixes`, version 1.
    pub fixes: bool,
    /// `wp_color_manager_v1`.
    pub colour: Option<Colour>,
    /// Who answers commits.
    pub behaviour: Behaviour,
    /// The refresh of each mode that the display says to be its current one, in thousandths of a hertz; without any,
    /// that of an automatic compositor, or 60 Hz.
    pub modes: Vec<i32>,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            dmabuf: Dmabuf::Feedback(5),
            formats: [b"AR24", b"XR24", b"AB24", b"XB24"]
                .map(|name| Format {
                    fourcc: u32::from_le_bytes(*name),
                    modifier: Format::LINEAR,
                })
                .to_vec(),
            // A render node: 226 is DRM's major number, 128 the first render node's minor.
            main_device: makedev(226, 128),
            feedback: None,
            explicit: false,
            syncobj: Syncobj::None,
            release_event_with_syncobj: true,
            presentation: Some(Clock::Monotonic),
            viewporter: true,
            fifo: false,
            commit_timing: false,
            tearing_control: false,
            fixes: false,
            colour: None,
            behaviour: Behaviour::Manual,
            modes: Vec::new(),
        }
    }
}

/// In which version `zwp_linux_dmabuf_v1` is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dmabuf {
    /// Not at all.
    None,
    /// A version with `modifier` events: 3, or an older one without.
    Modifiers(u32),
    /// A version with feedback objects: 4 or 5.
    Feedback(u32),
}

impl Dmabuf {
    pub(crate) fn version(self) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Modifiers(version) => {
                assert!((1..=3).contains(&version), "{self:?}");
                Some(version)
            }
            Self::Feedback(version) => {
                assert!((4..=5).contains(&version), "{self:?}");
                Some(version)
            }
        }
    }
}

/// Whether `wp_linux_drm_syncobj_manager_v1` is offered, and what its timelines are.
#[derive(Clone, Debug, Default)]
pub enum Syncobj {
    /// Not offered.
    #[default]
    None,
    /// Timelines are imported to this node.
    On(wayfence::syncobj::Node),
    /// Every descriptor is accepted as a timeline. Its points are never available and cannot be signalled: for
    /// tests of the protocol alone, without DRM.
    Blind,
}
