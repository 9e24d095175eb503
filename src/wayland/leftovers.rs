//! Buffers that the compositor still reads when their swapchain goes.

use std::sync::Mutex;

use wayland_client::{Proxy, protocol::wl_buffer::WlBuffer};

use crate::lock::lock;

/// The buffers that swapchains of one display have left. Each goes when the compositor has released it:
/// one that goes while a commit with it waits for its turn may take that frame away.
///
/// At the latest they go with the last swapchain of the display, since nothing says that there is a
/// display after that: "Destroying the wl_buffer before wl_buffer.release is allowed as long as the
/// underlying buffer storage isn't re-used" (`wl_surface.attach`), and nobody uses that of a swapchain
/// that is gone.
#[derive(Default)]
pub(super) struct Leftovers(Mutex<Vec<Leftover>>);

struct Leftover {
    buffer: WlBuffer,
    /// Whether the compositor has let go of it, where no event tells that.
    is_released: Option<Box<dyn Fn() -> bool + Send>>,
}

impl Leftovers {
    /// Takes a buffer. Where no event tells of its release, `is_released` does, and is asked at each
    /// [`sweep`](Self::sweep).
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
