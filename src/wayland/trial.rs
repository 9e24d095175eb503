//! Asks the compositor whether it can read a dma-buf, before anything depends on that.
//!
//! `create_immed` is quicker, but a failed import there kills the connection. So an import that may fail is
//! tried with `create` first, which is answered with `created` or `failed`.

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

/// How long to wait for the answer: longer than any import takes, and as long as a user waits for a window.
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

/// Images of one kind: a compositor can read all of them or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// The nodes of the device that has the memory.
    nodes: Nodes,
    fourcc: u32,
    modifier: u64,
    /// The largest power of two that divides the pitch, up to 256 bytes: no device needs more.
    aligned: u32,
}

impl Kind {
    /// The kind of an image with these planes.
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

/// The trial imports of a display.
#[derive(Default)]
pub(super) struct Trials {
    /// The kinds that the compositor can read.
    taken: Mutex<Vec<Kind>>,
    /// The requests that had no answer when the last one was made. The answer may create an object, so that the
    /// request must live to receive it.
    asked: Mutex<Vec<ZwpLinuxBufferParamsV1>>,
}

/// The answer.
#[derive(Default)]
pub(super) struct Answer(AtomicU8);

const TAKEN: u8 = 1;
const REFUSED: u8 = 2;

impl Trials {
    /// Whether the compositor is known to read such images.
    pub(super) fn took(&self, kind: &Kind) -> bool {
        lock(&self.taken).contains(kind)
    }

    /// Keeps the request until there is an answer.
    pub(super) fn asked(&self, params: ZwpLinuxBufferParamsV1) {
        let mut asked = lock(&self.asked);
        asked.retain(Proxy::is_alive);
        asked.push(params);
    }

    /// The compositor can read such images.
    pub(super) fn taken(&self, kind: Kind) {
        lock(&self.taken).push(kind);
    }

    /// Whether an answer may still come.
    pub(super) fn are_unanswered(&self) -> bool {
        lock(&self.asked).iter().any(Proxy::is_alive)
    }
}

impl Answer {
    /// The answer, once it has come.
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

// The buffer is destroyed as soon as it is there.
delegate_noop!(Globals: ignore WlBuffer);
