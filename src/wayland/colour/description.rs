//! Image descriptions.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::support::{Primaries, TransferFunction};

/// What the values of an image mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Primaries and transfer function by name.
    Parametric {
        /// The primaries.
        primaries: Primaries,
        /// The transfer function.
        transfer: TransferFunction,
        /// The least luminance in 0.0001 cd/m², the greatest and that of the reference white in cd/m²;
        /// without, those that the transfer function implies.
        luminances: Option<(u32, u32, u32)>,
    },
    /// The compositor's own description of Windows' scRGB.
    WindowsScrgb,
}

/// The parameters of an image description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// What the values mean.
    pub encoding: Encoding,
    /// Which of those colours are really used.
    pub volume: Volume,
}

impl Encoding {
    /// The luminances of a description without a volume: the least in 0.0001 cd/m², the greatest in cd/m²
    /// (`wp_color_manager_v1.transfer_function`, `set_luminances`); `None` where that is not known.
    pub(super) fn luminances(self) -> Option<(u32, u32)> {
        match self {
            Encoding::Parametric {
                luminances: Some((least, greatest, _)),
                ..
            } => Some((least, greatest)),
            Encoding::Parametric { transfer, .. } => match transfer {
                TransferFunction::St2084Pq => Some((50, 10_000)),
                TransferFunction::Hlg => Some((50, 1_000)),
                TransferFunction::Bt1886 => Some((100, 100)),
                _ => Some((2_000, 80)),
            },
            Encoding::WindowsScrgb => None,
        }
    }
}

/// Red, green, blue and white, in millionths of x and y.
pub type Gamut = [(i32, i32); 4];

/// The volume of used colours, in the protocol's units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The primaries and the white of the mastering display.
    pub primaries: Option<Gamut>,
    /// Its least luminance in 0.0001 cd/m², and its greatest in cd/m².
    pub luminance: Option<(u32, u32)>,
    /// The luminance of the brightest pixel in cd/m².
    pub max_cll: Option<u32>,
    /// The mean luminance of the brightest frame in cd/m².
    pub max_fall: Option<u32>,
}

/// For people: `mastered for 0.0001 to 1000 cd/m², MaxCLL 800, MaxFALL 200`.
impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mastered = self.luminance.map(|(least, greatest)| {
            format!(
                "mastered for {} to {greatest} cd/m²",
                f64::from(least) / 10_000.0
            )
        });
        let primaries = self.primaries.map(|gamut| {
            let part = |part: i32| f64::from(part) / 1e6;
            let colours = gamut.map(|(x, y)| format!("({}, {})", part(x), part(y)));
            format!("primaries {}", colours.join(" "))
        });
        let level = |name: &str, level: Option<u32>| level.map(|level| format!("{name} {level}"));
        let parts = [
            mastered,
            level("MaxCLL", self.max_cll),
            level("MaxFALL", self.max_fall),
            primaries,
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// The colours of sRGB.
pub(super) const SRGB: Gamut = [
    (640_000, 330_000),
    (300_000, 600_000),
    (150_000, 60_000),
    (312_700, 329_000),
];
/// The colours of BT.2020.
pub(super) const BT2020: Gamut = [
    (708_000, 292_000),
    (170_000, 797_000),
    (131_000, 46_000),
    (312_700, 329_000),
];

impl Volume {
    /// The same, with another's values where it has none.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            primaries: self.primaries.or(other.primaries),
            luminance: self.luminance.or(other.luminance),
            max_cll: self.max_cll.or(other.max_cll),
            max_fall: self.max_fall.or(other.max_fall),
        }
    }
}
