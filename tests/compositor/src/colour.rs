//! What `wp_color_manager_v1` offers, and the image descriptions that clients make of it.

use std::sync::Arc;

use wayland_protocols::wp::color_management::v1::server::{
    wp_color_manager_v1, wp_image_description_v1,
};
pub use wp_color_manager_v1::{Feature, Primaries, RenderIntent, TransferFunction};
pub use wp_image_description_v1::Cause;

/// `wp_color_manager_v1`: its version and what it supports.
///
/// Names that the version of a client's object lacks are not sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colour {
    /// 1 to 3.
    pub version: u32,
    /// The rendering intents.
    pub intents: Vec<RenderIntent>,
    /// Everything but [`Feature::IccV2V4`].
    pub features: Vec<Feature>,
    /// The transfer functions that have names.
    pub transfer_functions: Vec<TransferFunction>,
    /// The primaries that have names.
    pub primaries: Vec<Primaries>,
    /// How a client hears whether a description of its own can be used.
    pub verdict: Verdict,
    /// What the output is, and what is preferred for each surface at first.
    pub preferred: Parameters,
}

impl Default for Colour {
    /// Everything in the newest version, for an sRGB display.
    fn default() -> Self {
        Self {
            version: 3,
            intents: vec![RenderIntent::Perceptual, RenderIntent::Relative],
            features: vec![
                Feature::Parametric,
                Feature::SetPrimaries,
                Feature::SetTfPower,
                Feature::SetLuminances,
                Feature::SetMasteringDisplayPrimaries,
                Feature::ExtendedTargetVolume,
                Feature::WindowsScrgb,
                Feature::WindowsBt2100,
            ],
            transfer_functions: vec![
                TransferFunction::Bt1886,
                TransferFunction::Gamma22,
                TransferFunction::ExtLinear,
                TransferFunction::Srgb,
                TransferFunction::St2084Pq,
                TransferFunction::Hlg,
                TransferFunction::CompoundPower24,
            ],
            primaries: vec![
                Primaries::Srgb,
                Primaries::Bt2020,
                Primaries::DisplayP3,
                Primaries::AdobeRgb,
            ],
            verdict: Verdict::Ready,
            preferred: Parameters {
                primaries: Some(Gamut::Named(Primaries::Srgb)),
                transfer: Some(Transfer::Named(TransferFunction::Gamma22)),
                ..Parameters::default()
            },
        }
    }
}

impl Colour {
    /// Whether an object of this version offers the feature.
    pub(crate) fn has(&self, feature: Feature, version: u32) -> bool {
        // "create_windows_bt2100" is of version 3.
        let since = match feature {
            Feature::WindowsBt2100 => 3,
            _ => 1,
        };
        version >= since && self.features.contains(&feature)
    }

    /// Whether an object of this version offers the transfer function.
    pub(crate) fn has_transfer(&self, function: TransferFunction, version: u32) -> bool {
        // "A compositor must not advertise transfer functions that are deprecated in the bound version".
        let known = match function {
            TransferFunction::Srgb | TransferFunction::ExtSrgb => version < 2,
            TransferFunction::CompoundPower24 => version >= 2,
            _ => true,
        };
        known && self.transfer_functions.contains(&function)
    }

    /// Whether an object of this version offers the intent.
    pub(crate) fn has_intent(&self, intent: RenderIntent, version: u32) -> bool {
        let since = match intent {
            RenderIntent::AbsoluteNoAdaptation => 2,
            _ => 1,
        };
        version >= since && self.intents.contains(&intent)
    }
}

/// How a client hears whether a description of its own can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// At once: it can.
    #[default]
    Ready,
    /// At once: it cannot.
    Failed(Cause),
    /// At once: it cannot if it says anything beside primaries and transfer function.
    OnlyPlain(Cause),
    /// When the test decides ([`Compositor::decide`](crate::Compositor::decide)).
    Later,
}

/// One image description. Two that are the same have the same number.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageDescription {
    /// Its identity.
    pub identity: u64,
    /// What it says.
    pub encoding: Encoding,
}

/// What an image description says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    /// These parameters.
    Parametric(Parameters),
    /// `create_windows_scrgb`.
    WindowsScrgb,
    /// `create_windows_bt2100`.
    WindowsBt2100,
}

/// What a `wp_image_description_creator_params_v1` collects, as the protocol scales it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The primary colour volume.
    pub primaries: Option<Gamut>,
    /// The transfer characteristic.
    pub transfer: Option<Transfer>,
    /// `set_luminances`: the least in 0.0001 cd/m², the greatest and the reference white in cd/m².
    pub luminances: Option<(u32, u32, u32)>,
    /// `set_mastering_display_primaries`.
    pub mastering_primaries: Option<Chromaticities>,
    /// `set_mastering_luminance`: the least in 0.0001 cd/m², the greatest in cd/m².
    pub mastering_luminance: Option<(u32, u32)>,
    /// cd/m².
    pub max_cll: Option<u32>,
    /// cd/m².
    pub max_fall: Option<u32>,
}

impl Parameters {
    /// Whether it says nothing beside primaries and transfer function.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = Self {
            primaries: self.primaries,
            transfer: self.transfer,
            ..Self::default()
        };
        *self == plain
    }
}

/// Primaries and white point, in millionths of CIE 1931 xy: red, green, blue, white.
pub type Chromaticities = [(i32, i32); 4];

/// Primaries, by name or by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Gamut {
    Named(Primaries),
    Given(Chromaticities),
}

/// A transfer characteristic, by name or as a power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// By name.
    Named(TransferFunction),
    /// The exponent in ten-thousandths.
    Power(u32),
}

/// The colour of a surface's content, as it is in force with a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceColour {
    /// What its values mean.
    pub description: Arc<ImageDescription>,
    /// How they are to be shown elsewhere.
    pub intent: RenderIntent,
}
