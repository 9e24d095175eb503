//! Fences of the kernel's software timeline, where the user may open it
//! (`drivers/dma-buf/sw_sync.c`).

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use rustix::ioctl::{Opcode, Setter, Updater, ioctl, opcode};
use wayfence::sync_file::SyncFile;

/// A timeline with one fence. On drop the fence signals.
pub struct Timeline(File);

const PLACE: &str = "/sys/kernel/debug/sync/sw_sync";

/// A new fence; `None` if there is no such timeline, or no right to it.
pub fn fence() -> Option<(Timeline, SyncFile)> {
    let timeline = File::options().read(true).write(true).open(PLACE).ok()?;
    let mut create = Create {
        value: 1,
        name: *b"wayfence-verify\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        fence: -1,
    };
    // SAFETY: the ioctl reads and writes one structure of this layout, any content of which is valid, and
    // borrows it for the call; it opens a descriptor, which is ours.
    let fence = unsafe {
        ioctl(&timeline, Updater::<CREATE, _>::new(&mut create)).ok()?;
        OwnedFd::from_raw_fd(create.fence)
    };
    debug_assert!(fence.as_raw_fd() >= 0);
    Some((Timeline(timeline), SyncFile::from(fence)))
}

impl Drop for Timeline {
    fn drop(&mut self) {
        // SAFETY: the ioctl reads one number; the descriptor is the timeline's.
        let _ = unsafe { ioctl(&self.0, Setter::<ADVANCE, _>::new(1_u32)) };
    }
}

const CREATE: Opcode = opcode::read_write::<Create>(b'W', 0);
const ADVANCE: Opcode = opcode::write::<u32>(b'W', 1);

/// `struct sw_sync_create_fence_data`.
#[repr(C)]
struct Create {
    value: u32,
    name: [u8; 32],
    fence: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ioctls_and_structures_are_those_of_the_kernel() {
        // As the C compiler computes them from sw_sync.c.
        assert_eq!((CREATE, ADVANCE), (0xC028_5700, 0x4004_5701));
        assert_eq!(size_of::<Create>(), 40);
    }
}
