//! Colour spaces and HDR metadata: VK_EXT_swapchain_colorspace, VK_EXT_hdr_metadata.

use ash::{ext, vk};
use wayfence_tests::instance::Options;
use wayfence_tests::{Application, Swapchain, Wanted};

use crate::case::cases;
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    without_the_extension_there_is_srgb_alone,
    what_is_passed_through_is_always_there,
    every_format_of_every_space_makes_a_swapchain,
    every_space_shows_frames,
    a_replacement_may_have_another_space,
    metadata_may_be_set_at_any_time,
    metadata_is_a_hint_whatever_it_says,
    a_retired_swapchain_takes_metadata,
    swapchains_of_several_surfaces_take_metadata_at_once,
];

const COLORSPACE: &std::ffi::CStr = ext::swapchain_colorspace::NAME;
const METADATA: &std::ffi::CStr = ext::hdr_metadata::NAME;

fn formats(app: &Application) -> Vec<vk::SurfaceFormatKHR> {
    app.surface.formats(app.device.physical).unwrap()
}

/// The first format of each space.
fn spaces(app: &Application) -> Vec<vk::SurfaceFormatKHR> {
    let mut first: Vec<vk::SurfaceFormatKHR> = Vec::new();
    for format in formats(app) {
        if first
            .iter()
            .all(|one| one.color_space != format.color_space)
        {
            first.push(format);
        }
    }
    first
}

fn in_format(format: vk::SurfaceFormatKHR) -> Wanted {
    Wanted {
        format: Some(format),
        ..Wanted::default()
    }
}

/// The space to which metadata applies, or else the first.
fn hdr(app: &Application) -> Wanted {
    let spaces = spaces(app);
    let hdr10 = spaces
        .iter()
        .find(|one| one.color_space == vk::ColorSpaceKHR::HDR10_ST2084_EXT);
    in_format(*hdr10.unwrap_or(&spaces[0]))
}

/// Metadata of content with this peak.
fn metadata(peak: f32) -> vk::HdrMetadataEXT<'static> {
    let colour = |x, y| vk::XYColorEXT { x, y };
    vk::HdrMetadataEXT::default()
        .display_primary_red(colour(0.680, 0.320))
        .display_primary_green(colour(0.265, 0.690))
        .display_primary_blue(colour(0.150, 0.060))
        .white_point(colour(0.3127, 0.3290))
        .max_luminance(peak)
        .min_luminance(0.001)
        .max_content_light_level(peak)
        .max_frame_average_light_level(peak / 4.0)
}

fn set(all: &[(&Swapchain, vk::HdrMetadataEXT<'_>)]) {
    let device = &all[0].0.device;
    let functions = ext::hdr_metadata::Device::new(&device.instance.raw, &device.raw);
    let swapchains: Vec<_> = all.iter().map(|(swapchain, _)| swapchain.raw).collect();
    let metadata: Vec<_> = all.iter().map(|(_, metadata)| *metadata).collect();
    // SAFETY: swapchains of the device, with as many structures.
    unsafe { functions.set_hdr_metadata(&swapchains, &metadata) };
}

/// "VK_EXT_swapchain_colorspace … to enable the use of the colour spaces": an application that does not enable
/// it has one.
fn without_the_extension_there_is_srgb_alone(stage: &Stage) -> Outcome {
    let app = stage.app_with(Options::default());
    for format in formats(&app) {
        assert_eq!(format.color_space, vk::ColorSpaceKHR::SRGB_NONLINEAR);
    }
    Ok(())
}

/// "VK_COLOR_SPACE_PASS_THROUGH_EXT specifies that color components are used 'as is'. This is intended to allow
/// applications to supply data for color spaces not described here." On Wayland this is always possible.
fn what_is_passed_through_is_always_there(stage: &Stage) -> Outcome {
    stage.needs_of_instance(COLORSPACE)?;
    let app = stage.app();
    let formats = formats(&app);
    let of = |space| {
        let formats = formats.iter().filter(move |one| one.color_space == space);
        formats.map(|one| one.format).collect::<Vec<_>>()
    };
    let plain = of(vk::ColorSpaceKHR::SRGB_NONLINEAR);
    assert_eq!(of(vk::ColorSpaceKHR::PASS_THROUGH_EXT), plain);
    // Applications take the first without looking.
    assert_eq!(formats[0].color_space, vk::ColorSpaceKHR::SRGB_NONLINEAR);
    Ok(())
}

/// "imageFormat and imageColorSpace must match the format and colorSpace members, respectively, of one of
/// the VkSurfaceFormatKHR structures returned" (VUID-VkSwapchainCreateInfoKHR-imageFormat-01273).
fn every_format_of_every_space_makes_a_swapchain(stage: &Stage) -> Outcome {
    stage.needs_of_instance(COLORSPACE)?;
    let app = stage.app();
    for format in formats(&app) {
        let swapchain = app.try_swapchain(in_format(format));
        drop(swapchain.unwrap_or_else(|error| panic!("{format:?}: {error}")));
        app.surface.window().assert_alive();
    }
    Ok(())
}

fn every_space_shows_frames(stage: &Stage) -> Outcome {
    stage.needs_of_instance(COLORSPACE)?;
    let app = stage.app();
    for format in spaces(&app) {
        let mut swapchain = app.swapchain_with(in_format(format));
        for _ in 0..5 {
            swapchain.frame().unwrap();
        }
        drop(swapchain);
        app.surface.window().assert_alive();
    }
    Ok(())
}

/// "oldSwapchain" restricts neither format nor space, and "allows the application to still present any images
/// that are already acquired from it".
fn a_replacement_may_have_another_space(stage: &Stage) -> Outcome {
    stage.needs_of_instance(COLORSPACE)?;
    let app = stage.app();
    let spaces = spaces(&app);
    let mut swapchain = app.swapchain_with(in_format(spaces[0]));
    for format in spaces.iter().chain(spaces.iter().rev()) {
        swapchain.frame().unwrap();
        let held = swapchain.acquire_and_wait(u64::MAX).unwrap();
        let mut next = swapchain.replaced_by(in_format(*format)).unwrap();
        next.frame().unwrap();
        match swapchain.draw_and_present(held) {
            Ok(()) | Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => {}
            Err(error) => panic!("{format:?}: {error}"),
        }
        next.frame().unwrap();
        app.surface.window().assert_alive();
        swapchain = next;
    }
    Ok(())
}

/// "The metadata will be applied to the specified VkSwapchainKHR objects at the next vkQueuePresentKHR call
/// using that VkSwapchainKHR object. The metadata will persist until a subsequent vkSetHdrMetadataEXT changes
/// it."
fn metadata_may_be_set_at_any_time(stage: &Stage) -> Outcome {
    stage.needs(METADATA)?;
    let app = stage.app();
    let mut swapchain = app.swapchain_with(hdr(&app));
    for _ in 0..2 {
        set(&[(&swapchain, metadata(1000.0))]);
    }
    for frame in 0..10 {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        set(&[(&swapchain, metadata(500.0 + frame as f32))]);
        swapchain.draw_and_present(index).unwrap();
    }
    for _ in 0..3 {
        swapchain.frame().unwrap();
    }
    // In a space to which it does not apply, too.
    let mut plain = swapchain.replaced_by(in_format(spaces(&app)[0])).unwrap();
    set(&[(&plain, metadata(1000.0))]);
    plain.frame().unwrap();
    app.surface.window().assert_alive();
    Ok(())
}

/// "If any of the above values are unknown, they can be set to 0." And "The metadata does not override or
/// otherwise influence the color space and color encoding": any values are harmless.
fn metadata_is_a_hint_whatever_it_says(stage: &Stage) -> Outcome {
    stage.needs(METADATA)?;
    let app = stage.app();
    let mut swapchain = app.swapchain_with(hdr(&app));
    let sound = metadata(1000.0);
    let nowhere = vk::XYColorEXT { x: 0.0, y: 0.0 };
    for strange in [
        vk::HdrMetadataEXT::default(),
        sound.max_content_light_level(20_000.0),
        sound.max_frame_average_light_level(20_000.0),
        sound.max_luminance(0.0),
        sound.max_luminance(0.001),
        sound.min_luminance(2000.0),
        sound.max_luminance(1e30),
        sound.min_luminance(-1.0),
        sound.max_content_light_level(f32::NAN),
        sound.max_luminance(f32::INFINITY),
        sound.display_primary_red(nowhere),
        sound.white_point(nowhere),
        sound.display_primary_green(vk::XYColorEXT { x: -3.0, y: 7.0 }),
        sound.display_primary_blue(sound.display_primary_red),
        sound,
    ] {
        set(&[(&swapchain, strange)]);
        for _ in 0..2 {
            swapchain.frame().unwrap();
        }
        app.surface.window().assert_alive();
    }
    Ok(())
}

fn a_retired_swapchain_takes_metadata(stage: &Stage) -> Outcome {
    stage.needs(METADATA)?;
    let app = stage.app();
    let mut old = app.swapchain_with(hdr(&app));
    old.frame().unwrap();
    let held = old.acquire_and_wait(u64::MAX).unwrap();
    let mut new = old.replaced_by(hdr(&app)).unwrap();
    set(&[(&old, metadata(400.0)), (&new, metadata(800.0))]);
    new.frame().unwrap();
    match old.draw_and_present(held) {
        Ok(()) | Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => {}
        Err(error) => panic!("{error}"),
    }
    set(&[(&old, metadata(600.0))]);
    drop(old);
    new.frame().unwrap();
    app.surface.window().assert_alive();
    Ok(())
}

/// "pSwapchains is a pointer to an array of swapchainCount VkSwapchainKHR handles."
fn swapchains_of_several_surfaces_take_metadata_at_once(stage: &Stage) -> Outcome {
    stage.needs(METADATA)?;
    let apps = [(); 3].map(|()| stage.app());
    let mut swapchains = apps.each_ref().map(|app| app.swapchain_with(hdr(app)));
    for peak in [1000.0, 400.0] {
        let all = swapchains.each_ref();
        set(&[
            (all[0], metadata(peak)),
            (all[1], metadata(peak / 2.0)),
            (all[2], vk::HdrMetadataEXT::default()),
        ]);
        for swapchain in &mut swapchains {
            swapchain.frame().unwrap();
        }
    }
    for app in &apps {
        app.surface.window().assert_alive();
    }
    Ok(())
}
