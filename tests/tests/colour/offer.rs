//! Which colour spaces are offered, and that the first frame has them.

use ash::{khr, vk};
use wayfence_test_compositor::{Colour, Encoding, Feature, Primaries, TransferFunction};
use wayfence_tests::instance::{Instance, Options};
use wayfence_tests::{Device, Swapchain, Wanted, layers};

use crate::play::{HDR10, PASS_THROUGH, Play, SCRGB, SRGB, device, metadata, named, watch};

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn what_the_compositor_can_show_is_offered() {
    let _watchdog = watch();
    let device = device();
    let untold = [SRGB, PASS_THROUGH];
    let spaces = |colour| {
        let play = Play::new(&device, colour);
        let formats = play.formats();
        for (index, format) in formats.iter().enumerate() {
            assert!(!formats[..index].contains(format), "{format:?} twice");
        }
        // For applications that take the first.
        assert_eq!(formats[0].format, vk::Format::B8G8R8A8_UNORM);
        assert_eq!(formats[0].color_space, SRGB);
        let spaces = play.spaces();
        play.end();
        spaces
    };
    assert_eq!(spaces(None), untold);
    for version in 1..=3 {
        let everything = Colour {
            version,
            ..Colour::default()
        };
        assert_eq!(
            spaces(Some(everything)),
            [
                SRGB,
                vk::ColorSpaceKHR::DISPLAY_P3_NONLINEAR_EXT,
                SCRGB,
                vk::ColorSpaceKHR::DISPLAY_P3_LINEAR_EXT,
                vk::ColorSpaceKHR::BT709_LINEAR_EXT,
                vk::ColorSpaceKHR::BT709_NONLINEAR_EXT,
                vk::ColorSpaceKHR::BT2020_LINEAR_EXT,
                HDR10,
                vk::ColorSpaceKHR::HDR10_HLG_EXT,
                vk::ColorSpaceKHR::ADOBERGB_LINEAR_EXT,
                PASS_THROUGH,
            ]
        );
    }
    let little = Colour {
        primaries: vec![Primaries::Bt2020],
        transfer_functions: vec![TransferFunction::St2084Pq],
        features: vec![Feature::Parametric],
        ..Colour::default()
    };
    assert_eq!(spaces(Some(little)), [SRGB, HDR10, PASS_THROUGH]);
    let silent = Colour {
        features: vec![],
        ..Colour::default()
    };
    assert_eq!(spaces(Some(silent)), untold);

    // An application without the extension has one space.
    let instance = Instance::new(Options::default());
    let device = Device::with_extensions(&instance, &[khr::swapchain::NAME]);
    let play = Play::new(&device, Some(Colour::default()));
    assert_eq!(play.spaces(), [SRGB]);
    play.end();
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn the_first_frame_has_its_colours() {
    let _watchdog = watch();
    let device = device();
    for version in 1..=3 {
        let encoded = match version {
            1 => TransferFunction::Srgb,
            _ => TransferFunction::CompoundPower24,
        };
        let linear = TransferFunction::ExtLinear;
        let expected = |space| {
            let (primaries, transfer) = match space {
                SCRGB => return Some(Encoding::WindowsScrgb),
                vk::ColorSpaceKHR::DISPLAY_P3_NONLINEAR_EXT => (Primaries::DisplayP3, encoded),
                vk::ColorSpaceKHR::DISPLAY_P3_LINEAR_EXT => (Primaries::DisplayP3, linear),
                vk::ColorSpaceKHR::BT709_LINEAR_EXT => (Primaries::Srgb, linear),
                vk::ColorSpaceKHR::BT709_NONLINEAR_EXT => {
                    (Primaries::Srgb, TransferFunction::Bt1886)
                }
                vk::ColorSpaceKHR::BT2020_LINEAR_EXT => (Primaries::Bt2020, linear),
                HDR10 => (Primaries::Bt2020, TransferFunction::St2084Pq),
                vk::ColorSpaceKHR::HDR10_HLG_EXT => (Primaries::Bt2020, TransferFunction::Hlg),
                vk::ColorSpaceKHR::ADOBERGB_LINEAR_EXT => (Primaries::AdobeRgb, linear),
                SRGB | PASS_THROUGH => return None,
                other => panic!("{other:?}"),
            };
            Some(Encoding::Parametric(named(primaries, transfer)))
        };
        let play = Play::new(
            &device,
            Some(Colour {
                version,
                ..Colour::default()
            }),
        );
        for space in play.spaces() {
            let mut swapchain = play.swapchain(space);
            assert_eq!(play.objects(), usize::from(expected(space).is_some()));
            let colours = play.colours(&mut swapchain);
            assert_eq!(colours, expected(space), "{space:?}, version {version}");
            assert_eq!(play.colours(&mut swapchain), expected(space));
            drop(swapchain);
            assert_eq!(play.objects(), 0, "{space:?}");
            assert_eq!(play.count("wp_image_description_v1"), 0, "{space:?}");
            assert_eq!(play.count("wp_color_manager_v1"), 0, "{space:?}");
        }
        play.end();
    }
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_format_that_the_space_lacks_is_refused() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    for (format, color_space) in [
        (vk::Format::B8G8R8A8_SRGB, HDR10),
        (
            vk::Format::B8G8R8A8_UNORM,
            vk::ColorSpaceKHR::ADOBERGB_NONLINEAR_EXT,
        ),
        (
            vk::Format::B8G8R8A8_UNORM,
            vk::ColorSpaceKHR::DOLBYVISION_EXT,
        ),
    ] {
        let wanted = Wanted {
            format: Some(vk::SurfaceFormatKHR {
                format,
                color_space,
            }),
            ..Wanted::mailbox()
        };
        assert_eq!(
            Swapchain::new(&device, &play.surface, wanted).err(),
            Some(vk::Result::ERROR_INITIALIZATION_FAILED)
        );
    }
    play.end();
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn the_report_names_the_colours() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let report = |space, extent| {
        let wanted = Wanted {
            extent,
            ..play.wanted(space)
        };
        let mut swapchain = Swapchain::new(&device, &play.surface, wanted).unwrap();
        play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
        play.frame(&mut swapchain);
        drop(swapchain);
        layers::report_of(extent)
    };
    let plain = report(SRGB, (311, 47));
    assert_eq!(plain.color_space, "SRGB_NONLINEAR");
    assert_eq!(plain.hdr_metadata, None);
    let hdr = report(HDR10, (312, 47));
    assert_eq!(hdr.color_space, "HDR10_ST2084");
    assert_eq!(
        hdr.hdr_metadata.unwrap().to_string(),
        "mastered for 0.005 to 1000 cd/m², MaxCLL 800, MaxFALL 200"
    );
    play.end();
}
