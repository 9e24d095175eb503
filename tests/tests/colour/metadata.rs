//! HDR metadata: when it is in force, and what of it the compositor is told.

use std::ops::RangeInclusive;

use ash::vk;
use wayfence_test_compositor::{
    Colour, Encoding, Feature, Parameters, Primaries, TransferFunction,
};
use wayfence_tests::stderr::captured;

use crate::play::{HDR10, Play, SCRGB, SRGB, device, hdr10, metadata, named, told, watch};

/// Before the first frame, between frames, and removed again; each description is requested once.
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

    // With a null array there is nothing to read.
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

/// Metadata of an application, and what the compositor is told of it.
struct Rule {
    /// The versions of the protocol.
    versions: RangeInclusive<u32>,
    /// What the compositor lacks.
    without: &'static [Feature],
    says: vk::HdrMetadataEXT<'static>,
    /// What is left out, as the log says it: which value, and why.
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

/// The same with the primaries of a display: this red, the rest of BT.2020.
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
        // Without a maximum luminance there is no range.
        Rule {
            says: metadata(0.0, 800.0, 200.0),
            told: Parameters {
                mastering_luminance: None,
                ..typical
            },
            ..Rule::default()
        },
        // In version 1 levels must lie within the space.
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
        // Values that need a feature.
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
        // A display darker than the space is told as such.
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

/// The log names each value that is left out, and why. The compositor gets the rest, and accepts it.
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
                    let told = Some(Encoding::Parametric(rule.told));
                    let colours = play.colours(&mut swapchain);
                    assert_eq!(colours, told, "version {version}");
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
