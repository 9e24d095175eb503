//! Memory that is shared as a dma-buf, and the fences on it, by the rules of a [`Manner`](crate::manner).
//!
//! Each call is a line of JSON in the file that `WAYFENCE_TEST_DEVICE_LOG` names, as in
//! `tests/device/src/log.rs`: memory that can be exported (flags: 1 a display can show it, 2 submissions wait
//! for others' fences on it, 4 compositors do not wait for fences on it), its dma-buf, and each submission.

use std::{
    collections::HashMap,
    env,
    ffi::CStr,
    fs::File,
    io::Write,
    mem::transmute,
    os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use ash::vk;
use rustix::fs::fstat;
use wayfence::{
    dma_buf::{Access, DmaBuf},
    sync_file::SyncFile,
};
use wayfence_test_fences::{
    kernel,
    vgem::{Fence, Vgem},
};

use crate::{
    hardware::find,
    manner::{Asked, Rules, manner},
    objects::{DEVICES, MEMORY},
    real::{Function, real},
    requests::next_failure,
};

/// Memory that can be exported.
struct Memory {
    device: vk::Device,
    number: u32,
    rules: Rules,
    shared: Option<Shared>,
}

#[derive(Clone)]
struct Shared {
    dma_buf: Arc<DmaBuf>,
    inode: u64,
}

/// State of the whole process.
#[derive(Default)]
struct Known {
    memory: HashMap<vk::DeviceMemory, Memory>,
    queues: HashMap<vk::Queue, vk::Device>,
    /// Semaphores with which submissions have waited.
    semaphores: Vec<(vk::Device, vk::Semaphore)>,
    last: u32,
    /// The fence of all held work.
    held: Option<Fence>,
}

fn known() -> MutexGuard<'static, Known> {
    static KNOWN: OnceLock<Mutex<Known>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See [`crate::external_fd::wayfence_test_driver_fail_next`].
pub const ALLOCATE: &CStr = c"vkAllocateMemory";
const FREE: &CStr = c"vkFreeMemory";
/// As above.
pub const EXPORT: &CStr = c"vkGetMemoryFdKHR";
const GET_QUEUE: &CStr = c"vkGetDeviceQueue";
const DESTROY_DEVICE: &CStr = c"vkDestroyDevice";

/// `wsi_memory_allocate_info` (Mesa's `src/vulkan/wsi/wsi_common.h`).
const WSI_MEMORY_ALLOCATE_INFO: vk::StructureType = vk::StructureType::from_raw(1_000_001_003);

/// Work submitted from now on is not done before [`wayfence_test_driver_finish`].
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_hold() {
    let fence = kernel::run(|| Vgem::open().fence());
    known().held.get_or_insert(fence);
}

/// Ends all held work, and holds no more.
#[unsafe(no_mangle)]
pub extern "C" fn wayfence_test_driver_finish() {
    let held = known().held.take();
    if let Some(fence) = held {
        // After ten seconds the kernel has ended it.
        let _ = kernel::run(|| fence.try_signal());
    }
}

/// What a compositor on the same device would wait for if it reads this dma-buf and leaves waiting to the
/// kernel: a sync_file, which is the caller's, or -1 if nothing.
///
/// # Safety
/// The descriptor is a dma-buf's, and stays open for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wayfence_test_driver_reader_waits(dma_buf: i32) -> i32 {
    // SAFETY: by the caller's word.
    let number = inode(unsafe { BorrowedFd::borrow_raw(dma_buf) });
    let known = known();
    let of = known.memory.values().find(|memory| {
        let shared = memory.shared.as_ref();
        shared.is_some_and(|shared| shared.inode == number)
    });
    let Some(Memory {
        rules,
        shared: Some(shared),
        ..
    }) = of
    else {
        return -1;
    };
    if !rules.heeded {
        return -1;
    }
    fences(shared, Access::Read).map_or(-1, |fences| OwnedFd::from(fences).into_raw_fd())
}

/// The export while work is held.
pub fn sync_file_of_held_work() -> Option<OwnedFd> {
    let known = known();
    let sync_file = known.held.as_ref()?.sync_file();
    Some(sync_file.try_clone().expect("a descriptor is left").into())
}

/// Our command of this name, if it is one of these.
pub fn replacement(name: &CStr) -> vk::PFN_vkVoidFunction {
    // SAFETY: function pointers; whoever gets one casts it back to the type that its name tells.
    unsafe {
        if name == ALLOCATE {
            Some(transmute::<vk::PFN_vkAllocateMemory, Function>(allocate))
        } else if name == FREE {
            Some(transmute::<vk::PFN_vkFreeMemory, Function>(free))
        } else if name == EXPORT {
            Some(transmute::<vk::PFN_vkGetMemoryFdKHR, Function>(export))
        } else if name == GET_QUEUE {
            Some(transmute::<vk::PFN_vkGetDeviceQueue, Function>(get_queue))
        } else if name == DESTROY_DEVICE {
            Some(transmute::<vk::PFN_vkDestroyDevice, Function>(
                destroy_device,
            ))
        } else {
            None
        }
    }
}

unsafe extern "system" fn allocate(
    device: vk::Device,
    info: *const vk::MemoryAllocateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    memory: *mut vk::DeviceMemory,
) -> vk::Result {
    if let Some(answer) = next_failure(ALLOCATE) {
        return answer;
    }
    let Some(real) = real().device_command(device, ALLOCATE) else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the command of this name has this type; the caller's parameters and chain.
    unsafe {
        let real = transmute::<Function, vk::PFN_vkAllocateMemory>(real);
        let answer = MEMORY.made(real(device, info, allocator, memory));
        let exported = find::<vk::ExportMemoryAllocateInfo<'_>>((*info).p_next).is_some();
        let Some(manner) = manner().filter(|_| exported && answer == vk::Result::SUCCESS) else {
            return answer;
        };
        let dedicated = find::<vk::MemoryDedicatedAllocateInfo<'_>>((*info).p_next);
        let rules = manner.rules(&Asked {
            dedicated: dedicated.is_some_and(|to| to.image != vk::Image::null()),
            swapchains: has((*info).p_next.cast(), WSI_MEMORY_ALLOCATE_INFO),
        });
        let mut known = known();
        known.last += 1;
        let number = known.last;
        let flags =
            u32::from(rules.scanout) | u32::from(rules.waits) << 1 | u32::from(!rules.heeded) << 2;
        let size = (*info).allocation_size;
        log(&format!(
            r#"{{"event":"created","file":1,"handle":{number},"size":{size},"flags":{flags}}}"#
        ));
        known.memory.insert(
            *memory,
            Memory {
                device,
                number,
                rules,
                shared: None,
            },
        );
        answer
    }
}

/// Whether a chain has a structure of this type.
///
/// # Safety
/// The chain is valid.
unsafe fn has(mut chain: *const vk::BaseInStructure<'_>, wanted: vk::StructureType) -> bool {
    // SAFETY: every structure of a chain begins as `VkBaseInStructure` does.
    while let Some(structure) = unsafe { chain.as_ref() } {
        if structure.s_type == wanted {
            return true;
        }
        chain = structure.p_next;
    }
    false
}

unsafe extern "system" fn free(
    device: vk::Device,
    memory: vk::DeviceMemory,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    MEMORY.destroyed(memory);
    known().memory.remove(&memory);
    if let Some(real) = real().device_command(device, FREE) {
        // SAFETY: the command of this name has this type; the caller's parameters.
        unsafe { transmute::<Function, vk::PFN_vkFreeMemory>(real)(device, memory, allocator) };
    }
}

unsafe extern "system" fn export(
    device: vk::Device,
    info: *const vk::MemoryGetFdInfoKHR<'_>,
    fd: *mut i32,
) -> vk::Result {
    if let Some(answer) = next_failure(EXPORT) {
        return answer;
    }
    let Some(real) = real().device_command(device, EXPORT) else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the command of this name has this type; the caller's parameters. It writes a new descriptor.
    unsafe {
        let answer = transmute::<Function, vk::PFN_vkGetMemoryFdKHR>(real)(device, info, fd);
        let mut known = known();
        let memory = known.memory.get_mut(&(*info).memory);
        if let (vk::Result::SUCCESS, Some(memory)) = (answer, memory) {
            let exported = BorrowedFd::borrow_raw(*fd);
            let inode = inode(exported);
            let dma_buf = exported.try_clone_to_owned().expect("a descriptor is left");
            log(&format!(
                r#"{{"event":"exported","file":1,"handle":{},"dma_buf":{inode}}}"#,
                memory.number
            ));
            memory.shared = Some(Shared {
                dma_buf: Arc::new(dma_buf.into()),
                inode,
            });
        }
        answer
    }
}

unsafe extern "system" fn get_queue(
    device: vk::Device,
    family: u32,
    index: u32,
    queue: *mut vk::Queue,
) {
    if let Some(real) = real().device_command(device, GET_QUEUE) {
        // SAFETY: the command of this name has this type; the caller's parameters.
        unsafe {
            transmute::<Function, vk::PFN_vkGetDeviceQueue>(real)(device, family, index, queue);
            known().queues.insert(*queue, device);
        }
    }
}

unsafe extern "system" fn destroy_device(
    device: vk::Device,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    DEVICES.destroyed(device);
    let mut known = known();
    known.queues.retain(|_, of| *of != device);
    let (own, others) = std::mem::take(&mut known.semaphores)
        .into_iter()
        .partition(|(of, _)| *of == device);
    known.semaphores = others;
    drop(known);
    let own: Vec<(vk::Device, vk::Semaphore)> = own;
    // SAFETY: the commands of these names have these types; nothing of the device is in use any more, and the
    // semaphores are ours.
    unsafe {
        if let Some(destroy) = real().device_command(device, c"vkDestroySemaphore") {
            let destroy = transmute::<Function, vk::PFN_vkDestroySemaphore>(destroy);
            for (_, semaphore) in own {
                destroy(device, semaphore, std::ptr::null());
            }
        }
        if let Some(real) = real().device_command(device, DESTROY_DEVICE) {
            transmute::<Function, vk::PFN_vkDestroyDevice>(real)(device, allocator);
        }
    }
}

/// Applies the manner to a submission to this queue: answers the semaphores for which it must wait.
pub fn submit(queue: vk::Queue) -> Vec<vk::Semaphore> {
    if manner().is_none() {
        return Vec::new();
    }
    let mut known = known();
    let Some(device) = known.queues.get(&queue).copied() else {
        return Vec::new();
    };
    let used: Vec<(Rules, Shared)> = known
        .memory
        .values()
        .filter(|memory| memory.device == device)
        .filter_map(|memory| Some((memory.rules, memory.shared.clone()?)))
        .collect();
    let waited: Vec<SyncFile> = used
        .iter()
        .filter(|(rules, _)| rules.waits)
        .filter_map(|(_, shared)| fences(shared, Access::Write))
        .collect();
    let held = known.held.as_ref().map(Fence::sync_file);
    let own = held.map(|held| held.try_clone().expect("a descriptor is left"));
    let own = waited.iter().fold(own, |all, one| {
        Some(match all {
            Some(all) => all.merge(one, "submission").expect("a descriptor is left"),
            None => one.try_clone().expect("a descriptor is left"),
        })
    });
    if let Some(own) = &own {
        for (rules, shared) in &used {
            if let Some(access) = rules.leaves {
                let dma_buf = Arc::clone(&shared.dma_buf);
                let fence = own.try_clone().expect("a descriptor is left");
                kernel::run(move || dma_buf.import_sync_file(&fence, access))
                    .expect("the kernel imports sync_files");
            }
        }
    }
    let shared: Vec<String> = used.iter().map(as_json).collect();
    log(&format!(
        r#"{{"event":"submitted","flags":0,"listed":{},"shared":[{}],"implicit":{},"pending":{}}}"#,
        used.len(),
        shared.join(","),
        waited.len(),
        own.is_some()
    ));
    let semaphores: Vec<_> = waited
        .into_iter()
        .map(|fence| semaphore(device, fence))
        .collect();
    let own = semaphores.iter().map(|semaphore| (device, *semaphore));
    known.semaphores.extend(own);
    semaphores
}

fn as_json((rules, shared): &(Rules, Shared)) -> String {
    let waits = match rules.waits {
        true => "everybody",
        false => "nobody",
    };
    let leaves = match rules.leaves {
        None => "null",
        Some(Access::Read) => r#""read""#,
        Some(Access::Write | Access::ReadWrite) => r#""write""#,
    };
    let inode = shared.inode;
    format!(r#"{{"dma_buf":{inode},"waits":"{waits}","leaves":{leaves}}}"#)
}

/// A semaphore with this fence as payload.
fn semaphore(device: vk::Device, fence: SyncFile) -> vk::Semaphore {
    let command = |name| {
        let command = real().device_command(device, name);
        command.unwrap_or_else(|| panic!("{name:?}: the real driver has it"))
    };
    let info = vk::SemaphoreCreateInfo::default();
    let mut semaphore = vk::Semaphore::null();
    // SAFETY: the commands of these names have these types; the import takes the descriptor.
    unsafe {
        let create =
            transmute::<Function, vk::PFN_vkCreateSemaphore>(command(c"vkCreateSemaphore"));
        let made = create(device, &info, std::ptr::null(), &mut semaphore);
        assert_eq!(made, vk::Result::SUCCESS, "vkCreateSemaphore");
        let import = command(c"vkImportSemaphoreFdKHR");
        let import = transmute::<Function, vk::PFN_vkImportSemaphoreFdKHR>(import);
        let info = vk::ImportSemaphoreFdInfoKHR::default()
            .semaphore(semaphore)
            .flags(vk::SemaphoreImportFlags::TEMPORARY)
            .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD)
            .fd(OwnedFd::from(fence).into_raw_fd());
        let imported = import(device, &info);
        assert_eq!(imported, vk::Result::SUCCESS, "vkImportSemaphoreFdKHR");
    }
    semaphore
}

/// The fences on a dma-buf for which such an access waits, if any is pending.
fn fences(shared: &Shared, access: Access) -> Option<SyncFile> {
    let dma_buf = Arc::clone(&shared.dma_buf);
    let fences = kernel::run(move || dma_buf.export_sync_file(access))
        .expect("the kernel exports sync_files");
    let pending = !fences.is_signalled().expect("a sync_file can be polled");
    pending.then_some(fences)
}

/// A dma-buf's inode, by which the log knows it.
fn inode(dma_buf: impl AsFd) -> u64 {
    fstat(dma_buf).expect("a descriptor that is open").st_ino
}

fn log(line: &str) {
    if let Some(path) = env::var_os("WAYFENCE_TEST_DEVICE_LOG") {
        File::options()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
