//! The compositor's globals that are bound, each in the highest version that both sides know.

use wayland_client::{Dispatch, Proxy, protocol::wl_registry::WlRegistry};
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timing_manager_v1::WpCommitTimingManagerV1;
use wayland_protocols::wp::fifo::v1::client::wp_fifo_manager_v1::WpFifoManagerV1;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_explicit_synchronization_v1::ZwpLinuxExplicitSynchronizationV1;
use wayland_protocols::wp::presentation_time::client::wp_presentation::WpPresentation;
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_manager_v1::WpTearingControlManagerV1;

use super::{
    color_management::{self, Colours},
    events::Events,
    globals::Globals,
};

/// The lowest version of `zwp_linux_dmabuf_v1` with modifiers.
const DMABUF_WITH_MODIFIERS: u32 = 3;
/// The lowest version of `zwp_linux_dmabuf_v1` that has feedback, and then sends no modifier events.
const DMABUF_WITH_FEEDBACK: u32 = 4;
/// The highest version of `zwp_linux_dmabuf_v1` that we know.
const DMABUF_KNOWN: u32 = 5;

/// The bound globals; `None` for each that the compositor does not offer, or only in a version that is too old.
#[derive(Default)]
pub(super) struct Bound {
    pub(super) dmabuf: Option<ZwpLinuxDmabufV1>,
    pub(super) syncobj: Option<WpLinuxDrmSyncobjManagerV1>,
    pub(super) explicit: Option<ZwpLinuxExplicitSynchronizationV1>,
    pub(super) fifo: Option<WpFifoManagerV1>,
    pub(super) presentation: Option<WpPresentation>,
    pub(super) timing: Option<WpCommitTimingManagerV1>,
    pub(super) tearing: Option<WpTearingControlManagerV1>,
    pub(super) colours: Option<Colours>,
}

impl Bound {
    /// Binds those that have been announced.
    pub(super) fn of(events: &Events<Globals>, registry: &WlRegistry) -> Self {
        Bound {
            syncobj: bind(events, registry, 1, 1),
            explicit: bind(events, registry, 1, 2),
            fifo: bind(events, registry, 1, 1),
            presentation: bind(events, registry, 1, 2),
            timing: bind(events, registry, 1, 1),
            tearing: bind(events, registry, 1, 1),
            colours: bind(events, registry, 1, color_management::KNOWN).map(Colours::new),
            dmabuf: bind(events, registry, DMABUF_WITH_MODIFIERS, DMABUF_KNOWN),
        }
    }

    /// `zwp_linux_dmabuf_v1`, where it has feedback.
    pub(super) fn dmabuf_with_feedback(&self) -> Option<&ZwpLinuxDmabufV1> {
        self.dmabuf
            .as_ref()
            .filter(|dmabuf| dmabuf.version() >= DMABUF_WITH_FEEDBACK)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if let Some(dmabuf) = &self.dmabuf {
            dmabuf.destroy();
        }
        if let Some(syncobj) = &self.syncobj {
            syncobj.destroy();
        }
        if let Some(explicit) = &self.explicit {
            explicit.destroy();
        }
        if let Some(fifo) = &self.fifo {
            fifo.destroy();
        }
        if let Some(presentation) = &self.presentation {
            presentation.destroy();
        }
        if let Some(timing) = &self.timing {
            timing.destroy();
        }
        if let Some(tearing) = &self.tearing {
            tearing.destroy();
        }
    }
}

/// The global with this interface, in a version that both sides know; `None` if the compositor has none, or
/// none that is new enough.
pub(super) fn bind<I: Proxy + 'static>(
    events: &Events<Globals>,
    registry: &WlRegistry,
    lowest: u32,
    known: u32,
) -> Option<I>
where
    Globals: Dispatch<I, ()>,
{
    let (name, version) = events.with_state(|globals| globals.find::<I>(lowest))?;
    Some(registry.bind(name, version.min(known), events.handle(), ()))
}
