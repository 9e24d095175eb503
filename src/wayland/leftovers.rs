//! Buffers that the compositor still reads when their swapchain goes.

use std::sync::Mutex;

use wayland_client::{Proxy, protocol::wl_buffer::WlBuffer};

use crate::lock::lock;

/// The buffers that swapchains of one display have left. Each is destroyed when the compositor has released it:
/// destroying one while a commit with it is queued may drop that frame.
///
/// They are destroyed with the last swapchain of the display at the latest, since the display may be gone after
/// that: "Destroying the wl_buffer before wl_buffer.release is allowed as long as the underlying buffer storage
/// isn't re-used" (`wl_surface.attach`), and the storage of a swapchain that is gone is not reused.
#[derive(Default)]
pub(super) struct Leftovers(Mutex<Vec<Leftover>>);

struct Leftover {
    buffer: WlBuffer,
    /// Whether the compositor has released it, where no event says so.
    is_released: Option<Box<dyn Fn() -> bool + Send>>,
}

impl Leftovers {
    /// Takes a buffer. Where its release has no event, each [`sweep`](Self::sweep) calls `is_released`.
    pub(super) fn take(&self, buffer: WlBuffer, is_released: Option<Box<dyn Fn() -> bool + Send>>) {
        lock(&self.0).push(Leftover {
            buffer,
            is_released,
        });
    }

    /// Destroys what was left and has been released since.
    pub(super) fn sweep(&self) {
        lock(&self.0).retain(|left| {
            let released = left.is_released.as_ref().is_some_and(|look| look());
            if released {
                left.destroy();
            }
            !released && left.buffer.is_alive()
        });
    }

    /// Destroys all of them.
    pub(super) fn clear(&self) {
        for left in lock(&self.0).drain(..) {
            left.destroy();
        }
    }
}

impl Leftover {
    fn destroy(&self) {
        // Its release event may have destroyed it.
        if self.buffer.is_alive() {
            self.buffer.destroy();
        }
    }
}
