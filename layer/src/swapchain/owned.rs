//! Swapchains: the images, the compositor's side, and acquiring.

use std::{
    os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use ash::{
    google::display_timing,
    vk::{self, Handle},
};
use smallvec::SmallVec;
use wayfence::{
    deadline::Deadline,
    error::Error,
    present_mode::PresentMode,
    report::{Creation, SwapchainReport},
    swapchain::{self as library, Acquired, Description, Memory},
    synchronisation::Wait,
    wayland::Claim,
};

use crate::{
    extensions::EXTENSIONS,
    objects::{
        device::{Alias, Device},
        entry::{below, on_device, on_swapchain},
        physical_device::Layout,
        surface::{Offer, Surface, Verdict},
        surface_queries,
    },
    observe::{report, trace},
    swapchain::{
        creation::Asked,
        image::{self, Image, ImageRecipe},
        layouts::Layouts,
    },
    vulkan::{p_next, present_mode, result},
};

/// One `VkSwapchainKHR` of ours.
pub struct Swapchain {
    /// The compositor's side. Goes first.
    pub compositor: library::Swapchain,
    /// The images.
    pub images: Vec<Image>,
    recipe: ImageRecipe,
    modifier: u64,
    layouts: Layouts,
    mode: vk::PresentModeKHR,
    /// How long it took to make.
    creation: Creation,
    device: Arc<Device>,
    /// The loss of the surface has been logged: an application may go on asking.
    told_lost: AtomicBool,
}

impl Swapchain {
    /// Its handle: the object's address, which no other swapchain has while it lives.
    pub fn handle(self: &Arc<Self>) -> vk::SwapchainKHR {
        vk::SwapchainKHR::from_raw(Arc::as_ptr(self) as usize as u64)
    }

    /// What it has to say of itself now.
    pub fn report(&self) -> SwapchainReport {
        SwapchainReport {
            pid: std::process::id(),
            application: report::application(),
            driver: self
                .device
                .instance
                .physical_device(self.device.physical)
                .name
                .clone(),
            compositor: self.compositor.surface().display().compositor().to_owned(),
            synchronisation: self.compositor.way().to_string(),
            format: format!("{:?}", self.recipe.format),
            modifier: self.modifier,
            extent: [self.recipe.extent.width, self.recipe.extent.height],
            present_mode: format!("{:?}", self.mode),
            image_count: self.images.len() as u32,
            creation: self.creation,
            counters: self.compositor.counters().snapshot(),
        }
    }

    /// The file to which the report goes, if it goes anywhere.
    pub fn report_file(&self) -> Option<&Path> {
        self.device.instance.settings.report.as_deref()
    }

    fn new(
        device: &Arc<Device>,
        surface: &Surface,
        claim: Claim,
        offer: &Offer,
        info: &vk::SwapchainCreateInfoKHR<'_>,
    ) -> Result<Arc<Self>, vk::Result> {
        let begin = Instant::now();
        let refused = |why: &str| {
            tracing::error!(why, "vkCreateSwapchainKHR");
            vk::Result::ERROR_INITIALIZATION_FAILED
        };
        let window = claim.surface();
        let choice = match &device.instance.settings.synchronisation {
            Ok(choice) => *choice,
            Err(error) => return Err(refused(&error.to_string())),
        };
        let shared = offer
            .format(info.image_format, info.image_color_space)
            .ok_or_else(|| refused("the surface does not offer this format and colour space"))?;
        let fourcc = match info.composite_alpha {
            // Nothing sets the alpha mode of a Wayland surface but the format of its buffers, so there is
            // none to inherit; applications that ask for it are as opaque elsewhere.
            vk::CompositeAlphaFlagsKHR::OPAQUE | vk::CompositeAlphaFlagsKHR::INHERIT => {
                shared.format.opaque
            }
            vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED => shared.format.alpha,
            _ => return Err(refused("the surface does not offer this composite alpha")),
        };
        let physical = device.instance.physical_device(device.physical);
        // SAFETY: valid with its chain by the specification.
        let asked = unsafe { EXTENSIONS.read_creation(info, |one| (one.driver)(&physical)) }
            .map_err(refused)?;
        let modes =
            present_modes(info.present_mode, &asked.present_modes, offer).map_err(refused)?;
        if info.image_array_layers != 1 {
            return Err(refused("the surface offers one array layer"));
        }
        if info.image_extent.width == 0 || info.image_extent.height == 0 {
            return Err(refused("an image without extent"));
        }
        let count = modes
            .iter()
            .map(|mode| present_mode::min_images(present_mode::to_vk(*mode)))
            .fold(info.min_image_count, u32::max);
        if count > surface_queries::MAX_IMAGES {
            return Err(refused("more images than the surface offers"));
        }
        let timed = asked.timed || device.has(display_timing::NAME);
        let mut recipe = recipe(info, asked).map_err(refused)?;
        let mut able = shared.layouts.clone();
        able.retain(|layout| physical.can_export(&recipe.kind(), layout.modifier));
        let layouts = Layouts::new(fourcc, &able, physical.nodes);
        let preferred = layouts
            .choose(window)
            .map_err(|error| result::log("vkCreateSwapchainKHR", &error))?
            .ok_or_else(|| {
                refused("the driver has no image of this size and usage for the compositor")
            })?;
        surface.tell_foreign(&physical.nodes, window, &preferred.modifiers);
        recipe.layouts = able;
        recipe
            .layouts
            .retain(|layout| preferred.modifiers.contains(&layout.modifier));

        let begin_images = Instant::now();
        let mut images = Vec::with_capacity(count as usize);
        let mut memory: Vec<Memory> = Vec::with_capacity(count as usize);
        let mut chosen: Option<Layout> = None;
        for _ in 0..count {
            let (image, layout, dma_buf) = Image::new(device, &recipe).inspect_err(|error| {
                tracing::error!(?error, "vkCreateSwapchainKHR: an image cannot be made");
            })?;
            // One `wl_buffer` layout for all.
            recipe.layouts = vec![layout];
            chosen = Some(layout);
            images.push(image);
            memory.push(dma_buf);
        }
        let Some(chosen) = chosen else {
            return Err(refused("a swapchain without images"));
        };
        let images_ns = begin_images.elapsed().as_nanos() as u64;
        let description = Description {
            extent: (info.image_extent.width, info.image_extent.height),
            fourcc,
            modifier: chosen.modifier,
            modes,
            choice,
            timed,
            tracer: device
                .instance
                .settings
                .trace
                .as_deref()
                .and_then(trace::to),
        };
        let compositor = library::Swapchain::new(claim, &description, memory)
            .map_err(|error| result::log("vkCreateSwapchainKHR", &error))?;
        tracing::info!(
            format = ?recipe.format,
            modifier = format_args!("{:#x}", chosen.modifier),
            scanout = preferred.scanout,
            images = images.len(),
            mode = ?info.present_mode,
            synchronisation = %compositor.way(),
            "a swapchain of {}x{}",
            info.image_extent.width,
            info.image_extent.height,
        );
        Ok(Arc::new(Swapchain {
            compositor,
            images,
            recipe,
            modifier: chosen.modifier,
            layouts,
            mode: info.present_mode,
            creation: Creation {
                all_ns: begin.elapsed().as_nanos() as u64,
                images_ns,
            },
            device: Arc::clone(device),
            told_lost: AtomicBool::new(false),
        }))
    }

    /// What a successful acquire or present answers: whether the images could be better ones by now.
    pub fn quality(&self) -> vk::Result {
        self.layouts
            .verdict(self.compositor.surface(), self.modifier)
    }

    /// Turns a failure into its result, and logs it; the loss of the surface, which is for good, once.
    pub fn fail(&self, command: &str, error: &Error) -> vk::Result {
        let result = result::of(error);
        if result == vk::Result::ERROR_SURFACE_LOST_KHR
            && self.told_lost.swap(true, Ordering::Relaxed)
        {
            return result;
        }
        result::log(command, error)
    }

    /// The same for a present whose queue operations are enqueued.
    pub fn fail_present(&self, error: &Error) -> vk::Result {
        match result::of_unshown(error) {
            vk::Result::ERROR_OUT_OF_DATE_KHR => {
                tracing::error!(%error, "vkQueuePresentKHR: an image is not shown");
                vk::Result::ERROR_OUT_OF_DATE_KHR
            }
            _ => self.fail("vkQueuePresentKHR", error),
        }
    }

    fn acquire(
        &self,
        timeout: u64,
        semaphore: vk::Semaphore,
        fence: vk::Fence,
    ) -> Result<u32, vk::Result> {
        let begin = Instant::now();
        let deadline = Deadline::from_timeout(timeout);
        let mut call = self.compositor.trace().acquire();
        let acquired = self
            .compositor
            .acquire(deadline, &mut call)
            .map_err(|error| self.fail("vkAcquireNextImageKHR", &error))?;
        let Some(mut acquired) = acquired else {
            return Err(match deadline {
                Deadline::Now => vk::Result::NOT_READY,
                _ => vk::Result::TIMEOUT,
            });
        };
        let pending = matches!(acquired.wait, Wait::Pending(_));
        match self.hand_over(&mut acquired, semaphore, fence) {
            Ok(()) => {
                let counters = self.compositor.counters();
                match pending {
                    true => counters.acquired_pending(begin.elapsed()),
                    false => counters.acquired_signalled(begin.elapsed()),
                }
                call.returns(acquired.index, pending, counters.cpu_waits());
                Ok(acquired.index)
            }
            Err(error) => {
                tracing::error!(
                    ?error,
                    "vkAcquireNextImageKHR: the driver takes no sync_file"
                );
                self.compositor.give_back(acquired);
                Err(error)
            }
        }
    }

    /// Makes the application's semaphore and fence signal when the image's fences do. On an error what
    /// the image is waited for with is still in `acquired`.
    fn hand_over(
        &self,
        acquired: &mut Acquired,
        semaphore: vk::Semaphore,
        fence: vk::Fence,
    ) -> Result<(), vk::Result> {
        match (
            semaphore != vk::Semaphore::null(),
            fence != vk::Fence::null(),
        ) {
            (false, false) => Ok(()),
            (true, false) => self.import_semaphore(semaphore, &mut acquired.wait),
            (false, true) => self.import_fence(fence, &mut acquired.wait),
            (true, true) => {
                let mut copy = acquired
                    .wait
                    .try_clone()
                    .map_err(|error| result::of(&error))?;
                self.import_semaphore(semaphore, &mut copy)?;
                self.import_fence(fence, &mut acquired.wait)
            }
        }
    }

    fn import_semaphore(
        &self,
        semaphore: vk::Semaphore,
        wait: &mut Wait,
    ) -> Result<(), vk::Result> {
        let Device { handle, next, .. } = &*self.device;
        let import = next
            .import_semaphore_fd
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        import_fd(wait, |fd| {
            let info = vk::ImportSemaphoreFdInfoKHR::default()
                .semaphore(semaphore)
                .flags(vk::SemaphoreImportFlags::TEMPORARY)
                .handle_type(vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD)
                .fd(fd);
            // SAFETY: the application's semaphore, which has nothing pending by the specification; a
            // sync_file, or -1 for a payload that has signalled already.
            unsafe { import(*handle, &info) }
        })
    }

    fn import_fence(&self, fence: vk::Fence, wait: &mut Wait) -> Result<(), vk::Result> {
        let Device { handle, next, .. } = &*self.device;
        let import = next
            .import_fence_fd
            .ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
        import_fd(wait, |fd| {
            let info = vk::ImportFenceFdInfoKHR::default()
                .fence(fence)
                .flags(vk::FenceImportFlags::TEMPORARY)
                .handle_type(vk::ExternalFenceHandleTypeFlags::SYNC_FD)
                .fd(fd);
            // SAFETY: the application's unsignalled fence, which has nothing pending by the
            // specification; a sync_file, or -1 for a payload that has signalled already.
            unsafe { import(*handle, &info) }
        })
    }
}

impl Drop for Swapchain {
    fn drop(&mut self) {
        report::write(self);
        let handle = vk::SwapchainKHR::from_raw(std::ptr::from_ref(self) as usize as u64);
        self.device.free_aliases_of(handle);
    }
}

/// Imports a payload. A driver that succeeds has taken the descriptor, and `wait` is empty then.
fn import_fd(wait: &mut Wait, import: impl FnOnce(i32) -> vk::Result) -> Result<(), vk::Result> {
    let fd = match &*wait {
        Wait::Signalled => -1,
        Wait::Pending(fences) => fences.as_fd().as_raw_fd(),
    };
    import(fd).result()?;
    if let Wait::Pending(taken) = std::mem::replace(wait, Wait::Signalled) {
        let _ = OwnedFd::from(taken).into_raw_fd();
    }
    Ok(())
}

/// The modes in which images will be presented, the first one first.
fn present_modes(
    first: vk::PresentModeKHR,
    more: &[vk::PresentModeKHR],
    offer: &Offer,
) -> Result<Vec<PresentMode>, &'static str> {
    std::iter::once(&first)
        .chain(more)
        .map(|mode| {
            present_mode::from_vk(*mode)
                .filter(|_| offer.present_modes.contains(mode))
                .ok_or("the surface does not offer this present mode")
        })
        .collect()
}

/// What the images are made of, but for the layouts.
fn recipe(
    info: &vk::SwapchainCreateInfoKHR<'_>,
    asked: Asked,
) -> Result<ImageRecipe, &'static str> {
    if info.flags.contains(vk::SwapchainCreateFlagsKHR::PROTECTED) {
        return Err("no protected images");
    }
    let queue_families = match info.image_sharing_mode {
        vk::SharingMode::CONCURRENT => {
            // SAFETY: valid by the specification.
            unsafe { p_next::slice(info.p_queue_family_indices, info.queue_family_index_count) }
                .to_vec()
        }
        _ => Vec::new(),
    };
    Ok(ImageRecipe {
        format: info.image_format,
        extent: info.image_extent,
        usage: info.image_usage,
        flags: asked.image_flags,
        view_formats: asked.view_formats,
        compression: asked.compression,
        queue_families,
        layouts: Vec::new(),
    })
}

/// `vkCreateSwapchainKHR`.
pub unsafe extern "system" fn create_swapchain(
    device: vk::Device,
    create_info: *const vk::SwapchainCreateInfoKHR<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    swapchain: *mut vk::SwapchainKHR,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_device("vkCreateSwapchainKHR", device, |object| {
            let info = &*create_info;
            let known_below = object.instance.is_known_below(info.surface);
            let owned = match object.keeps_drivers() && known_below {
                true => None,
                false => {
                    surface_queries::owned_surface(&object.instance, object.physical, info.surface)
                }
            };
            let Some((surface, verdict)) = owned else {
                if !known_below {
                    return Err(vk::Result::ERROR_SURFACE_LOST_KHR);
                }
                let next = below(object.next.create_swapchain)?;
                return Ok(next(device, create_info, allocator, swapchain));
            };
            let Verdict::Owned(offer) = &*verdict else {
                return Err(vk::Result::ERROR_SURFACE_LOST_KHR);
            };
            // "oldSwapchain is retired ... even if creation of the new swapchain fails"
            if let Some(old) = object.swapchain(info.old_swapchain) {
                old.compositor.retire();
            }
            // Display and surface are valid now, as a swapchain is made, and will be for its lifetime
            // ("Wayland Platform").
            let window = surface
                .window()
                .map_err(|error| result::log("vkCreateSwapchainKHR", &error))?;
            // Of whatever VkSurfaceKHR oldSwapchain is: it must be "associated with [the] native window".
            let Some(claim) = window.claim() else {
                tracing::error!(
                    "vkCreateSwapchainKHR: the surface has a swapchain that is not oldSwapchain"
                );
                return Err(vk::Result::ERROR_NATIVE_WINDOW_IN_USE_KHR);
            };
            let new = Swapchain::new(object, &surface, claim, offer, info)?;
            let handle = new.handle();
            report::remember(&new);
            object.add_swapchain(new);
            *swapchain = handle;
            Ok(vk::Result::SUCCESS)
        })
    }
}

/// `vkDestroySwapchainKHR`.
pub unsafe extern "system" fn destroy_swapchain(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: valid parameters by the specification.
    unsafe {
        // The command has no answer.
        let _ = on_device("vkDestroySwapchainKHR", device, |object| {
            match object.remove_swapchain(swapchain) {
                Some(_) => object.forget_private_data(swapchain.as_raw()),
                None => below(object.next.destroy_swapchain)?(device, swapchain, allocator),
            }
            Ok(vk::Result::SUCCESS)
        });
    }
}

/// `vkGetSwapchainImagesKHR`.
pub unsafe extern "system" fn get_swapchain_images(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    count: *mut u32,
    images: *mut vk::Image,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            "vkGetSwapchainImagesKHR",
            device,
            swapchain,
            |ours| {
                Ok(p_next::enumerate(
                    &ours.images,
                    count,
                    images,
                    |image, to| {
                        *to = image.handle;
                    },
                ))
            },
            |object| {
                let next = below(object.next.get_swapchain_images)?;
                Ok(next(device, swapchain, count, images))
            },
        )
    }
}

/// `vkAcquireNextImageKHR`.
pub unsafe extern "system" fn acquire_next_image(
    device: vk::Device,
    swapchain: vk::SwapchainKHR,
    timeout: u64,
    semaphore: vk::Semaphore,
    fence: vk::Fence,
    index: *mut u32,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        on_swapchain(
            "vkAcquireNextImageKHR",
            device,
            swapchain,
            |ours| {
                *index = ours.acquire(timeout, semaphore, fence)?;
                Ok(ours.quality())
            },
            |object| {
                let next = below(object.next.acquire_next_image)?;
                Ok(next(device, swapchain, timeout, semaphore, fence, index))
            },
        )
    }
}

/// `vkAcquireNextImage2KHR`: a group of one device, so that its mask says nothing new.
pub unsafe extern "system" fn acquire_next_image2(
    device: vk::Device,
    info: *const vk::AcquireNextImageInfoKHR<'_>,
    index: *mut u32,
) -> vk::Result {
    // SAFETY: valid parameters by the specification.
    unsafe {
        let wanted = &*info;
        on_swapchain(
            "vkAcquireNextImage2KHR",
            device,
            wanted.swapchain,
            |ours| {
                *index = ours.acquire(wanted.timeout, wanted.semaphore, wanted.fence)?;
                Ok(ours.quality())
            },
            |object| {
                let next = below(object.next.acquire_next_image2)?;
                Ok(next(device, info, index))
            },
        )
    }
}

/// `vkCreateImage`: an alias of our swapchain's images is made as they are; every other image goes down
/// untouched.
pub unsafe extern "system" fn create_image(
    device: vk::Device,
    info: *const vk::ImageCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    image: *mut vk::Image,
) -> vk::Result {
    // SAFETY: valid parameters with a valid chain by the specification.
    unsafe {
        let alias = p_next::find::<vk::ImageSwapchainCreateInfoKHR<'_>>((*info).p_next);
        on_device("vkCreateImage", device, |object| {
            match alias.and_then(|alias| object.swapchain(alias.swapchain)) {
                Some(ours) => {
                    *image = ours.recipe.create(object, allocator)?;
                    Ok(vk::Result::SUCCESS)
                }
                None => {
                    let next = below(object.next.create_image)?;
                    Ok(next(device, info, allocator, image))
                }
            }
        })
    }
}

/// `vkDestroyImage`: an alias of our swapchain's images takes its memory with it.
pub unsafe extern "system" fn destroy_image(
    device: vk::Device,
    image: vk::Image,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: valid parameters by the specification.
    unsafe {
        // The command has no answer.
        let _ = on_device("vkDestroyImage", device, |object| {
            // Before: afterwards another image may have this handle.
            let alias = object.take_alias(image);
            below(object.next.destroy_image)?(device, image, allocator);
            if let Some(alias) = alias {
                object.free_alias(alias);
            }
            Ok(vk::Result::SUCCESS)
        });
    }
}

/// `vkBindImageMemory2`: an image bound to our swapchain gets the memory of that swapchain's image.
pub unsafe extern "system" fn bind_image_memory2(
    device: vk::Device,
    count: u32,
    infos: *const vk::BindImageMemoryInfo<'_>,
) -> vk::Result {
    // SAFETY: valid parameters with valid chains by the specification.
    unsafe {
        on_device("vkBindImageMemory2", device, |object| {
            let next = below(object.next.bind_image_memory2)?;
            let all = p_next::slice(infos, count);
            let bindings: SmallVec<[_; 4]> = all
                .iter()
                .map(|info| {
                    type To<'a> = vk::BindImageMemorySwapchainInfoKHR<'a>;
                    let to = p_next::find::<To<'_>>(info.p_next)?;
                    Some((object.swapchain(to.swapchain)?, to.image_index))
                })
                .collect();
            if bindings.iter().all(Option::is_none) {
                return Ok(next(device, count, infos));
            }
            // All are attempted, and each tells its own result (VK_KHR_maintenance6); the first failure
            // is that of the whole.
            let mut whole = vk::Result::SUCCESS;
            for (info, binding) in all.iter().zip(bindings) {
                let bound = match binding {
                    None => next(device, 1, info),
                    Some((ours, index)) => {
                        let bound = match ours.bind_alias(info.image, index) {
                            Ok(()) => vk::Result::SUCCESS,
                            Err(error) => error,
                        };
                        if let Some(status) =
                            p_next::find::<vk::BindMemoryStatusKHR<'_>>(info.p_next)
                        {
                            *status.p_result = bound;
                        }
                        bound
                    }
                };
                if whole == vk::Result::SUCCESS {
                    whole = bound;
                }
            }
            Ok(whole)
        })
    }
}

impl Swapchain {
    fn bind_alias(self: &Arc<Self>, alias: vk::Image, index: u32) -> Result<(), vk::Result> {
        let dma_buf = self
            .compositor
            .dma_buf(index)
            .ok_or(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY)?;
        let memory = image::bind_alias(&self.device, alias, dma_buf.as_fd())?;
        let swapchain = self.handle();
        self.device.add_alias(alias, Alias { swapchain, memory });
        Ok(())
    }
}
