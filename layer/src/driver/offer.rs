//! What a surface offers: what compositor and driver share.

use ash::{ext, vk};
use wayfence::{
    colour, format,
    present_mode::PresentMode,
    wayland::{self, Capabilities},
};

use super::physical_device::{ImageKind, Layout, PhysicalDevice};
use crate::vulkan::present_mode;

/// More than any application has a use for; each is memory and a descriptor here and in the compositor.
pub const MAX_IMAGES: u32 = 64;

/// What compositor and driver share.
pub struct Offer {
    /// The formats, in the order in which applications see them.
    pub formats: Vec<SharedFormat>,
    /// The formats as applications see them.
    pub surface_formats: Vec<vk::SurfaceFormatKHR>,
    /// What images of the first format can be used for.
    pub usage: vk::ImageUsageFlags,
    /// The largest image.
    pub max_extent: vk::Extent2D,
    /// The present modes.
    pub present_modes: Vec<vk::PresentModeKHR>,
    /// Whether the compositor reports when it has shown an image.
    pub times: bool,
    /// Whether it can show an image at a given time.
    pub schedules: bool,
}

/// A format that driver and compositor support, opaque and with alpha.
pub struct SharedFormat {
    /// Its names.
    pub format: &'static format::Format,
    /// The layouts that the driver supports. The compositor takes at least one of them opaque, and at least one
    /// with alpha.
    pub layouts: Vec<Layout>,
    /// The fixed rates at which its images can be compressed.
    pub fixed_rates: vk::ImageCompressionFixedRateFlagsEXT,
}

impl Offer {
    /// What a device and a compositor share, in these colour spaces; `None` if they share no format.
    ///
    /// # Errors
    /// The driver lacks the memory to say so.
    pub fn of(
        device: &PhysicalDevice,
        compositor: &Capabilities,
        color_spaces: &[vk::ColorSpaceKHR],
    ) -> Result<Option<Self>, vk::Result> {
        let offered = &compositor.formats;
        let formats = format::all()
            .iter()
            .filter_map(|format| shared(device, offered, format).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let Some(first) = formats.first() else {
            return Ok(None);
        };
        let usage = usages(device, offered, first)?;
        let present_modes = PresentMode::ALL
            .into_iter()
            .filter(|mode| mode.is_offered(compositor))
            .map(present_mode::to_vk)
            .collect();
        let side = device.max_extent;
        Ok(Some(Offer {
            surface_formats: surface_formats(color_spaces, &formats),
            formats,
            usage,
            max_extent: vk::Extent2D {
                width: side,
                height: side,
            },
            present_modes,
            times: compositor.clock.is_some(),
            schedules: compositor.schedules,
        }))
    }

    /// The fixed rates at which images of this format can be compressed.
    pub fn fixed_rates(&self, format: vk::Format) -> vk::ImageCompressionFixedRateFlagsEXT {
        let shared = self
            .formats
            .iter()
            .find(|shared| shared.format.vk == format);
        shared.map_or_else(Default::default, |shared| shared.fixed_rates)
    }

    /// The shared format with that name, in a colour space in which it is offered.
    pub fn format(
        &self,
        format: vk::Format,
        color_space: vk::ColorSpaceKHR,
    ) -> Option<&SharedFormat> {
        let wanted = vk::SurfaceFormatKHR {
            format,
            color_space,
        };
        if !self.surface_formats.contains(&wanted) {
            return None;
        }
        self.formats
            .iter()
            .find(|shared| shared.format.vk == format)
    }
}

/// The formats in every colour space that the compositor can show.
fn surface_formats(
    color_spaces: &[vk::ColorSpaceKHR],
    formats: &[SharedFormat],
) -> Vec<vk::SurfaceFormatKHR> {
    color_spaces
        .iter()
        .filter_map(|color_space| colour::from_vk(*color_space))
        .flat_map(|space| {
            let formats = space.formats(formats.iter().map(|shared| *shared.format));
            formats.into_iter().map(|format| vk::SurfaceFormatKHR {
                format: format.vk,
                color_space: space.vk,
            })
        })
        .collect()
}

/// The format with its layouts, if both support it opaque and with alpha: an application may choose either with
/// every format that a surface offers.
fn shared(
    device: &PhysicalDevice,
    offered: &wayland::Formats,
    format: &'static format::Format,
) -> Result<Option<SharedFormat>, vk::Result> {
    let opaque = offered.modifiers(format.opaque);
    let alpha = offered.modifiers(format.alpha);
    if opaque.is_empty() || alpha.is_empty() {
        return Ok(None);
    }
    let kind = kind(format.vk);
    let layouts = device.exportable(&kind, &device.layouts(format.vk))?;
    let is_shared = |modifiers: &[u64]| {
        let taken = |layout: &Layout| modifiers.contains(&layout.modifier);
        layouts.iter().any(taken)
    };
    let is_shared = is_shared(opaque) && is_shared(alpha);
    Ok(is_shared.then(|| SharedFormat {
        format,
        fixed_rates: match device.compresses {
            true => device.compression_of(&kind, &layouts),
            false => Default::default(),
        },
        layouts,
    }))
}

/// The least demanding kind of image of a format.
fn kind(format: vk::Format) -> ImageKind<'static> {
    ImageKind {
        format,
        usage: vk::ImageUsageFlags::COLOR_ATTACHMENT,
        flags: vk::ImageCreateFlags::empty(),
        view_formats: &[],
        compression: None,
        queue_families: &[],
        extent: vk::Extent2D {
            width: 1,
            height: 1,
        },
    }
}

/// Whether the driver can make images of the format for a compositor that takes it. It lists it itself, so that a
/// lack of memory says nothing against it.
pub fn can_hand_over(device: &PhysicalDevice, format: vk::Format) -> bool {
    let able = || device.exportable(&kind(format), &device.layouts(format));
    format::all().iter().any(|known| known.vk == format)
        && able().map_or(true, |layouts| !layouts.is_empty())
}

/// What images of the format can be used for, in one layout at least.
fn usages(
    device: &PhysicalDevice,
    offered: &wayland::Formats,
    shared: &SharedFormat,
) -> Result<vk::ImageUsageFlags, vk::Result> {
    let offered = offered.modifiers(shared.format.opaque);
    let mut layouts = shared.layouts.clone();
    layouts.retain(|layout| offered.contains(&layout.modifier));
    let mut usages = vk::ImageUsageFlags::empty();
    for usage in [
        vk::ImageUsageFlags::COLOR_ATTACHMENT,
        vk::ImageUsageFlags::TRANSFER_SRC,
        vk::ImageUsageFlags::TRANSFER_DST,
        vk::ImageUsageFlags::SAMPLED,
        vk::ImageUsageFlags::STORAGE,
        vk::ImageUsageFlags::INPUT_ATTACHMENT,
        vk::ImageUsageFlags::ATTACHMENT_FEEDBACK_LOOP_EXT,
        vk::ImageUsageFlags::HOST_TRANSFER_EXT,
    ] {
        let needs = match usage {
            vk::ImageUsageFlags::ATTACHMENT_FEEDBACK_LOOP_EXT => {
                Some(ext::attachment_feedback_loop_layout::NAME)
            }
            vk::ImageUsageFlags::HOST_TRANSFER_EXT => Some(ext::host_image_copy::NAME),
            _ => None,
        };
        if needs.is_some_and(|extension| !device.has(extension)) {
            continue;
        }
        let kind = ImageKind {
            usage,
            ..kind(shared.format.vk)
        };
        for layout in &layouts {
            if device.can_export(&kind, layout.modifier)? {
                usages |= usage;
                break;
            }
        }
    }
    Ok(usages)
}
