//! `wp_image_description_v1`: how it is made, when it can be used, and its information.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use wayland_protocols::wp::color_management::v1::server::wp_image_description_creator_params_v1::{
    self as creator, WpImageDescriptionCreatorParamsV1,
};
use wayland_protocols::wp::color_management::v1::server::wp_image_description_info_v1::{
    self, WpImageDescriptionInfoV1,
};
use wayland_protocols::wp::color_management::v1::server::wp_image_description_reference_v1::{
    self, WpImageDescriptionReferenceV1,
};
use wayland_protocols::wp::color_management::v1::server::wp_image_description_v1::{
    self, WpImageDescriptionV1,
};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, New, Resource, WEnum};

use crate::colour::{
    Cause, Chromaticities, Colour, Encoding, Feature, Gamut, ImageDescription, Parameters,
    Primaries, Transfer, TransferFunction, Verdict,
};
use crate::state::{State, protocol_error};

/// A `wp_image_description_v1`.
pub(crate) struct Described {
    pub description: Arc<ImageDescription>,
    is_ready: AtomicBool,
    /// Whether its information may be requested.
    informs: bool,
}

impl Described {
    /// The description, if it can be used.
    pub fn ready(&self) -> Option<&Arc<ImageDescription>> {
        self.is_ready
            .load(Ordering::Relaxed)
            .then_some(&self.description)
    }
}

/// Which description a resource is.
pub(crate) fn described(resource: &WpImageDescriptionV1) -> &Described {
    resource.data().expect("every description has its data")
}

/// Sends that it can be used.
pub(crate) fn tell_ready(resource: &WpImageDescriptionV1) {
    let described = described(resource);
    described.is_ready.store(true, Ordering::Relaxed);
    let identity = described.description.identity;
    if resource.version() >= 2 {
        resource.ready2((identity >> 32) as u32, identity as u32);
    } else {
        resource.ready(identity as u32);
    }
}

impl State {
    /// The compositor's colour offer.
    pub fn colour(&self) -> &Colour {
        self.offer
            .colour
            .as_ref()
            .expect("a client has no object of what is not offered")
    }

    /// The description with these parameters: always the same one.
    pub fn describe(&mut self, encoding: Encoding) -> Arc<ImageDescription> {
        let known = self.descriptions.iter();
        if let Some(known) = known
            .filter(|known| known.encoding == encoding)
            .map(Arc::clone)
            .next()
        {
            return known;
        }
        let description = Arc::new(ImageDescription {
            identity: self.new_id(),
            encoding,
        });
        self.descriptions.push(Arc::clone(&description));
        description
    }

    /// A description that the compositor itself has made: it is ready at once.
    pub fn init_own_description(
        &mut self,
        new: New<WpImageDescriptionV1>,
        encoding: Encoding,
        informs: bool,
        init: &mut DataInit<'_, Self>,
    ) {
        let described = Described {
            description: self.describe(encoding),
            is_ready: AtomicBool::new(false),
            informs,
        };
        tell_ready(&init.init(new, described));
    }

    fn init_description(
        &mut self,
        new: New<WpImageDescriptionV1>,
        parameters: Parameters,
        init: &mut DataInit<'_, Self>,
    ) {
        let described = Described {
            description: self.describe(Encoding::Parametric(parameters)),
            is_ready: AtomicBool::new(false),
            informs: false,
        };
        let resource = init.init(new, described);
        let extended = self.colour().has(Feature::ExtendedTargetVolume, 1);
        if !extended && parameters.exceeds_volume() {
            // "Compositors are recommended to detect this case and fail the image description gracefully".
            resource.failed(Cause::Unsupported, "beyond the colour space".to_owned());
            return;
        }
        match self.verdict {
            Verdict::Ready => tell_ready(&resource),
            Verdict::Failed(cause) => fail(&resource, cause),
            Verdict::OnlyPlain(_) if parameters.is_plain() => tell_ready(&resource),
            Verdict::OnlyPlain(cause) => fail(&resource, cause),
            Verdict::Later => self.undecided.push_back(resource),
        }
    }

    /// Decides on the oldest undecided description, and answers it.
    pub fn decide(&mut self, failure: Option<Cause>) -> Option<Arc<ImageDescription>> {
        // A destroyed one needs no answer.
        self.undecided.retain(Resource::is_alive);
        let resource = self.undecided.pop_front()?;
        match failure {
            None => tell_ready(&resource),
            Some(cause) => fail(&resource, cause),
        }
        Some(Arc::clone(&described(&resource).description))
    }
}

fn fail(resource: &WpImageDescriptionV1, cause: Cause) {
    resource.failed(cause, "as the test wants it".to_owned());
}

/// A property that may be set once.
fn set<T>(resource: &WpImageDescriptionCreatorParamsV1, property: &mut Option<T>, value: T) {
    if property.replace(value).is_some() {
        protocol_error(resource, creator::Error::AlreadySet, "set twice");
    }
}

impl Dispatch<WpImageDescriptionCreatorParamsV1, Mutex<Parameters>> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &WpImageDescriptionCreatorParamsV1,
        request: creator::Request,
        parameters: &Mutex<Parameters>,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use creator::{Error, Request};
        let version = resource.version();
        let colour = state.colour();
        let needs = |feature| {
            let has = colour.has(feature, version);
            if !has {
                let message = format!("{feature:?} is not offered");
                protocol_error(resource, Error::UnsupportedFeature, message);
            }
            has
        };
        let mut parameters = parameters.lock().expect("nobody panics with it");
        match request {
            Request::SetTfNamed { tf } => match tf {
                WEnum::Value(tf) if colour.has_transfer(tf, version) => {
                    set(resource, &mut parameters.transfer, Transfer::Named(tf));
                }
                other => {
                    let message = format!("{other:?} is not offered");
                    protocol_error(resource, Error::InvalidTf, message);
                }
            },
            Request::SetTfPower { eexp } => {
                if !needs(Feature::SetTfPower) {
                } else if (10_000..=100_000).contains(&eexp) {
                    set(resource, &mut parameters.transfer, Transfer::Power(eexp));
                } else {
                    protocol_error(resource, Error::InvalidTf, format!("a power of {eexp}"));
                }
            }
            Request::SetPrimariesNamed { primaries } => match primaries {
                WEnum::Value(named) if colour.primaries.contains(&named) => {
                    set(resource, &mut parameters.primaries, Gamut::Named(named));
                }
                other => {
                    let message = format!("{other:?} are not offered");
                    protocol_error(resource, Error::InvalidPrimariesNamed, message);
                }
            },
            Request::SetPrimaries {
                r_x,
                r_y,
                g_x,
                g_y,
                b_x,
                b_y,
                w_x,
                w_y,
            } => {
                if needs(Feature::SetPrimaries) {
                    let given = [(r_x, r_y), (g_x, g_y), (b_x, b_y), (w_x, w_y)];
                    set(resource, &mut parameters.primaries, Gamut::Given(given));
                }
            }
            Request::SetLuminances {
                min_lum,
                max_lum,
                reference_lum,
            } => {
                if !needs(Feature::SetLuminances) {
                } else if is_above(max_lum, min_lum) && is_above(reference_lum, min_lum) {
                    let luminances = (min_lum, max_lum, reference_lum);
                    set(resource, &mut parameters.luminances, luminances);
                } else {
                    let message = format!("{max_lum} or {reference_lum} over {min_lum}");
                    protocol_error(resource, Error::InvalidLuminance, message);
                }
            }
            Request::SetMasteringDisplayPrimaries {
                r_x,
                r_y,
                g_x,
                g_y,
                b_x,
                b_y,
                w_x,
                w_y,
            } => {
                if needs(Feature::SetMasteringDisplayPrimaries) {
                    let given = [(r_x, r_y), (g_x, g_y), (b_x, b_y), (w_x, w_y)];
                    set(resource, &mut parameters.mastering_primaries, given);
                }
            }
            Request::SetMasteringLuminance { min_lum, max_lum } => {
                if !needs(Feature::SetMasteringDisplayPrimaries) {
                } else if is_above(max_lum, min_lum) {
                    let range = (min_lum, max_lum);
                    set(resource, &mut parameters.mastering_luminance, range);
                } else {
                    let message = format!("{max_lum} over {min_lum}");
                    protocol_error(resource, Error::InvalidLuminance, message);
                }
            }
            Request::SetMaxCll { max_cll } => set(resource, &mut parameters.max_cll, max_cll),
            Request::SetMaxFall { max_fall } => set(resource, &mut parameters.max_fall, max_fall),
            Request::Create { image_description } => {
                let parameters = *parameters;
                // A refused object is still initialised: the client has its id.
                let refused = check(&parameters, version);
                state.init_description(image_description, parameters, init);
                if let Err((error, message)) = refused {
                    protocol_error(resource, error, message);
                }
            }
            other => unreachable!("{other:?}"),
        }
    }
}

/// Whether a luminance in cd/m² is above one in 0.0001 cd/m².
fn is_above(upper: u32, lower: u32) -> bool {
    u64::from(upper) * 10_000 > u64::from(lower)
}

/// Checks all parameters together.
fn check(parameters: &Parameters, version: u32) -> Result<(), (creator::Error, String)> {
    if parameters.primaries.is_none() || parameters.transfer.is_none() {
        let message = format!("{parameters:?}");
        return Err((creator::Error::IncompleteSet, message));
    }
    let (cll, fall) = (parameters.max_cll, parameters.max_fall);
    let refuse = |message: String| Err((creator::Error::InvalidLuminance, message));
    if let (Some(cll), Some(fall)) = (cll, fall)
        && fall > cll
    {
        return refuse(format!("max_fall {fall} over max_cll {cll}"));
    }
    // "In version 1, these following conditions also result in the invalid_luminance protocol error."
    if version == 1
        && let Some((least, greatest)) = parameters.mastering_range()
    {
        for level in [cll, fall].into_iter().flatten() {
            if !is_above(level, least) || level > greatest {
                return refuse(format!("{level} is not in {least} to {greatest}"));
            }
        }
    }
    Ok(())
}

impl Parameters {
    /// "If mastering luminances are not explicitly set, the target color volume is assumed to have the
    /// same min and max luminances as the primary color volume."
    fn mastering_range(&self) -> Option<(u32, u32)> {
        self.mastering_luminance
            .or_else(|| self.volume().map(|(least, greatest, _)| (least, greatest)))
    }

    /// Whether the mastering luminances are beyond those of the primary colour volume. Primaries are not
    /// checked: the protocol sets no limit.
    fn exceeds_volume(&self) -> bool {
        let Some(((least, greatest), volume)) = self.mastering_luminance.zip(self.volume()) else {
            return false;
        };
        least < volume.0 || greatest > volume.1
    }

    /// The luminances of the primary colour volume.
    fn volume(&self) -> Option<(u32, u32, u32)> {
        let implied = match self.transfer? {
            Transfer::Named(TransferFunction::St2084Pq) => (50, 10_000, 203),
            Transfer::Named(TransferFunction::Hlg) => (50, 1_000, 203),
            Transfer::Named(TransferFunction::Bt1886) => (100, 100, 100),
            _ => (2_000, 80, 80),
        };
        Some(self.luminances.unwrap_or(implied))
    }
}

impl Dispatch<WpImageDescriptionV1, Described> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &WpImageDescriptionV1,
        request: wp_image_description_v1::Request,
        described: &Described,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use wp_image_description_v1::{Error, Request};
        match request {
            Request::GetInformation { information } => {
                let information = init.init(information, ());
                let Some(description) = described.ready() else {
                    protocol_error(resource, Error::NotReady, "not ready");
                    return;
                };
                if !described.informs {
                    protocol_error(resource, Error::NoInformation, "of a client's own");
                    return;
                }
                let description = Arc::clone(description);
                state.uninformed.push((information, description));
            }
            Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl State {
    /// Answers requests for information. Not in the request's handler: `done` destroys the object, and
    /// wayland-backend assumes that a request's new object outlives its handler.
    pub fn inform(&mut self) {
        for (information, description) in self.uninformed.drain(..) {
            if let Encoding::Parametric(parameters) = description.encoding {
                inform(&information, &parameters);
            }
            information.done();
        }
    }
}

/// Sends the information of a description.
fn inform(information: &WpImageDescriptionInfoV1, parameters: &Parameters) {
    let primaries = match parameters.primaries {
        Some(Gamut::Named(named)) => {
            information.primaries_named(named);
            chromaticities(named)
        }
        Some(Gamut::Given(given)) => given,
        None => unreachable!("the test says what it prefers"),
    };
    let [(r_x, r_y), (g_x, g_y), (b_x, b_y), (w_x, w_y)] = primaries;
    information.primaries(r_x, r_y, g_x, g_y, b_x, b_y, w_x, w_y);
    match parameters.transfer {
        Some(Transfer::Named(function)) => information.tf_named(function),
        Some(Transfer::Power(exponent)) => information.tf_power(exponent),
        None => unreachable!("the test says what it prefers"),
    }
    let (least, greatest, white) = parameters.volume().expect("there is a transfer function");
    information.luminances(least, greatest, white);
    let target = parameters.mastering_primaries.unwrap_or(primaries);
    let [(r_x, r_y), (g_x, g_y), (b_x, b_y), (w_x, w_y)] = target;
    information.target_primaries(r_x, r_y, g_x, g_y, b_x, b_y, w_x, w_y);
    let (least, greatest) = parameters.mastering_luminance.unwrap_or((least, greatest));
    information.target_luminance(least, greatest);
    if let Some(max_cll) = parameters.max_cll {
        information.target_max_cll(max_cll);
    }
    if let Some(max_fall) = parameters.max_fall {
        information.target_max_fall(max_fall);
    }
}

/// The numbers of those names that a test may prefer.
fn chromaticities(named: Primaries) -> Chromaticities {
    let d65 = (312_700, 329_000);
    match named {
        Primaries::Srgb => [
            (640_000, 330_000),
            (300_000, 600_000),
            (150_000, 60_000),
            d65,
        ],
        Primaries::Bt2020 => [
            (708_000, 292_000),
            (170_000, 797_000),
            (131_000, 46_000),
            d65,
        ],
        Primaries::DisplayP3 => [
            (680_000, 320_000),
            (265_000, 690_000),
            (150_000, 60_000),
            d65,
        ],
        Primaries::AdobeRgb => [
            (640_000, 330_000),
            (210_000, 710_000),
            (150_000, 60_000),
            d65,
        ],
        other => panic!("{other:?} are given by number"),
    }
}

impl Dispatch<WpImageDescriptionInfoV1, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WpImageDescriptionInfoV1,
        request: wp_image_description_info_v1::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        unreachable!("{request:?}");
    }
}

impl Dispatch<WpImageDescriptionReferenceV1, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WpImageDescriptionReferenceV1,
        _: wp_image_description_reference_v1::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        // No protocol of ours makes one.
    }
}
