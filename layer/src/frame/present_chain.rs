//! The chain of a `VkPresentInfoKHR`, as the extensions read it.

use std::ffi::c_void;

use crate::catalogue::{
    list::List,
    per_swapchain::{Frame, Subset},
};

/// The chain of a `VkPresentInfoKHR`.
pub struct PresentChain {
    extensions: List,
    chain: *const c_void,
}

impl PresentChain {
    /// The chain as these extensions read it.
    ///
    /// # Safety
    /// `chain` is the valid chain of a `VkPresentInfoKHR`, and lives as long as the answer.
    pub unsafe fn of(extensions: List, chain: *const c_void) -> Self {
        PresentChain { extensions, chain }
    }

    /// What it says of the swapchain at this place.
    pub fn frame(&self, at: usize) -> Frame {
        let mut frame = Frame::default();
        // SAFETY: `of`'s caller guarantees a valid chain.
        unsafe { self.extensions.read_present(self.chain, at, &mut frame) };
        frame
    }

    /// Calls `present` with the chain of those structures that concern the swapchains at these places.
    /// It is valid during that call.
    pub fn with_subset<T>(&self, places: &[usize], present: impl FnOnce(*const c_void) -> T) -> T {
        let mut subsets: Vec<Subset> = self
            .extensions
            .per_swapchain()
            // SAFETY: `of`'s caller guarantees a valid chain; the places are those of its swapchains.
            .filter_map(|layout| unsafe { Subset::of(layout, self.chain, places) })
            .collect();
        let chain = subsets
            .iter_mut()
            .fold(std::ptr::null(), |chain, subset| subset.before(chain));
        present(chain)
    }
}
