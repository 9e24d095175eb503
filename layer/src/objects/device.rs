//! Devices: what the layer adds to them, and what it keeps for them.

use std::{
    collections::{HashMap, HashSet},
    ffi::{CStr, CString, c_char},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use ash::{khr, vk};

use crate::{
    extensions::{self, EXTENSIONS},
    loader::contract::{Chain, VkLayerDeviceLink},
    objects::{
        dispatch, entry, features, instance::Instance, next::DeviceCommands,
        physical_device::Keeper,
    },
    swapchain::owned::Swapchain,
    vulkan::result,
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
    /// The commands below us.
    pub next: DeviceCommands,
    get_proc_addr: vk::PFN_vkGetDeviceProcAddr,
    /// The extensions that the application asked for.
    enabled: HashSet<CString>,
    /// Whether the driver takes part in `VK_KHR_swapchain_maintenance1`, by either of its names.
    pub maintains_below: bool,
    /// It keeps the driver's swapchains.
    keeper: Option<Keeper>,
    swapchains: RwLock<HashMap<vk::SwapchainKHR, Arc<Swapchain>>>,
    /// The application's images that are aliases of swapchains' images.
    aliases: Mutex<HashMap<vk::Image, Alias>>,
    semaphores: Mutex<Semaphores>,
    /// Private data of our swapchains and surfaces, by slot and handle.
    private_data: Mutex<HashMap<(vk::PrivateDataSlot, u64), u64>>,
}

/// What an alias of a swapchain's image lies in (`VkBindImageMemorySwapchainInfoKHR`).
pub struct Alias {
    /// Whose image it is an alias of.
    pub swapchain: vk::SwapchainKHR,
    /// That image's memory, imported once more for the alias. The device frees it.
    pub memory: vk::DeviceMemory,
}

/// Semaphores whose payload can be exported as a sync_file.
#[derive(Default)]
struct Semaphores {
    /// Unsignalled, with nothing pending that could be seen.
    free: Vec<vk::Semaphore>,
    /// Perhaps signalled and never waited for: of no use any more.
    spoiled: Vec<vk::Semaphore>,
    /// Signalled for the driver's own presents in a call that ours are in, too: one a queue, on which
    /// each wait comes before the next signal.
    below: HashMap<vk::Queue, vk::Semaphore>,
}

impl Device {
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
        let command = entry::below(self.next_proc_addr(name))?;
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

    /// The swapchain with this handle, if it is ours.
    pub fn swapchain(&self, handle: vk::SwapchainKHR) -> Option<Arc<Swapchain>> {
        self.swapchains
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&handle)
            .cloned()
    }

    /// Remembers a swapchain.
    pub fn add_swapchain(&self, swapchain: Arc<Swapchain>) {
        let mut swapchains = self
            .swapchains
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        swapchains.insert(swapchain.handle(), swapchain);
    }

    /// Forgets a swapchain.
    pub fn remove_swapchain(&self, handle: vk::SwapchainKHR) -> Option<Arc<Swapchain>> {
        self.swapchains
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&handle)
    }

    /// Private data of our swapchains and surfaces, by slot and handle.
    pub fn private_data(&self) -> MutexGuard<'_, HashMap<(vk::PrivateDataSlot, u64), u64>> {
        self.private_data
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// An object of ours with this handle goes, and what it had in private data slots.
    pub fn forget_private_data(&self, handle: u64) {
        self.private_data().retain(|(_, of), _| *of != handle);
    }

    /// Remembers the memory of an application's image that is an alias of a swapchain's.
    pub fn add_alias(&self, image: vk::Image, alias: Alias) {
        self.aliases().insert(image, alias);
    }

    /// Forgets an image, which goes: what it lies in, if it is such an alias.
    pub fn take_alias(&self, image: vk::Image) -> Option<Alias> {
        self.aliases().remove(&image)
    }

    /// Frees what an alias lay in: its image is gone, or will not be used any more.
    pub fn free_alias(&self, alias: Alias) {
        if let Some(free) = self.next.free_memory {
            // SAFETY: ours; the application has done with an image that it destroys, and with those of a
            // swapchain that it destroys.
            unsafe { free(self.handle, alias.memory, std::ptr::null()) };
        }
    }

    /// Frees what all aliases of a swapchain lie in, which goes.
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

    /// Destroys the swapchains that the application has left: they and the device keep each other, and
    /// what they have on their `wl_surface` would be in the way of whoever uses that next.
    fn clear_swapchains(&self) {
        let swapchains = std::mem::take(
            &mut *self
                .swapchains
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if swapchains.is_empty() {
            return;
        }
        tracing::warn!(
            swapchains = swapchains.len(),
            "vkDestroyDevice: the device still has swapchains"
        );
        if let Some(wait) = self.next.device_wait_idle {
            // SAFETY: our device; the application guarantees that nobody uses its queues.
            let _ = unsafe { wait(self.handle) };
        }
    }

    /// Destroys what the layer keeps. The device must be idle after it.
    fn clear(&self) {
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
            // The application's own work is done, ours may still be signalling.
            // SAFETY: our device; the application guarantees that nobody uses its queues.
            let _ = unsafe { wait(self.handle) };
        }
        for semaphore in all {
            // SAFETY: the device is idle.
            unsafe { self.destroy_semaphore(semaphore) };
        }
    }
}

/// `vkCreateDevice`: a device that is to have swapchains gets what the layer needs to own them, if the
/// driver has it.
pub unsafe extern "system" fn create_device(
    physical: vk::PhysicalDevice,
    create_info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    device: *mut vk::Device,
) -> vk::Result {
    result::guard("vkCreateDevice", result::PANICKED, || {
        // SAFETY: a valid handle by the specification.
        let Some(instance) = (unsafe { dispatch::instance(physical) }) else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        // SAFETY: valid by the specification.
        let info = unsafe { &*create_info };
        // SAFETY: the loader's chain, which lives during this call.
        let Some(mut chain) = (unsafe { Chain::<VkLayerDeviceLink>::find(info.p_next) }) else {
            tracing::error!("vkCreateDevice: no link information from the loader");
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };
        let get_proc_addr = chain.link().pfn_next_get_device_proc_addr;
        let Some(next) = instance.next.create_device else {
            return vk::Result::ERROR_INITIALIZATION_FAILED;
        };

        // SAFETY: valid by the specification.
        let (asked, enabled) = unsafe {
            extensions::enabled(
                info.pp_enabled_extension_names,
                info.enabled_extension_count,
            )
        };
        let known = instance.physical_device(physical);
        let mut names: Vec<*const c_char> = asked.to_vec();
        let can_own = instance.can_own(&known);
        let is_passed = |name: &CStr| {
            enabled.contains(name) && (known.has(name) || !can_own || !EXTENSIONS.provides(name))
        };
        // What the layer implements without the driver's help is nothing to the driver.
        // SAFETY: valid C strings by the specification.
        names.retain(|name| is_passed(unsafe { CStr::from_ptr(*name) }));
        if can_own {
            let is_enabled = |name: &CStr| enabled.contains(name);
            let others = EXTENSIONS.in_place_of(is_enabled, |name| known.has(name));
            names.extend(others.filter(|name| !is_enabled(name)).map(CStr::as_ptr));
        }
        if enabled.contains(khr::swapchain::NAME) && can_own {
            names.extend(
                known
                    .needs()
                    .filter(|need| !enabled.contains(*need))
                    .map(CStr::as_ptr),
            );
        }
        let mut info = vk::DeviceCreateInfo {
            enabled_extension_count: names.len() as u32,
            pp_enabled_extension_names: names.as_ptr(),
            ..*info
        };
        chain.advance();
        // SAFETY: the application's chain, which lives during this call; the loader's part of it has its
        // final state.
        let without = can_own.then(|| unsafe { features::withheld(&info, is_passed) });
        if let Some(without) = &without {
            info.p_next = without.chain();
        }
        // SAFETY: the application's parameters, but for more extensions, which the driver has, and
        // without what it does not know.
        let created = unsafe { next(physical, &info, allocator, device) };
        drop(without);
        let maintains_below = extensions::maintains(is_passed);
        if created != vk::Result::SUCCESS {
            return created;
        }

        // SAFETY: written by a successful create call.
        let handle = unsafe { *device };
        let old = known.api_version < vk::API_VERSION_1_1;
        let below = EXTENSIONS.only_below(|name| enabled.contains(name));
        let is_kept = can_own && enabled.contains(khr::swapchain::NAME) && !below.is_empty();
        if is_kept {
            tracing::info!(
                driver = known.name,
                extensions = below.join(", "),
                "a device keeps the driver's swapchains, which alone can do these"
            );
        }
        let object = Arc::new(Device {
            handle,
            physical,
            api_version: known.api_version,
            // SAFETY: the next layer's function, with the device that it made; it answers commands by
            // their names.
            next: unsafe { DeviceCommands::load(old, |name| get_proc_addr(handle, name.as_ptr())) },
            instance,
            get_proc_addr,
            enabled,
            maintains_below,
            keeper: is_kept.then(|| Keeper::new(&known)),
            swapchains: RwLock::default(),
            aliases: Mutex::default(),
            semaphores: Mutex::default(),
            private_data: Mutex::default(),
        });
        // SAFETY: a valid new handle.
        unsafe { dispatch::add_device(handle, object) };
        vk::Result::SUCCESS
    })
}

/// `vkDestroyDevice`.
pub unsafe extern "system" fn destroy_device(
    device: vk::Device,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    result::guard("vkDestroyDevice", (), || {
        if device == vk::Device::null() {
            return;
        }
        // SAFETY: a valid handle by the specification.
        let Some(object) = (unsafe { dispatch::remove_device(device) }) else {
            return;
        };
        object.clear_swapchains();
        object.clear();
        if let Some(next) = object.next.destroy_device {
            // SAFETY: the application's own parameters.
            unsafe { next(device, allocator) };
        }
    });
}
