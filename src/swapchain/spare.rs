//! Images of a swapchain that was replaced, whose memory can serve in another one.
//!
//! "No further images can be acquired from it": a free image is never used again here, and one that the
//! compositor still shows becomes free some time. The memory is passed on with the fences that came back with
//! it, so that the next writer waits for the same fences as here. What the application has acquired stays: it
//! "can still be presented".

use std::{fmt, sync::Arc};

use super::{cycle::Swapchain, images::Images, state::Holder};
use crate::{deadline::Deadline, kernel::dma_buf::DmaBuf, lock::lock, synchronisation::Inherited};

/// An image of a swapchain that may be destroyed by now. Holds this image's memory, and no other's.
pub struct Spare {
    images: Arc<Images>,
    dma_buf: Arc<DmaBuf>,
    index: u32,
}

impl Swapchain {
    /// Its images, for a new swapchain in its place.
    pub fn spares(&self) -> impl Iterator<Item = Spare> {
        (0..).zip(&self.dma_bufs).map(|(index, dma_buf)| Spare {
            images: Arc::clone(&self.images),
            dma_buf: Arc::clone(dma_buf),
            index,
        })
    }
}

impl Spare {
    /// The image's memory, which from now on is the caller's to use, and what its next image inherits. `None`
    /// while application or compositor have it, if it is taken already, or as long as its swapchain is not
    /// retired.
    pub fn take(&self) -> Option<(Arc<DmaBuf>, Inherited)> {
        let Images {
            synchronisation,
            state,
            counters,
            ..
        } = &*self.images;
        let release = {
            let mut held = lock(state);
            if held.state.holder(self.index) == Some(Holder::Compositor) {
                // For ways in which no event announces a release.
                let _ = self.images.collect(&mut held.state, Deadline::Now);
            }
            held.state.withdraw(self.index, |release| {
                synchronisation
                    .is_ready(self.index, release)
                    .unwrap_or(false)
            })?
        };
        let inherited = synchronisation.retire(self.index, release, counters);
        inherited
            .ok()
            .map(|inherited| (Arc::clone(&self.dma_buf), inherited))
    }
}

impl fmt::Debug for Spare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spare")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
