//! Room for descriptors that go to the compositor.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::fcntl_dupfd_cloexec;

use crate::error::{Error, Result};

/// Sees that there is room for as many more descriptors. libwayland duplicates each that a request carries, and ends the
/// connection where it cannot. Another thread may take the room before it does: then the process has none left for
/// whatever is to be opened next, too.
///
/// # Errors
/// [`Error::Kernel`] if there is none (`EMFILE`).
pub(super) fn see_to_room(fd: BorrowedFd<'_>, descriptors: usize) -> Result<()> {
    let room: std::result::Result<Vec<OwnedFd>, _> = (0..descriptors)
        .map(|_| fcntl_dupfd_cloexec(fd, 3))
        .collect();
    room.map(drop).map_err(Error::kernel("F_DUPFD_CLOEXEC"))
}
