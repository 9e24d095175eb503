//! Marks for who traces system calls: what is a call of the kernel's where there is hardware is none here,
//! or several.

use std::env;
use std::os::unix::ffi::OsStringExt;
use std::sync::OnceLock;

/// Marks that a call of a driver's has come in, if anybody wants to know.
pub fn write() {
    static MARK: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let mark = MARK.get_or_init(|| {
        let mark = env::var_os("WAYFENCE_TEST_DEVICE_MARK")?;
        Some(mark.into_vec())
    });
    if let Some(mark) = mark {
        // SAFETY: it borrows the text for the call, and fails: there is no such descriptor.
        unsafe { libc::write(-1, mark.as_ptr().cast(), mark.len()) };
    }
}
