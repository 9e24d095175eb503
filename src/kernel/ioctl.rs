//! The calling convention of DRM-like ioctls.

use rustix::io::{Errno, Result};

/// Repeats an ioctl while it fails with `EINTR` or `EAGAIN`, as libdrm does for all of its ioctls. Otherwise
/// there is exactly one call.
pub(crate) fn retried<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(Errno::INTR | Errno::AGAIN) => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_is_one_call() {
        let mut calls = 0;
        retried(|| {
            calls += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(calls, 1);
    }

    #[test]
    fn an_interrupted_call_is_made_again_and_a_failed_one_is_not() {
        let mut answers = [Errno::NOTTY, Errno::AGAIN, Errno::INTR].to_vec();
        let result: Result<()> = retried(|| Err(answers.pop().unwrap()));
        assert_eq!(result, Err(Errno::NOTTY));
        assert!(answers.is_empty());
    }
}
