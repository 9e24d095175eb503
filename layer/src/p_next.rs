//! Walking `pNext` chains.

use std::ffi::c_void;

use ash::vk;
use smallvec::SmallVec;

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

/// A chain without some of its structures, until this is dropped.
pub struct Without {
    /// The structures whose link was changed, in order, and what it was.
    links: SmallVec<
        [(
            *mut vk::BaseOutStructure<'static>,
            *mut vk::BaseOutStructure<'static>,
        ); 4],
    >,
}

impl Without {
    /// Leaves out of the chain of the structure `first` those of the types that `is_unwanted` names.
    ///
    /// The links are changed in place: nobody knows how large the structures before them are, so that
    /// they cannot be copied. A link is written to only if a structure goes.
    ///
    /// # Safety
    /// `first` is a valid structure with a valid chain, which may be written to, and which nobody else
    /// writes to while the answer lives.
    pub unsafe fn new(first: *mut c_void, is_unwanted: impl Fn(vk::StructureType) -> bool) -> Self {
        let mut links = SmallVec::new();
        let mut current = first.cast::<vk::BaseOutStructure<'static>>();
        // SAFETY: every structure begins as `VkBaseOutStructure` does; the caller guarantees the rest.
        unsafe {
            while !current.is_null() {
                let before = (*current).p_next;
                let mut next = before;
                while !next.is_null() && is_unwanted((*next).s_type) {
                    next = (*next).p_next;
                }
                if next != before {
                    links.push((current, before));
                    (*current).p_next = next;
                }
                current = next;
            }
        }
        Without { links }
    }
}

impl Drop for Without {
    fn drop(&mut self) {
        for (structure, next) in self.links.drain(..) {
            // SAFETY: `new`'s caller guarantees that the chain is valid and ours while this lives.
            unsafe { (*structure).p_next = next };
        }
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

    fn types(first: *mut c_void) -> Vec<vk::StructureType> {
        let mut all = Vec::new();
        let mut current = first.cast::<vk::BaseOutStructure<'_>>();
        // SAFETY: a chain of the test's own.
        while let Some(structure) = unsafe { current.as_ref() } {
            all.push(structure.s_type);
            current = structure.p_next;
        }
        all.split_off(1)
    }

    #[test]
    fn structures_are_left_out_and_come_back() {
        use vk::StructureType as Type;
        let (first, second, third, fourth) = (
            Type::PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
            Type::PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
            Type::PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
            Type::PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT,
        );
        let mut a = vk::PhysicalDevicePresentIdFeaturesKHR::default();
        let mut b = vk::PhysicalDeviceVulkan11Features::default();
        let mut c = vk::PhysicalDevicePresentWaitFeaturesKHR::default();
        let mut d = vk::PhysicalDeviceSwapchainMaintenance1FeaturesEXT::default();
        let mut info = vk::DeviceCreateInfo::default()
            .push_next(&mut d)
            .push_next(&mut c)
            .push_next(&mut b)
            .push_next(&mut a);
        let chain: *mut c_void = (&raw mut info).cast();
        let all = [first, second, third, fourth];
        for unwanted in 0..1_u32 << all.len() {
            let is_unwanted = |structure| {
                let at = all.iter().position(|other| *other == structure).unwrap();
                unwanted & (1 << at) != 0
            };
            let wanted: Vec<_> = all
                .into_iter()
                .filter(|structure| !is_unwanted(*structure))
                .collect();
            // SAFETY: a chain of the test's own.
            let without = unsafe { Without::new(chain, is_unwanted) };
            assert_eq!(types(chain), wanted);
            drop(without);
            assert_eq!(types(chain), all);
        }
    }
}
