//! Which metadata compositors are told.

use ash::vk;

use crate::wayland::colour::{
    Chromaticity, Feature, LeftOut, Metadata, Primaries, RenderIntent, Support, TransferFunction,
    Volume, from_vk,
};

const P3: [Chromaticity; 4] = [
    Chromaticity { x: 0.680, y: 0.320 },
    Chromaticity { x: 0.265, y: 0.690 },
    Chromaticity { x: 0.150, y: 0.060 },
    Chromaticity {
        x: 0.3127,
        y: 0.3290,
    },
];

fn mastered_in(colours: [Chromaticity; 4]) -> Metadata {
    let [red, green, blue, white] = colours;
    Metadata {
        red,
        green,
        blue,
        white,
        ..typical()
    }
}

fn typical() -> Metadata {
    Metadata {
        max_luminance: 1000.0,
        min_luminance: 0.0001,
        max_cll: 800.0,
        max_fall: 200.0,
        ..Metadata::default()
    }
}

fn support(features: &[Feature]) -> Support {
    let mut all = vec![Feature::Parametric];
    all.extend(features);
    Support {
        version: 2,
        intents: vec![RenderIntent::Perceptual],
        features: all,
        transfer_functions: vec![
            TransferFunction::St2084Pq,
            TransferFunction::Hlg,
            TransferFunction::ExtLinear,
        ],
        primaries: vec![Primaries::Bt2020, Primaries::Srgb],
    }
}

const MASTERING: Feature = Feature::SetMasteringDisplayPrimaries;

fn told(
    space: vk::ColorSpaceKHR,
    metadata: &Metadata,
    support: &Support,
) -> (Volume, Vec<LeftOut>) {
    let space = from_vk(space).unwrap();
    let (description, left_out) = space.describe_with(metadata, support).unwrap();
    (description.volume, left_out)
}

fn hdr10(metadata: &Metadata) -> (Volume, Vec<LeftOut>) {
    let space = vk::ColorSpaceKHR::HDR10_ST2084_EXT;
    told(space, metadata, &support(&[MASTERING]))
}

#[test]
fn what_is_sound_is_told() {
    let (volume, left_out) = hdr10(&mastered_in(P3));
    assert!(left_out.is_empty(), "{left_out:?}");
    assert_eq!(
        volume,
        Volume {
            primaries: Some([
                (680_000, 320_000),
                (265_000, 690_000),
                (150_000, 60_000),
                (312_700, 329_000),
            ]),
            // ST 2084 begins there, and this compositor takes nothing beyond.
            luminance: Some((50, 1000)),
            max_cll: Some(800),
            max_fall: Some(200),
        }
    );
}

#[test]
fn zero_says_nothing() {
    assert_eq!(hdr10(&Metadata::default()), Default::default());
    let least_only = Metadata {
        min_luminance: 0.05,
        ..Metadata::default()
    };
    assert_eq!(hdr10(&least_only), Default::default());
    let (volume, left_out) = hdr10(&Metadata {
        max_luminance: 0.0,
        ..typical()
    });
    assert!(left_out.is_empty(), "{left_out:?}");
    assert_eq!(volume.luminance, None);
    assert_eq!(volume.max_cll, Some(800));
}

/// One value is left out, and nothing else: what it is called, and why.
fn assert_left_out(metadata: &Metadata, name: &str, why: &str) {
    let (volume, left_out) = hdr10(metadata);
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    assert!(left_out[0].value.contains(name), "{left_out:?}");
    assert!(left_out[0].why.contains(why), "{left_out:?}");
    let parts = [
        ("displayPrimaries", volume.primaries.is_none()),
        ("maxLuminance", volume.luminance.is_none()),
        ("maxContentLightLevel", volume.max_cll.is_none()),
        ("maxFrameAverageLightLevel", volume.max_fall.is_none()),
    ];
    for (part, missing) in parts {
        assert_eq!(missing, name == part, "{part} of {volume:?}");
    }
}

#[test]
fn levels_that_contradict_one_another_are_left_out() {
    let with = |change: fn(&mut Metadata)| {
        let mut metadata = mastered_in(P3);
        change(&mut metadata);
        metadata
    };
    assert_left_out(
        &with(|it| it.max_cll = 1200.0),
        "maxContentLightLevel",
        "1000 cd/m²",
    );
    assert_left_out(
        &with(|it| it.max_fall = 801.0),
        "maxFrameAverageLightLevel",
        "800 cd/m²",
    );
    assert_left_out(
        &with(|it| it.max_fall = f32::NAN),
        "maxFrameAverageLightLevel",
        "no luminance",
    );
    assert_left_out(
        &with(|it| it.max_cll = -1.0),
        "maxContentLightLevel",
        "no luminance",
    );
    assert_left_out(
        &with(|it| it.max_cll = f32::INFINITY),
        "maxContentLightLevel",
        "no luminance",
    );
    assert_left_out(
        &with(|it| it.min_luminance = 1000.0),
        "maxLuminance",
        "not above",
    );
    assert_left_out(
        &with(|it| it.min_luminance = f32::NAN),
        "maxLuminance",
        "no luminances",
    );
    assert_left_out(
        &with(|it| it.max_luminance = 12_000.0),
        "maxLuminance",
        "ends at 10000",
    );
}

#[test]
fn a_dark_level_is_left_out_below_the_least_luminance() {
    let (volume, left_out) = hdr10(&Metadata {
        min_luminance: 2.0,
        max_luminance: 100.0,
        max_cll: 2.0,
        ..Metadata::default()
    });
    assert_eq!(volume.max_cll, None);
    assert_eq!(left_out[0].why, "the least luminance is 2 cd/m²");
}

#[test]
fn primaries_that_are_none_are_left_out() {
    let with = |index: usize, x, y| {
        let mut colours = P3;
        colours[index] = Chromaticity { x, y };
        mastered_in(colours)
    };
    let name = "displayPrimaries";
    assert_left_out(&with(0, f32::NAN, 0.3), name, "colours");
    assert_left_out(&with(1, 1.5, 0.3), name, "colours");
    assert_left_out(&with(2, 0.15, 0.0), name, "colours");
    assert_left_out(&with(3, 0.0, 0.0), name, "colours");
    assert_left_out(&with(3, 0.9, 0.05), name, "span");
    let mut turned = P3;
    turned.swap(0, 1);
    assert_left_out(&mastered_in(turned), name, "span");
    assert_left_out(&mastered_in([P3[3]; 4]), name, "span");
}

#[test]
fn colours_beyond_the_space_need_a_compositor_that_takes_them() {
    // ACES' primaries, of which two are none that anybody could see.
    let wide = [
        Chromaticity { x: 0.713, y: 0.293 },
        Chromaticity { x: 0.165, y: 0.830 },
        Chromaticity { x: 0.128, y: 0.044 },
        P3[3],
    ];
    assert_left_out(&mastered_in(wide), "displayPrimaries", "beyond");
    let space = vk::ColorSpaceKHR::HDR10_ST2084_EXT;
    let support = support(&[MASTERING, Feature::ExtendedTargetVolume]);
    let (volume, left_out) = told(space, &mastered_in(wide), &support);
    assert!(left_out.is_empty(), "{left_out:?}");
    assert!(volume.primaries.is_some());
    // So do luminances.
    assert_eq!(volume.luminance, Some((1, 1000)));
    let bright = Metadata {
        max_luminance: 4000.0,
        ..Metadata::default()
    };
    let space = vk::ColorSpaceKHR::HDR10_HLG_EXT;
    let (volume, left_out) = told(space, &bright, &support);
    assert!(left_out.is_empty(), "{left_out:?}");
    assert_eq!(volume.luminance, Some((0, 4000)));
    let (volume, left_out) = told(space, &bright, &self::support(&[MASTERING]));
    assert_eq!(volume, Volume::default());
    assert!(left_out[0].why.contains("ends at 1000"), "{left_out:?}");
}

#[test]
fn a_mastering_display_needs_a_compositor_that_takes_one() {
    let space = vk::ColorSpaceKHR::HDR10_ST2084_EXT;
    let (volume, left_out) = told(space, &mastered_in(P3), &support(&[]));
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert_eq!(
        volume,
        Volume {
            max_cll: Some(800),
            max_fall: Some(200),
            ..Volume::default()
        }
    );
}

/// The protocol's first version has a rule that later ones lack.
#[test]
fn in_version_1_levels_end_where_the_colour_space_does() {
    let bright = Metadata {
        max_cll: 1200.0,
        ..Metadata::default()
    };
    let space = vk::ColorSpaceKHR::HDR10_HLG_EXT;
    let mut support = support(&[]);
    assert_eq!(told(space, &bright, &support).0.max_cll, Some(1200));
    support.version = 1;
    let (volume, left_out) = told(space, &bright, &support);
    assert_eq!(volume.max_cll, None);
    assert!(left_out[0].why.contains("1000 cd/m²"), "{left_out:?}");
}

#[test]
fn a_line_says_which_value_and_why() {
    let (_, left_out) = hdr10(&Metadata {
        max_fall: 801.0,
        ..typical()
    });
    assert_eq!(
        left_out[0].to_string(),
        "maxFrameAverageLightLevel 801: no frame is brighter than its brightest pixel, 800 cd/m²"
    );
}
