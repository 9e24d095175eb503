//! The structures that extend `VkPresentInfoKHR`, which hold one value for each of its swapchains. Each
//! extension reads its own, and gives their layout, to split them for a driver that presents some of the
//! swapchains.

use std::{ffi::c_void, mem::MaybeUninit};

use ash::vk;
use smallvec::SmallVec;
use wayfence::{
    present_mode::PresentMode,
    swapchain::{Presentation, Timing},
    wayland::Rectangle,
};

use crate::vulkan::p_next;

/// As many swapchains or semaphores as a present usually has, without allocation.
pub type Few<T> = SmallVec<[T; 4]>;

/// What the chain says about one swapchain's present.
#[derive(Default)]
pub struct Frame {
    /// What has changed in the image; empty: everything.
    pub damage: SmallVec<[Rectangle; 4]>,
    /// The mode from now on; `None`: unchanged.
    pub mode: Option<PresentMode>,
    /// The number of the frame.
    pub id: Option<u64>,
    /// Its target time, and the times to report.
    pub timing: Option<Timing>,
    /// The fence to signal.
    pub fence: Option<vk::Fence>,
}

impl Frame {
    /// The same for the library, of a present called at this time of [`wayfence::trace::now`], which a frame
    /// with [`timing`](Self::timing) needs.
    pub fn presentation(&self, called: Option<u64>) -> Presentation<'_> {
        Presentation {
            damage: &self.damage,
            mode: self.mode,
            id: self.id,
            timing: self.timing,
            called,
        }
    }
}

/// The layout of a structure with one value for each swapchain: all of them begin with a [`Head`].
pub struct PerSwapchain {
    structure: vk::StructureType,
    /// The size of the structure in bytes.
    size: usize,
    /// The size of a value in bytes.
    value: usize,
}

/// What such a structure begins with.
#[repr(C)]
#[derive(Clone, Copy)]
struct Head {
    s_type: vk::StructureType,
    p_next: *const c_void,
    swapchain_count: u32,
    p_values: *const u8,
}

/// Room for a structure, in words of eight bytes.
const ROOM: usize = 8;

impl PerSwapchain {
    /// The structure `S` with its values of type `V`.
    ///
    /// # Safety
    /// `S` begins with `sType`, `pNext`, `swapchainCount` and a pointer to so many of `V`, and has no other
    /// array of that length.
    pub const unsafe fn of<S: vk::TaggedStructure, V: Copy>() -> Self {
        assert!(size_of::<S>() >= size_of::<Head>() && size_of::<S>() <= 8 * ROOM);
        assert!(align_of::<S>() <= 8 && align_of::<V>() <= 8);
        PerSwapchain {
            structure: S::STRUCTURE_TYPE,
            size: size_of::<S>(),
            value: size_of::<V>(),
        }
    }
}

/// Eight bytes, aligned so, with padding perhaps.
type Word = MaybeUninit<u64>;

/// A structure for a part of the swapchains, and its values.
pub struct Subset {
    structure: [Word; ROOM],
    _values: Vec<Word>,
}

impl Subset {
    /// The structure of this layout in the chain, with the values at these places; `None` if there is
    /// none, or if it has no values.
    ///
    /// # Safety
    /// `chain` is a valid chain, and the places are among its swapchains.
    pub unsafe fn of(
        layout: &PerSwapchain,
        chain: *const c_void,
        places: &[usize],
    ) -> Option<Self> {
        // SAFETY: the caller guarantees a valid chain.
        let found = unsafe { p_next::find_type(chain, layout.structure) }.cast::<u64>();
        // SAFETY: the structure of this type begins so, as `PerSwapchain::of`'s caller guarantees.
        let head = unsafe { found.cast::<Head>().as_ref() }?;
        let count = head.swapchain_count as usize;
        if count == 0 || head.p_values.is_null() {
            return None;
        }
        let mut values = vec![Word::uninit(); (places.len() * layout.value).div_ceil(8)];
        let mut taken = 0;
        for at in places.iter().filter(|at| **at < count) {
            // SAFETY: the array has `count` values of this size, and `at` is less; there is room for as
            // many as there are places.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    head.p_values.add(at * layout.value),
                    values.as_mut_ptr().cast::<u8>().add(taken * layout.value),
                    layout.value,
                );
            }
            taken += 1;
        }
        let mut structure = [Word::uninit(); ROOM];
        // SAFETY: the structure has this size, which `PerSwapchain::of` has seen to fit; a head is as
        // long or shorter.
        unsafe {
            std::ptr::copy_nonoverlapping(
                found.cast::<u8>(),
                structure.as_mut_ptr().cast::<u8>(),
                layout.size,
            );
            structure.as_mut_ptr().cast::<Head>().write(Head {
                swapchain_count: taken as u32,
                p_values: values.as_ptr().cast(),
                ..*head
            });
        }
        Some(Subset {
            structure,
            _values: values,
        })
    }

    /// Puts the structure before this chain, and answers the chain.
    pub fn before(&mut self, chain: *const c_void) -> *const c_void {
        let head = self.structure.as_mut_ptr().cast::<Head>();
        // SAFETY: it begins with a head.
        unsafe { (*head).p_next = chain };
        head.cast_const().cast()
    }
}

/// The value for the swapchain at this place, of `count` at `values`.
///
/// # Safety
/// `values` is null or points to `count` values that live and stay unchanged for `'a`.
pub unsafe fn value_at<'a, T>(values: *const T, count: u32, at: usize) -> Option<&'a T> {
    // SAFETY: the caller guarantees it.
    unsafe { p_next::slice(values, count) }.get(at)
}
