//! Walking `pNext` chains.

use std::{ffi::c_void, mem::MaybeUninit, ptr::null};

use ash::vk;

/// The first structure of type `T` in a chain of input structures.
///
/// # Safety
/// `chain` is null or a valid chain; the answer is used no longer than it is valid.
pub unsafe fn find<'a, T: vk::TaggedStructure>(chain: *const c_void) -> Option<&'a T> {
    // SAFETY: the caller guarantees it; the type names the layout.
    unsafe { find_type(chain, T::STRUCTURE_TYPE).cast::<T>().as_ref() }
}

/// The first structure of type `T` in a chain of output structures.
///
/// # Safety
/// `chain` is null or a valid chain that the caller may write to; the answer is the only reference to
/// it while used.
pub unsafe fn find_mut<'a, T: vk::TaggedStructure>(chain: *mut c_void) -> Option<&'a mut T> {
    // SAFETY: the caller guarantees it; the type names the layout.
    unsafe {
        find_type(chain, T::STRUCTURE_TYPE)
            .cast::<T>()
            .cast_mut()
            .as_mut()
    }
}

/// The first structure of this type in a chain, or null.
///
/// # Safety
/// `chain` is null or a valid chain.
pub unsafe fn find_type(
    chain: *const c_void,
    structure: vk::StructureType,
) -> *const vk::BaseInStructure<'static> {
    let mut current = chain.cast::<vk::BaseInStructure<'_>>();
    // SAFETY: every structure of a chain begins as `VkBaseInStructure` does.
    while let Some(found) = unsafe { current.as_ref() } {
        if found.s_type == structure {
            break;
        }
        current = found.p_next;
    }
    current.cast()
}

/// A chain without some of its structures. The original chain is never written to: it may be constant, or in use
/// by another thread.
pub struct Without {
    chain: *const c_void,
    /// Copies of the structures before the last one left out.
    _copies: Vec<Box<[MaybeUninit<u64>]>>,
}

impl Without {
    /// Leaves the unwanted structures out of the chain. The structures before the last of these are copied, for
    /// which their sizes in bytes must be known: after a structure of unknown size the chain stays as it was.
    ///
    /// # Safety
    /// `chain` is null or a valid chain that lives and stays unchanged as long as the answer; the structures
    /// of a type are as large as `size_of` says.
    pub unsafe fn new(
        chain: *const c_void,
        is_unwanted: impl Fn(vk::StructureType) -> bool,
        size_of: impl Fn(vk::StructureType) -> Option<usize>,
    ) -> Self {
        let mut all: Vec<(*const vk::BaseInStructure<'_>, vk::StructureType)> = Vec::new();
        let mut current = chain.cast::<vk::BaseInStructure<'_>>();
        // SAFETY: every structure of a chain begins as `VkBaseInStructure` does.
        while let Some(structure) = unsafe { current.as_ref() } {
            all.push((current, structure.s_type));
            current = structure.p_next;
        }
        let stuck = all
            .iter()
            .position(|(_, structure)| !is_unwanted(*structure) && size_of(*structure).is_none());
        let movable = &all[..stuck.unwrap_or(all.len())];
        let Some(last) = movable
            .iter()
            .rposition(|(_, structure)| is_unwanted(*structure))
        else {
            return Without {
                chain,
                _copies: Vec::new(),
            };
        };
        let mut rest: *const c_void = all.get(last + 1).map_or(null(), |(next, _)| next.cast());
        let mut copies = Vec::new();
        for (structure, s_type) in movable[..last].iter().rev() {
            if is_unwanted(*s_type) {
                continue;
            }
            let size = size_of(*s_type).unwrap_or_default();
            let mut copy = vec![MaybeUninit::<u64>::uninit(); size.div_ceil(8)].into_boxed_slice();
            let first = copy.as_mut_ptr().cast::<vk::BaseInStructure<'_>>();
            // SAFETY: the structure has this size, and the copy has room for it; it is not smaller than
            // what every structure begins with.
            unsafe {
                std::ptr::copy_nonoverlapping(structure.cast::<u8>(), first.cast::<u8>(), size);
                (*first).p_next = rest.cast();
            }
            rest = first.cast_const().cast();
            copies.push(copy);
        }
        Without {
            chain: rest,
            _copies: copies,
        }
    }

    /// The chain, which is valid as long as this lives.
    pub fn chain(&self) -> *const c_void {
        self.chain
    }
}

/// The slice that a Vulkan count and pointer describe; empty for a count of 0 or a null pointer.
///
/// # Safety
/// `pointer` is null or points to `count` values that live and stay unchanged for `'a`.
pub unsafe fn slice<'a, T>(pointer: *const T, count: u32) -> &'a [T] {
    if pointer.is_null() || count == 0 {
        &[]
    } else {
        // SAFETY: the caller guarantees it.
        unsafe { std::slice::from_raw_parts(pointer, count as usize) }
    }
}

/// Answers a Vulkan enumeration: a count alone if `out` is null, else as many as fit, with
/// `VK_INCOMPLETE` if that is not all.
///
/// # Safety
/// `count` is valid; `out` is null or has room for `*count` values.
pub unsafe fn enumerate<T, U>(
    values: &[T],
    count: *mut u32,
    out: *mut U,
    mut write: impl FnMut(&T, &mut U),
) -> vk::Result {
    let total = values.len() as u32;
    if out.is_null() {
        // SAFETY: the caller guarantees a valid count.
        unsafe { *count = total };
        return vk::Result::SUCCESS;
    }
    // SAFETY: the caller guarantees a valid count.
    let room = unsafe { *count };
    let written = room.min(total);
    for (index, value) in values.iter().take(written as usize).enumerate() {
        // SAFETY: the caller guarantees room for `*count` values, and `index` is below it.
        write(value, unsafe { &mut *out.add(index) });
    }
    // SAFETY: as above.
    unsafe { *count = written };
    if written < total {
        vk::Result::INCOMPLETE
    } else {
        vk::Result::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vulkan::structures::size_of_type;

    fn types(chain: *const c_void) -> Vec<vk::StructureType> {
        let mut all = Vec::new();
        let mut current = chain.cast::<vk::BaseInStructure<'_>>();
        // SAFETY: a chain of the test's own.
        while let Some(structure) = unsafe { current.as_ref() } {
            all.push(structure.s_type);
            current = structure.p_next;
        }
        all
    }

    #[test]
    fn structures_are_left_out_of_a_copy() {
        let mut d = vk::PhysicalDeviceSwapchainMaintenance1FeaturesEXT::default();
        let mut c = vk::PhysicalDevicePresentWaitFeaturesKHR::default();
        let mut b = vk::PhysicalDeviceVulkan11Features::default().shader_draw_parameters(true);
        let mut a = vk::PhysicalDevicePresentIdFeaturesKHR::default();
        let info = vk::DeviceCreateInfo::default()
            .push_next(&mut d)
            .push_next(&mut c)
            .push_next(&mut b)
            .push_next(&mut a);
        let all = types(info.p_next);
        assert_eq!(all.len(), 4);
        let bit = |structure| 1 << all.iter().position(|other| *other == structure).unwrap();
        // Every choice of what goes, and of what has no known size.
        for (unwanted, unknown) in (0..1_u32 << 8).map(|bits| (bits & 15, bits >> 4)) {
            let is_unwanted = |structure| unwanted & bit(structure) != 0;
            let size_of = |structure| match unknown & bit(structure) {
                0 => size_of_type(structure),
                _ => None,
            };
            // SAFETY: a chain of the test's own.
            let without = unsafe { Without::new(info.p_next, is_unwanted, size_of) };
            let mut is_stuck = false;
            let expected: Vec<_> = all
                .iter()
                .filter(|structure| {
                    is_stuck |= !is_unwanted(**structure) && size_of(**structure).is_none();
                    is_stuck || !is_unwanted(**structure)
                })
                .copied()
                .collect();
            assert_eq!(types(without.chain()), expected);
            // SAFETY: as above.
            let copy = unsafe { find::<vk::PhysicalDeviceVulkan11Features<'_>>(without.chain()) };
            if let Some(copy) = copy {
                assert_eq!(copy.shader_draw_parameters, vk::TRUE);
            }
            assert_eq!(types(info.p_next), all);
        }
    }
}
