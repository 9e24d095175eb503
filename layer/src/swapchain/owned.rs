//! Swapchains: the images, the compositor's side, and acquiring.

use std::{
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
use wayfence::{
    colour,
    error::Error,
    live::Counted,
    present_mode::PresentMode,
    report::{Creation, SwapchainReport},
    swapchain::{self as library, Description, Memory},
    wayland::Claim,
};

use super::{
    foreign,
    image::Image,
    image_recipe::ImageRecipe,
    layouts::Layouts,
    memory::{self, Role},
    spares::{Kept, Spares},
};
use crate::{
    catalogue::creation::Asked,
    driver::{
        offer::{MAX_IMAGES, Offer},
        physical_device::Layout,
    },
    objects::{device::Device, surface::Surface},
    observe::{
        report::{self, Reported},
        trace,
    },
    vulkan::{p_next, present_mode, result},
};

/// Why there is no swapchain.
pub enum NotMade {
    /// It cannot be made, or not now.
    Failed(vk::Result),
    /// The compositor cannot read the driver's images.
    Unreadable(String),
}

impl From<vk::Result> for NotMade {
    fn from(error: vk::Result) -> Self {
        NotMade::Failed(error)
    }
}

/// One `VkSwapchainKHR` of ours.
pub struct Swapchain {
    /// Memory for the swapchain that will replace this one. Goes first: it has parts on the surface.
    pub spares: Kept,
    /// The compositor's side. Goes before the images.
    pub compositor: library::Swapchain,
    /// The images.
    pub images: Vec<Image>,
    /// What they are made of.
    pub recipe: ImageRecipe,
    /// How they are laid out.
    pub layout: Layout,
    layouts: Layouts,
    mode: vk::PresentModeKHR,
    /// How long it took to make.
    creation: Creation,
    /// The device that it is of.
    pub device: Arc<Device>,
    /// Whether the loss of the surface is logged already: applications may retry.
    told_lost: AtomicBool,
}

impl Swapchain {
    /// Its handle: the object's address, which no other swapchain has while it lives.
    pub fn handle(self: &Arc<Self>) -> vk::SwapchainKHR {
        vk::SwapchainKHR::from_raw(Arc::as_ptr(self) as usize as u64)
    }

    /// Makes one, for an application that asks for what the surface offers.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn new(
        device: &Arc<Device>,
        surface: &Surface,
        claim: Claim,
        offer: &Offer,
        info: &vk::SwapchainCreateInfoKHR<'_>,
        replaced: Option<&Self>,
    ) -> Result<Arc<Self>, NotMade> {
        let begin = Instant::now();
        let refused = |why: &str| {
            tracing::error!(why, "vkCreateSwapchainKHR");
            vk::Result::ERROR_INITIALIZATION_FAILED
        };
        let window = claim.surface();
        let choice = match &device.instance.settings.synchronisation {
            Ok(choice) => *choice,
            Err(error) => return Err(refused(&error.to_string()).into()),
        };
        let shared = offer
            .format(info.image_format, info.image_color_space)
            .ok_or_else(|| refused("the surface does not offer this format and colour space"))?;
        let space = colour::from_vk(info.image_color_space)
            .ok_or_else(|| refused("no compositor knows this colour space"))?;
        let fourcc = match info.composite_alpha {
            // Only the format of its buffers sets the alpha mode of a Wayland surface, so there is none to
            // inherit; other implementations show such applications as opaque, too.
            vk::CompositeAlphaFlagsKHR::OPAQUE | vk::CompositeAlphaFlagsKHR::INHERIT => {
                shared.format.opaque
            }
            vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED => shared.format.alpha,
            _ => return Err(refused("the surface does not offer this composite alpha").into()),
        };
        let physical = device.instance.physical_device(device.physical);
        // SAFETY: valid with its chain by the specification.
        let asked = unsafe {
            device
                .instance
                .extensions
                .read_creation(info, |one| (one.driver)(&physical))
        }
        .map_err(refused)?;
        let modes =
            present_modes(info.present_mode, &asked.present_modes, offer).map_err(refused)?;
        if info.image_array_layers != 1 {
            return Err(refused("the surface offers one array layer").into());
        }
        if info.image_extent.width == 0 || info.image_extent.height == 0 {
            return Err(refused("an image without extent").into());
        }
        let count = modes
            .iter()
            .map(|mode| present_mode::min_images(present_mode::to_vk(*mode)))
            .fold(info.min_image_count, u32::max);
        if count > MAX_IMAGES {
            return Err(refused("more images than the surface offers").into());
        }
        let timed = asked.timed || device.has(display_timing::NAME);
        let mut recipe = recipe(info, asked).map_err(refused)?;
        let able = physical.exportable(&recipe.kind(), &shared.layouts)?;
        let layouts = Layouts::new(fourcc, &able, physical.nodes);
        let preferred = layouts
            .choose(window)
            .map_err(|error| result::log("vkCreateSwapchainKHR", &error))?
            .ok_or_else(|| {
                refused("the driver has no image of this size and usage for the compositor")
            })?;
        let foreign = surface.is_foreign(&physical.nodes, window, &preferred.modifiers);
        recipe.layouts = able;
        recipe
            .layouts
            .retain(|layout| preferred.modifiers.contains(&layout.modifier));
        if foreign {
            recipe.suit_others(device)?;
        }

        let choice = memory::synchronisation(physical.driver, recipe.usage, choice, window);
        recipe.role = Role::new(physical.driver, choice.way(window), recipe.usage);

        let begin_images = Instant::now();
        let mut spares = replaced.map(Self::spare).unwrap_or_default();
        let resized = replaced.is_some_and(|replaced| replaced.recipe.extent != recipe.extent);
        let mut images = Vec::with_capacity(count as usize);
        let mut memory: Vec<Memory> = Vec::with_capacity(count as usize);
        let mut chosen: Option<Layout> = None;
        for _ in 0..count {
            let (image, layout, dma_buf) = Image::new(device, &recipe, &mut spares, resized)
                .inspect_err(|error| {
                    tracing::error!(?error, "vkCreateSwapchainKHR: an image cannot be made");
                })?;
            if foreign && images.is_empty() {
                let display = window.display();
                let why = foreign::refusal(
                    display,
                    &dma_buf,
                    info.image_extent,
                    fourcc,
                    layout.modifier,
                    physical.nodes,
                )
                .map_err(|error| result::log("vkCreateSwapchainKHR", &error))?;
                if let Some(why) = why {
                    return Err(NotMade::Unreadable(why));
                }
            }
            // One `wl_buffer` layout for all.
            recipe.layouts = vec![layout];
            chosen = Some(layout);
            images.push(image);
            memory.push(dma_buf);
        }
        let Some(chosen) = chosen else {
            return Err(refused("a swapchain without images").into());
        };
        let images_ns = begin_images.elapsed().as_nanos() as u64;
        let description = Description {
            extent: (info.image_extent.width, info.image_extent.height),
            fourcc,
            modifier: chosen.modifier,
            space,
            modes,
            choice,
            timed,
            observed: device.instance.settings.latency && device.instance.settings.report.is_some(),
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
            %space,
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
            spares: spares.keep(),
            compositor,
            images,
            recipe,
            layout: chosen,
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

    /// The result of a successful acquire or present: `VK_SUBOPTIMAL_KHR` if new images could have a better layout.
    pub fn quality(&self) -> vk::Result {
        self.layouts
            .verdict(self.compositor.surface(), self.layout.modifier)
    }

    /// The memory that a swapchain in its place may take.
    fn spare(&self) -> Spares {
        // What has been released may be unread.
        let _ = self.compositor.surface().display().look();
        let images = self.compositor.spares().zip(&self.images);
        Spares::of(
            images.filter_map(|(spare, image)| Some((spare, Arc::clone(image.memory()?)))),
            &self.spares,
        )
    }

    /// Whether its calls are to be timed. Reading a clock may be a system call.
    pub fn is_timed(&self) -> bool {
        let settings = &self.device.instance.settings;
        settings.report.is_some()
            || settings.trace.is_some()
            || self.compositor.counters().is_watched()
    }

    /// Dispatches what the compositor has sent, for a query of what is known.
    ///
    /// # Errors
    /// The command's result.
    pub fn look(&self, command: &str) -> Result<(), vk::Result> {
        let looked = self.compositor.look();
        looked.map_err(|error| self.fail(command, &error))
    }

    /// Turns a failure into its result, and logs it; the loss of the surface, which is permanent, only once.
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
}

impl Reported for Swapchain {
    /// Its report as of now.
    fn report(&self) -> SwapchainReport {
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
            modifier: self.layout.modifier,
            color_space: self.compositor.space().to_string(),
            hdr_metadata: self.compositor.volume(),
            extent: [self.recipe.extent.width, self.recipe.extent.height],
            present_mode: format!("{:?}", self.mode),
            image_count: self.images.len() as u32,
            creation: self.creation,
            counters: self.compositor.counters().snapshot(),
            latencies: self.compositor.latencies(),
        }
    }

    /// The file to which the report goes, if it goes anywhere.
    fn report_file(&self) -> Option<&Path> {
        self.device.instance.settings.report.as_deref()
    }

    fn counters(&self) -> &Counted {
        self.compositor.counters()
    }
}

impl Drop for Swapchain {
    fn drop(&mut self) {
        report::write(self);
        let handle = vk::SwapchainKHR::from_raw(std::ptr::from_ref(self) as usize as u64);
        self.device.free_aliases_of(handle);
    }
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
        role: Role::default(),
        foreign: false,
        pitch: None,
    })
}
