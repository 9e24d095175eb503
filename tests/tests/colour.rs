//! Colour spaces and HDR metadata: what is offered, what the compositor is told, and what becomes of a
//! compositor that refuses.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ash::{ext, khr, vk};
use wayfence::colour;
use wayfence_test_compositor::{
    Cause, Colour, Commit, Compositor, Encoding, Feature, Format, Gamut, Offer, Parameters,
    Primaries, RenderIntent, SurfaceId, Transfer, TransferFunction, Verdict, With,
};
use wayfence_tests::instance::{Instance, Options, WAYLAND};
use wayfence_tests::stderr::captured;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Device, Surface, Swapchain, Wanted, Window, layers};

/// The object of which a surface may have one.
const OBJECT: &str = "wp_color_management_surface_v1";

const HDR10: vk::ColorSpaceKHR = vk::ColorSpaceKHR::HDR10_ST2084_EXT;
const SCRGB: vk::ColorSpaceKHR = vk::ColorSpaceKHR::EXTENDED_SRGB_LINEAR_EXT;
const SRGB: vk::ColorSpaceKHR = vk::ColorSpaceKHR::SRGB_NONLINEAR;
const PASS_THROUGH: vk::ColorSpaceKHR = vk::ColorSpaceKHR::PASS_THROUGH_EXT;

/// An application that knows of colours, with its log.
fn device() -> Arc<Device> {
    layers::set_up();
    let instance = Instance::new(Options {
        extensions: &[WAYLAND, &[ext::swapchain_colorspace::NAME]].concat(),
        settings: &[(c"log", c"info")],
        ..Options::default()
    });
    Device::with_extensions(&instance, &[khr::swapchain::NAME, ext::hdr_metadata::NAME])
}

fn offer(colour: Option<Colour>) -> Offer {
    let formats = [b"AR24", b"XR24", b"AB30", b"XB30", b"AB4H", b"XB4H"];
    Offer {
        formats: formats
            .map(|name| Format {
                fourcc: u32::from_le_bytes(*name),
                modifier: Format::LINEAR,
            })
            .to_vec(),
        colour,
        ..Offer::default()
    }
}

/// A window on a compositor of its own.
struct Play {
    compositor: Compositor,
    device: Arc<Device>,
    surface: Arc<Surface>,
}

impl Play {
    fn new(device: &Arc<Device>, colour: Option<Colour>) -> Self {
        let compositor = Compositor::new(offer(colour));
        let window = Window::open_at(compositor.connect());
        Self {
            compositor,
            device: Arc::clone(device),
            surface: Surface::of_window(&device.instance, window),
        }
    }

    fn formats(&self) -> Vec<vk::SurfaceFormatKHR> {
        self.surface.formats(self.device.physical).unwrap()
    }

    /// Which spaces are offered, each once.
    fn spaces(&self) -> Vec<vk::ColorSpaceKHR> {
        let mut spaces: Vec<_> = self.formats().iter().map(|one| one.color_space).collect();
        spaces.dedup();
        spaces
    }

    /// What a swapchain in this space is made with: the first format that it has.
    fn wanted(&self, space: vk::ColorSpaceKHR) -> Wanted {
        let formats = self.formats();
        let format = formats.iter().find(|format| format.color_space == space);
        Wanted {
            format: Some(*format.unwrap_or_else(|| panic!("{space:?} is not offered"))),
            ..Wanted::mailbox()
        }
    }

    fn swapchain(&self, space: vk::ColorSpaceKHR) -> Swapchain {
        Swapchain::new(&self.device, &self.surface, self.wanted(space)).expect("a swapchain")
    }

    /// The same in place of another.
    fn replace(&self, old: &Swapchain, space: vk::ColorSpaceKHR) -> Swapchain {
        old.replaced_by(self.wanted(space)).expect("a swapchain")
    }

    fn surface(&self) -> SurfaceId {
        self.compositor.surfaces(self.compositor.clients()[0])[0]
    }

    /// How many objects the surface has.
    fn objects(&self) -> usize {
        self.count(OBJECT)
    }

    /// How many objects of this interface the application has.
    fn count(&self, interface: &str) -> usize {
        self.compositor.settled();
        let objects = self.compositor.objects(self.compositor.clients()[0]);
        objects.get(interface).copied().unwrap_or_default()
    }

    /// One frame, shown at once.
    fn frame(&self, swapchain: &mut Swapchain) -> Commit {
        swapchain.frame().expect("a frame");
        let commit = self.compositor.next_commit();
        self.compositor.release(&commit, With::nothing());
        commit
    }

    /// What the next frame's colours are.
    fn colours(&self, swapchain: &mut Swapchain) -> Option<Encoding> {
        let colour = self.frame(swapchain).colour?;
        assert_eq!(colour.intent, RenderIntent::Perceptual);
        Some(colour.description.encoding)
    }

    fn set(&self, all: &[(&Swapchain, vk::HdrMetadataEXT<'_>)]) {
        let swapchains: Vec<_> = all.iter().map(|(swapchain, _)| swapchain.raw).collect();
        let metadata: Vec<_> = all.iter().map(|(_, metadata)| *metadata).collect();
        let raw = &self.device.instance.raw;
        let functions = ext::hdr_metadata::Device::new(raw, &self.device.raw);
        // SAFETY: swapchains of the device, with as many structures.
        unsafe { functions.set_hdr_metadata(&swapchains, &metadata) };
    }

    fn end(self) {
        self.device.wait_idle().expect("an idle device");
        let Play {
            compositor,
            surface,
            ..
        } = self;
        drop(surface);
        let errors = compositor.protocol_errors();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

fn named(primaries: Primaries, transfer: TransferFunction) -> Parameters {
    Parameters {
        primaries: Some(Gamut::Named(primaries)),
        transfer: Some(Transfer::Named(transfer)),
        ..Parameters::default()
    }
}

fn hdr10() -> Parameters {
    named(Primaries::Bt2020, TransferFunction::St2084Pq)
}

fn metadata(max_luminance: f32, max_cll: f32, max_fall: f32) -> vk::HdrMetadataEXT<'static> {
    vk::HdrMetadataEXT::default()
        .max_luminance(max_luminance)
        .min_luminance(0.005)
        .max_content_light_level(max_cll)
        .max_frame_average_light_level(max_fall)
}

/// What the compositor is told of [`metadata`].
fn told(max_luminance: u32, max_cll: u32, max_fall: u32) -> Encoding {
    Encoding::Parametric(Parameters {
        mastering_luminance: Some((50, max_luminance)),
        max_cll: Some(max_cll),
        max_fall: Some(max_fall),
        ..hdr10()
    })
}

fn watch() -> Watchdog {
    Watchdog::new(Duration::from_secs(100), "frames on a scripted compositor")
}

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
        // The applications that take the first.
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

    // An application that does not ask for spaces has one.
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

/// Before the first frame, between frames, and back to nothing; each description is asked for once.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn metadata_is_in_force_from_the_next_frame() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let mut swapchain = play.swapchain(HDR10);
    play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
    for _ in 0..2 {
        assert_eq!(play.colours(&mut swapchain), Some(told(1000, 800, 200)));
    }
    play.set(&[(&swapchain, metadata(600.0, 500.0, 100.0))]);
    assert_eq!(play.colours(&mut swapchain), Some(told(600, 500, 100)));
    play.set(&[(&swapchain, vk::HdrMetadataEXT::default())]);
    let plain = Encoding::Parametric(hdr10());
    assert_eq!(play.colours(&mut swapchain), Some(plain));
    for _ in 0..3 {
        play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
        assert_eq!(play.colours(&mut swapchain), Some(told(1000, 800, 200)));
    }
    assert_eq!(play.compositor.descriptions().len(), 3);
    let client = play.compositor.clients()[0];
    let objects = play.compositor.objects(client);
    assert_eq!(objects["wp_image_description_v1"], 3, "{objects:?}");

    // Without an array there is nothing to read.
    let name = device.function(c"vkSetHdrMetadataEXT").unwrap();
    // SAFETY: the function has this type.
    let set: vk::PFN_vkSetHdrMetadataEXT = unsafe { std::mem::transmute(name) };
    // SAFETY: no swapchain, and so no metadata.
    unsafe { set(device.raw.handle(), 0, std::ptr::null(), std::ptr::null()) };
    assert_eq!(play.colours(&mut swapchain), Some(told(1000, 800, 200)));
    drop(swapchain);
    play.end();
}

/// Other drivers give all of them the first one's.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn each_swapchain_has_its_own_metadata() {
    let _watchdog = watch();
    let device = device();
    let plays = [(); 3].map(|()| Play::new(&device, Some(Colour::default())));
    let spaces = [HDR10, HDR10, SRGB];
    let mut swapchains: Vec<_> = plays
        .iter()
        .zip(spaces)
        .map(|(play, space)| play.swapchain(space))
        .collect();
    plays[0].set(&[
        (&swapchains[0], metadata(1000.0, 800.0, 200.0)),
        (&swapchains[1], metadata(600.0, 500.0, 100.0)),
        (&swapchains[2], metadata(100.0, 90.0, 80.0)),
    ]);
    let expected = [Some(told(1000, 800, 200)), Some(told(600, 500, 100)), None];
    for ((play, swapchain), expected) in plays.iter().zip(&mut swapchains).zip(expected) {
        assert_eq!(play.colours(swapchain), expected);
    }
    drop(swapchains);
    plays.into_iter().for_each(Play::end);
}

/// What an application says of its colours, and what becomes of it.
struct Rule {
    /// The versions of the protocol.
    versions: RangeInclusive<u32>,
    /// What the compositor lacks.
    without: &'static [Feature],
    says: vk::HdrMetadataEXT<'static>,
    /// What the log says of what is left out: which value, and why.
    left_out: &'static [(&'static str, &'static str)],
    /// What the compositor is told.
    told: Parameters,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            versions: 1..=3,
            without: &[],
            says: metadata(1000.0, 800.0, 200.0),
            left_out: &[],
            told: Parameters {
                mastering_luminance: Some((50, 1000)),
                max_cll: Some(800),
                max_fall: Some(200),
                ..hdr10()
            },
        }
    }
}

const MASTERING: Feature = Feature::SetMasteringDisplayPrimaries;
const EXTENDED: Feature = Feature::ExtendedTargetVolume;

/// The same with the primaries of a display: red, and those of BT.2020.
fn with_primaries(
    metadata: vk::HdrMetadataEXT<'static>,
    red: (f32, f32),
) -> vk::HdrMetadataEXT<'static> {
    let colour = |(x, y)| vk::XYColorEXT { x, y };
    metadata
        .display_primary_red(colour(red))
        .display_primary_green(colour((0.170, 0.797)))
        .display_primary_blue(colour((0.131, 0.046)))
        .white_point(colour((0.3127, 0.3290)))
}

/// What the compositor is told of them.
const BT2020: [(i32, i32); 4] = [
    (708_000, 292_000),
    (170_000, 797_000),
    (131_000, 46_000),
    (312_700, 329_000),
];

fn rules() -> Vec<Rule> {
    let typical = Rule::default().told;
    let sound = metadata(1000.0, 800.0, 200.0);
    vec![
        Rule::default(),
        Rule {
            says: with_primaries(sound, (0.708, 0.292)),
            told: Parameters {
                mastering_primaries: Some(BT2020),
                ..typical
            },
            ..Rule::default()
        },
        // "maxFALL ≤ maxCLL ≤ maximum luminance".
        Rule {
            says: metadata(1000.0, 1200.0, 200.0),
            left_out: &[(
                "maxContentLightLevel 1200",
                "the greatest luminance is 1000 cd/m²",
            )],
            told: Parameters {
                max_cll: None,
                ..typical
            },
            ..Rule::default()
        },
        Rule {
            says: metadata(1000.0, 400.0, 800.0),
            left_out: &[(
                "maxFrameAverageLightLevel 800",
                "no frame is brighter than its brightest pixel, 400 cd/m²",
            )],
            told: Parameters {
                max_cll: Some(400),
                max_fall: None,
                ..typical
            },
            ..Rule::default()
        },
        Rule {
            says: metadata(1000.0, 0.0, 1200.0),
            left_out: &[(
                "maxFrameAverageLightLevel 1200",
                "the greatest luminance is 1000 cd/m²",
            )],
            told: Parameters {
                max_cll: None,
                max_fall: None,
                ..typical
            },
            ..Rule::default()
        },
        // Without a greatest luminance there is no range.
        Rule {
            says: metadata(0.0, 800.0, 200.0),
            told: Parameters {
                mastering_luminance: None,
                ..typical
            },
            ..Rule::default()
        },
        // In version 1 levels end where the space does.
        Rule {
            versions: 2..=3,
            says: metadata(0.0, 12_000.0, 200.0),
            told: Parameters {
                mastering_luminance: None,
                max_cll: Some(12_000),
                ..typical
            },
            ..Rule::default()
        },
        Rule {
            versions: 1..=1,
            says: metadata(0.0, 12_000.0, 200.0),
            left_out: &[(
                "maxContentLightLevel 12000",
                "the greatest luminance is 10000 cd/m²",
            )],
            told: Parameters {
                mastering_luminance: None,
                max_cll: None,
                ..typical
            },
            ..Rule::default()
        },
        Rule {
            says: sound.min_luminance(2000.0),
            left_out: &[(
                "minLuminance 2000, maxLuminance 1000",
                "the greatest is not above the least",
            )],
            told: Parameters {
                mastering_luminance: None,
                ..typical
            },
            ..Rule::default()
        },
        Rule {
            says: sound.max_luminance(f32::NAN),
            left_out: &[("maxLuminance NaN", "these are no luminances")],
            told: Parameters {
                mastering_luminance: None,
                ..typical
            },
            ..Rule::default()
        },
        Rule {
            says: with_primaries(sound, (1.5, 0.292)),
            left_out: &[(
                "displayPrimaries and whitePoint (1.5, 0.292)",
                "not all of them are colours",
            )],
            ..Rule::default()
        },
        Rule {
            says: with_primaries(sound, (0.3, 0.4)),
            left_out: &[(
                "displayPrimaries and whitePoint (0.3, 0.4)",
                "the primaries do not span the white",
            )],
            ..Rule::default()
        },
        // What needs a feature.
        Rule {
            without: &[MASTERING, EXTENDED],
            says: with_primaries(sound, (0.708, 0.292)),
            left_out: &[
                (
                    "displayPrimaries and whitePoint (0.708, 0.292)",
                    "the compositor takes no mastering display",
                ),
                (
                    "minLuminance 0.005, maxLuminance 1000",
                    "the compositor takes no mastering display",
                ),
            ],
            told: Parameters {
                mastering_luminance: None,
                ..typical
            },
            ..Rule::default()
        },
        Rule {
            says: with_primaries(metadata(12_000.0, 800.0, 200.0), (0.73, 0.27)),
            told: Parameters {
                mastering_primaries: Some([(730_000, 270_000), BT2020[1], BT2020[2], BT2020[3]]),
                mastering_luminance: Some((50, 12_000)),
                ..typical
            },
            ..Rule::default()
        },
        Rule {
            without: &[EXTENDED],
            says: with_primaries(metadata(12_000.0, 800.0, 200.0), (0.73, 0.27)),
            left_out: &[
                (
                    "displayPrimaries and whitePoint (0.73, 0.27)",
                    "the compositor takes no colours beyond those of the colour space",
                ),
                (
                    "minLuminance 0.005, maxLuminance 12000",
                    "the colour space ends at 10000 cd/m², and the compositor takes nothing beyond",
                ),
            ],
            told: Parameters {
                mastering_luminance: None,
                ..typical
            },
            ..Rule::default()
        },
        // A display that is darker than the space is said to be.
        Rule {
            says: sound.min_luminance(0.0001),
            told: Parameters {
                mastering_luminance: Some((1, 1000)),
                ..typical
            },
            ..Rule::default()
        },
        Rule {
            without: &[EXTENDED],
            says: sound.min_luminance(0.0001),
            ..Rule::default()
        },
    ]
}

/// One line for each value says which, and why; the rest is told, and the compositor has nothing against it.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn what_would_be_refused_is_left_out_and_logged() {
    let _watchdog = watch();
    let device = device();
    let left_out = "metadata that the compositor is not told";
    for rule in rules() {
        for version in rule.versions {
            let mut colour = Colour {
                version,
                ..Colour::default()
            };
            colour
                .features
                .retain(|feature| !rule.without.contains(feature));
            let ((), log) = captured(|| {
                let play = Play::new(&device, Some(colour));
                let mut swapchain = play.swapchain(HDR10);
                for _ in 0..2 {
                    play.set(&[(&swapchain, rule.says)]);
                    let colours = play.colours(&mut swapchain);
                    let told = Encoding::Parametric(rule.told);
                    assert_eq!(colours, Some(told), "version {version}");
                }
                drop(swapchain);
                play.end();
            });
            assert!(!log.contains("refuses"), "{log}");
            let lines: Vec<_> = log.lines().filter(|line| line.contains(left_out)).collect();
            assert_eq!(lines.len(), rule.left_out.len(), "{log}");
            for (line, (value, why)) in lines.into_iter().zip(rule.left_out) {
                assert!(line.contains(value) && line.contains(why), "{log}");
            }
        }
    }
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn scrgb_takes_metadata_where_the_compositor_knows_its_parts() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let mut swapchain = play.swapchain(SCRGB);
    assert_eq!(play.colours(&mut swapchain), Some(Encoding::WindowsScrgb));
    play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
    let Some(Encoding::Parametric(parameters)) = play.colours(&mut swapchain) else {
        panic!("not by its parts");
    };
    let linear = named(Primaries::Srgb, TransferFunction::ExtLinear);
    assert_eq!(
        parameters,
        Parameters {
            luminances: Some((0, 80, 203)),
            mastering_primaries: parameters.mastering_primaries,
            mastering_luminance: Some((50, 1000)),
            max_cll: Some(800),
            max_fall: Some(200),
            ..linear
        }
    );
    drop(swapchain);
    play.end();
}

/// Once more without metadata, then as sRGB; no present fails.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_refusal_is_survived() {
    let _watchdog = watch();
    let device = device();
    let plain = Encoding::Parametric(hdr10());
    let refusing = |verdict| Colour {
        verdict,
        ..Colour::default()
    };
    let ((), log) = captured(|| {
        let verdict = Verdict::OnlyPlain(Cause::Unsupported);
        let play = Play::new(&device, Some(refusing(verdict)));
        let mut swapchain = play.swapchain(HDR10);
        play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
        for _ in 0..3 {
            assert_eq!(play.colours(&mut swapchain), Some(plain));
        }
        drop(swapchain);
        play.end();
    });
    assert_eq!(log.matches("refuses the HDR metadata").count(), 1, "{log}");
    assert!(!log.contains("shown as sRGB"), "{log}");

    for cause in [Cause::Unsupported, Cause::OperatingSystem] {
        let ((), log) = captured(|| {
            let verdict = Verdict::Failed(cause);
            let play = Play::new(&device, Some(refusing(verdict)));
            let mut swapchain = play.swapchain(HDR10);
            for _ in 0..3 {
                assert_eq!(play.colours(&mut swapchain), None);
            }
            play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
            assert_eq!(play.colours(&mut swapchain), None);
            // Who asks again may be heard.
            play.compositor.judge_descriptions(Verdict::Ready);
            let mut next = play.replace(&swapchain, HDR10);
            drop(swapchain);
            assert_eq!(play.colours(&mut next), Some(plain));
            drop(next);
            play.end();
        });
        assert!(log.contains("shown as sRGB"), "{log}");
        assert!(log.contains(&format!("{cause:?}")), "{log}");
    }
}

/// A compositor that takes its time holds up nobody who presents.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn no_present_waits_for_a_description() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(
        &device,
        Some(Colour {
            verdict: Verdict::Later,
            ..Colour::default()
        }),
    );
    let quick = |swapchain: &mut Swapchain, expected| {
        let begun = Instant::now();
        for _ in 0..3 {
            assert_eq!(play.colours(swapchain), expected);
        }
        let took = begun.elapsed();
        assert!(took < Duration::from_millis(500), "{took:?}");
    };
    // A new swapchain waits, but not for ever.
    let begun = Instant::now();
    let mut swapchain = play.swapchain(HDR10);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    quick(&mut swapchain, None);
    play.compositor.decide(None);
    let plain = Some(Encoding::Parametric(hdr10()));
    settle(&play, &mut swapchain, plain);
    quick(&mut swapchain, plain);

    // Metadata that is late: what was said before is said until then.
    play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
    quick(&mut swapchain, plain);
    let begun = Instant::now();
    play.set(&[(&swapchain, metadata(600.0, 500.0, 100.0))]);
    assert!(begun.elapsed() < Duration::from_millis(80), "waits again");
    // Nobody wants the first one any more.
    play.compositor.decide(None);
    play.compositor.decide(None);
    let newest = Some(told(600, 500, 100));
    settle(&play, &mut swapchain, newest);
    quick(&mut swapchain, newest);

    // One that fails late.
    play.set(&[(&swapchain, metadata(300.0, 200.0, 100.0))]);
    play.compositor.decide(Some(Cause::Unsupported));
    settle(&play, &mut swapchain, plain);
    drop(swapchain);
    play.end();
}

/// Frames until the colours are these: the compositor's word is dispatched when somebody does.
fn settle(play: &Play, swapchain: &mut Swapchain, expected: Option<Encoding>) {
    let mut last = None;
    for _ in 0..2_000 {
        last = play.colours(swapchain);
        if last == expected {
            return;
        }
    }
    panic!("{last:?} for 2,000 frames");
}

/// "If a wp_color_management_surface_v1 object already exists for the given wl_surface, the protocol error
/// surface_exists is raised."
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn old_and_new_swapchains_share_one_object() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let plain = Encoding::Parametric(hdr10());
    let mut old = play.swapchain(HDR10);
    assert_eq!(play.colours(&mut old), Some(plain));
    let held = old.acquire_and_wait(u64::MAX).unwrap();
    let mut new = play.replace(&old, SCRGB);
    assert_eq!(play.objects(), 1);
    assert_eq!(play.colours(&mut new), Some(Encoding::WindowsScrgb));
    // What was acquired may still be presented, in its own colours.
    old.draw_and_present(held).unwrap();
    let commit = play.compositor.next_commit();
    assert_eq!(commit.colour.unwrap().description.encoding, plain);
    assert_eq!(play.colours(&mut new), Some(Encoding::WindowsScrgb));
    let mut third = play.replace(&new, HDR10);
    drop(old);
    drop(new);
    assert_eq!(play.objects(), 1);
    assert_eq!(play.colours(&mut third), Some(plain));
    drop(third);
    assert_eq!(play.objects(), 0);
    play.end();
}

/// An application that describes the surface itself must find it without our object, and gets it back as it
/// was.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn who_is_told_nothing_of_takes_the_object_away() {
    let _watchdog = watch();
    let device = device();
    for untold in [SRGB, PASS_THROUGH] {
        let play = Play::new(&device, Some(Colour::default()));
        let mut old = play.swapchain(HDR10);
        play.frame(&mut old);
        let held = old.acquire_and_wait(u64::MAX).unwrap();
        let mut new = play.replace(&old, untold);
        // Though the old one lives.
        assert_eq!(play.objects(), 0);
        assert_eq!(play.colours(&mut new), None);
        old.draw_and_present(held).unwrap();
        assert_eq!(play.compositor.next_commit().colour, None);
        let mut third = play.replace(&new, HDR10);
        assert_eq!(play.objects(), 1);
        assert!(play.colours(&mut third).is_some());
        drop((old, new, third));
        assert_eq!(play.objects(), 0);
        play.end();
    }
}

/// To these it is left: the layer touches nothing of theirs.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn who_describes_the_surface_is_not_disturbed() {
    let _watchdog = watch();
    let device = device();
    let its_own = Some(Encoding::Parametric(named(
        Primaries::DisplayP3,
        TransferFunction::Hlg,
    )));
    let describe = |play: &Play| {
        let window = play.surface.window();
        window.describe(colour::Primaries::DisplayP3, colour::TransferFunction::Hlg)
    };
    for untold in [PASS_THROUGH, SRGB] {
        let play = Play::new(&device, Some(Colour::default()));
        // Whether before there is a swapchain, or while there is one.
        let before = describe(&play);
        let mut old = play.swapchain(untold);
        assert_eq!(play.colours(&mut old), its_own);
        play.set(&[(&old, metadata(1000.0, 800.0, 200.0))]);
        assert_eq!(play.colours(&mut old), its_own);
        before.destroy();
        assert_eq!(play.colours(&mut old), None);
        let after = describe(&play);
        let mut new = play.replace(&old, untold);
        assert_eq!(play.colours(&mut new), its_own);
        drop((old, new));
        assert_eq!(play.objects(), 1);
        after.destroy();
        play.end();
    }
}

/// Who has us describe the surface *and* does so itself breaks the protocol, and nobody can tell before: the
/// compositor ends the connection, and the process lives on.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn who_describes_the_surface_twice_loses_it() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let window = play.surface.window();
    window.describe(colour::Primaries::DisplayP3, colour::TransferFunction::Hlg);
    let made = Swapchain::new(&device, &play.surface, play.wanted(HDR10));
    assert_eq!(made.err(), Some(vk::Result::ERROR_SURFACE_LOST_KHR));
    let errors = play.compositor.protocol_errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let why = "the surface has a wp_color_management_surface_v1";
    assert!(format!("{errors:?}").contains(why), "{errors:?}");
}

/// "oldSwapchain [...] associated with native window referred to by surface": of another `VkSurfaceKHR`.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn two_vulkan_surfaces_of_one_window_share_one_object() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let window = play.surface.window();
    let create_info = vk::WaylandSurfaceCreateInfoKHR::default()
        .display(window.display_ptr())
        .surface(window.surface_ptr());
    let functions = &device.instance.wayland_surface;
    // SAFETY: display and surface are the window's, which is alive.
    let second = unsafe { functions.create_wayland_surface(&create_info, None) }.unwrap();
    let mut old = play.swapchain(HDR10);
    play.frame(&mut old);
    let wanted = Wanted {
        old: old.raw,
        ..play.wanted(SCRGB)
    };
    let surface = &play.surface;
    let mut new =
        Swapchain::changed(&device, surface, wanted, |info| info.surface = second).unwrap();
    assert_eq!(play.objects(), 1);
    assert_eq!(play.colours(&mut new), Some(Encoding::WindowsScrgb));
    drop((old, new));
    // SAFETY: nothing that was made from it is left.
    unsafe { device.instance.surface.destroy_surface(second, None) };
    play.end();
}

/// What the compositor would like better is its own affair, and a manager that goes takes nothing along.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn other_news_of_colours_change_nothing() {
    let _watchdog = watch();
    let device = device();
    let play = Play::new(&device, Some(Colour::default()));
    let mut swapchain = play.swapchain(HDR10);
    let plain = Some(Encoding::Parametric(hdr10()));
    assert_eq!(play.colours(&mut swapchain), plain);
    play.compositor.prefer(play.surface(), hdr10());
    assert_eq!(play.colours(&mut swapchain), plain);
    play.compositor.misbehave().withdraw_color_manager();
    play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
    assert_eq!(play.colours(&mut swapchain), Some(told(1000, 800, 200)));
    let mut next = play.replace(&swapchain, SCRGB);
    drop(swapchain);
    assert_eq!(play.colours(&mut next), Some(Encoding::WindowsScrgb));
    drop(next);
    // A surface that is made now knows of no colours.
    let window = Window::open_at(play.compositor.connect());
    let other = Surface::of_window(&device.instance, window);
    let formats = other.formats(device.physical).unwrap();
    assert!(
        formats
            .iter()
            .all(|one| [SRGB, PASS_THROUGH].contains(&one.color_space))
    );
    drop(other);
    play.end();
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_compositor_that_vanishes_is_a_lost_surface() {
    let _watchdog = watch();
    let device = device();
    for lost_in_creation in [true, false] {
        let play = Play::new(
            &device,
            Some(Colour {
                verdict: Verdict::Later,
                ..Colour::default()
            }),
        );
        let client = play.compositor.clients()[0];
        let wanted = play.wanted(HDR10);
        let made = std::thread::scope(|scope| {
            let making = scope.spawn(|| Swapchain::new(&device, &play.surface, wanted));
            if lost_in_creation {
                while play.compositor.undecided_count() == 0 {
                    std::thread::yield_now();
                }
                play.compositor.disconnect(client);
            }
            making.join().unwrap()
        });
        let error = match made {
            Err(error) => error,
            Ok(mut swapchain) => {
                play.compositor.disconnect(client);
                play.set(&[(&swapchain, metadata(1000.0, 800.0, 200.0))]);
                swapchain.frame().expect_err("a frame without a compositor")
            }
        };
        assert_eq!(error, vk::Result::ERROR_SURFACE_LOST_KHR);
        device.wait_idle().unwrap();
    }
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
