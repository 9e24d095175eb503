//! The extensions that applications enable.

use std::{
    collections::HashSet,
    ffi::{CStr, CString, c_char},
};

use crate::vulkan::p_next;

/// The extensions that a create info enables, as it gives them and by name.
///
/// # Safety
/// `names` points to `count` valid C strings, or `count` is 0; the answer is used no longer than they
/// live.
pub unsafe fn extensions<'a>(
    names: *const *const c_char,
    count: u32,
) -> (&'a [*const c_char], HashSet<CString>) {
    // SAFETY: the caller guarantees it.
    let asked = unsafe { p_next::slice(names, count) };
    // SAFETY: the caller guarantees valid C strings.
    let names = asked
        .iter()
        .map(|name| unsafe { CStr::from_ptr(*name) }.to_owned());
    (asked, names.collect())
}
