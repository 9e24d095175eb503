//! asahi, Honeykrisp's driver: `include/uapi/drm/asahi_drm.h`. The driver itself is not in Linux 7.2, so
//! the rules are what its interface leaves room for.
//!
//! A submission (`DRM_ASAHI_SUBMIT`) lists no buffers and has no flags ("MBZ"): it waits for the syncobjs
//! that it names ("Number of sync objects to wait on before starting this job") and signals those that it
//! names. No buffer's fences are waited for, and none is left that user space would see: as in each driver
//! whose address space user space manages, fences on buffers keep their memory in place only (`BOOKKEEP`).
//! Changes of mappings (`DRM_ASAHI_VM_BIND`) take no syncobjs and are the shim's to answer.

use bytemuck::AnyBitPattern;

use crate::call::{Answer, Call};
use crate::file::File;
use crate::new_buffer::{self, NewBuffer};
use crate::submission::Submission;
use crate::wait::{Point, points};

/// See [`Driver::answer`](crate::driver::Driver::answer).
pub fn answer(file: &File, call: &Call, command: u8) -> Option<Answer> {
    match command {
        GEM_CREATE => Some(new_buffer::answer::<GemCreate>(file, call)),
        SUBMIT => Some(submit(file, call)),
        _ => None,
    }
}

fn submit(file: &File, call: &Call) -> Answer {
    let submit: Submit = call.read()?;
    let stride = size_of::<Sync>();
    // SAFETY: "The first @in_sync_count elements are in-syncs, then the remaining @out_sync_count elements
    // are out-syncs".
    let mut waits =
        unsafe { points::<Sync>(submit.syncs, submit.in_count + submit.out_count, stride) };
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
#[derive(Clone, Copy, Default, AnyBitPattern)]
pub struct GemCreate {
    size: u64,
    flags: u32,
    vm: u32,
    handle: u32,
    pad: u32,
}

impl NewBuffer for GemCreate {
    const COMMAND: u8 = GEM_CREATE;

    fn of_size(size: u64) -> Self {
        Self {
            size,
            ..Self::default()
        }
    }

    fn asked(&self) -> (u64, u64) {
        (self.size, self.flags.into())
    }

    fn handle(&self) -> u32 {
        self.handle
    }
}

/// `struct drm_asahi_sync`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct Sync {
    kind: u32,
    handle: u32,
    value: u64,
}

impl From<Sync> for Point {
    fn from(sync: Sync) -> Self {
        Self {
            syncobj: sync.handle,
            point: match sync.kind {
                SYNC_TIMELINE_SYNCOBJ => sync.value,
                _ => 0,
            },
        }
    }
}

/// `struct drm_asahi_submit`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
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
