//! Which loaded file an address lies in.

use std::ffi::{CStr, c_void};

use wayfence_bench::measurement::Place;

/// The place of an address; without a name if it is in no file.
pub fn place(address: usize) -> Place {
    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    let pointer = std::ptr::with_exposed_provenance::<c_void>(address);
    // SAFETY: any address may be asked for; the answer goes to a structure of ours.
    let found = unsafe { libc::dladdr(pointer, &mut info) } != 0;
    if !found || info.dli_fname.is_null() {
        return Place {
            module: String::new(),
            offset: address as u64,
        };
    }
    // SAFETY: the name of a file that is loaded, which `dladdr` has found.
    let module = unsafe { CStr::from_ptr(info.dli_fname) };
    Place {
        module: module.to_string_lossy().into_owned(),
        offset: (address - info.dli_fbase as usize) as u64,
    }
}
