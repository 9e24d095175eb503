//! Memory of swapchains that were replaced, and its way into the next one.
//!
//! Making memory that others can read is what takes longest of making a swapchain, and people feel it while
//! they resize a window. An image's `VkImage` is its swapchain's, and the application destroys it with that;
//! so a new swapchain has images of its own, which are made at once, in memory that has been there before.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use wayfence::{dma_buf::DmaBuf, swapchain as library, synchronisation::Inherited};

use super::image_memory::ImageMemory;

/// For how many frames a swapchain keeps memory that only the next one could use: about as long as a pause
/// in the resizing of a window.
const KEPT_FRAMES: u32 = 60;

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
pub struct Kept {
    spares: Mutex<Spares>,
    frames_left: AtomicU32,
}

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

    /// Keeps so many of the largest for some frames.
    pub fn keep(mut self, count: usize) -> Kept {
        let surplus = self.0.len().saturating_sub(count);
        self.0.drain(..surplus);
        let frames = if self.0.is_empty() { 0 } else { KEPT_FRAMES };
        Kept {
            frames_left: AtomicU32::new(frames),
            spares: Mutex::new(self),
        }
    }
}

impl Kept {
    fn take(&self) -> Spares {
        std::mem::take(&mut *self.spares.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A frame was presented: after some of them nothing is kept any more.
    pub fn presented(&self) {
        // Most have nothing.
        if self.frames_left.load(Ordering::Relaxed) > 0
            && self.frames_left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            drop(self.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_kept_nothing_counts_nothing() {
        let kept = Spares::default().keep(4);
        for _ in 0..3 {
            kept.presented();
        }
        assert_eq!(kept.frames_left.load(Ordering::Relaxed), 0);
    }
}
