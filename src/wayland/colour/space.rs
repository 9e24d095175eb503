//! The table of colour spaces.

use std::fmt;

use ash::vk;

use super::{
    description::{BT2020, Description, Encoding, Volume},
    metadata::{LeftOut, Metadata},
    support::{Feature, Primaries, RenderIntent, Support, TransferFunction},
};
use crate::wayland::format::Format;

/// A colour space of Vulkan's that a compositor may be able to show.
#[derive(Debug, Clone, Copy)]
pub struct Space {
    /// Its name.
    pub vk: vk::ColorSpaceKHR,
    meaning: Meaning,
    /// Whether HDR metadata applies to it.
    pub takes_metadata: bool,
}

/// How a colour space is described.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    /// Not at all.
    Untold,
    /// These primaries, with the first of these transfer functions that it knows.
    Named(Primaries, &'static [TransferFunction]),
    /// Windows' scRGB: linear, 1.0 is 80 cd/m², and values outside of 0.0 to 1.0 are valid.
    Scrgb,
}

/// Every space that may be offered, in the order in which applications see them: many take the first.
pub fn all() -> &'static [Space] {
    SPACES
}

/// The entry of a Vulkan colour space; `None` if no compositor could show it.
pub fn from_vk(space: vk::ColorSpaceKHR) -> Option<&'static Space> {
    SPACES.iter().find(|entry| entry.vk == space)
}

impl Space {
    /// Whether it has no description.
    pub fn is_untold(&self) -> bool {
        matches!(self.meaning, Meaning::Untold)
    }

    /// Those of the formats that make sense in it, in the order in which applications see them.
    pub fn formats(&self, formats: impl Iterator<Item = Format>) -> Vec<Format> {
        let mut formats: Vec<_> = formats.filter(|format| self.suits(format)).collect();
        // Stable: equally good ones keep their order.
        formats.sort_by_key(|format| std::cmp::Reverse(self.merit(format)));
        formats
    }

    /// A format that encodes what is rendered for sRGB makes sense where the compositor decodes it so.
    fn suits(&self, format: &Format) -> bool {
        !format.is_srgb()
            || match self.meaning {
                Meaning::Untold => true,
                Meaning::Named(_, transfers) => transfers == SRGB,
                Meaning::Scrgb => false,
            }
    }

    /// How many of a format's bits are useful: 8 or 10 for spaces made for these, all for linear values.
    fn merit(&self, format: &Format) -> u32 {
        let wanted = match self.meaning {
            Meaning::Untold => return 0,
            Meaning::Scrgb => u32::MAX,
            Meaning::Named(_, transfers) if transfers == LINEAR => u32::MAX,
            Meaning::Named(Primaries::Bt2020, _) => 10,
            Meaning::Named(..) => return 0,
        };
        format.bits().min(wanted)
    }

    /// Whether a compositor with this support can show it; `None`: one without colour management.
    pub fn is_offered(&self, support: Option<&Support>) -> bool {
        self.is_untold() || support.is_some_and(|support| self.describe(support).is_some())
    }

    /// The description of images in this space without metadata. `None` if there is none, or the compositor
    /// does not support it.
    pub fn describe(&self, support: &Support) -> Option<Description> {
        // "Compositors must support the perceptual rendering intent": a compositor without it cannot be used.
        if !support.intents.contains(&RenderIntent::Perceptual) {
            return None;
        }
        match self.meaning {
            Meaning::Untold => None,
            Meaning::Scrgb if support.has(Feature::WindowsScrgb) => Some(Description {
                encoding: Encoding::WindowsScrgb,
                volume: Volume::default(),
            }),
            Meaning::Scrgb => parametric_scrgb(support),
            Meaning::Named(primaries, transfers) => {
                let transfer = parametric(support, primaries, transfers)?;
                Some(Description {
                    encoding: Encoding::Parametric {
                        primaries,
                        transfer,
                        luminances: None,
                    },
                    volume: Volume::default(),
                })
            }
        }
    }

    /// The same with metadata, and the parts of it that are left out.
    pub fn describe_with(
        &self,
        metadata: &Metadata,
        support: &Support,
    ) -> Option<(Description, Vec<LeftOut>)> {
        let plain = self.describe(support)?;
        if !self.takes_metadata || metadata.is_empty() {
            return Some((plain, Vec::new()));
        }
        let plain = match plain.encoding {
            Encoding::Parametric { .. } => plain,
            // This description is the compositor's own, without a volume.
            Encoding::WindowsScrgb => match parametric_scrgb(support) {
                Some(parametric) => parametric,
                None => return Some((plain, vec![LeftOut::everything()])),
            },
        };
        let (volume, left_out) = metadata.volume(&plain, support);
        if volume == Volume::default() {
            // Nothing is left that needs another description.
            return Some((self.describe(support)?, left_out));
        }
        Some((
            Description {
                volume: volume.or(plain.volume),
                ..plain
            },
            left_out,
        ))
    }
}

/// Its name without prefix and suffix: `HDR10_ST2084`.
impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{:?}", self.vk);
        let name = name.strip_suffix("_EXT").unwrap_or(&name);
        f.write_str(name)
    }
}

/// The first of the transfer functions, if the compositor knows it and the primaries by name.
fn parametric(
    support: &Support,
    primaries: Primaries,
    transfers: &[TransferFunction],
) -> Option<TransferFunction> {
    if !support.has(Feature::Parametric) || !support.primaries.contains(&primaries) {
        return None;
    }
    let mut transfers = transfers.iter().copied();
    transfers.find(|transfer| support.transfer_functions.contains(transfer))
}

/// scRGB by its parameters, as the text of `create_windows_scrgb` gives them: 1.0 is 80 cd/m², and the
/// reference white, if one "must be assumed", is 203 cd/m². The used colours may be all of BT.2020's up to
/// 10,000 cd/m².
fn parametric_scrgb(support: &Support) -> Option<Description> {
    let primaries = Primaries::Srgb;
    let transfer = parametric(support, primaries, &[TransferFunction::ExtLinear])?;
    let beyond = [
        Feature::ExtendedTargetVolume,
        Feature::SetMasteringDisplayPrimaries,
    ];
    if !beyond.iter().all(|feature| support.has(*feature)) {
        return None;
    }
    let luminances = support.has(Feature::SetLuminances).then_some((0, 80, 203));
    Some(Description {
        encoding: Encoding::Parametric {
            primaries,
            transfer,
            luminances,
        },
        volume: Volume {
            primaries: Some(BT2020),
            luminance: Some((0, 10_000)),
            ..Volume::default()
        },
    })
}

/// The piece-wise function of IEC 61966-2-1: since version 2 under a name that says for which displays, in
/// version 1 under one that did not. Compositors without either show surfaces without a description with a
/// gamma of 2.2, which comes nearest.
pub(super) const SRGB: &[TransferFunction] = &[
    TransferFunction::CompoundPower24,
    TransferFunction::Srgb,
    TransferFunction::Gamma22,
];
const LINEAR: &[TransferFunction] = &[TransferFunction::ExtLinear];

/// Left out are `ADOBERGB_NONLINEAR` and `EXTENDED_SRGB_NONLINEAR`, for which the protocol has no exact
/// transfer function; `DCI_P3_NONLINEAR`, which is XYZ; `DOLBYVISION`, which is deprecated; and
/// `DISPLAY_NATIVE_AMD`, which is the driver's.
const SPACES: &[Space] = &[
    untold(vk::ColorSpaceKHR::SRGB_NONLINEAR),
    named(
        vk::ColorSpaceKHR::DISPLAY_P3_NONLINEAR_EXT,
        Primaries::DisplayP3,
        SRGB,
    ),
    Space {
        vk: vk::ColorSpaceKHR::EXTENDED_SRGB_LINEAR_EXT,
        meaning: Meaning::Scrgb,
        takes_metadata: true,
    },
    named(
        vk::ColorSpaceKHR::DISPLAY_P3_LINEAR_EXT,
        Primaries::DisplayP3,
        LINEAR,
    ),
    named(vk::ColorSpaceKHR::BT709_LINEAR_EXT, Primaries::Srgb, LINEAR),
    named(
        vk::ColorSpaceKHR::BT709_NONLINEAR_EXT,
        Primaries::Srgb,
        &[TransferFunction::Bt1886],
    ),
    named(
        vk::ColorSpaceKHR::BT2020_LINEAR_EXT,
        Primaries::Bt2020,
        LINEAR,
    ),
    hdr(
        vk::ColorSpaceKHR::HDR10_ST2084_EXT,
        &[TransferFunction::St2084Pq],
    ),
    hdr(vk::ColorSpaceKHR::HDR10_HLG_EXT, &[TransferFunction::Hlg]),
    named(
        vk::ColorSpaceKHR::ADOBERGB_LINEAR_EXT,
        Primaries::AdobeRgb,
        LINEAR,
    ),
    untold(vk::ColorSpaceKHR::PASS_THROUGH_EXT),
];

const fn untold(vk: vk::ColorSpaceKHR) -> Space {
    Space {
        vk,
        meaning: Meaning::Untold,
        takes_metadata: false,
    }
}

const fn named(
    vk: vk::ColorSpaceKHR,
    primaries: Primaries,
    transfers: &'static [TransferFunction],
) -> Space {
    Space {
        vk,
        meaning: Meaning::Named(primaries, transfers),
        takes_metadata: false,
    }
}

const fn hdr(vk: vk::ColorSpaceKHR, transfers: &'static [TransferFunction]) -> Space {
    Space {
        vk,
        meaning: Meaning::Named(Primaries::Bt2020, transfers),
        takes_metadata: true,
    }
}
