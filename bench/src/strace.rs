//! System calls of the measured calls, from what `strace -k` writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    measurement::{MARK_ACQUIRE, MARK_END, MARK_PRESENT},
    share::{DEVICE, Share},
};

/// The library that plays the kernel writes this to an invalid descriptor where a driver without hardware calls
/// it. Its own system calls after that do not count: with hardware there is only the driver's call.
pub const MARK_CALL: &str = "wayfence-device: ioctl";

/// The options that make strace write what [`read`] reads. It follows only the thread that presents, and leaves
/// out the system calls that the played kernel makes for each call: stacks take time.
pub const OPTIONS: [&str; 4] = ["-k", "-qq", "--signal=none", "--trace=!kcmp,getpid"];

/// System calls with the same name and owner, in acquires or in presents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemCalls {
    /// In presents, not in acquires.
    pub present: bool,
    /// Whose they are.
    pub share: Share,
    /// The system call's name.
    pub name: String,
    /// How many.
    pub count: u64,
}

impl SystemCalls {
    /// Whether it reads a clock, which is no system call on most machines.
    pub fn reads_a_clock(&self) -> bool {
        self.name.starts_with("clock_gettime") || self.name == "gettimeofday"
    }
}

/// The system calls between the marks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The measured presents.
    pub frames: u64,
    /// The system calls in them and in the measured acquires.
    pub calls: Vec<SystemCalls>,
}

/// Reads strace's output. `driver` is the driver's file.
pub fn read(text: &str, driver: &str) -> Trace {
    let mut trace = Trace::default();
    let mut counted: BTreeMap<(bool, &str, u8), SystemCalls> = BTreeMap::new();
    // The measured call that this is in.
    let mut present: Option<bool> = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut stack = Vec::new();
        while let Some(place) = lines.peek().and_then(|next| place(next)) {
            stack.push(place);
            lines.next();
        }
        let Some((mut name, arguments)) = call(line) else {
            continue;
        };
        if name == "write" && arguments.contains(MARK_CALL) {
            name = "ioctl";
            stack.retain(|file| !file.ends_with(DEVICE));
        }
        if name == "write" && arguments.contains(MARK_ACQUIRE) {
            present = Some(false);
        } else if name == "write" && arguments.contains(MARK_PRESENT) {
            present = Some(true);
            trace.frames += 1;
        } else if name == "write" && arguments.contains(MARK_END) {
            present = None;
        } else if let Some(present) = present {
            let share = Share::of(stack, driver);
            counted
                .entry((present, name, share as u8))
                .or_insert_with(|| SystemCalls {
                    present,
                    share,
                    name: name.to_owned(),
                    count: 0,
                })
                .count += 1;
        }
    }
    trace.calls = counted.into_values().collect();
    trace
}

/// A system call's name and the rest of its line; `None` for another line.
fn call(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once('(')?;
    let is_name = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    is_name(name).then_some((name, rest))
}

/// The file of a line of a stack: ` > /usr/lib/libc.so.6(write+0x16) [0x106f36]`.
fn place(line: &str) -> Option<&str> {
    let place = line.strip_prefix(" > ")?;
    Some(place.split_once('(').map_or(place, |(file, _)| file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIVER: &str = "/usr/lib/libvulkan_lvp.so";
    const TEXT: &str = r#"
execve("./app", ["./app"], 0x7ffd /* 20 vars */) = 0
poll([{fd=3, events=POLLIN}], 1, 0) = 0 (Timeout)
 > /usr/lib/libc.so.6(__poll+0x4f) [0x1]
 > /t/libVkLayer_wayfence.so(+0x0) [0x2]
write(-1, "wayfence-meter: acquire", 23) = -1 EBADF (Bad file descriptor)
 > /usr/lib/libc.so.6(__write+0x16) [0x106f36]
 > /t/libVkLayer_wayfence_meter.so(+0x0) [0x2]
poll([{fd=3, events=POLLIN}], 1, NULL) = 1 ([{fd=3, revents=POLLIN}])
 > /usr/lib/libc.so.6(__poll+0x4f) [0x1]
 > /t/libVkLayer_wayfence.so(_ZN3foo(bar)+0x10) [0x2]
 > /t/libVkLayer_wayfence_meter.so(+0x0) [0x2]
recvmsg(3, {msg_namelen=0}, MSG_DONTWAIT) = 8
 > /usr/lib/libc.so.6(recvmsg+0x4f) [0x1]
 > /usr/lib/libwayland-client.so.0.26.0(wl_display_read_events+0x4f) [0x1]
 > /t/libVkLayer_wayfence.so(+0x0) [0x2]
 > /t/libVkLayer_wayfence_meter.so(+0x0) [0x2]
write(-1, "wayfence-meter: end", 19) = -1 EBADF (Bad file descriptor)
 > /usr/lib/libc.so.6(__write+0x16) [0x106f36]
munmap(0x7f, 4096) = 0
 > /usr/lib/libc.so.6(munmap+0x4f) [0x1]
 > /t/libVkLayer_wayfence.so(+0x0) [0x2]
write(-1, "wayfence-meter: present", 23) = -1 EBADF (Bad file descriptor)
futex(0x55, FUTEX_WAKE_PRIVATE, 1) = 1
 > /usr/lib/libc.so.6(+0x0) [0x1]
 > /usr/lib/libvulkan_lvp.so(+0x0) [0x2]
 > /t/libVkLayer_wayfence.so(+0x0) [0x2]
write(-1, "wayfence-meter: end", 19) = -1 EBADF (Bad file descriptor)
+++ exited with 0 +++
"#;

    fn calls(present: bool, share: Share, name: &str) -> SystemCalls {
        SystemCalls {
            present,
            share,
            name: name.to_owned(),
            count: 1,
        }
    }

    #[test]
    fn only_what_is_between_the_marks_counts() {
        let trace = read(TEXT, DRIVER);
        assert_eq!(trace.frames, 1);
        assert_eq!(
            trace.calls,
            [
                calls(false, Share::Layer, "poll"),
                calls(false, Share::LayersLibraries, "recvmsg"),
                calls(true, Share::Driver, "futex"),
            ]
        );
    }

    #[test]
    fn a_call_of_a_played_kernel_is_one_whatever_it_takes() {
        let text = r#"
write(-1, "wayfence-meter: present", 23) = -1 EBADF (Bad file descriptor)
write(-1, "wayfence-device: ioctl", 22) = -1 EBADF (Bad file descriptor)
 > /usr/lib/libc.so.6(__write+0x16) [0x106f36]
 > /t/libwayfence_test_device.so(ioctl+0x10) [0x2]
 > /usr/lib/libdrm.so.2.0.0(drmIoctl+0x10) [0x2]
 > /usr/lib/libvulkan_lvp.so(+0x0) [0x2]
ioctl(9, DRM_IOCTL_SYNCOBJ_RESET, 0x7f) = 0
 > /usr/lib/libc.so.6(syscall+0x16) [0x106f36]
 > /t/libwayfence_test_device.so(ioctl+0x10) [0x2]
 > /usr/lib/libdrm.so.2.0.0(drmIoctl+0x10) [0x2]
 > /usr/lib/libvulkan_lvp.so(+0x0) [0x2]
write(-1, "wayfence-meter: end", 19) = -1 EBADF (Bad file descriptor)
"#;
        assert_eq!(
            read(text, DRIVER).calls,
            [
                calls(true, Share::DriversLibraries, "ioctl"),
                calls(true, Share::Others, "ioctl"),
            ]
        );
    }

    #[test]
    fn nothing_is_read_into_nothing() {
        assert_eq!(read("", DRIVER), Trace::default());
        assert_eq!(read("strace: cannot attach\n", DRIVER), Trace::default());
    }
}
