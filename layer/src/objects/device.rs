//! Devices: what the layer adds to them, and what it keeps for them.

use std::{
    collections::{HashMap, HashSet},
    ffi::{CStr, CString},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use ash::vk;

use super::instance::Instance;
use crate::driver::{
    next::{DeviceCommands, below},
    physical_device::{Keeper, PhysicalDevice},
    waits::Waits,
};

/// One `VkDevice`.
pub struct Device {
    /// Its handle.
    pub handle: vk::Device,
    /// The instance that made it.
    pub instance: Arc<Instance>,
    /// The physical device that it is of.
    pub physical: vk::PhysicalDevice,
    /// The version of Vulkan that application and device share.
    pub api_version: u32,
    /// The next layer's commands.
    pub next: DeviceCommands,
    get_proc_addr: vk::PFN_vkGetDeviceProcAddr,
    /// The extensions that the application asked for.
    enabled: HashSet<CString>,
    /// Whether `VK_KHR_swapchain_maintenance1` is enabled in the driver, too, by either of its names.
    pub maintains_below: bool,
    /// Held if its swapchains are the driver's.
    keeper: Option<Keeper>,
    /// The application's images that are aliases of swapchains' images.
    aliases: Mutex<HashMap<vk::Image, Alias>>,
    semaphores: Mutex<Semaphores>,
    /// The application's semaphores that can be exported; `None` where the layer changes none of them.
    pub waits: Option<Waits>,
    /// Private data of our swapchains and surfaces, by slot and handle.
    private_data: Mutex<HashMap<(vk::PrivateDataSlot, u64), u64>>,
    /// The driver has told the layer that the device is lost.
    lost: AtomicBool,
}

/// The memory of an alias of a swapchain's image (`VkBindImageMemorySwapchainInfoKHR`).
pub struct Alias {
    /// The swapchain of that image.
    pub swapchain: vk::SwapchainKHR,
    /// The memory of that image, imported again for the alias. The device frees it.
    pub memory: vk::DeviceMemory,
}

/// Semaphores whose payload can be exported as a sync_file.
#[derive(Default)]
struct Semaphores {
    /// Unsignalled, without a pending operation.
    free: Vec<vk::Semaphore>,
    /// Perhaps signalled and never waited for: not to be used again.
    spoiled: Vec<vk::Semaphore>,
    /// Signalled for the driver's part of a present to swapchains of both: one for each queue, on which each
    /// wait comes before the next signal.
    below: HashMap<vk::Queue, vk::Semaphore>,
}

impl Device {
    /// A device that the driver has made.
    ///
    /// # Safety
    /// `get_proc_addr` is the next layer's, and `handle` of a device that it has made from `physical`.
    pub unsafe fn new(
        handle: vk::Device,
        instance: Arc<Instance>,
        (physical, known): (vk::PhysicalDevice, &PhysicalDevice),
        get_proc_addr: vk::PFN_vkGetDeviceProcAddr,
        enabled: HashSet<CString>,
        maintains_below: bool,
        keeper: Option<Keeper>,
    ) -> Self {
        let old = known.api_version < vk::API_VERSION_1_1;
        Device {
            handle,
            physical,
            api_version: known.api_version,
            // SAFETY: the caller guarantees the function and its device; it answers commands by their names.
            next: unsafe { DeviceCommands::load(old, |name| get_proc_addr(handle, name.as_ptr())) },
            instance,
            get_proc_addr,
            enabled,
            maintains_below,
            keeper,
            aliases: Mutex::default(),
            semaphores: Mutex::default(),
            waits: None,
            private_data: Mutex::default(),
            lost: AtomicBool::new(false),
        }
    }

    /// Takes note of what the driver has answered, if that is that the device is lost.
    pub fn heard(&self, answer: vk::Result) -> vk::Result {
        if answer == vk::Result::ERROR_DEVICE_LOST {
            self.lost.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Whether the device is lost, as far as the driver has told the layer.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// The next layer's command of that name.
    pub fn next_proc_addr(&self, name: &CStr) -> vk::PFN_vkVoidFunction {
        // SAFETY: the next layer's `vkGetDeviceProcAddr`, with the device that it made.
        unsafe { (self.get_proc_addr)(self.handle, name.as_ptr()) }
    }

    /// The next layer's command of that name.
    ///
    /// # Safety
    /// `F` is the command's type.
    ///
    /// # Errors
    /// There is none.
    pub unsafe fn below<F: Copy>(&self, name: &CStr) -> Result<F, vk::Result> {
        const { assert!(size_of::<F>() == size_of::<unsafe extern "system" fn()>()) };
        let command = below(self.next_proc_addr(name))?;
        // SAFETY: a function pointer, as the caller guarantees, of the same size.
        Ok(unsafe { std::mem::transmute_copy(&command) })
    }

    /// Whether the application has enabled the extension.
    pub fn has(&self, extension: &CStr) -> bool {
        self.enabled.contains(extension)
    }

    /// Whether its swapchains are the driver's, whatever the surface.
    pub fn keeps_drivers(&self) -> bool {
        self.keeper.is_some()
    }

    /// Private data of our swapchains and surfaces, by slot and handle.
    pub fn private_data(&self) -> MutexGuard<'_, HashMap<(vk::PrivateDataSlot, u64), u64>> {
        self.private_data
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the private data of an object of ours that is destroyed.
    pub fn forget_private_data(&self, handle: u64) {
        self.private_data().retain(|(_, of), _| *of != handle);
    }

    /// Remembers the memory of an application's image that is an alias of a swapchain's.
    pub fn add_alias(&self, image: vk::Image, alias: Alias) {
        self.aliases().insert(image, alias);
    }

    /// Forgets an image that is destroyed. Returns what it is bound to, if it is an alias.
    pub fn take_alias(&self, image: vk::Image) -> Option<Alias> {
        self.aliases().remove(&image)
    }

    /// Frees the memory of an alias whose image is destroyed or no longer used.
    pub fn free_alias(&self, alias: Alias) {
        if let Some(free) = self.next.free_memory {
            // SAFETY: ours; the application has done with an image that it destroys, and with those of a
            // swapchain that it destroys.
            unsafe { free(self.handle, alias.memory, std::ptr::null()) };
        }
    }

    /// Frees the memory of all aliases of a swapchain that is destroyed.
    pub fn free_aliases_of(&self, swapchain: vk::SwapchainKHR) {
        let aliases: Vec<_> = self
            .aliases()
            .extract_if(|_, alias| alias.swapchain == swapchain)
            .collect();
        for (_, alias) in aliases {
            self.free_alias(alias);
        }
    }

    fn aliases(&self) -> MutexGuard<'_, HashMap<vk::Image, Alias>> {
        self.aliases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An unsignalled semaphore whose payload can be exported as a sync_file.
    ///
    /// # Errors
    /// The driver's.
    pub fn take_semaphore(&self) -> Result<vk::Semaphore, vk::Result> {
        if let Some(semaphore) = self.semaphores().free.pop() {
            return Ok(semaphore);
        }
        let mut export = vk::ExportSemaphoreCreateInfo::default()
            .handle_types(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD);
        let info = vk::SemaphoreCreateInfo::default().push_next(&mut export);
        self.create_semaphore(&info)
    }

    /// The semaphore for the driver's own presents on this queue.
    ///
    /// # Errors
    /// The driver's.
    pub fn semaphore_below(&self, queue: vk::Queue) -> Result<vk::Semaphore, vk::Result> {
        let mut semaphores = self.semaphores();
        if let Some(semaphore) = semaphores.below.get(&queue) {
            return Ok(*semaphore);
        }
        let semaphore = self.create_semaphore(&vk::SemaphoreCreateInfo::default())?;
        semaphores.below.insert(queue, semaphore);
        Ok(semaphore)
    }

    /// The driver may not have waited for its semaphore on this queue: it gets another one.
    pub fn spoil_semaphore_below(&self, queue: vk::Queue) {
        let mut semaphores = self.semaphores();
        if let Some(semaphore) = semaphores.below.remove(&queue) {
            semaphores.spoiled.push(semaphore);
        }
    }

    fn create_semaphore(
        &self,
        info: &vk::SemaphoreCreateInfo<'_>,
    ) -> Result<vk::Semaphore, vk::Result> {
        let create = self
            .next
            .create_semaphore
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        let mut semaphore = vk::Semaphore::null();
        // SAFETY: our device, a valid structure, room for a handle.
        unsafe { create(self.handle, info, std::ptr::null(), &mut semaphore) }
            .result_with_success(semaphore)
    }

    /// Destroys a semaphore of ours.
    ///
    /// # Safety
    /// No queue uses it.
    pub unsafe fn destroy_semaphore(&self, semaphore: vk::Semaphore) {
        if let Some(destroy) = self.next.destroy_semaphore {
            // SAFETY: ours, and the caller guarantees that nothing uses it.
            unsafe { destroy(self.handle, semaphore, std::ptr::null()) };
        }
    }

    /// Gives a semaphore back that is unsignalled again.
    pub fn keep_semaphore(&self, semaphore: vk::Semaphore) {
        self.semaphores().free.push(semaphore);
    }

    /// Gives a semaphore back that may stay signalled.
    pub fn spoil_semaphore(&self, semaphore: vk::Semaphore) {
        self.semaphores().spoiled.push(semaphore);
    }

    fn semaphores(&self) -> MutexGuard<'_, Semaphores> {
        self.semaphores
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Destroys what the layer keeps, once the device is idle.
    pub fn clear(&self) {
        let mut semaphores = self.semaphores();
        let Semaphores {
            free,
            spoiled,
            below,
        } = &mut *semaphores;
        let mut all = free
            .drain(..)
            .chain(spoiled.drain(..))
            .chain(below.drain().map(|(_, it)| it))
            .peekable();
        if all.peek().is_none() {
            return;
        }
        if let Some(wait) = self.next.device_wait_idle {
            // The application's work is done; a signal operation of ours may still be pending. SAFETY: our
            // device; the application guarantees that nobody uses its queues.
            let _ = unsafe { wait(self.handle) };
        }
        for semaphore in all {
            // SAFETY: the device is idle.
            unsafe { self.destroy_semaphore(semaphore) };
        }
    }
}
