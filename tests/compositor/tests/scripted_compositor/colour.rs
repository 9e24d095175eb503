//! Colour management: what is offered, which description a commit carries, and what ends a client.

use wayfence_test_compositor::{
    Cause, Colour, Compositor, Encoding, Feature, Gamut, Offer, Parameters, RenderIntent, Transfer,
    Verdict,
};
use wayland_client::protocol::wl_output::WlOutput;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::color_management::v1::client::wp_color_management_surface_feedback_v1::{
    self, WpColorManagementSurfaceFeedbackV1,
};
use wayland_protocols::wp::color_management::v1::client::wp_color_management_surface_v1::{
    self, WpColorManagementSurfaceV1,
};
use wayland_protocols::wp::color_management::v1::client::wp_color_manager_v1::{
    self, Primaries, RenderIntent as Intent, TransferFunction, WpColorManagerV1,
};
use wayland_protocols::wp::color_management::v1::client::wp_image_description_creator_params_v1::{
    self, WpImageDescriptionCreatorParamsV1,
};
use wayland_protocols::wp::color_management::v1::client::wp_image_description_info_v1::WpImageDescriptionInfoV1;
use wayland_protocols::wp::color_management::v1::client::wp_image_description_v1::{
    self, WpImageDescriptionV1,
};

use crate::client::{Client, commit};

fn offering(colour: Colour) -> Compositor {
    Compositor::new(Offer {
        colour: Some(colour),
        ..Offer::default()
    })
}

/// A client that has bound the manager, and a surface of its with a colour.
struct Painter {
    client: Client,
    manager: WpColorManagerV1,
    surface: WlSurface,
    colour: WpColorManagementSurfaceV1,
}

impl Painter {
    fn new(test: &Compositor) -> Self {
        Self::at(test, 3)
    }

    fn at(test: &Compositor, version: u32) -> Self {
        let client = Client::new(test);
        let manager: WpColorManagerV1 = client.bind_at(version);
        let surface = client.surface();
        let colour = manager.get_surface(&surface, &client.handle(), ());
        Self {
            client,
            manager,
            surface,
            colour,
        }
    }

    fn creator(&self) -> WpImageDescriptionCreatorParamsV1 {
        self.manager
            .create_parametric_creator(&self.client.handle(), ())
    }

    /// HDR10, without metadata, so far.
    fn hdr10(&self) -> WpImageDescriptionCreatorParamsV1 {
        let creator = self.creator();
        creator.set_primaries_named(Primaries::Bt2020);
        creator.set_tf_named(TransferFunction::St2084Pq);
        creator
    }

    fn create(&self, creator: &WpImageDescriptionCreatorParamsV1) -> WpImageDescriptionV1 {
        creator.create(&self.client.handle(), ())
    }

    fn heard(&mut self, description: &WpImageDescriptionV1) -> Vec<String> {
        self.client.roundtrip();
        self.client.events_of(description)
    }

    fn commit(&self) {
        commit(&self.surface, &self.client.buffer());
    }
}

const HDR10: Parameters = Parameters {
    primaries: Some(Gamut::Named(wayfence_test_compositor::Primaries::Bt2020)),
    transfer: Some(Transfer::Named(
        wayfence_test_compositor::TransferFunction::St2084Pq,
    )),
    luminances: None,
    mastering_primaries: None,
    mastering_luminance: None,
    max_cll: None,
    max_fall: None,
};

#[test]
fn a_version_is_told_what_it_knows() {
    let test = offering(Colour::default());
    let mut client = Client::new(&test);
    let told = |client: &mut Client, version| {
        let manager: WpColorManagerV1 = client.bind_at(version);
        client.roundtrip();
        let events = client.events_of(&manager);
        assert_eq!(events.last().unwrap(), "Done");
        events.join(" ")
    };
    for (version, has, lacks) in [
        (1, "Value(Srgb) } Supp", "CompoundPower24"),
        (2, "CompoundPower24", "WindowsBt2100"),
        (3, "WindowsBt2100", "Icc"),
    ] {
        let told = told(&mut client, version);
        assert!(told.contains(has), "{version}: {told}");
        assert!(!told.contains(lacks), "{version}: {told}");
        for always in ["Perceptual", "St2084Pq", "DisplayP3", "WindowsScrgb"] {
            assert!(told.contains(always), "{version}: {told}");
        }
    }
    let new = told(&mut client, 2);
    assert!(
        !new.contains("SupportedTfNamed { tf: Value(Srgb) }"),
        "{new}"
    );
}

#[test]
fn a_description_is_in_force_from_the_commit_that_follows() {
    let test = offering(Colour::default());
    let mut painter = Painter::new(&test);
    let creator = painter.hdr10();
    creator.set_luminances(50, 10_000, 203);
    creator.set_mastering_display_primaries(1, 2, 3, 4, 5, 6, 7, 8);
    creator.set_mastering_luminance(1, 1000);
    creator.set_max_cll(900);
    creator.set_max_fall(400);
    let description = painter.create(&creator);
    let told = painter.heard(&description);
    let parameters = Parameters {
        luminances: Some((50, 10_000, 203)),
        mastering_primaries: Some([(1, 2), (3, 4), (5, 6), (7, 8)]),
        mastering_luminance: Some((1, 1000)),
        max_cll: Some(900),
        max_fall: Some(400),
        ..HDR10
    };
    painter.commit();
    painter
        .colour
        .set_image_description(&description, Intent::Relative);
    // "Setting the image description has copy semantics".
    description.destroy();
    painter.commit();
    painter.commit();
    painter.colour.unset_image_description();
    painter.commit();
    painter.client.roundtrip();
    assert_eq!(test.next_commit().colour, None);
    for _ in 0..2 {
        let colour = test.next_commit().colour.unwrap();
        assert_eq!(colour.intent, RenderIntent::Relative);
        assert_eq!(
            colour.description.encoding,
            Encoding::Parametric(parameters)
        );
        let identity = colour.description.identity;
        assert_eq!(
            told,
            [format!(
                "Ready2 {{ identity_hi: 0, identity_lo: {identity} }}"
            )]
        );
        assert!(test.descriptions().contains(&colour.description));
    }
    assert_eq!(test.next_commit().colour, None);
}

#[test]
fn an_object_that_goes_takes_its_description_along() {
    let test = offering(Colour::default());
    let mut painter = Painter::new(&test);
    let description = painter
        .manager
        .create_windows_scrgb(&painter.client.handle(), ());
    painter.client.roundtrip();
    painter
        .colour
        .set_image_description(&description, Intent::Perceptual);
    painter.commit();
    painter.colour.destroy();
    painter.commit();
    // And makes room for another one.
    let handle = painter.client.handle();
    let colour = painter.manager.get_surface(&painter.surface, &handle, ());
    let description = painter.manager.create_windows_bt2100(&handle, ());
    painter.client.roundtrip();
    colour.set_image_description(&description, Intent::Perceptual);
    painter.commit();
    painter.client.roundtrip();
    let next = || test.next_commit().colour;
    let encoding = |colour: Option<wayfence_test_compositor::SurfaceColour>| {
        colour.map(|colour| colour.description.encoding)
    };
    assert_eq!(encoding(next()), Some(Encoding::WindowsScrgb));
    assert_eq!(next(), None);
    assert_eq!(encoding(next()), Some(Encoding::WindowsBt2100));
}

#[test]
fn the_same_description_has_the_same_number() {
    let test = offering(Colour::default());
    let mut painter = Painter::at(&test, 1);
    let one = painter.create(&painter.hdr10());
    let same = painter.create(&painter.hdr10());
    let creator = painter.hdr10();
    creator.set_max_cll(1);
    let other = painter.create(&creator);
    let (one, same, other) = (
        painter.heard(&one),
        painter.heard(&same),
        painter.heard(&other),
    );
    assert!(one[0].starts_with("Ready { identity: "), "{one:?}");
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert_eq!(test.descriptions().len(), 2);
}

#[test]
fn a_description_may_be_refused_or_decided_on_late() {
    let test = offering(Colour {
        verdict: Verdict::Failed(Cause::OperatingSystem),
        ..Colour::default()
    });
    let mut painter = Painter::new(&test);
    let refused = painter.create(&painter.hdr10());
    let told = painter.heard(&refused);
    assert!(told[0].contains("OperatingSystem"), "{told:?}");

    test.judge_descriptions(Verdict::OnlyPlain(Cause::Unsupported));
    let creator = painter.hdr10();
    creator.set_max_fall(1);
    let refused = painter.create(&creator);
    let taken = painter.create(&painter.hdr10());
    let told = painter.heard(&refused);
    assert!(told[0].contains("Unsupported"), "{told:?}");
    assert!(painter.heard(&taken)[0].starts_with("Ready2"));

    test.judge_descriptions(Verdict::Later);
    let [destroyed, first, second] = [(); 3].map(|()| painter.create(&painter.hdr10()));
    destroyed.destroy();
    assert!(painter.heard(&first).is_empty());
    assert_eq!(test.undecided_count(), 2);
    assert_eq!(test.decide(None).encoding, Encoding::Parametric(HDR10));
    test.decide(Some(Cause::NoOutput));
    assert!(painter.heard(&first)[0].starts_with("Ready2"));
    let told = painter.heard(&second);
    assert!(told[0].contains("NoOutput"), "{told:?}");
    assert_eq!(test.undecided_count(), 0);
}

#[test]
fn what_a_creator_is_told_is_checked() {
    use wp_image_description_creator_params_v1::Error;
    type Tell = fn(&Painter, &WpImageDescriptionCreatorParamsV1);
    let stories: [(u32, Tell, Error); 20] = [
        (
            3,
            |_, creator| creator.set_tf_named(TransferFunction::St2084Pq),
            Error::AlreadySet,
        ),
        (
            3,
            |_, creator| creator.set_tf_power(22_000),
            Error::AlreadySet,
        ),
        (
            3,
            |_, creator| creator.set_tf_power(9_999),
            Error::InvalidTf,
        ),
        (
            3,
            |_, creator| creator.set_tf_power(100_001),
            Error::InvalidTf,
        ),
        (
            3,
            |_, creator| creator.set_tf_named(TransferFunction::St240),
            Error::InvalidTf,
        ),
        // Deprecated, or not known yet.
        (
            2,
            |_, creator| creator.set_tf_named(TransferFunction::Srgb),
            Error::InvalidTf,
        ),
        (
            1,
            |_, creator| creator.set_tf_named(TransferFunction::CompoundPower24),
            Error::InvalidTf,
        ),
        (
            3,
            |_, creator| creator.set_primaries_named(Primaries::PalM),
            Error::InvalidPrimariesNamed,
        ),
        (
            3,
            |_, creator| creator.set_primaries(1, 2, 3, 4, 5, 6, 7, 8),
            Error::AlreadySet,
        ),
        (
            3,
            |_, creator| creator.set_luminances(10_000, 1, 2),
            Error::InvalidLuminance,
        ),
        (
            3,
            |_, creator| creator.set_luminances(10_000, 2, 1),
            Error::InvalidLuminance,
        ),
        (
            3,
            |_, creator| creator.set_mastering_luminance(10_000, 1),
            Error::InvalidLuminance,
        ),
        (
            3,
            |_, creator| creator.set_mastering_luminance(0, 0),
            Error::InvalidLuminance,
        ),
        (
            3,
            |_, creator| {
                creator.set_max_cll(1);
                creator.set_max_cll(1);
            },
            Error::AlreadySet,
        ),
        (
            3,
            |painter, creator| {
                creator.set_max_cll(100);
                creator.set_max_fall(101);
                painter.create(creator);
            },
            Error::InvalidLuminance,
        ),
        (
            1,
            |painter, creator| {
                creator.set_mastering_luminance(0, 1000);
                creator.set_max_cll(1001);
                painter.create(creator);
            },
            Error::InvalidLuminance,
        ),
        (
            1,
            |painter, creator| {
                creator.set_max_fall(10_001);
                painter.create(creator);
            },
            Error::InvalidLuminance,
        ),
        (
            1,
            |painter, creator| {
                creator.set_mastering_luminance(10_000, 1000);
                creator.set_max_fall(1);
                painter.create(creator);
            },
            Error::InvalidLuminance,
        ),
        (
            3,
            |painter, _| drop(painter.create(&painter.creator())),
            Error::IncompleteSet,
        ),
        (
            3,
            |painter, _| {
                let creator = painter.creator();
                creator.set_primaries_named(Primaries::Bt2020);
                painter.create(&creator);
            },
            Error::IncompleteSet,
        ),
    ];
    let test = offering(Colour::default());
    for (version, tell, error) in stories {
        let mut painter = Painter::at(&test, version);
        let creator = painter.hdr10();
        tell(&painter, &creator);
        let interface = "wp_image_description_creator_params_v1";
        painter.client.assert_ended(&test, interface, error);
    }
    // Version 2 has dropped one rule.
    let mut painter = Painter::at(&test, 2);
    let creator = painter.hdr10();
    creator.set_mastering_luminance(0, 1000);
    creator.set_max_cll(1001);
    let description = painter.create(&creator);
    assert!(painter.heard(&description)[0].starts_with("Ready2"));
}

#[test]
fn a_feature_that_is_not_offered_ends_who_uses_it() {
    use wp_color_manager_v1::Error as ManagerError;
    use wp_image_description_creator_params_v1::Error;
    let test = offering(Colour {
        features: vec![Feature::Parametric],
        ..Colour::default()
    });
    let manager = "wp_color_manager_v1";
    let creator = "wp_image_description_creator_params_v1";
    type Use = fn(&Painter);
    let stories: [(Use, &str, u32); 7] = [
        (
            |painter| {
                let handle = painter.client.handle();
                painter.manager.create_windows_scrgb(&handle, ());
            },
            manager,
            ManagerError::UnsupportedFeature.into(),
        ),
        (
            |painter| {
                let handle = painter.client.handle();
                painter.manager.create_windows_bt2100(&handle, ());
            },
            manager,
            ManagerError::UnsupportedFeature.into(),
        ),
        (
            |painter| painter.creator().set_tf_power(22_000),
            creator,
            Error::UnsupportedFeature.into(),
        ),
        (
            |painter| painter.creator().set_primaries(1, 2, 3, 4, 5, 6, 7, 8),
            creator,
            Error::UnsupportedFeature.into(),
        ),
        (
            |painter| painter.creator().set_luminances(0, 1, 1),
            creator,
            Error::UnsupportedFeature.into(),
        ),
        (
            |painter| painter.creator().set_mastering_luminance(0, 1),
            creator,
            Error::UnsupportedFeature.into(),
        ),
        (
            |painter| {
                let creator = painter.creator();
                creator.set_mastering_display_primaries(1, 2, 3, 4, 5, 6, 7, 8);
            },
            creator,
            Error::UnsupportedFeature.into(),
        ),
    ];
    for (use_it, interface, error) in stories {
        let mut painter = Painter::new(&test);
        use_it(&painter);
        painter.client.assert_ended(&test, interface, error);
    }
    let test = offering(Colour {
        features: vec![],
        ..Colour::default()
    });
    let mut painter = Painter::new(&test);
    painter.creator();
    let error = ManagerError::UnsupportedFeature;
    painter.client.assert_ended(&test, manager, error);
}

#[test]
fn a_surfaces_description_is_checked() {
    use wp_color_management_surface_v1::Error;
    let test = offering(Colour {
        verdict: Verdict::Later,
        ..Colour::default()
    });
    let interface = "wp_color_management_surface_v1";
    type Set = fn(&Painter, &WpImageDescriptionV1);
    let stories: [(Set, Error); 4] = [
        (
            // Nobody has said that it can be used.
            |painter, _| {
                let undecided = painter.create(&painter.hdr10());
                let colour = &painter.colour;
                colour.set_image_description(&undecided, Intent::Perceptual);
            },
            Error::ImageDescription,
        ),
        (
            |painter, ready| {
                let colour = &painter.colour;
                colour.set_image_description(ready, Intent::Saturation);
            },
            Error::RenderIntent,
        ),
        (
            |painter, ready| {
                painter.surface.destroy();
                let colour = &painter.colour;
                colour.set_image_description(ready, Intent::Perceptual);
            },
            Error::Inert,
        ),
        (
            |painter, _| {
                painter.surface.destroy();
                painter.colour.unset_image_description();
            },
            Error::Inert,
        ),
    ];
    for (set, error) in stories {
        let mut painter = Painter::new(&test);
        let handle = painter.client.handle();
        let ready = painter.manager.create_windows_scrgb(&handle, ());
        painter.client.roundtrip();
        set(&painter, &ready);
        painter.client.assert_ended(&test, interface, error);
    }
}

#[test]
fn feedback_objects_get_what_is_preferred() {
    let test = offering(Colour::default());
    for version in [1, 2] {
        let mut painter = Painter::at(&test, version);
        let handle = painter.client.handle();
        let feedback = painter
            .manager
            .get_surface_feedback(&painter.surface, &handle, ());
        let output: WlOutput = painter.client.bind();
        let output = painter.manager.get_output(&output, &handle, ());
        let told = |painter: &mut Painter, description: WpImageDescriptionV1| {
            painter.client.roundtrip();
            let handle = painter.client.handle();
            let information: WpImageDescriptionInfoV1 = description.get_information(&handle, ());
            painter.client.roundtrip();
            let events = painter.client.events_of(&information);
            assert_eq!(events.last().unwrap(), "Done");
            events.join(" ")
        };
        for before in [
            feedback.get_preferred(&handle, ()),
            output.get_image_description(&handle, ()),
        ] {
            let before = told(&mut painter, before);
            for part in [
                "Srgb",
                "Gamma22",
                "min_lum: 2000, max_lum: 80, reference_lum: 80",
            ] {
                assert!(before.contains(part), "{before}");
            }
            assert!(!before.contains("Cll"), "{before}");
        }
        let surface = *test
            .surfaces(*test.clients().last().unwrap())
            .last()
            .unwrap();
        let better = Parameters {
            mastering_luminance: Some((10, 600)),
            max_cll: Some(600),
            max_fall: Some(300),
            ..HDR10
        };
        assert_eq!(test.prefer(surface, better), 1);
        painter.client.roundtrip();
        let news = painter.client.events_of(&feedback);
        let name = ["PreferredChanged {", "PreferredChanged2 {"][version as usize - 1];
        assert!(news[0].starts_with(name), "{news:?}");
        let after = told(&mut painter, feedback.get_preferred_parametric(&handle, ()));
        for part in [
            "Bt2020",
            "min_lum: 50, max_lum: 10000, reference_lum: 203",
            "TargetLuminance { min_lum: 10, max_lum: 600 }",
            "TargetMaxCll { max_cll: 600 }",
            "TargetMaxFall { max_fall: 300 }",
        ] {
            assert!(after.contains(part), "{after}");
        }
        feedback.destroy();
        painter.client.roundtrip();
        assert_eq!(test.prefer(surface, better), 0);
    }
}

#[test]
fn only_the_compositors_own_descriptions_have_information() {
    use wp_image_description_v1::Error;
    let test = offering(Colour::default());
    let mut painter = Painter::new(&test);
    let own = painter.create(&painter.hdr10());
    painter.client.roundtrip();
    own.get_information(&painter.client.handle(), ());
    let interface = "wp_image_description_v1";
    painter
        .client
        .assert_ended(&test, interface, Error::NoInformation);

    test.judge_descriptions(Verdict::Later);
    let mut painter = Painter::new(&test);
    let own = painter.create(&painter.hdr10());
    own.get_information(&painter.client.handle(), ());
    painter
        .client
        .assert_ended(&test, interface, Error::NotReady);

    let mut painter = Painter::new(&test);
    let handle = painter.client.handle();
    let feedback: WpColorManagementSurfaceFeedbackV1 =
        painter
            .manager
            .get_surface_feedback(&painter.surface, &handle, ());
    painter.surface.destroy();
    feedback.get_preferred(&handle, ());
    let interface = "wp_color_management_surface_feedback_v1";
    let error = wp_color_management_surface_feedback_v1::Error::Inert;
    painter.client.assert_ended(&test, interface, error);
}

#[test]
fn what_was_made_of_a_withdrawn_manager_stays() {
    let test = offering(Colour::default());
    let mut painter = Painter::new(&test);
    let description = painter.create(&painter.hdr10());
    painter.client.roundtrip();
    test.misbehave().withdraw_color_manager();
    painter
        .colour
        .set_image_description(&description, Intent::Perceptual);
    painter.commit();
    painter.client.roundtrip();
    assert!(test.next_commit().colour.is_some());
    let offers = |client: &Client| {
        let globals = client.globals.contents().clone_list();
        globals
            .iter()
            .any(|global| global.interface == "wp_color_manager_v1")
    };
    assert!(!offers(&painter.client));
    assert!(!offers(&Client::new(&test)));
}
