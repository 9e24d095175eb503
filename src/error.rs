//! What can go wrong in the library, as one enum.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

/// The result of a fallible operation of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that this library reports as a failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed. `operation` is what was attempted, in the kernel's own name where it
    /// has one ("DMA_BUF_IOCTL_EXPORT_SYNC_FILE").
    #[error("{operation}: {errno}")]
    Kernel {
        /// The system call or ioctl.
        operation: &'static str,
        /// What the kernel answered.
        errno: Errno,
    },

    /// The connection to the compositor is gone: the compositor died or closed it. The text says
    /// how that showed.
    #[error("the connection to the compositor is lost: {0}")]
    CompositorGone(String),

    /// The compositor raised a protocol error, or said what the protocol forbids. The text names
    /// the object and the message.
    #[error("Wayland protocol error: {0}")]
    Protocol(String),

    /// The kernel, the compositor or the driver lacks what was asked for. The text says what.
    #[error("not supported: {0}")]
    Unsupported(String),

    /// A setting has a value that it does not know.
    #[error("{name}={value}: expected {expected}")]
    Setting {
        /// The setting's environment variable.
        name: &'static str,
        /// What it was set to.
        value: String,
        /// What it takes.
        expected: &'static str,
    },

    /// The swapchain was replaced by another one.
    #[error("the swapchain is retired")]
    Retired,

    /// The application does not hold this image.
    #[error("the application has not acquired image {0}")]
    NotAcquired(u32),

    /// The times of so many frames are asked for that there is no room for another one's.
    #[error("no slot for the times of another present")]
    NoSlot,

    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },

    /// A line of a report is no report of a swapchain.
    #[error("{}:{line}: not the report of a swapchain: {reason}", path.display())]
    MalformedReport {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser objects to.
        reason: String,
    },

    /// A file is no trace of ours.
    #[error("{}: not a trace of Wayfence: {reason}", path.display())]
    MalformedTrace {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// Names the system call that failed; for `map_err`.
    pub(crate) fn kernel(operation: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::Kernel { operation, errno }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_error_names_the_operation_and_the_errno() {
        let error = Error::kernel("DMA_BUF_IOCTL_EXPORT_SYNC_FILE")(Errno::NOTTY);
        let text = error.to_string();
        assert!(
            text.starts_with("DMA_BUF_IOCTL_EXPORT_SYNC_FILE: "),
            "{text}"
        );
        assert!(matches!(
            error,
            Error::Kernel {
                errno: Errno::NOTTY,
                ..
            }
        ));
    }

    #[test]
    fn errors_cross_threads() {
        fn assert_send_sync<T: Send + Sync + 'static>() {}
        assert_send_sync::<Error>();
    }
}
