//! Memory of swapchains that were replaced, and its way into the next one.
//!
//! Making memory that others can read is what takes longest of making a swapchain, and people feel it while
//! they resize a window. An image's `VkImage` is its swapchain's, and the application destroys it with that;
//! so a new swapchain has images of its own, which are made at once, in memory that has been there before.
//!
//! What a new swapchain leaves is kept for the one after it, and freed when one is made or destroyed: a driver
//! that frees memory takes its time, which nobody may have in a frame.

use std::sync::{Arc, Mutex, PoisonError};

use wayfence::{dma_buf::DmaBuf, swapchain as library, synchronisation::Inherited};

use super::image_memory::ImageMemory;

/// The memory of so many images is kept, since it is kept for long: as many as compositor and application
/// usually hold of the swapchain that is replaced, whose memory comes too late for the next one.
const KEPT: usize = 2;

/// An image that was replaced, and its memory.
pub struct Spare {
    image: library::Spare,
    memory: Arc<ImageMemory>,
}

/// Memory that a new swapchain may take.
#[derive(Default)]
pub struct Spares(Vec<Spare>);

/// What a new swapchain has left, for the next.
#[derive(Default)]
pub struct Kept(Mutex<Spares>);

impl Spares {
    /// What these images have been, and what their swapchain has kept.
    pub fn of(
        images: impl Iterator<Item = (library::Spare, Arc<ImageMemory>)>,
        kept: &Kept,
    ) -> Self {
        let Spares(mut all) = kept.take();
        all.extend(
            images
                .filter(|(_, memory)| memory.can_move())
                .map(|(image, memory)| Spare { image, memory }),
        );
        // What fits best comes first.
        all.sort_by_key(|spare| spare.memory.size());
        Spares(all)
    }

    /// The first memory that suits and that nobody has, and what became of it.
    pub fn take(
        &mut self,
        suits: impl Fn(&ImageMemory) -> bool,
    ) -> Option<(Arc<ImageMemory>, Arc<DmaBuf>, Inherited)> {
        for at in 0..self.0.len() {
            if suits(&self.0[at].memory)
                && let Some((dma_buf, inherited)) = self.0[at].image.take()
            {
                return Some((self.0.remove(at).memory, dma_buf, inherited));
            }
        }
        None
    }

    /// Keeps some of the largest, and frees the others.
    pub fn keep(mut self) -> Kept {
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
        Kept(Mutex::new(self))
    }
}

impl Kept {
    fn take(&self) -> Spares {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
