//! How many objects of the driver's there are, and which of its commands can fail.
//!
//! Each command here can be made to answer an error instead of being made (see [`requests`](crate::requests)); those of
//! the other files, which do more, ask for that themselves.

use std::{
    ffi::{CStr, c_char},
    mem::transmute,
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    },
};

use ash::vk;

use crate::{
    payloads,
    real::{Function, real},
    requests::next_failure,
};

/// Objects of one kind that were made and not destroyed.
pub struct Living {
    name: &'static CStr,
    count: AtomicI64,
}

impl Living {
    const fn of(name: &'static CStr) -> Self {
        Living {
            name,
            count: AtomicI64::new(0),
        }
    }

    /// One more, if it was made.
    pub fn made(&self, answer: vk::Result) -> vk::Result {
        if answer == vk::Result::SUCCESS {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// One less, if there was one.
    pub fn destroyed<H: vk::Handle>(&self, handle: H) {
        if !handle.is_null() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// `VkInstance`.
pub static INSTANCES: Living = Living::of(c"instances");
/// `VkDevice`.
pub static DEVICES: Living = Living::of(c"devices");
/// `VkImage`.
pub static IMAGES: Living = Living::of(c"images");
/// `VkDeviceMemory`.
pub static MEMORY: Living = Living::of(c"memory");
/// `VkSemaphore`.
pub static SEMAPHORES: Living = Living::of(c"semaphores");

/// How many objects of this kind there are; -1 if that is not counted.
///
/// # Safety
/// `kind` is a valid C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wayfence_test_driver_living(kind: *const c_char) -> i64 {
    // SAFETY: the caller guarantees it.
    let kind = unsafe { CStr::from_ptr(kind) };
    [&INSTANCES, &DEVICES, &IMAGES, &MEMORY, &SEMAPHORES]
        .into_iter()
        .find(|living| living.name == kind)
        .map_or(-1, |living| living.count.load(Ordering::Relaxed))
}

/// Defines commands of a device that do what the real ones do, unless they are to fail.
macro_rules! failing {
    ($($function:ident = $name:literal: $pointer:ident($($argument:ident: $type:ty),* $(,)?);)*) => {
        $(
            unsafe extern "system" fn $function(
                device: vk::Device,
                $($argument: $type),*
            ) -> vk::Result {
                if let Some(failure) = next_failure($name) {
                    return failure;
                }
                let Some(real) = real().device_command(device, $name) else {
                    return vk::Result::ERROR_UNKNOWN;
                };
                // SAFETY: the command of this name has this type; the caller's parameters.
                unsafe { transmute::<Function, vk::$pointer>(real)(device, $($argument),*) }
            }
        )*

        fn failing(name: &CStr) -> vk::PFN_vkVoidFunction {
            $(
                if name == $name {
                    // SAFETY: function pointers; whoever gets one casts it back to the type that its name tells.
                    return Some(unsafe { transmute::<vk::$pointer, Function>($function) });
                }
            )*
            None
        }
    };
}

failing! {
    bind_image_memory = c"vkBindImageMemory": PFN_vkBindImageMemory(
        image: vk::Image,
        memory: vk::DeviceMemory,
        offset: vk::DeviceSize,
    );
    bind_image_memory2 = c"vkBindImageMemory2": PFN_vkBindImageMemory2(
        count: u32,
        infos: *const vk::BindImageMemoryInfo<'_>,
    );
    get_memory_fd_properties = c"vkGetMemoryFdPropertiesKHR": PFN_vkGetMemoryFdPropertiesKHR(
        handle_type: vk::ExternalMemoryHandleTypeFlags,
        fd: i32,
        properties: *mut vk::MemoryFdPropertiesKHR<'_>,
    );
    device_wait_idle = c"vkDeviceWaitIdle": PFN_vkDeviceWaitIdle();
    wait_for_fences = c"vkWaitForFences": PFN_vkWaitForFences(
        count: u32,
        fences: *const vk::Fence,
        all: vk::Bool32,
        timeout: u64,
    );
    get_fence_status = c"vkGetFenceStatus": PFN_vkGetFenceStatus(fence: vk::Fence);
}

const CREATE_SEMAPHORE: &CStr = c"vkCreateSemaphore";
const DESTROY_SEMAPHORE: &CStr = c"vkDestroySemaphore";

/// Our command of this name, if it is one of a device's here.
pub fn replacement(name: &CStr) -> vk::PFN_vkVoidFunction {
    // SAFETY: function pointers; whoever gets one casts it back to the type that its name tells.
    unsafe {
        if name == CREATE_SEMAPHORE {
            Some(transmute::<vk::PFN_vkCreateSemaphore, Function>(
                create_semaphore,
            ))
        } else if name == DESTROY_SEMAPHORE {
            Some(transmute::<vk::PFN_vkDestroySemaphore, Function>(
                destroy_semaphore,
            ))
        } else {
            failing(name)
        }
    }
}

unsafe extern "system" fn create_semaphore(
    device: vk::Device,
    info: *const vk::SemaphoreCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    semaphore: *mut vk::Semaphore,
) -> vk::Result {
    if let Some(failure) = next_failure(CREATE_SEMAPHORE) {
        return failure;
    }
    let Some(real) = real().device_command(device, CREATE_SEMAPHORE) else {
        return vk::Result::ERROR_UNKNOWN;
    };
    // SAFETY: the command of this name has this type; the caller's parameters.
    SEMAPHORES.made(unsafe {
        transmute::<Function, vk::PFN_vkCreateSemaphore>(real)(device, info, allocator, semaphore)
    })
}

unsafe extern "system" fn destroy_semaphore(
    device: vk::Device,
    semaphore: vk::Semaphore,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    SEMAPHORES.destroyed(semaphore);
    payloads::destroyed(semaphore);
    if let Some(real) = real().device_command(device, DESTROY_SEMAPHORE) {
        // SAFETY: the command of this name has this type; the caller's parameters.
        unsafe {
            transmute::<Function, vk::PFN_vkDestroySemaphore>(real)(device, semaphore, allocator);
        }
    }
}

static REAL_DESTROY_INSTANCE: OnceLock<vk::PFN_vkDestroyInstance> = OnceLock::new();

/// Our command in place of the real one of an instance of this name, if there is one.
pub fn of_instance(name: &CStr, command: Function) -> vk::PFN_vkVoidFunction {
    (name == c"vkDestroyInstance").then(|| {
        // SAFETY: function pointers of the type that the name tells; whoever gets one casts it back.
        unsafe {
            REAL_DESTROY_INSTANCE
                .get_or_init(|| transmute::<Function, vk::PFN_vkDestroyInstance>(command));
            transmute::<vk::PFN_vkDestroyInstance, Function>(destroy_instance)
        }
    })
}

unsafe extern "system" fn destroy_instance(
    instance: vk::Instance,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    INSTANCES.destroyed(instance);
    if let Some(real) = REAL_DESTROY_INSTANCE.get() {
        // SAFETY: the caller's parameters.
        unsafe { real(instance, allocator) };
    }
}
