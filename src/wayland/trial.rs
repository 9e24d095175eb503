//! A dma-buf of which the compositor is asked whether it can read it, before anything depends on that.
//!
//! `create_immed` is quicker, but where the import fails there the connection dies: what may fail is asked
//! with `create` first, which is answered with `created` or `failed`.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use wayland_client::{
    Connection, Dispatch, Proxy, QueueHandle, delegate_noop, event_created_child,
    protocol::wl_buffer::WlBuffer,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_buffer_params_v1::{
    self, EVT_CREATED_OPCODE, ZwpLinuxBufferParamsV1,
};

use super::{dmabuf::Plane, feedback::Nodes, globals::Globals};
use crate::lock::lock;

/// For how long the answer is waited for: no import takes as long, and nobody would wait longer for a
/// window.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// The compositor can read it.
    Taken,
    /// It cannot.
    Refused,
    /// It has not answered within two seconds.
    Unanswered,
}

/// Images of which a compositor takes all or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// Of the device whose memory it is.
    nodes: Nodes,
    fourcc: u32,
    modifier: u64,
    /// Of which power of two the pitch is a multiple, up to 256 bytes: more is asked for by no device.
    aligned: u32,
}

impl Kind {
    /// That of an image with these planes.
    pub(super) fn of(nodes: Nodes, fourcc: u32, modifier: u64, planes: &[Plane]) -> Self {
        let aligned = planes.iter().map(|plane| plane.stride.trailing_zeros());
        Kind {
            nodes,
            fourcc,
            modifier,
            aligned: aligned.min().unwrap_or_default().min(8),
        }
    }
}

/// What imports were asked for on a display.
#[derive(Default)]
pub(super) struct Trials {
    /// What was taken.
    taken: Mutex<Vec<Kind>>,
    /// Those that have no answer, or had none when one more was asked for. The answer may bring an object
    /// with it, so that whoever asked must be there to hear it.
    asked: Mutex<Vec<ZwpLinuxBufferParamsV1>>,
}

/// The answer.
#[derive(Default)]
pub(super) struct Answer(AtomicU8);

const TAKEN: u8 = 1;
const REFUSED: u8 = 2;

impl Trials {
    /// Whether such images were taken before.
    pub(super) fn took(&self, kind: &Kind) -> bool {
        lock(&self.taken).contains(kind)
    }

    /// Keeps what was asked, as long as there is no answer.
    pub(super) fn asked(&self, params: ZwpLinuxBufferParamsV1) {
        let mut asked = lock(&self.asked);
        asked.retain(Proxy::is_alive);
        asked.push(params);
    }

    /// Such images were taken.
    pub(super) fn taken(&self, kind: Kind) {
        lock(&self.taken).push(kind);
    }

    /// Destroys what has no answer.
    pub(super) fn clear(&self) {
        for params in lock(&self.asked).drain(..) {
            if params.is_alive() {
                params.destroy();
            }
        }
    }
}

impl Answer {
    /// It, once it has come.
    pub(super) fn get(&self) -> Option<Import> {
        match self.0.load(Ordering::Acquire) {
            TAKEN => Some(Import::Taken),
            REFUSED => Some(Import::Refused),
            _ => None,
        }
    }
}

impl Dispatch<ZwpLinuxBufferParamsV1, Arc<Answer>> for Globals {
    fn event(
        _: &mut Self,
        params: &ZwpLinuxBufferParamsV1,
        event: zwp_linux_buffer_params_v1::Event,
        answer: &Arc<Answer>,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let told = match event {
            zwp_linux_buffer_params_v1::Event::Created { buffer } => {
                buffer.destroy();
                TAKEN
            }
            zwp_linux_buffer_params_v1::Event::Failed => REFUSED,
            _ => return,
        };
        params.destroy();
        answer.0.store(told, Ordering::Release);
    }

    event_created_child!(Globals, ZwpLinuxBufferParamsV1, [
        EVT_CREATED_OPCODE => (WlBuffer, ()),
    ]);
}

// It is destroyed as soon as it is there.
delegate_noop!(Globals: ignore WlBuffer);
