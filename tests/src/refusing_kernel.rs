//! Kernels that are too old, or that fail: the running one, with a seccomp filter that refuses ioctls.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::panic::resume_unwind;
use std::thread;

use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// `DMA_BUF_IOCTL_EXPORT_SYNC_FILE`
pub const EXPORT_SYNC_FILE: Opcode = opcode::read_write::<[u32; 2]>(b'b', 2);
/// `DMA_BUF_IOCTL_IMPORT_SYNC_FILE`
pub const IMPORT_SYNC_FILE: Opcode = opcode::write::<[u32; 2]>(b'b', 3);

/// A kernel that refuses some ioctls on every descriptor, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct RefusingKernel(Vec<(Opcode, Errno)>);

impl RefusingKernel {
    /// A kernel before Linux 6.0: it knows no sync files of dma-bufs.
    pub fn without_sync_files_of_dma_bufs() -> Self {
        Self::default()
            .refusing(EXPORT_SYNC_FILE, Errno::NOTTY)
            .refusing(IMPORT_SYNC_FILE, Errno::NOTTY)
    }

    /// Also refuses this ioctl, with `errno`.
    pub fn refusing(mut self, request: Opcode, errno: Errno) -> Self {
        self.0.push((request, errno));
        self
    }

    /// Runs `work` on this kernel, in a thread of its own: a filter holds for a thread and those that it
    /// starts, and cannot be removed.
    ///
    /// # Panics
    /// If `work` does, or if the kernel knows no seccomp.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let programs: Vec<BpfProgram> = self
            .0
            .iter()
            .map(|&(request, errno)| program(request, errno))
            .collect();
        thread::scope(|scope| {
            let thread = scope.spawn(move || {
                for program in &programs {
                    apply_filter(program).unwrap_or_else(|error| panic!("seccomp: {error}"));
                }
                work()
            });
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }
}

/// A filter that refuses one ioctl.
fn program(request: Opcode, errno: Errno) -> BpfProgram {
    const VALID: &str = "the filter is valid";
    // ioctl(fd, request, …): the kernel takes 32 bits of the request.
    let is_request = SeccompCondition::new(
        1,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        u64::from(request),
    )
    .expect(VALID);
    let rules = vec![SeccompRule::new(vec![is_request]).expect(VALID)];
    SeccompFilter::new(
        BTreeMap::from([(libc::SYS_ioctl, rules)]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno.raw_os_error() as u32),
        TargetArch::try_from(ARCH).expect("seccomp knows this machine"),
    )
    .expect(VALID)
    .try_into()
    .expect(VALID)
}

#[cfg(test)]
mod tests {
    use std::io::{PipeReader, Write, pipe};

    use rustix::io::{FdFlags, fcntl_getfd, ioctl_fioclex, ioctl_fionbio, ioctl_fionread};

    use super::*;

    // asm-generic/ioctls.h
    const FIONREAD: Opcode = 0x541B;
    const FIOCLEX: Opcode = 0x5451;

    fn three_bytes() -> PipeReader {
        let (reader, mut writer) = pipe().unwrap();
        writer.write_all(b"abc").unwrap();
        reader
    }

    #[test]
    fn an_ioctl_is_refused_with_the_given_error_and_others_are_not() {
        let reader = three_bytes();
        for errno in [Errno::NOTTY, Errno::MFILE, Errno::NOMEM, Errno::INVAL] {
            RefusingKernel::default().refusing(FIONREAD, errno).run(|| {
                assert_eq!(ioctl_fionread(&reader), Err(errno));
                ioctl_fioclex(&reader).unwrap();
                assert!(fcntl_getfd(&reader).unwrap().contains(FdFlags::CLOEXEC));
            });
        }
    }

    #[test]
    fn each_ioctl_has_its_own_error() {
        let reader = three_bytes();
        RefusingKernel::without_sync_files_of_dma_bufs()
            .refusing(FIONREAD, Errno::NOMEM)
            .refusing(FIOCLEX, Errno::BADF)
            .run(|| {
                assert_eq!(ioctl_fionread(&reader), Err(Errno::NOMEM));
                assert_eq!(ioctl_fioclex(&reader), Err(Errno::BADF));
                ioctl_fionbio(&reader, true).unwrap();
            });
    }

    #[test]
    fn only_the_thread_and_those_that_it_starts_are_on_this_kernel() {
        let reader = three_bytes();
        RefusingKernel::default()
            .refusing(FIONREAD, Errno::NOMEM)
            .run(|| {
                thread::scope(|scope| {
                    scope.spawn(|| assert_eq!(ioctl_fionread(&reader), Err(Errno::NOMEM)));
                });
            });
        assert_eq!(ioctl_fionread(&reader), Ok(3));
    }

    #[test]
    fn what_is_found_on_it_comes_back() {
        assert_eq!(RefusingKernel::default().run(|| 7), 7);
    }

    #[test]
    #[should_panic(expected = "found wrong")]
    fn what_fails_on_it_fails() {
        RefusingKernel::default().run(|| panic!("found wrong"));
    }
}
