//! Creating swapchains: every parameter of VkSwapchainCreateInfoKHR ("WSI Swapchain").

use std::collections::HashSet;

use ash::{khr, vk};
use wayfence_tests::footprint::dma_bufs;
use wayfence_tests::{Application, Device, Swapchain, Wanted, layers};

use crate::case::cases;
use crate::names;
use crate::outcome::{NotSupported, Outcome};
use crate::stage::Stage;

cases![
    the_swapchain_is_the_layers,
    there_are_as_many_images_as_wanted,
    images_are_distinct_and_stay_the_same,
    an_array_of_images_that_is_too_short_is_filled_and_incomplete,
    a_swapchain_of_every_size_is_shown,
    every_way_to_composite_that_is_offered_can_be_had,
    every_transform_that_is_offered_can_be_had,
    every_usage_that_is_offered_can_be_had,
    images_may_be_shared_by_queue_families,
    obscured_pixels_may_be_wanted_or_not,
    images_have_views_of_their_format,
    a_mutable_format_has_views_of_its_twin,
    an_application_may_bind_images_of_its_own,
];

/// "minImageCount is the minimum number of presentable images that the application needs. The
/// implementation will either create the swapchain with at least that many images, or it will
/// fail" (VkSwapchainCreateInfoKHR).
fn there_are_as_many_images_as_wanted(stage: &Stage) -> Outcome {
    let app = stage.app();
    let capabilities = app.surface.capabilities(app.device.physical).unwrap();
    let most = match capabilities.max_image_count {
        0 => 8,
        limit => limit.min(8),
    };
    for images in capabilities.min_image_count..=most {
        let swapchain = app.swapchain_with(Wanted {
            images,
            extent: (64, 64),
            ..Wanted::default()
        });
        assert!(
            swapchain.images.len() >= images as usize,
            "{} of {images}",
            swapchain.images.len()
        );
    }
    Ok(())
}

/// "If the value of pSwapchainImageCount is less than the number of presentable images … VK_INCOMPLETE
/// will be returned instead of VK_SUCCESS" (vkGetSwapchainImagesKHR).
fn an_array_of_images_that_is_too_short_is_filled_and_incomplete(stage: &Stage) -> Outcome {
    let app = stage.app();
    let swapchain = app.swapchain();
    let get = app.device.swapchain.fp().get_swapchain_images_khr;
    let device = app.device.raw.handle();
    for capacity in 0..=swapchain.images.len() + 1 {
        let written = capacity.min(swapchain.images.len());
        let mut some = vec![vk::Image::null(); capacity + 1];
        let mut count = capacity as u32;
        // SAFETY: the swapchain is the device's; the array has room for `count` and one more.
        let result = unsafe { get(device, swapchain.raw, &mut count, some.as_mut_ptr()) };
        assert_eq!(
            result,
            if capacity < swapchain.images.len() {
                vk::Result::INCOMPLETE
            } else {
                vk::Result::SUCCESS
            }
        );
        assert_eq!(count as usize, written);
        assert_eq!(some[..written], swapchain.images[..written]);
        assert!(
            some[written..]
                .iter()
                .all(|&image| image == vk::Image::null())
        );
    }
    Ok(())
}

/// An application may make images of its own on the swapchain's memory
/// (VkImageSwapchainCreateInfoKHR, VkBindImageMemorySwapchainInfoKHR).
fn an_application_may_bind_images_of_its_own(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain();
    let device = &app.device;
    let own: Vec<_> = (0..swapchain.images.len() as u32)
        .map(|index| own_image(&swapchain, index))
        .collect();
    // Drawn through the application's own image, shown through the swapchain's.
    let theirs = std::mem::replace(&mut swapchain.images, own.clone());
    assert!(own.iter().all(|image| !theirs.contains(image)));
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    device.wait_idle().unwrap();
    // "Applications must destroy these before the swapchain": nothing uses them any more.
    for image in own {
        // SAFETY: the image is the application's own, and the queue is idle.
        unsafe { device.raw.destroy_image(image, None) };
    }
    swapchain.images = theirs;
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
    Ok(())
}

/// `imageExtent`: on Wayland the application's choice between minImageExtent and maxImageExtent; the semaphore
/// of a present can be used again for the next frame of the image.
fn a_swapchain_of_every_size_is_shown(stage: &Stage) -> Outcome {
    let app = stage.app();
    for extent in [(1, 1), (2, 3), (17, 33), (640, 480), (4096, 1)] {
        let mut swapchain = app.swapchain_with(Wanted {
            extent,
            ..Wanted::mailbox()
        });
        for _ in 0..5 {
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    }
    Ok(())
}

/// The other cases hold for a driver's own swapchains, too. This one makes sure that a run is on the layer.
fn the_swapchain_is_the_layers(stage: &Stage) -> Outcome {
    if !layers::wayfence_is_on() {
        return Err(NotSupported::because("the swapchains are the driver's own"));
    }
    let before = dma_bufs().len();
    let app = stage.app();
    let extent = (111, 110);
    let swapchain = app.swapchain_with(Wanted {
        extent,
        ..Wanted::default()
    });
    assert!(
        dma_bufs().len() >= before + swapchain.images.len(),
        "the layer holds a dma-buf for each image; did it step aside?"
    );
    drop(swapchain);
    assert_eq!(layers::report_of(extent).counters.presents, 0);
    Ok(())
}

/// vkGetSwapchainImagesKHR, "the array of presentable images associated with a swapchain": there is one.
fn images_are_distinct_and_stay_the_same(stage: &Stage) -> Outcome {
    let app = stage.app();
    let mut swapchain = app.swapchain();
    let distinct: HashSet<_> = swapchain.images.iter().copied().collect();
    assert_eq!(distinct.len(), swapchain.images.len());
    assert!(!distinct.contains(&vk::Image::null()));
    swapchain.frame().unwrap();
    // SAFETY: the swapchain is the device's.
    let again = unsafe { app.device.swapchain.get_swapchain_images(swapchain.raw) };
    assert_eq!(again, Ok(swapchain.images.clone()));
    Ok(())
}

fn three_frames(app: &Application, mut swapchain: Swapchain) {
    for _ in 0..3 {
        swapchain.frame().unwrap();
    }
    drop(swapchain);
    app.surface.window().assert_alive();
}

/// Shows frames of a swapchain with this change to its create info.
fn is_shown(app: &Application, change: impl FnOnce(&mut vk::SwapchainCreateInfoKHR<'_>)) {
    let wanted = Wanted {
        extent: (64, 64),
        ..Wanted::default()
    };
    let swapchain = Swapchain::changed(&app.device, &app.surface, wanted, change).unwrap();
    three_frames(app, swapchain);
}

/// `compositeAlpha` "must be one of the bits present in the supportedCompositeAlpha member".
fn every_way_to_composite_that_is_offered_can_be_had(stage: &Stage) -> Outcome {
    let app = stage.app();
    let told = app.surface.capabilities(app.device.physical).unwrap();
    for bit in bits(told.supported_composite_alpha.as_raw()) {
        is_shown(&app, |info| {
            info.composite_alpha = vk::CompositeAlphaFlagsKHR::from_raw(bit);
        });
    }
    Ok(())
}

/// `preTransform` "must be one of the bits present in the supportedTransforms member".
fn every_transform_that_is_offered_can_be_had(stage: &Stage) -> Outcome {
    let app = stage.app();
    let told = app.surface.capabilities(app.device.physical).unwrap();
    for bit in bits(told.supported_transforms.as_raw()) {
        is_shown(&app, |info| {
            info.pre_transform = vk::SurfaceTransformFlagsKHR::from_raw(bit);
        });
    }
    Ok(())
}

/// `imageUsage` "must be a subset of the supported usage flags present in the supportedUsageFlags
/// member", as far as the format has it (VUID-VkSwapchainCreateInfoKHR-imageFormat-01778).
fn every_usage_that_is_offered_can_be_had(stage: &Stage) -> Outcome {
    let app = stage.app();
    let told = app.surface.capabilities(app.device.physical).unwrap();
    let formats = app.surface.formats(app.device.physical).unwrap();
    // A usage that an extension adds needs that extension.
    let mut usages = vk::ImageUsageFlags::from_raw(0xff);
    for (usage, extension) in names::USAGES {
        if stage.needs(extension).is_ok() {
            usages |= *usage;
        }
    }
    for (at, format) in formats.into_iter().enumerate() {
        for bit in bits((told.supported_usage_flags & usages).as_raw()) {
            let usage = vk::ImageUsageFlags::from_raw(bit)
                | vk::ImageUsageFlags::TRANSFER_DST
                | vk::ImageUsageFlags::COLOR_ATTACHMENT;
            // SAFETY: the device is the instance's.
            let possible = unsafe {
                stage
                    .instance()
                    .raw
                    .get_physical_device_image_format_properties(
                        app.device.physical,
                        format.format,
                        vk::ImageType::TYPE_2D,
                        vk::ImageTiling::OPTIMAL,
                        usage,
                        vk::ImageCreateFlags::empty(),
                    )
            };
            if possible.is_err() {
                continue;
            }
            let wanted = Wanted {
                extent: (32, 32),
                format: Some(format),
                ..Wanted::default()
            };
            let swapchain = Swapchain::changed(&app.device, &app.surface, wanted, |info| {
                info.image_usage = usage;
            })
            .unwrap_or_else(|error| panic!("{format:?} {usage:?}: {error}"));
            // For the others creation is enough.
            if at == 0 {
                three_frames(&app, swapchain);
            }
        }
    }
    Ok(())
}

/// `imageSharingMode` VK_SHARING_MODE_CONCURRENT, `pQueueFamilyIndices`.
fn images_may_be_shared_by_queue_families(stage: &Stage) -> Outcome {
    let app = stage.app();
    // SAFETY: the device is the instance's.
    let families = unsafe {
        stage
            .instance()
            .raw
            .get_physical_device_queue_family_properties(app.device.physical)
    };
    if families.len() < 2 {
        return Err(NotSupported::because("the device has one queue family"));
    }
    let all: Vec<u32> = (0..families.len() as u32).collect();
    is_shown(&app, |info| {
        info.image_sharing_mode = vk::SharingMode::CONCURRENT;
        info.queue_family_index_count = all.len() as u32;
        info.p_queue_family_indices = all.as_ptr();
    });
    Ok(())
}

/// `clipped`.
fn obscured_pixels_may_be_wanted_or_not(stage: &Stage) -> Outcome {
    let app = stage.app();
    for clipped in [vk::TRUE, vk::FALSE] {
        is_shown(&app, |info| info.clipped = clipped);
    }
    Ok(())
}

/// Makes a view of each image, in each of these formats, and destroys it.
fn has_views(device: &Device, swapchain: &Swapchain, formats: &[vk::Format]) {
    for &image in &swapchain.images {
        for &format in formats {
            let create_info = vk::ImageViewCreateInfo::default()
                .image(image)
                .view_type(vk::ImageViewType::TYPE_2D)
                .format(format)
                .subresource_range(
                    vk::ImageSubresourceRange::default()
                        .aspect_mask(vk::ImageAspectFlags::COLOR)
                        .level_count(1)
                        .layer_count(1),
                );
            // SAFETY: the image is the device's and has this format, or may be seen in it; nothing uses the
            // view.
            unsafe {
                let view = device.raw.create_image_view(&create_info, None).unwrap();
                device.raw.destroy_image_view(view, None);
            }
        }
    }
}

/// `imageFormat`: "A presentable image is equivalent to a non-presentable image created with the following
/// VkImageCreateInfo parameters" (vkCreateSwapchainKHR).
fn images_have_views_of_their_format(stage: &Stage) -> Outcome {
    let app = stage.app();
    for format in app.surface.formats(app.device.physical).unwrap() {
        let swapchain = app.swapchain_with(Wanted {
            extent: (32, 32),
            format: Some(format),
            ..Wanted::default()
        });
        has_views(&app.device, &swapchain, &[format.format]);
    }
    Ok(())
}

/// VK_SWAPCHAIN_CREATE_MUTABLE_FORMAT_BIT_KHR with VkImageFormatListCreateInfo
/// (VK_KHR_swapchain_mutable_format).
fn a_mutable_format_has_views_of_its_twin(stage: &Stage) -> Outcome {
    stage.needs(khr::swapchain_mutable_format::NAME)?;
    let app = stage.app();
    let twins = [vk::Format::B8G8R8A8_UNORM, vk::Format::B8G8R8A8_SRGB];
    let mut seen = 0;
    for format in app.surface.formats(app.device.physical).unwrap() {
        if !twins.contains(&format.format) {
            continue;
        }
        seen += 1;
        let list = vk::ImageFormatListCreateInfo::default().view_formats(&twins);
        let wanted = Wanted {
            extent: (64, 64),
            flags: vk::SwapchainCreateFlagsKHR::MUTABLE_FORMAT,
            format: Some(format),
            ..Wanted::default()
        };
        let swapchain = Swapchain::changed(&app.device, &app.surface, wanted, |info| {
            info.p_next = (&raw const list).cast();
        })
        .unwrap();
        has_views(&app.device, &swapchain, &twins);
        three_frames(&app, swapchain);
    }
    assert!(seen > 0, "neither of {twins:?} is offered");
    Ok(())
}

fn bits(mask: u32) -> impl Iterator<Item = u32> {
    (0..32).map(|at| 1 << at).filter(move |bit| mask & bit != 0)
}

/// An image of the application's own on the memory of one of the swapchain's.
pub fn own_image(swapchain: &Swapchain, index: u32) -> vk::Image {
    let device = &swapchain.device;
    let (width, height) = swapchain.wanted.extent;
    let mut of_swapchain = vk::ImageSwapchainCreateInfoKHR::default().swapchain(swapchain.raw);
    let create_info = vk::ImageCreateInfo::default()
        .image_type(vk::ImageType::TYPE_2D)
        .format(swapchain.wanted.format.unwrap().format)
        .extent(vk::Extent3D {
            width,
            height,
            depth: 1,
        })
        .mip_levels(1)
        .array_layers(1)
        .samples(vk::SampleCountFlags::TYPE_1)
        .tiling(vk::ImageTiling::OPTIMAL)
        .usage(vk::ImageUsageFlags::TRANSFER_DST | vk::ImageUsageFlags::COLOR_ATTACHMENT)
        .sharing_mode(vk::SharingMode::EXCLUSIVE)
        .initial_layout(vk::ImageLayout::UNDEFINED)
        .push_next(&mut of_swapchain);
    // SAFETY: the create info matches the swapchain's (VkSwapchainCreateInfoKHR, "the swapchain
    // images have these parameters"); what it points to outlives the call.
    unsafe {
        let image = device
            .raw
            .create_image(&create_info, None)
            .unwrap_or_else(|error| panic!("vkCreateImage: {error}"));
        let mut from_swapchain = vk::BindImageMemorySwapchainInfoKHR::default()
            .swapchain(swapchain.raw)
            .image_index(index);
        let bind = vk::BindImageMemoryInfo::default()
            .image(image)
            .push_next(&mut from_swapchain);
        device
            .raw
            .bind_image_memory2(&[bind])
            .unwrap_or_else(|error| panic!("vkBindImageMemory2: {error}"));
        image
    }
}
