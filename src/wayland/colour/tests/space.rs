//! Which spaces are offered, and how they are described.

use ash::vk;

use crate::wayland::colour::{
    Description, Encoding, Feature, Metadata, Primaries, RenderIntent, Space, Support,
    TransferFunction, Volume, all, description::BT2020, from_vk, space::SRGB,
};

fn everything() -> Support {
    Support {
        version: 3,
        intents: vec![RenderIntent::Perceptual],
        features: vec![
            Feature::Parametric,
            Feature::SetLuminances,
            Feature::SetMasteringDisplayPrimaries,
            Feature::ExtendedTargetVolume,
            Feature::WindowsScrgb,
        ],
        transfer_functions: vec![
            TransferFunction::Gamma22,
            TransferFunction::CompoundPower24,
            TransferFunction::Bt1886,
            TransferFunction::ExtLinear,
            TransferFunction::St2084Pq,
            TransferFunction::Hlg,
        ],
        primaries: vec![
            Primaries::Srgb,
            Primaries::DisplayP3,
            Primaries::Bt2020,
            Primaries::AdobeRgb,
        ],
    }
}

fn without<T: PartialEq>(from: &mut Vec<T>, what: T) {
    from.retain(|entry| *entry != what);
}

fn offered(support: &Support) -> Vec<String> {
    let spaces = all().iter();
    spaces
        .filter(|space| space.is_offered(Some(support)))
        .map(ToString::to_string)
        .collect()
}

fn space(vk: vk::ColorSpaceKHR) -> &'static Space {
    from_vk(vk).unwrap()
}

#[test]
fn a_space_has_one_entry() {
    for (index, space) in all().iter().enumerate() {
        let first = all().iter().position(|other| other.vk == space.vk);
        assert_eq!(first, Some(index), "{space}");
    }
    assert_eq!(all()[0].vk, vk::ColorSpaceKHR::SRGB_NONLINEAR);
    for never in [
        vk::ColorSpaceKHR::ADOBERGB_NONLINEAR_EXT,
        vk::ColorSpaceKHR::DOLBYVISION_EXT,
        vk::ColorSpaceKHR::DISPLAY_NATIVE_AMD,
    ] {
        assert!(from_vk(never).is_none(), "{never:?}");
    }
}

#[test]
fn a_compositor_that_knows_of_no_colours_is_told_nothing() {
    let offered: Vec<_> = all()
        .iter()
        .filter(|space| space.is_offered(None))
        .collect();
    let names: Vec<_> = offered.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["SRGB_NONLINEAR", "PASS_THROUGH"]);
    for space in offered {
        assert_eq!(space.describe(&everything()), None);
    }
}

#[test]
fn a_space_is_offered_where_its_parts_are() {
    assert_eq!(offered(&everything()).len(), all().len());
    let mut support = everything();
    without(&mut support.primaries, Primaries::Bt2020);
    without(&mut support.transfer_functions, TransferFunction::Bt1886);
    assert_eq!(
        offered(&support),
        [
            "SRGB_NONLINEAR",
            "DISPLAY_P3_NONLINEAR",
            "EXTENDED_SRGB_LINEAR",
            "DISPLAY_P3_LINEAR",
            "BT709_LINEAR",
            "ADOBERGB_LINEAR",
            "PASS_THROUGH",
        ]
    );
    without(&mut support.features, Feature::Parametric);
    assert_eq!(
        offered(&support),
        ["SRGB_NONLINEAR", "EXTENDED_SRGB_LINEAR", "PASS_THROUGH"]
    );
    let mut support = everything();
    support.intents.clear();
    assert_eq!(offered(&support), ["SRGB_NONLINEAR", "PASS_THROUGH"]);
}

#[test]
fn formats_come_in_the_order_of_their_use() {
    use crate::wayland::format;
    let first = |name: vk::ColorSpaceKHR| {
        let formats = space(name).formats(format::all().iter().copied());
        format!("{} {}", formats.len(), formats[0])
    };
    let all = format::all().len();
    let encoded = format::all().iter().filter(|format| format.is_srgb());
    let plain = all - encoded.count();
    for untold in [
        vk::ColorSpaceKHR::SRGB_NONLINEAR,
        vk::ColorSpaceKHR::PASS_THROUGH_EXT,
        vk::ColorSpaceKHR::DISPLAY_P3_NONLINEAR_EXT,
    ] {
        assert_eq!(first(untold), format!("{all} B8G8R8A8_UNORM"));
    }
    for hdr in [
        vk::ColorSpaceKHR::HDR10_ST2084_EXT,
        vk::ColorSpaceKHR::HDR10_HLG_EXT,
    ] {
        assert_eq!(first(hdr), format!("{plain} A2R10G10B10_UNORM_PACK32"));
    }
    for linear in [
        vk::ColorSpaceKHR::EXTENDED_SRGB_LINEAR_EXT,
        vk::ColorSpaceKHR::BT2020_LINEAR_EXT,
    ] {
        assert_eq!(first(linear), format!("{plain} R16G16B16A16_SFLOAT"));
    }
    let bt709 = first(vk::ColorSpaceKHR::BT709_NONLINEAR_EXT);
    assert_eq!(bt709, format!("{plain} B8G8R8A8_UNORM"));
}

#[test]
fn the_exact_transfer_function_goes_before_the_near_one() {
    let p3 = space(vk::ColorSpaceKHR::DISPLAY_P3_NONLINEAR_EXT);
    let mut support = everything();
    support.transfer_functions.push(TransferFunction::Srgb);
    for expected in SRGB {
        let Some(Description {
            encoding: Encoding::Parametric { transfer, .. },
            ..
        }) = p3.describe(&support)
        else {
            panic!("{:?}", p3.describe(&support));
        };
        assert_eq!(transfer, *expected);
        without(&mut support.transfer_functions, transfer);
    }
    assert_eq!(p3.describe(&support), None);
}

#[test]
fn scrgb_needs_a_volume_beyond_its_primaries() {
    let scrgb = space(vk::ColorSpaceKHR::EXTENDED_SRGB_LINEAR_EXT);
    let mut support = everything();
    let encoding = |support: &Support| scrgb.describe(support).map(|it| it.encoding);
    assert_eq!(encoding(&support), Some(Encoding::WindowsScrgb));
    without(&mut support.features, Feature::WindowsScrgb);
    let described = scrgb.describe(&support).unwrap();
    assert_eq!(
        described.encoding,
        Encoding::Parametric {
            primaries: Primaries::Srgb,
            transfer: TransferFunction::ExtLinear,
            luminances: Some((0, 80, 203)),
        }
    );
    assert_eq!(described.volume.luminance, Some((0, 10_000)));
    without(&mut support.features, Feature::SetLuminances);
    assert!(matches!(
        encoding(&support),
        Some(Encoding::Parametric {
            luminances: None,
            ..
        })
    ));
    without(&mut support.features, Feature::ExtendedTargetVolume);
    assert_eq!(encoding(&support), None);
}

#[test]
fn metadata_changes_what_takes_it() {
    let metadata = Metadata {
        max_luminance: 600.0,
        ..Metadata::default()
    };
    for space in all() {
        let plain = space.describe(&everything());
        let with = space.describe_with(&metadata, &everything());
        let changed = plain != with.clone().map(|(description, _)| description);
        assert_eq!(changed, space.takes_metadata, "{space}");
        let nothing = space.describe_with(&Metadata::default(), &everything());
        assert_eq!(nothing.map(|(description, _)| description), plain);
    }
}

/// What the metadata does not say of it is as before.
#[test]
fn scrgb_with_metadata_is_described_by_its_parameters() {
    let scrgb = space(vk::ColorSpaceKHR::EXTENDED_SRGB_LINEAR_EXT);
    let metadata = Metadata {
        max_cll: 400.0,
        ..Metadata::default()
    };
    let (described, left_out) = scrgb.describe_with(&metadata, &everything()).unwrap();
    assert!(left_out.is_empty(), "{left_out:?}");
    assert!(matches!(described.encoding, Encoding::Parametric { .. }));
    assert_eq!(
        described.volume,
        Volume {
            primaries: Some(BT2020),
            luminance: Some((0, 10_000)),
            max_cll: Some(400),
            max_fall: None,
        }
    );
    let mut support = everything();
    without(&mut support.features, Feature::ExtendedTargetVolume);
    let (described, left_out) = scrgb.describe_with(&metadata, &support).unwrap();
    assert_eq!(described.encoding, Encoding::WindowsScrgb);
    assert_eq!(left_out.len(), 1);
}
