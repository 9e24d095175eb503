//! asahi, Honeykrisp's driver: `include/uapi/drm/asahi_drm.h`. The driver itself is not in Linux 7.2, so
//! the rules are what its interface leaves room for.
//!
//! A submission (`DRM_ASAHI_SUBMIT`) lists no buffers and has no flags ("MBZ"): it waits for the syncobjs
//! that it names ("Number of sync objects to wait on before starting this job") and signals those that it
//! names. No buffer's fences are waited for, and none is left that user space would see: as in each driver
//! whose address space user space manages, fences on buffers keep their memory in place only (`BOOKKEEP`).
//! Changes of mappings (`DRM_ASAHI_VM_BIND`) take no syncobjs and are the shim's to answer.

use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};

use crate::call::{self, Answer, Argument, COMMANDS, Call};
use crate::file::File;
use crate::submission::Submission;
use crate::wait::Point;

/// See [`Driver::answer`](crate::driver::Driver::answer).
pub fn answer(file: &File, call: &Call, command: u8) -> Option<Answer> {
    match command {
        GEM_CREATE => Some(create_buffer(file, call)),
        SUBMIT => Some(submit(file, call)),
        _ => None,
    }
}

/// See [`Driver::create`](crate::driver::Driver::create).
pub fn create(fd: i32, size: u64) -> Result<u32, Errno> {
    const REQUEST: Opcode = opcode::read_write::<GemCreate>(call::DRM, COMMANDS + GEM_CREATE);
    let mut create = GemCreate {
        size,
        ..GemCreate::default()
    };
    // SAFETY: the argument of this request.
    unsafe { call::ask_next(fd, REQUEST, &mut create) }?;
    Ok(create.handle)
}

fn create_buffer(file: &File, call: &Call) -> Answer {
    let asked: GemCreate = call.read()?;
    let answer = call.pass_on();
    if answer == 0 {
        let made: GemCreate = call.read()?;
        file.created(made.handle, asked.size, asked.flags.into());
    }
    Ok(answer)
}

fn submit(file: &File, call: &Call) -> Answer {
    let submit: Submit = call.read()?;
    let stride = size_of::<Sync>();
    // SAFETY: "The first @in_sync_count elements are in-syncs, then the remaining @out_sync_count elements
    // are out-syncs".
    let syncs: Vec<Sync> =
        unsafe { call::array(submit.syncs, submit.in_count + submit.out_count, stride) };
    let mut waits: Vec<_> = syncs
        .into_iter()
        .map(|sync| Point {
            syncobj: sync.handle,
            point: match sync.kind {
                SYNC_TIMELINE_SYNCOBJ => sync.value,
                _ => 0,
            },
        })
        .collect();
    let signals = waits.split_off(submit.in_count as usize);
    file.submit(&Submission {
        queue: submit.queue.into(),
        flags: submit.flags.into(),
        waits,
        signals,
        ..Submission::default()
    })?;
    Ok(0)
}

const GEM_CREATE: u8 = 5;
const SUBMIT: u8 = 10;

const SYNC_TIMELINE_SYNCOBJ: u32 = 1;

/// `struct drm_asahi_gem_create`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct GemCreate {
    size: u64,
    flags: u32,
    vm: u32,
    handle: u32,
    pad: u32,
}

/// `struct drm_asahi_sync`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Sync {
    kind: u32,
    handle: u32,
    value: u64,
}

/// `struct drm_asahi_submit`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Submit {
    syncs: u64,
    commands: u64,
    flags: u32,
    queue: u32,
    in_count: u32,
    out_count: u32,
    commands_size: u32,
    pad: u32,
}

// SAFETY: structures of asahi_drm.h, all numbers; so are those below.
unsafe impl Argument for GemCreate {}
// SAFETY: as above.
unsafe impl Argument for Sync {}
// SAFETY: as above.
unsafe impl Argument for Submit {}
