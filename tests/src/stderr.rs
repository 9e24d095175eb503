//! What this process prints on standard error.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write, stderr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};

/// Runs this, and also answers what the process printed meanwhile, in any thread. It is printed afterwards.
///
/// # Panics
/// If no descriptor is left.
pub fn captured<T>(run: impl FnOnce() -> T) -> (T, String) {
    let mut file: File = memfd_create("stderr", MemfdFlags::CLOEXEC)
        .expect("memfd_create")
        .into();
    let before = stderr().as_fd().try_clone_to_owned().expect("dup");
    print_to(&file);
    let back = Back(before);
    let answer = run();
    drop(back);
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).expect("a file");
    file.read_to_string(&mut text).expect("text");
    (answer, text)
}

/// Makes this the process's standard error.
fn print_to(file: &impl AsRawFd) {
    // SAFETY: two open descriptors; the second one stays open, and is another file from now on.
    let duplicated = unsafe { libc::dup2(file.as_raw_fd(), libc::STDERR_FILENO) };
    assert_eq!(duplicated, libc::STDERR_FILENO, "dup2");
}

/// Restores standard error, also when a test fails.
struct Back(OwnedFd);

impl Drop for Back {
    fn drop(&mut self) {
        let captured = stderr().as_fd().try_clone_to_owned().map(File::from);
        print_to(&self.0);
        let mut text = String::new();
        if let Ok(mut file) = captured {
            let _ = file.seek(SeekFrom::Start(0));
            let _ = file.read_to_string(&mut text);
        }
        let _ = stderr().write_all(text.as_bytes());
    }
}
