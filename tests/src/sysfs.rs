//! Another sysfs for one thread.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{Dev, major, minor};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Makes this thread, and the processes that it starts, see this device bound to a kernel driver of this name,
/// and no other device.
///
/// # Panics
/// If the process is not root.
pub fn bind_to_driver(device: Dev, driver: &str) {
    // SAFETY: it concerns this thread alone, which opens nothing by a name that was looked up before.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.expect("a namespace of one's own, as root");
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .expect("a private mount");
    mount("none", "/sys/dev/char", "tmpfs", MountFlags::empty(), None).expect("a tmpfs");
    let folder = format!("/sys/dev/char/{}:{}/device", major(device), minor(device));
    fs::create_dir_all(&folder).expect("a folder");
    symlink(format!("/sys/bus/pci/drivers/{driver}"), folder + "/driver").expect("a link");
}
