//! msm, Turnip's driver: `include/uapi/drm/msm_drm.h`; the rules are those of Linux 7.2.
//!
//! A submission lists its buffers, each with `MSM_SUBMIT_BO_READ`, `MSM_SUBMIT_BO_WRITE` or both. Of each,
//!
//! - it waits for writers, and for readers too if it writes, unless the submission has
//!   `MSM_SUBMIT_NO_IMPLICIT` or the buffer in it `MSM_SUBMIT_BO_NO_IMPLICIT`: `msm_ioctl_gem_submit` and
//!   `submit_fence_sync` in `msm_gem_submit.c`, `drm_sched_job_add_implicit_dependencies` in `sched_main.c`;
//! - it leaves its fence as a writer's if it writes, else as a reader's, whatever the flags say of implicit
//!   synchronisation: `submit_attach_object_fences` in `msm_gem_submit.c`. In an address space that user
//!   space manages (`MSM_SUBMITQUEUE_VM_BIND`) all are of the usage `BOOKKEEP`.
//!
//! `DRM_MSM_VM_BIND` waits for and leaves nothing that others see; what it promises is signalled.

use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use bytemuck::AnyBitPattern;
use rustix::io::Errno;
use wayfence::dma_buf::Access;

use crate::call::{self, Answer, Call};
use crate::file::File;
use crate::new_buffer::{self, NewBuffer};
use crate::submission::{Submission, Use, until};
use crate::wait::{Point, Waits, points};

/// See [`Driver::answer`](crate::driver::Driver::answer).
pub fn answer(file: &File, call: &Call, command: u8) -> Option<Answer> {
    match command {
        GEM_NEW => Some(new_buffer::answer::<GemNew>(file, call)),
        GEM_SUBMIT => Some(submit(file, call)),
        WAIT_FENCE => Some(wait(file, call)),
        VM_BIND => Some(bind(file, call)),
        _ => None,
    }
}

fn submit(file: &File, call: &Call) -> Answer {
    let mut submit: GemSubmit = call.read()?;
    // SAFETY: "ptr to array of submit_bo's".
    let listed: Vec<SubmitBo> =
        unsafe { call::array(submit.bos, submit.bo_count, size_of::<SubmitBo>()) };
    let implicit = submit.flags & SUBMIT_NO_IMPLICIT == 0;
    let uses = listed.iter().map(|listed| Use {
        handle: listed.handle,
        waits: match (implicit, listed.flags) {
            (false, _) => Waits::Nobody,
            (_, flags) if flags & SUBMIT_BO_NO_IMPLICIT != 0 => Waits::Nobody,
            (_, flags) if flags & SUBMIT_BO_WRITE != 0 => Waits::Everybody,
            _ => Waits::Writers,
        },
        leaves: match listed.flags {
            flags if flags & SUBMIT_BO_WRITE != 0 => Some(Access::Write),
            flags if flags & SUBMIT_BO_READ != 0 => Some(Access::Read),
            _ => None,
        },
    });
    let has = |flag: u32| submit.flags & flag != 0;
    let stride = submit.syncobj_stride as usize;
    let mut resets = Vec::new();
    let mut submission = Submission {
        queue: submit.queue.into(),
        flags: submit.flags.into(),
        uses: uses.collect(),
        ..Submission::default()
    };
    if has(SUBMIT_SYNCOBJ_IN) {
        // SAFETY: "ptr to array of drm_msm_syncobj".
        let waits: Vec<Syncobj> =
            unsafe { call::array(submit.in_syncobjs, submit.in_count, stride) };
        resets.extend(
            waits
                .iter()
                .filter(|wait| wait.flags & SYNCOBJ_RESET != 0)
                .map(|wait| wait.handle),
        );
        submission.waits = waits.into_iter().map(Point::from).collect();
    }
    if has(SUBMIT_SYNCOBJ_OUT) {
        // SAFETY: as above.
        submission.signals =
            unsafe { points::<Syncobj>(submit.out_syncobjs, submit.out_count, stride) };
    }
    if has(SUBMIT_FENCE_FD_IN) {
        // SAFETY: the caller's descriptor, which it keeps open for its call.
        submission.file = Some(unsafe { BorrowedFd::borrow_raw(submit.fence_fd) });
    }
    let number = file.submit(&submission)?;
    for syncobj in resets {
        file.syncobjs.reset(syncobj)?;
    }
    if has(SUBMIT_FENCE_FD_OUT) {
        let fence = match file.fence_of(submission.queue, number) {
            Some(fence) => fence.try_clone().map_err(|_| Errno::MFILE)?,
            None => file.syncobjs.signalled()?,
        };
        submit.fence_fd = OwnedFd::from(fence).into_raw_fd();
    }
    submit.fence = number as u32;
    call.write(submit)?;
    Ok(0)
}

fn wait(file: &File, call: &Call) -> Answer {
    let wait: WaitFence = call.read()?;
    // `timeout_to_jiffies` in msm_drv.h: an absolute time.
    let at = Duration::new(
        wait.seconds.try_into().unwrap_or(0),
        wait.nanoseconds.clamp(0, 999_999_999) as u32,
    );
    match file.wait_for(wait.queue.into(), wait.fence.into(), until(at)) {
        true => Ok(0),
        false => Err(Errno::TIMEDOUT),
    }
}

fn bind(file: &File, call: &Call) -> Answer {
    let bind: VmBind = call.read()?;
    let stride = bind.syncobj_stride as usize;
    // SAFETY: "ptr to array of drm_msm_gem_syncobj", both of them.
    let (waits, signals) = unsafe {
        (
            points::<Syncobj>(bind.in_syncobjs, bind.in_count, stride),
            points::<Syncobj>(bind.out_syncobjs, bind.out_count, stride),
        )
    };
    file.submit(&Submission {
        queue: bind.queue.into(),
        flags: bind.flags.into(),
        waits,
        signals,
        ..Submission::default()
    })?;
    Ok(0)
}

const GEM_NEW: u8 = 0x02;
const GEM_SUBMIT: u8 = 0x06;
const WAIT_FENCE: u8 = 0x07;
const VM_BIND: u8 = 0x0d;

const BO_WC: u32 = 0x0002_0000;
const SUBMIT_BO_READ: u32 = 0x0001;
const SUBMIT_BO_WRITE: u32 = 0x0002;
const SUBMIT_BO_NO_IMPLICIT: u32 = 0x0008;
const SUBMIT_NO_IMPLICIT: u32 = 0x8000_0000;
const SUBMIT_FENCE_FD_IN: u32 = 0x4000_0000;
const SUBMIT_FENCE_FD_OUT: u32 = 0x2000_0000;
const SUBMIT_SYNCOBJ_IN: u32 = 0x0800_0000;
const SUBMIT_SYNCOBJ_OUT: u32 = 0x0400_0000;
const SYNCOBJ_RESET: u32 = 0x0001;

/// `struct drm_msm_gem_new`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
pub struct GemNew {
    size: u64,
    flags: u32,
    handle: u32,
}

impl NewBuffer for GemNew {
    const COMMAND: u8 = GEM_NEW;

    fn of_size(size: u64) -> Self {
        Self {
            size,
            flags: BO_WC,
            handle: 0,
        }
    }

    fn asked(&self) -> (u64, u64) {
        (self.size, self.flags.into())
    }

    fn handle(&self) -> u32 {
        self.handle
    }
}

/// `struct drm_msm_gem_submit`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct GemSubmit {
    flags: u32,
    fence: u32,
    bo_count: u32,
    command_count: u32,
    bos: u64,
    commands: u64,
    fence_fd: i32,
    queue: u32,
    in_syncobjs: u64,
    out_syncobjs: u64,
    in_count: u32,
    out_count: u32,
    syncobj_stride: u32,
    pad: u32,
}

/// `struct drm_msm_gem_submit_bo`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct SubmitBo {
    flags: u32,
    handle: u32,
    presumed: u64,
}

/// `struct drm_msm_syncobj`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct Syncobj {
    handle: u32,
    flags: u32,
    point: u64,
}

impl From<Syncobj> for Point {
    fn from(syncobj: Syncobj) -> Self {
        Self {
            syncobj: syncobj.handle,
            point: syncobj.point,
        }
    }
}

/// `struct drm_msm_wait_fence`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct WaitFence {
    fence: u32,
    flags: u32,
    seconds: i64,
    nanoseconds: i64,
    queue: u32,
}

/// `struct drm_msm_vm_bind`, without its last member.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct VmBind {
    flags: u32,
    op_count: u32,
    fence_fd: i32,
    queue: u32,
    in_syncobjs: u64,
    out_syncobjs: u64,
    in_count: u32,
    out_count: u32,
    syncobj_stride: u32,
    op_stride: u32,
}
