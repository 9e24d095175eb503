//! HDR metadata (`VK_EXT_hdr_metadata`): which colours an application really uses.
//!
//! "The metadata does not override or otherwise influence the color space and color encoding" (Vulkan
//! specification, vkSetHdrMetadataEXT). It helps the compositor where it has to fit the image to a
//! display that can show less. A compositor ends the connection of a client that contradicts itself; so
//! what it would refuse is left out here, by the rules of `wp_image_description_creator_params_v1`.

use std::fmt;

use super::{
    description::{BT2020, Description, Encoding, Gamut, SRGB, Volume},
    support::{Feature, Primaries, Support},
};

/// A colour by its CIE 1931 x and y.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Chromaticity {
    pub x: f32,
    pub y: f32,
}

/// An application's metadata. Zero means unset ("undefined" by CTA-861).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Metadata {
    /// The red primary of the display on which the content was mastered.
    pub red: Chromaticity,
    /// The green one.
    pub green: Chromaticity,
    /// The blue one.
    pub blue: Chromaticity,
    /// Its white.
    pub white: Chromaticity,
    /// Its greatest luminance in cd/m².
    pub max_luminance: f32,
    /// Its least luminance in cd/m².
    pub min_luminance: f32,
    /// The luminance of the brightest pixel in cd/m².
    pub max_cll: f32,
    /// The mean luminance of the brightest frame in cd/m².
    pub max_fall: f32,
}

/// A part of the metadata that the compositor is not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Which, by the name of the structure's field, and its value.
    pub value: String,
    /// Why not.
    pub why: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.value, self.why)
    }
}

impl LeftOut {
    fn new(value: String, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { value, why }
    }

    /// All of it, because the description of the colour space is the compositor's own.
    pub(super) fn everything() -> Self {
        Self::new(
            "all of it".to_owned(),
            "the compositor describes scRGB only as a whole",
        )
    }
}

/// By how much a mastering display's primary may lie outside of the colour space without being left out,
/// in millionths: Display P3's red does so by 1,700 in BT.2020, and half of all content was mastered in it.
const SLACK: f64 = 5_000.0;

impl Metadata {
    /// Whether everything is unset.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the other one is the same, NaN included.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let bits = |of: &Self| {
            let colours = [of.red, of.green, of.blue, of.white];
            let luminances = [of.max_luminance, of.min_luminance, of.max_cll, of.max_fall];
            (
                colours.map(|colour| (colour.x.to_bits(), colour.y.to_bits())),
                luminances.map(f32::to_bits),
            )
        };
        bits(self) == bits(other)
    }

    /// The part of it that the compositor accepts for images of this description, and what is left out.
    pub(super) fn volume(&self, plain: &Description, support: &Support) -> (Volume, Vec<LeftOut>) {
        let mut left_out = Vec::new();
        let takes_mastering = support.has(Feature::SetMasteringDisplayPrimaries);
        let beyond = support.has(Feature::ExtendedTargetVolume);
        let primaries = leave(
            &mut left_out,
            self.primaries(plain, takes_mastering, beyond),
        );
        let luminance = leave(
            &mut left_out,
            self.luminance(plain, takes_mastering, beyond),
        );
        // "In version 1 […] when max_cll is set, it must be greater than min L and less or equal to max L of
        // the mastering luminance range", which is that of the colour space where none is set. Version 2 allows
        // it; but a value that the mastering display could not show is no measurement.
        let range = match luminance.or(plain.volume.luminance) {
            Some(range) => Some(range),
            None if support.version < 2 => plain.encoding.luminances(),
            None => None,
        };
        let level = |name, value| level(name, value, range);
        let max_cll = leave(&mut left_out, level("maxContentLightLevel", self.max_cll));
        let max_fall = level("maxFrameAverageLightLevel", self.max_fall);
        let max_fall = leave(
            &mut left_out,
            max_fall.and_then(|fall| match (fall, max_cll) {
                (Some(fall), Some(cll)) if fall > cll => Err(LeftOut::new(
                    format!("maxFrameAverageLightLevel {}", self.max_fall),
                    format!("no frame is brighter than its brightest pixel, {cll} cd/m²"),
                )),
                _ => Ok(fall),
            }),
        );
        let volume = Volume {
            primaries,
            luminance,
            max_cll,
            max_fall,
        };
        (volume, left_out)
    }

    fn primaries(
        &self,
        plain: &Description,
        takes_mastering: bool,
        beyond: bool,
    ) -> Result<Option<Gamut>, LeftOut> {
        let colours = [self.red, self.green, self.blue, self.white];
        if colours == [Chromaticity::default(); 4] {
            return Ok(None);
        }
        let refuse = |why: &str| {
            let all = colours.map(|colour| format!("({}, {})", colour.x, colour.y));
            let value = format!("displayPrimaries and whitePoint {}", all.join(" "));
            Err(LeftOut::new(value, why))
        };
        if !takes_mastering {
            return refuse("the compositor takes no mastering display");
        }
        let is_colour = |colour: &Chromaticity| {
            let parts = [colour.x, colour.y];
            // Not NaN, too. Without y the colour has no luminance.
            parts.iter().all(|part| (0.0..=1.0).contains(part)) && colour.y > 0.0
        };
        if !colours.iter().all(is_colour) {
            return refuse("not all of them are colours");
        }
        let scaled = colours.map(|colour| (millionths(colour.x), millionths(colour.y)));
        // Also where two of them, or all, lie on one line.
        if !is_inside(scaled[3], &scaled, 0.0) || area(&scaled) < SLACK * SLACK {
            return refuse("the primaries do not span the white");
        }
        let container = match plain.encoding {
            Encoding::Parametric {
                primaries: Primaries::Bt2020,
                ..
            } => BT2020,
            _ => SRGB,
        };
        let inside = |colour: &(i32, i32)| is_inside(*colour, &container, SLACK);
        if !beyond && !scaled.iter().all(inside) {
            return refuse("the compositor takes no colours beyond those of the colour space");
        }
        Ok(Some(scaled))
    }

    fn luminance(
        &self,
        plain: &Description,
        takes_mastering: bool,
        beyond: bool,
    ) -> Result<Option<(u32, u32)>, LeftOut> {
        let (least, greatest) = (self.min_luminance, self.max_luminance);
        // "min" alone cannot be passed on: a range has two ends.
        if greatest == 0.0 {
            return Ok(None);
        }
        let refuse = |why: String| {
            let value = format!("minLuminance {least}, maxLuminance {greatest}");
            Err(LeftOut::new(value, why))
        };
        if !takes_mastering {
            return refuse("the compositor takes no mastering display".to_owned());
        }
        let (Some(lower), Some(upper)) = (units(least, 10_000.0), units(greatest, 1.0)) else {
            return refuse("these are no luminances".to_owned());
        };
        let limits = plain.encoding.luminances().filter(|_| !beyond);
        // Much content was mastered on displays darker than the space's minimum, 0.005 cd/m² with ST 2084: the
        // difference is invisible.
        let lower = limits.map_or(lower, |(darkest, _)| lower.max(darkest));
        if u64::from(upper) * 10_000 <= u64::from(lower) {
            return refuse("the greatest is not above the least".to_owned());
        }
        if let Some((_, limit)) = limits
            && upper > limit
        {
            return refuse(format!(
                "the colour space ends at {limit} cd/m², and the compositor takes nothing beyond"
            ));
        }
        Ok(Some((lower, upper)))
    }
}

/// A part that can be passed on; otherwise adds it to what is left out.
fn leave<T>(left_out: &mut Vec<LeftOut>, part: Result<Option<T>, LeftOut>) -> Option<T> {
    part.unwrap_or_else(|why| {
        left_out.push(why);
        None
    })
}

/// A light level in cd/m², within this range.
fn level(name: &str, value: f32, range: Option<(u32, u32)>) -> Result<Option<u32>, LeftOut> {
    if value == 0.0 {
        return Ok(None);
    }
    let refuse = |why: String| Err(LeftOut::new(format!("{name} {value}"), why));
    let level = match units(value, 1.0) {
        // Less than half a unit counts as unset.
        Some(0) => return Ok(None),
        Some(level) => level,
        None => return refuse("this is no luminance".to_owned()),
    };
    match range {
        Some((_, greatest)) if level > greatest => {
            refuse(format!("the greatest luminance is {greatest} cd/m²"))
        }
        Some((least, _)) if u64::from(level) * 10_000 <= u64::from(least) => {
            let least = f64::from(least) / 10_000.0;
            refuse(format!("the least luminance is {least} cd/m²"))
        }
        _ => Ok(Some(level)),
    }
}

fn millionths(part: f32) -> i32 {
    (f64::from(part) * 1e6).round() as i32
}

/// A luminance in these parts of a cd/m², rounded; `None` if it is none.
fn units(luminance: f32, parts: f64) -> Option<u32> {
    let scaled = (f64::from(luminance) * parts).round();
    // Not NaN, too.
    (0.0..=f64::from(u32::MAX))
        .contains(&scaled)
        .then_some(scaled as u32)
}

/// Twice the area of the primaries' triangle; positive if they go round against the clock, as red, green
/// and blue do.
fn area(gamut: &Gamut) -> f64 {
    let [red, green, blue, _] = *gamut;
    side(red, green, blue)
}

/// On which side of the line from `from` to `to` the point is: positive to the left.
fn side(from: (i32, i32), to: (i32, i32), point: (i32, i32)) -> f64 {
    let vector = |to: (i32, i32)| (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let (line, point) = (vector(to), vector(point));
    line.0 * point.1 - line.1 * point.0
}

/// Whether the point is inside of the triangle, or outside by no more than the slack.
fn is_inside(point: (i32, i32), gamut: &Gamut, slack: f64) -> bool {
    let [red, green, blue, _] = *gamut;
    [(red, green), (green, blue), (blue, red)]
        .into_iter()
        .all(|(from, to)| {
            let length = f64::from(to.0 - from.0).hypot(f64::from(to.1 - from.1));
            side(from, to, point) >= -slack * length
        })
}
