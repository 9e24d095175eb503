//! amdgpu, RADV's driver: `include/uapi/drm/amdgpu_drm.h`; the rules are those of Linux 7.2.
//!
//! A submission lists its buffers (`AMDGPU_CHUNK_ID_BO_HANDLES`). Of each,
//!
//! - it waits for all readers and writers but those of its own file (`AMDGPU_SYNC_NE_OWNER`), and for none
//!   if the buffer was created with `AMDGPU_GEM_CREATE_EXPLICIT_SYNC` (`AMDGPU_SYNC_EXPLICIT`): `amdgpu_cs_sync_rings` in
//!   `amdgpu_cs.c`, `amdgpu_sync_resv` and `amdgpu_sync_test_fence` in `amdgpu_sync.c`. The flag is the
//!   buffer's, so it counts for every process on the device;
//! - it leaves its fence as a writer's, whatever it does with the buffer and whatever the flags:
//!   `amdgpu_cs_submit` in `amdgpu_cs.c`.
//!
//! Fences of other drivers (a display's, another GPU's) are waited for even with the flag
//! (`AMDGPU_FENCE_OWNER_UNDEFINED`). Whoever leaves a fence here is taken to be on the same device.
//!
//! `AMDGPU_CHUNK_ID_DEPENDENCIES`, lists of buffers made before (`DRM_AMDGPU_BO_LIST`) and user queues are
//! not known: RADV uses none of them here.

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
        GEM_CREATE => Some(new_buffer::answer::<GemCreate>(file, call)),
        CS => Some(submit(file, call)),
        WAIT_CS => Some(wait(file, call)),
        _ => None,
    }
}

/// See [`Driver::reader_waits`](crate::driver::Driver::reader_waits).
pub fn reader_waits(flags: u64) -> bool {
    flags & GEM_CREATE_EXPLICIT_SYNC == 0
}

fn submit(file: &File, call: &Call) -> Answer {
    let Cs {
        context,
        chunk_count,
        chunks,
        ..
    } = call.read()?;
    let mut submission = Submission::default();
    let mut ring = None;
    // SAFETY: "this points to __u64 * which point to cs chunks".
    let chunks: Vec<u64> = unsafe { call::array(chunks, chunk_count, size_of::<u64>()) };
    for chunk in chunks {
        // SAFETY: as above.
        let chunk: Chunk = unsafe { call::array(chunk, 1, 0) }[0];
        // SAFETY: chunks of these kinds hold arrays of these types, as long as they say.
        unsafe {
            match chunk.id {
                CHUNK_IB => {
                    let commands: Ib = call::array(chunk.data, 1, 0)[0];
                    // The first of a gang leads it.
                    ring.get_or_insert(queue(context, commands.ip_type, commands.ring));
                }
                CHUNK_BO_HANDLES => {
                    let list: BoList = call::array(chunk.data, 1, 0)[0];
                    let stride = list.stride as usize;
                    let handles: Vec<u32> = call::array(list.entries, list.count, stride);
                    submission.uses = uses(file, handles);
                }
                CHUNK_SYNCOBJ_IN => submission.waits.extend(binary(&chunk)),
                CHUNK_SYNCOBJ_OUT => submission.signals.extend(binary(&chunk)),
                CHUNK_TIMELINE_WAIT => submission.waits.extend(timeline(&chunk)),
                CHUNK_TIMELINE_SIGNAL => submission.signals.extend(timeline(&chunk)),
                _ => {}
            }
        }
    }
    submission.queue = ring.ok_or(Errno::INVAL)?;
    let number = file.submit(&submission)?;
    let mut answer: Cs = call.read()?;
    answer.set_handle(number);
    call.write(answer)?;
    Ok(0)
}

fn uses(file: &File, handles: Vec<u32>) -> Vec<Use> {
    let inner = file.lock();
    handles
        .into_iter()
        .map(|handle| {
            let flags = inner.buffers.get(&handle).map_or(0, |buffer| buffer.flags);
            Use {
                handle,
                waits: match flags & GEM_CREATE_EXPLICIT_SYNC {
                    0 => Waits::EverybodyElse,
                    _ => Waits::Nobody,
                },
                leaves: Some(Access::Write),
            }
        })
        .collect()
}

fn wait(file: &File, call: &Call) -> Answer {
    let WaitCs {
        handle,
        timeout,
        ip_type,
        ring,
        context,
        ..
    } = call.read()?;
    let queue = queue(context, ip_type, ring);
    // "Absolute timeout to wait".
    let timeout = until(std::time::Duration::from_nanos(timeout));
    // "handle equals 0 means none to wait for", and the greatest is the latest.
    let done = handle == 0 || file.wait_for(queue, handle, timeout);
    call.write(WaitCs {
        // `drm_amdgpu_wait_cs_out.status`: 0 if it is done.
        handle: u64::from(!done),
        timeout: 0,
        ip_type: 0,
        ip_instance: 0,
        ring: 0,
        context: 0,
    })?;
    Ok(0)
}

/// A context has a queue for each ring of each kind of engine.
fn queue(context: u32, ip_type: u32, ring: u32) -> u64 {
    u64::from(context) << 16 | u64::from(ip_type & 0xff) << 8 | u64::from(ring & 0xff)
}

/// # Safety
/// The chunk is one of binary syncobjs.
unsafe fn binary(chunk: &Chunk) -> Vec<Point> {
    // SAFETY: an array of `struct drm_amdgpu_cs_chunk_sem`, one number each.
    unsafe { points::<Semaphore>(chunk.data, chunk.words, size_of::<Semaphore>()) }
}

/// # Safety
/// The chunk is one of points of timelines.
unsafe fn timeline(chunk: &Chunk) -> Vec<Point> {
    let stride = size_of::<Syncobj>();
    // SAFETY: an array of `struct drm_amdgpu_cs_chunk_syncobj`.
    unsafe { points::<Syncobj>(chunk.data, chunk.words * 4 / stride as u32, stride) }
}

const GEM_CREATE: u8 = 0x00;
const CS: u8 = 0x04;
const WAIT_CS: u8 = 0x09;

const GEM_DOMAIN_GTT: u64 = 2;
const GEM_CREATE_EXPLICIT_SYNC: u64 = 1 << 7;

const CHUNK_IB: u32 = 0x01;
const CHUNK_SYNCOBJ_IN: u32 = 0x04;
const CHUNK_SYNCOBJ_OUT: u32 = 0x05;
const CHUNK_BO_HANDLES: u32 = 0x06;
const CHUNK_TIMELINE_WAIT: u32 = 0x08;
const CHUNK_TIMELINE_SIGNAL: u32 = 0x09;

/// `struct drm_amdgpu_gem_create_in`; the answer lies in its first number.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
pub struct GemCreate {
    size: u64,
    alignment: u64,
    domains: u64,
    flags: u64,
}

impl NewBuffer for GemCreate {
    const COMMAND: u8 = GEM_CREATE;

    fn of_size(size: u64) -> Self {
        Self {
            size,
            alignment: 4096,
            domains: GEM_DOMAIN_GTT,
            flags: 0,
        }
    }

    /// The flags do not fill the lower half; the domains are put into the upper one.
    fn asked(&self) -> (u64, u64) {
        (self.size, self.domains << 32 | self.flags)
    }

    /// `drm_amdgpu_gem_create_out.handle`.
    fn handle(&self) -> u32 {
        first_of(self.size)
    }
}

/// `struct drm_amdgpu_cs_in`; the answer lies in its first two numbers.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct Cs {
    context: u32,
    bo_list: u32,
    chunk_count: u32,
    flags: u32,
    chunks: u64,
}

impl Cs {
    /// For an answer: `drm_amdgpu_cs_out.handle`.
    fn set_handle(&mut self, handle: u64) {
        let bytes = handle.to_ne_bytes();
        let [a, b, c, d, e, f, g, h] = bytes;
        self.context = u32::from_ne_bytes([a, b, c, d]);
        self.bo_list = u32::from_ne_bytes([e, f, g, h]);
    }
}

/// The first of two numbers that lie where one lay.
fn first_of(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_ne_bytes();
    u32::from_ne_bytes([a, b, c, d])
}

/// `struct drm_amdgpu_cs_chunk`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct Chunk {
    id: u32,
    words: u32,
    data: u64,
}

/// `struct drm_amdgpu_cs_chunk_ib`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct Ib {
    pad: u32,
    flags: u32,
    address: u64,
    bytes: u32,
    ip_type: u32,
    ip_instance: u32,
    ring: u32,
}

/// `struct drm_amdgpu_bo_list_in`; an entry begins with a handle.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct BoList {
    operation: u32,
    list: u32,
    count: u32,
    stride: u32,
    entries: u64,
}

/// `struct drm_amdgpu_cs_chunk_sem`.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct Semaphore {
    handle: u32,
}

impl From<Semaphore> for Point {
    fn from(semaphore: Semaphore) -> Self {
        Self {
            syncobj: semaphore.handle,
            point: 0,
        }
    }
}

/// `struct drm_amdgpu_cs_chunk_syncobj`.
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

/// `struct drm_amdgpu_wait_cs_in`; the answer lies in its first number.
#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct WaitCs {
    handle: u64,
    timeout: u64,
    ip_type: u32,
    ip_instance: u32,
    ring: u32,
    context: u32,
}
