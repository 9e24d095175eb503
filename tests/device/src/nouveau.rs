//! nouveau, NVK's driver: `include/uapi/drm/nouveau_drm.h`; the rules are those of Linux 7.2.
//!
//! A submission (`DRM_NOUVEAU_EXEC`) lists no buffers: it may use all that are mapped in the file's address
//! space (`DRM_NOUVEAU_VM_BIND`).
//!
//! - It waits for nobody by itself, only for the syncobjs that it names: `nouveau_job_fence_attach_prepare` and
//!   its like in `nouveau_sched.c`.
//! - It leaves its fence as a writer's on every mapped buffer that is not private to the address space
//!   (`NOUVEAU_GEM_DOMAIN_NO_SHARE`): `nouveau_exec_job_armed_submit` with `DMA_RESV_USAGE_WRITE` in
//!   `nouveau_exec.c`, `drm_gpuvm_resv_add_fence` in `drm_gpuvm.c`. Nothing switches that off.
//!
//! A change of mappings leaves a fence of the usage `BOOKKEEP` only (`nouveau_uvmm_vm_bind` in
//! `nouveau_uvmm.c`). It is taken to be in force as soon as it is asked for, as the kernel's own book-keeping is.

use bytemuck::AnyBitPattern;
use rustix::io::Errno;
use wayfence::dma_buf::Access;

use crate::call::{self, Answer, Call};
use crate::file::File;
use crate::new_buffer::{self, NewBuffer};
use crate::submission::{Submission, Use};
use crate::wait::{Point, Waits, points};

/// See [`Driver::answer`](crate::driver::Driver::answer).
pub fn answer(file: &File, call: &Call, command: u8) -> Option<Answer> {
    match command {
        GEM_NEW => Some(new_buffer::answer::<GemNew>(file, call)),
        VM_BIND => Some(bind(file, call)),
        EXEC => Some(execute(file, call)),
        // "-ENOTTY" of a device that has none (`nouveau_abi16_ioctl_get_zcull_info` in
        // `nouveau_abi16.c`): the shim answers zeros, by which NVK divides.
        GET_ZCULL_INFO => Some(Err(Errno::NOTTY)),
        _ => None,
    }
}

fn bind(file: &File, call: &Call) -> Answer {
    let bind: VmBind = call.read()?;
    let answer = call.pass_on();
    if answer != 0 {
        return Ok(answer);
    }
    // SAFETY: "pointer to the &drm_nouveau_vm_bind_ops to execute".
    let operations: Vec<VmBindOp> =
        unsafe { call::array(bind.ops, bind.op_count, size_of::<VmBindOp>()) };
    let mut inner = file.lock();
    for operation in operations {
        let VmBindOp {
            address,
            range,
            handle,
            ..
        } = operation;
        let sparse = operation.flags & VM_BIND_SPARSE != 0;
        match operation.op {
            VM_BIND_OP_MAP if !sparse => inner.mappings.map(address, range, handle),
            VM_BIND_OP_UNMAP => inner.mappings.unmap(address, range),
            _ => {}
        }
    }
    drop(inner);
    if bind.flags & VM_BIND_RUN_ASYNC != 0 {
        // SAFETY: "pointer to &drm_nouveau_syncs", both of them.
        let (waits, signals) = unsafe {
            (
                points::<Sync>(bind.waits, bind.wait_count, size_of::<Sync>()),
                points::<Sync>(bind.signals, bind.signal_count, size_of::<Sync>()),
            )
        };
        file.submit(&Submission {
            queue: BINDS,
            flags: bind.flags.into(),
            waits,
            signals,
            ..Submission::default()
        })?;
    }
    Ok(0)
}

fn execute(file: &File, call: &Call) -> Answer {
    let exec: Exec = call.read()?;
    let inner = file.lock();
    let uses = inner
        .mappings
        .handles()
        .into_iter()
        .filter(|handle| {
            let buffer = inner.buffers.get(handle);
            buffer.is_some_and(|buffer| buffer.flags & u64::from(GEM_DOMAIN_NO_SHARE) == 0)
        })
        .map(|handle| Use {
            handle,
            waits: Waits::Nobody,
            leaves: Some(Access::Write),
        })
        .collect();
    drop(inner);
    // SAFETY: as in `bind`.
    let (waits, signals) = unsafe {
        (
            points::<Sync>(exec.waits, exec.wait_count, size_of::<Sync>()),
            points::<Sync>(exec.signals, exec.signal_count, size_of::<Sync>()),
        )
    };
    file.submit(&Submission {
        queue: exec.channel.into(),
        uses,
        waits,
        signals,
        ..Submission::default()
    })?;
    Ok(0)
}

/// The queue in which mappings are changed; no channel has this number.
const BINDS: u64 = 1 << 32;

const VM_BIND: u8 = 0x11;
const EXEC: u8 = 0x12;
const GET_ZCULL_INFO: u8 = 0x13;
const GEM_NEW: u8 = 0x40;

const GEM_DOMAIN_GART: u32 = 1 << 2;
const GEM_DOMAIN_NO_SHARE: u32 = 1 << 5;
const SYNC_TYPE_MASK: u32 = 0xf;
const SYNC_TIMELINE_SYNCOBJ: u32 = 1;
const VM_BIND_OP_MAP: u32 = 0;
const VM_BIND_OP_UNMAP: u32 = 1;
const VM_BIND_SPARSE: u32 = 1 << 8;
const VM_BIND_RUN_ASYNC: u32 = 1;

/// `struct drm_nouveau_gem_new`.
#[repr(C)]
#[derive(Clone, Copy, Default, AnyBitPattern)]
pub struct GemNew {
    handle: u32,
    domain: u32,
    size: u64,
    offset: u64,
    map_handle: u64,
    tile_mode: u32,
    tile_flags: u32,
    channel_hint: u32,
    align: u32,
}

impl NewBuffer for GemNew {
    const COMMAND: u8 = GEM_NEW;

    fn of_size(size: u64) -> Self {
        Self {
            domain: GEM_DOMAIN_GART,
            size,
            ..Self::default()
        }
    }

    fn asked(&self) -> (u64, u64) {
        (self.size, self.domain.into())
    }

    fn handle(&self) -> u32 {
        self.handle
    }
}

/// `struct drm_nouveau_sync`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct Sync {
    flags: u32,
    handle: u32,
    value: u64,
}

impl From<Sync> for Point {
    fn from(sync: Sync) -> Self {
        Self {
            syncobj: sync.handle,
            point: match sync.flags & SYNC_TYPE_MASK {
                SYNC_TIMELINE_SYNCOBJ => sync.value,
                _ => 0,
            },
        }
    }
}

/// `struct drm_nouveau_vm_bind_op`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct VmBindOp {
    op: u32,
    flags: u32,
    handle: u32,
    pad: u32,
    address: u64,
    offset: u64,
    range: u64,
}

/// `struct drm_nouveau_vm_bind`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct VmBind {
    op_count: u32,
    flags: u32,
    wait_count: u32,
    signal_count: u32,
    waits: u64,
    signals: u64,
    ops: u64,
}

/// `struct drm_nouveau_exec`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct Exec {
    channel: u32,
    push_count: u32,
    wait_count: u32,
    signal_count: u32,
    waits: u64,
    signals: u64,
    pushes: u64,
}
