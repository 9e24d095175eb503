//! The compositor's events: globals, dma-buf formats, feedback, and releases of buffers.

use std::{
    os::fd::BorrowedFd,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use wayland_client::{
    Connection, Dispatch, Proxy, QueueHandle, WEnum, delegate_dispatch, delegate_noop,
    protocol::{
        wl_buffer::{self, WlBuffer},
        wl_callback::{self, WlCallback},
        wl_fixes::WlFixes,
        wl_registry::{self, WlRegistry},
    },
};
use wayland_protocols::wp::commit_timing::v1::client::{
    wp_commit_timer_v1::WpCommitTimerV1, wp_commit_timing_manager_v1::WpCommitTimingManagerV1,
};
use wayland_protocols::wp::fifo::v1::client::{
    wp_fifo_manager_v1::WpFifoManagerV1, wp_fifo_v1::WpFifoV1,
};
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::{
    zwp_linux_buffer_release_v1::{self, ZwpLinuxBufferReleaseV1},
    zwp_linux_explicit_synchronization_v1::ZwpLinuxExplicitSynchronizationV1,
    zwp_linux_surface_synchronization_v1::ZwpLinuxSurfaceSynchronizationV1,
};
use wayland_protocols::wp::presentation_time::client::{
    wp_presentation::{self, WpPresentation},
    wp_presentation_feedback::{self, Kind, WpPresentationFeedback},
};
use wayland_protocols::wp::tearing_control::v1::client::{
    wp_tearing_control_manager_v1::WpTearingControlManagerV1,
    wp_tearing_control_v1::WpTearingControlV1,
};
use wayland_protocols::wp::{
    linux_dmabuf::zv1::client::{
        zwp_linux_buffer_params_v1::{self, ZwpLinuxBufferParamsV1},
        zwp_linux_dmabuf_feedback_v1::{self, ZwpLinuxDmabufFeedbackV1},
        zwp_linux_dmabuf_v1::{self, ZwpLinuxDmabufV1},
    },
    linux_drm_syncobj::v1::client::{
        wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1,
        wp_linux_drm_syncobj_surface_v1::WpLinuxDrmSyncobjSurfaceV1,
        wp_linux_drm_syncobj_timeline_v1::WpLinuxDrmSyncobjTimelineV1,
    },
};

use super::{
    colour::Support,
    dmabuf::Formats,
    feedback::Told,
    heard::{Begun, FrameCallback, Watched},
    round_trip::RoundTrip,
};
use crate::{
    kernel::sync_file::SyncFile,
    observe::trace::{monotonic, now},
    swapchain::refresh::Shown,
};

/// By how much a compositor may tell before its time when a frame was shown, in nanoseconds: no display takes longer
/// from one refresh to the next.
const AHEAD: u64 = 1_000_000_000;

/// Gets the releases of buffers, which hold it weakly.
pub trait ReleaseListener: Send + Sync + 'static {
    /// The buffer with this number was released. Called where the event is dispatched. Answers whether
    /// the buffer is still of use; if not, it is destroyed.
    fn released(&self, index: u32, release: BufferRelease) -> bool;
}

/// How a compositor releases a buffer.
#[derive(Debug)]
pub enum BufferRelease {
    /// `wl_buffer.release`: its fences, if any, are on the dma-buf.
    Implicit,
    /// `zwp_linux_buffer_release_v1.fenced_release`: when this has signalled.
    Fenced(SyncFile),
    /// `zwp_linux_buffer_release_v1.immediate_release`: nobody uses the buffer any more.
    Immediate,
}

/// The socket of the connection whose malformed dma-buf feedback was logged last: one warning a connection is enough,
/// however often the layer opens it.
static COMPLAINED_OF: AtomicU64 = AtomicU64::new(0);

/// What the compositor has announced.
#[derive(Default)]
pub(super) struct Globals {
    announced: Vec<Global>,
    pub(super) formats: Formats,
    /// Its colour management, without the version of the protocol.
    pub(super) colours: Support,
    /// The inode of the connection's socket.
    socket: u64,
    /// The clock of `wp_presentation`'s times.
    pub(super) clock: Option<u32>,
}

struct Global {
    name: u32,
    interface: String,
    version: u32,
}

/// The listener of a buffer's release.
pub(super) struct Release {
    pub(super) listener: Weak<dyn ReleaseListener>,
    pub(super) index: u32,
}

impl Globals {
    /// Of a connection with this socket.
    pub(super) fn of(socket: BorrowedFd<'_>) -> Self {
        Globals {
            // It is open.
            socket: rustix::fs::fstat(socket).map_or(0, |status| status.st_ino),
            ..Globals::default()
        }
    }

    /// The name of the global with this interface, and its version, if that is not below `lowest`.
    pub(super) fn find<I: Proxy>(&self, lowest: u32) -> Option<(u32, u32)> {
        self.announced
            .iter()
            .find(|global| global.interface == I::interface().name && global.version >= lowest)
            .map(|global| (global.name, global.version))
    }

    /// Forgets what was announced.
    pub(super) fn forget(&mut self) {
        self.announced = Vec::new();
    }
}

impl Dispatch<WlRegistry, ()> for Globals {
    fn event(
        globals: &mut Self,
        _: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_registry::Event::Global {
            name,
            interface,
            version,
        } = event
        {
            globals.announced.push(Global {
                name,
                interface,
                version,
            });
        }
    }
}

delegate_dispatch!(Globals: [WlCallback: RoundTrip] => RoundTrip);

impl Dispatch<WlCallback, FrameCallback> for Globals {
    fn event(
        _: &mut Self,
        _: &WlCallback,
        event: wl_callback::Event,
        frame: &FrameCallback,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_callback::Event::Done { .. } = event {
            frame.done();
        }
    }
}

impl Dispatch<WlCallback, Begun> for Globals {
    fn event(
        _: &mut Self,
        _: &WlCallback,
        event: wl_callback::Event,
        frame: &Begun,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_callback::Event::Done { .. } = event {
            frame.done();
        }
    }
}

impl Dispatch<WpPresentation, ()> for Globals {
    fn event(
        globals: &mut Self,
        _: &WpPresentation,
        event: wp_presentation::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wp_presentation::Event::ClockId { clk_id } = event {
            globals.clock = Some(clk_id);
        }
    }
}

impl Dispatch<WpPresentationFeedback, Watched> for Globals {
    fn event(
        globals: &mut Self,
        _: &WpPresentationFeedback,
        event: wp_presentation_feedback::Event,
        frame: &Watched,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let whole = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        match event {
            wp_presentation_feedback::Event::Presented {
                tv_sec_hi,
                tv_sec_lo,
                tv_nsec,
                refresh,
                seq_hi,
                seq_lo,
                flags,
            } => {
                let at = Duration::new(whole(tv_sec_hi, tv_sec_lo), 0)
                    .saturating_add(Duration::from_nanos(tv_nsec.into()));
                let has = |kind| matches!(flags, WEnum::Value(flags) if flags.contains(kind));
                let at = globals.clock.and_then(|clock| monotonic(clock, at));
                frame.shown(Shown {
                    // It says what has been. A time that is yet to come would hold up a frame that counts from
                    // it; of a refresh that is about to be, a compositor may tell a little before.
                    at: at.filter(|at| *at <= now().saturating_add(AHEAD)),
                    refresh,
                    sequence: whole(seq_hi, seq_lo),
                    in_step: has(Kind::Vsync),
                    by_hardware: has(Kind::HwClock),
                    is_complete: has(Kind::HwCompletion),
                    version: frame.version,
                });
            }
            wp_presentation_feedback::Event::Discarded => frame.discarded(),
            _ => {}
        }
    }
}

impl Dispatch<ZwpLinuxDmabufV1, ()> for Globals {
    fn event(
        globals: &mut Self,
        _: &ZwpLinuxDmabufV1,
        event: zwp_linux_dmabuf_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let zwp_linux_dmabuf_v1::Event::Modifier {
            format,
            modifier_hi,
            modifier_lo,
        } = event
        {
            globals.formats.insert(
                format,
                u64::from(modifier_hi) << 32 | u64::from(modifier_lo),
            );
        }
    }
}

impl Dispatch<ZwpLinuxDmabufFeedbackV1, Arc<Told>> for Globals {
    fn event(
        globals: &mut Self,
        _: &ZwpLinuxDmabufFeedbackV1,
        event: zwp_linux_dmabuf_feedback_v1::Event,
        told: &Arc<Told>,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use zwp_linux_dmabuf_feedback_v1::{Event, TrancheFlags};
        let heard = match event {
            Event::FormatTable { fd, size } => told.table(fd, size),
            Event::TrancheFormats { indices } => told.formats(&indices),
            Event::MainDevice { device } => {
                told.main_device(&device);
                Ok(())
            }
            Event::TrancheTargetDevice { device } => {
                told.target_device(&device);
                Ok(())
            }
            Event::TrancheFlags { flags } => {
                let scanout =
                    matches!(flags, WEnum::Value(flags) if flags.contains(TrancheFlags::Scanout));
                told.flags(scanout);
                Ok(())
            }
            Event::TrancheDone => {
                told.tranche_done();
                Ok(())
            }
            Event::Done => {
                told.done();
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = heard
            && COMPLAINED_OF.swap(globals.socket, Ordering::Relaxed) != globals.socket
        {
            tracing::warn!(%error, "the compositor's dma-buf formats cannot all be read");
        }
    }
}

impl Dispatch<ZwpLinuxBufferParamsV1, ()> for Globals {
    fn event(
        _: &mut Self,
        _: &ZwpLinuxBufferParamsV1,
        event: zwp_linux_buffer_params_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let zwp_linux_buffer_params_v1::Event::Failed = event {
            tracing::error!("the compositor refused a dma-buf");
        }
    }
}

impl Dispatch<WlBuffer, Release> for Globals {
    fn event(
        _: &mut Self,
        buffer: &WlBuffer,
        event: wl_buffer::Event,
        release: &Release,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_buffer::Event::Release = event
            && !release
                .listener
                .upgrade()
                .is_some_and(|listener| listener.released(release.index, BufferRelease::Implicit))
        {
            buffer.destroy();
        }
    }
}

impl Dispatch<ZwpLinuxBufferReleaseV1, Release> for Globals {
    fn event(
        _: &mut Self,
        _: &ZwpLinuxBufferReleaseV1,
        event: zwp_linux_buffer_release_v1::Event,
        release: &Release,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let how = match event {
            zwp_linux_buffer_release_v1::Event::FencedRelease { fence } => {
                BufferRelease::Fenced(fence.into())
            }
            zwp_linux_buffer_release_v1::Event::ImmediateRelease => BufferRelease::Immediate,
            _ => return,
        };
        if let Some(listener) = release.listener.upgrade() {
            // The `wl_buffer` has a release of its own.
            let _ = listener.released(release.index, how);
        }
    }
}

// They have no events.
delegate_noop!(Globals: WlFixes);
delegate_noop!(Globals: WpCommitTimingManagerV1);
delegate_noop!(Globals: WpCommitTimerV1);
delegate_noop!(Globals: WpFifoManagerV1);
delegate_noop!(Globals: WpFifoV1);
delegate_noop!(Globals: WpTearingControlManagerV1);
delegate_noop!(Globals: WpTearingControlV1);
delegate_noop!(Globals: WpLinuxDrmSyncobjManagerV1);
delegate_noop!(Globals: WpLinuxDrmSyncobjSurfaceV1);
delegate_noop!(Globals: WpLinuxDrmSyncobjTimelineV1);
delegate_noop!(Globals: ZwpLinuxExplicitSynchronizationV1);
delegate_noop!(Globals: ZwpLinuxSurfaceSynchronizationV1);
