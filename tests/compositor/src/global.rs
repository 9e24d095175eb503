//! The globals that a client finds in the registry.

use wayland_protocols::wp::color_management::v1::server::wp_color_manager_v1::WpColorManagerV1;
use wayland_protocols::wp::commit_timing::v1::server::wp_commit_timing_manager_v1::WpCommitTimingManagerV1;
use wayland_protocols::wp::fifo::v1::server::wp_fifo_manager_v1::WpFifoManagerV1;
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::server::zwp_linux_explicit_synchronization_v1::ZwpLinuxExplicitSynchronizationV1;
use wayland_protocols::wp::presentation_time::server::wp_presentation::WpPresentation;
use wayland_protocols::wp::tearing_control::v1::server::wp_tearing_control_manager_v1::WpTearingControlManagerV1;
use wayland_protocols::wp::viewporter::server::wp_viewporter::WpViewporter;
use wayland_protocols::xdg::shell::server::xdg_wm_base::XdgWmBase;
use wayland_server::DisplayHandle;
use wayland_server::backend::GlobalId;
use wayland_server::protocol::wl_compositor::WlCompositor;
use wayland_server::protocol::wl_fixes::WlFixes;
use wayland_server::protocol::wl_output::WlOutput;
use wayland_server::protocol::wl_seat::WlSeat;
use wayland_server::protocol::wl_shm::WlShm;
use wayland_server::protocol::wl_subcompositor::WlSubcompositor;

use crate::colour::Feature;
use crate::offer::{Offer, Syncobj};
use crate::state::State;

/// A global without events at its binding.
macro_rules! global {
    ($interface:ty) => {
        impl wayland_server::GlobalDispatch<$interface, ()> for crate::state::State {
            fn bind(
                _: &mut Self,
                _: &wayland_server::DisplayHandle,
                _: &wayland_server::Client,
                resource: wayland_server::New<$interface>,
                (): &(),
                init: &mut wayland_server::DataInit<'_, Self>,
            ) {
                init.init(resource, ());
            }
        }
    };
}

/// Puts what is offered into the registry. Answers the name of `wp_color_manager_v1` there.
pub(crate) fn create(display: &DisplayHandle, offer: &Offer) -> Option<GlobalId> {
    display.create_global::<State, WlCompositor, ()>(6, ());
    display.create_global::<State, WlSubcompositor, ()>(1, ());
    display.create_global::<State, WlShm, ()>(1, ());
    display.create_global::<State, WlOutput, ()>(4, ());
    display.create_global::<State, WlSeat, ()>(7, ());
    display.create_global::<State, XdgWmBase, ()>(6, ());
    if let Some(version) = offer.dmabuf.version() {
        display.create_global::<State, ZwpLinuxDmabufV1, ()>(version, ());
    }
    if offer.explicit {
        display.create_global::<State, ZwpLinuxExplicitSynchronizationV1, ()>(2, ());
    }
    if !matches!(offer.syncobj, Syncobj::None) {
        display.create_global::<State, WpLinuxDrmSyncobjManagerV1, ()>(1, ());
    }
    if offer.presentation.is_some() {
        display.create_global::<State, WpPresentation, ()>(2, ());
    }
    if offer.viewporter {
        display.create_global::<State, WpViewporter, ()>(1, ());
    }
    if offer.fifo {
        display.create_global::<State, WpFifoManagerV1, ()>(1, ());
    }
    if offer.commit_timing {
        display.create_global::<State, WpCommitTimingManagerV1, ()>(1, ());
    }
    if offer.fixes {
        display.create_global::<State, WlFixes, ()>(1, ());
    }
    if offer.tearing_control {
        display.create_global::<State, WpTearingControlManagerV1, ()>(1, ());
    }
    let colour = offer.colour.as_ref()?;
    assert!((1..=3).contains(&colour.version), "{colour:?}");
    assert!(!colour.features.contains(&Feature::IccV2V4), "{colour:?}");
    Some(display.create_global::<State, WpColorManagerV1, ()>(colour.version, ()))
}
