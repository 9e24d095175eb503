//! The kernel driver of a device, by the device's number.

use std::{fs, path::Path};

/// The name of the kernel driver that a device is bound to, by the number of one of its nodes; `None` where
/// sysfs does not say.
pub(crate) fn driver_of(device: libc::dev_t) -> Option<String> {
    driver_in(Path::new("/sys"), device)
}

fn driver_in(sysfs: &Path, device: libc::dev_t) -> Option<String> {
    let number = format!("{}:{}", libc::major(device), libc::minor(device));
    let link = sysfs.join("dev/char").join(number).join("device/driver");
    let driver = fs::read_link(link).ok()?;
    Some(driver.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_driver_is_what_its_device_is_bound_to() {
        let sysfs = tempfile::tempdir().unwrap();
        let device = sysfs.path().join("dev/char/226:128/device");
        fs::create_dir_all(&device).unwrap();
        let number = libc::makedev(226, 128);
        assert_eq!(driver_in(sysfs.path(), number), None);
        symlink("../../../../bus/pci/drivers/nvidia", device.join("driver")).unwrap();
        assert_eq!(driver_in(sysfs.path(), number).as_deref(), Some("nvidia"));
    }
}
