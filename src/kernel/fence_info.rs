//! A fence in a sync file, as the kernel describes it (`struct sync_fence_info`).

use std::time::Duration;

use rustix::io::Errno;

/// One fence in a sync file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceInfo {
    /// The timeline that the fence belongs to: a ring, a queue, a process.
    pub obj_name: String,
    /// The driver that signals it.
    pub driver_name: String,
    /// Its state.
    pub status: FenceStatus,
    /// When it signalled or failed, by CLOCK_MONOTONIC; zero while it is pending.
    pub timestamp: Duration,
}

/// The state of a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceStatus {
    /// The work behind it still runs.
    Pending,
    /// The work is done.
    Signalled,
    /// The work failed, with this error. Waits for the fence end.
    Failed(Errno),
}

impl FenceStatus {
    /// "status of the fence 0:active 1:signaled <0:error", `sync_file.h`.
    pub(super) fn from_raw(status: i32) -> Self {
        match status {
            0 => Self::Pending,
            1.. => Self::Signalled,
            error => Self::Failed(Errno::from_raw_os_error(error.saturating_neg())),
        }
    }
}

impl FenceInfo {
    pub(super) fn from_raw(raw: &RawFence) -> Self {
        Self {
            obj_name: text(&raw.obj_name),
            driver_name: text(&raw.driver_name),
            status: FenceStatus::from_raw(raw.status),
            timestamp: Duration::from_nanos(raw.timestamp_ns),
        }
    }
}

/// As many fences as are read without allocation.
pub(super) const FEW: usize = 4;

/// The fences of a sync file at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct FewFences {
    pub(super) fences: [RawFence; FEW],
    pub(super) count: usize,
}

impl FewFences {
    pub(crate) fn infos(&self) -> Vec<FenceInfo> {
        let fences = self.fences.iter().take(self.count);
        fences.map(FenceInfo::from_raw).collect()
    }
}

/// `struct sync_fence_info`.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub(super) struct RawFence {
    obj_name: [u8; 32],
    driver_name: [u8; 32],
    status: i32,
    flags: u32,
    timestamp_ns: u64,
}

impl RawFence {
    /// In nanoseconds of `CLOCK_MONOTONIC`; 0 while it is pending.
    pub(super) fn signalled_at(&self) -> u64 {
        self.timestamp_ns
    }
}

/// The text in a fixed field of the kernel: up to the first NUL, or all of it.
pub(super) fn text(field: &[u8; 32]) -> String {
    let end = field
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use std::mem::{align_of, offset_of, size_of};

    use super::*;

    #[test]
    fn the_structure_is_that_of_the_kernel() {
        // As the C compiler computes it from linux/sync_file.h.
        assert_eq!(
            (size_of::<RawFence>(), align_of::<RawFence>()),
            (80, align_of::<u64>())
        );
        assert_eq!(offset_of!(RawFence, driver_name), 32);
        assert_eq!(offset_of!(RawFence, status), 64);
        assert_eq!(offset_of!(RawFence, flags), 68);
        assert_eq!(offset_of!(RawFence, timestamp_ns), 72);
    }

    #[test]
    fn the_state_of_a_fence_follows_the_sign_of_its_status() {
        assert_eq!(FenceStatus::from_raw(0), FenceStatus::Pending);
        assert_eq!(FenceStatus::from_raw(1), FenceStatus::Signalled);
        assert_eq!(
            FenceStatus::from_raw(-Errno::IO.raw_os_error()),
            FenceStatus::Failed(Errno::IO)
        );
    }
}
