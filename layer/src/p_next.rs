//! Walking `pNext` chains.

use std::ffi::c_void;

use ash::vk;

/// The first structure of type `T` in a chain of input structures.
///
/// # Safety
/// `chain` is null or a valid chain; the answer is used no longer than it is valid.
pub unsafe fn find<'a, T: vk::TaggedStructure>(chain: *const c_void) -> Option<&'a T> {
    let mut current = chain.cast::<vk::BaseInStructure<'_>>();
    // SAFETY: every structure of a chain begins as `VkBaseInStructure` does.
    while let Some(structure) = unsafe { current.as_ref() } {
        if structure.s_type == T::STRUCTURE_TYPE {
            // SAFETY: the type names the layout.
            return Some(unsafe { &*current.cast::<T>() });
        }
        current = structure.p_next;
    }
    None
}

/// The first structure of type `T` in a chain of output structures.
///
/// # Safety
/// `chain` is null or a valid chain that the caller may write to; the answer is the only reference to
/// it while used.
pub unsafe fn find_mut<'a, T: vk::TaggedStructure>(chain: *mut c_void) -> Option<&'a mut T> {
    let mut current = chain.cast::<vk::BaseOutStructure<'_>>();
    // SAFETY: every structure of a chain begins as `VkBaseOutStructure` does.
    while let Some(structure) = unsafe { current.as_mut() } {
        if structure.s_type == T::STRUCTURE_TYPE {
            // SAFETY: the type names the layout.
            return Some(unsafe { &mut *current.cast::<T>() });
        }
        current = structure.p_next;
    }
    None
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
