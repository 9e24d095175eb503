//! Who is at the other end of a connection: the Wayland protocol has no name for a compositor.

use std::os::fd::{AsRawFd, BorrowedFd};

/// The name of the process at the other end of the socket; `unknown` if it is in another pid namespace.
pub(super) fn name(socket: BorrowedFd<'_>) -> String {
    let mut peer = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: an open socket, a structure of the type that `SO_PEERCRED` fills, and its size.
    let got = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &mut length,
        )
    };
    (got == 0 && peer.pid > 0)
        .then(|| std::fs::read_to_string(format!("/proc/{}/comm", peer.pid)).ok())
        .flatten()
        .map_or_else(|| "unknown".to_owned(), |name| name.trim_end().to_owned())
}
