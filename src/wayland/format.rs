//! Which Vulkan format is which DRM format.
//!
//! A swapchain's format meets this table twice: when the application asks what a surface can show
//! and when the images are offered to the compositor. The choice between the two DRM formats of an
//! entry is the application's `compositeAlpha`: opaque, or blended with what lies beneath.
//!
//! Vulkan names the components of an unpacked format in the order of bytes in memory and those of
//! a packed one (`_PACK16`, `_PACK32`) from the most significant bit (Vulkan specification, 49.1.2
//! "Packed Formats"). DRM names all of them from the most significant bit of a little-endian word
//! (`include/uapi/drm/drm_fourcc.h`: "\[31:0\] x:R:G:B 8:8:8:8 little endian"). So on every machine,
//! whatever its own byte order, `B8G8R8A8` in Vulkan is `ARGB8888` in DRM; the packed formats of
//! this table are right on little-endian machines, the only ones that have such a GPU.

use std::ffi::CStr;
use std::fmt;

use ash::vk;
use drm_fourcc::{DrmFourcc, DrmModifier, DrmVendor};

/// A Vulkan format that a Wayland surface can show, and the DRM formats of the same memory layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// What the application renders to.
    pub vk: vk::Format,
    /// What the compositor gets when alpha is to be ignored.
    pub opaque: u32,
    /// What the compositor gets when alpha counts. The same as `opaque` for a format without
    /// alpha.
    pub alpha: u32,
}

/// Every format that can be shown, in the order for applications, many of which take the first.
pub fn all() -> &'static [Format] {
    FORMATS
}

/// The entry of a Vulkan format; `None` if it cannot be shown.
pub fn from_vk(format: vk::Format) -> Option<Format> {
    FORMATS.iter().copied().find(|entry| entry.vk == format)
}

impl Format {
    /// Whether there is a DRM format with alpha.
    pub fn has_alpha(&self) -> bool {
        self.opaque != self.alpha
    }

    /// Whether a device with this version of Vulkan and these extensions knows it: others may not be asked
    /// about it.
    pub fn is_known(&self, version: u32, has: impl Fn(&CStr) -> bool) -> bool {
        match self.vk {
            vk::Format::A4R4G4B4_UNORM_PACK16 | vk::Format::A4B4G4R4_UNORM_PACK16 => {
                version >= vk::API_VERSION_1_3 || has(ash::ext::_4444_formats::NAME)
            }
            _ => true,
        }
    }

    /// Whether what is rendered is encoded by the transfer function of sRGB when it is written.
    pub fn is_srgb(&self) -> bool {
        matches!(
            self.vk,
            vk::Format::B8G8R8A8_SRGB
                | vk::Format::R8G8B8A8_SRGB
                | vk::Format::A8B8G8R8_SRGB_PACK32
        )
    }

    /// How many bits a colour's component has at least.
    pub fn bits(&self) -> u32 {
        // "# bpp", by which the four characters end, says it of each component or of all of them.
        match &self.alpha.to_le_bytes()[2..] {
            b"48" | b"4H" => 16,
            b"30" => 10,
            b"24" => 8,
            b"12" => 4,
            _ => 5,
        }
    }
}

/// The Vulkan name without its prefix, `B8G8R8A8_UNORM`.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.vk)
    }
}

/// A DRM format modifier for people: `LINEAR`, `I915_Y_TILED`, or the vendor and the number for
/// one that the table of names lacks (`AMD 0x0200000018601b04`).
pub fn modifier_name(modifier: u64) -> String {
    match DrmModifier::from(modifier) {
        DrmModifier::Unrecognized(_) => match DrmVendor::try_from((modifier >> 56) as u8) {
            Ok(vendor) => format!("{} {modifier:#018x}", format!("{vendor:?}").to_uppercase()),
            Err(_) => format!("{modifier:#018x}"),
        },
        name => format!("{name:?}").to_uppercase(),
    }
}

/// `DRM_FORMAT_XBGR16161616` and `DRM_FORMAT_ABGR16161616`, which `drm-fourcc` 2.2 lacks.
const XBGR16161616: u32 = u32::from_le_bytes(*b"XB48");
const ABGR16161616: u32 = u32::from_le_bytes(*b"AB48");

/// 8 bits first, as what every application can render to and every compositor scans out; BGRA
/// before RGBA, as most applications take it for granted; UNORM before SRGB, as with every driver's
/// own list.
const FORMATS: &[Format] = &[
    entry(
        vk::Format::B8G8R8A8_UNORM,
        DrmFourcc::Xrgb8888,
        DrmFourcc::Argb8888,
    ),
    entry(
        vk::Format::B8G8R8A8_SRGB,
        DrmFourcc::Xrgb8888,
        DrmFourcc::Argb8888,
    ),
    entry(
        vk::Format::R8G8B8A8_UNORM,
        DrmFourcc::Xbgr8888,
        DrmFourcc::Abgr8888,
    ),
    entry(
        vk::Format::R8G8B8A8_SRGB,
        DrmFourcc::Xbgr8888,
        DrmFourcc::Abgr8888,
    ),
    entry(
        vk::Format::A8B8G8R8_UNORM_PACK32,
        DrmFourcc::Xbgr8888,
        DrmFourcc::Abgr8888,
    ),
    entry(
        vk::Format::A8B8G8R8_SRGB_PACK32,
        DrmFourcc::Xbgr8888,
        DrmFourcc::Abgr8888,
    ),
    entry(
        vk::Format::A2R10G10B10_UNORM_PACK32,
        DrmFourcc::Xrgb2101010,
        DrmFourcc::Argb2101010,
    ),
    entry(
        vk::Format::A2B10G10R10_UNORM_PACK32,
        DrmFourcc::Xbgr2101010,
        DrmFourcc::Abgr2101010,
    ),
    entry(
        vk::Format::R16G16B16A16_SFLOAT,
        DrmFourcc::Xbgr16161616f,
        DrmFourcc::Abgr16161616f,
    ),
    Format {
        vk: vk::Format::R16G16B16A16_UNORM,
        opaque: XBGR16161616,
        alpha: ABGR16161616,
    },
    entry(
        vk::Format::R5G6B5_UNORM_PACK16,
        DrmFourcc::Rgb565,
        DrmFourcc::Rgb565,
    ),
    entry(
        vk::Format::B5G6R5_UNORM_PACK16,
        DrmFourcc::Bgr565,
        DrmFourcc::Bgr565,
    ),
    entry(
        vk::Format::A1R5G5B5_UNORM_PACK16,
        DrmFourcc::Xrgb1555,
        DrmFourcc::Argb1555,
    ),
    entry(
        vk::Format::R5G5B5A1_UNORM_PACK16,
        DrmFourcc::Rgbx5551,
        DrmFourcc::Rgba5551,
    ),
    entry(
        vk::Format::B5G5R5A1_UNORM_PACK16,
        DrmFourcc::Bgrx5551,
        DrmFourcc::Bgra5551,
    ),
    entry(
        vk::Format::A4R4G4B4_UNORM_PACK16,
        DrmFourcc::Xrgb4444,
        DrmFourcc::Argb4444,
    ),
    entry(
        vk::Format::A4B4G4R4_UNORM_PACK16,
        DrmFourcc::Xbgr4444,
        DrmFourcc::Abgr4444,
    ),
    entry(
        vk::Format::R4G4B4A4_UNORM_PACK16,
        DrmFourcc::Rgbx4444,
        DrmFourcc::Rgba4444,
    ),
    entry(
        vk::Format::B4G4R4A4_UNORM_PACK16,
        DrmFourcc::Bgrx4444,
        DrmFourcc::Bgra4444,
    ),
];

const fn entry(vk: vk::Format, opaque: DrmFourcc, alpha: DrmFourcc) -> Format {
    Format {
        vk,
        opaque: opaque as u32,
        alpha: alpha as u32,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_vulkan_format_has_one_entry() {
        let formats: HashSet<_> = all().iter().map(|entry| entry.vk).collect();
        assert_eq!(formats.len(), all().len());
        for entry in all() {
            assert_eq!(from_vk(entry.vk), Some(*entry));
        }
        assert_eq!(from_vk(vk::Format::UNDEFINED), None);
        assert_eq!(from_vk(vk::Format::D32_SFLOAT), None);
    }

    #[test]
    fn formats_of_later_versions_are_for_who_knows_them() {
        let known = |version, extensions: &[&CStr]| {
            let has = |name: &CStr| extensions.contains(&name);
            all()
                .iter()
                .filter(|entry| entry.is_known(version, has))
                .count()
        };
        let first = known(vk::API_VERSION_1_0, &[]);
        assert_eq!(first, all().len() - 2);
        assert_eq!(known(vk::API_VERSION_1_3, &[]), all().len());
        let extension = ash::ext::_4444_formats::NAME;
        assert_eq!(known(vk::API_VERSION_1_0, &[extension]), all().len());
    }

    #[test]
    fn most_applications_find_what_they_want_first() {
        assert_eq!(all()[0].vk, vk::Format::B8G8R8A8_UNORM);
        assert_eq!(all()[1].vk, vk::Format::B8G8R8A8_SRGB);
    }

    /// The memory layout of a format: its components from the least significant bit, with their
    /// sizes. By the two specifications' naming rules, apart from the table.
    fn layout_of_fourcc(fourcc: u32) -> Vec<(char, u32)> {
        let code = fourcc.to_le_bytes();
        let components = match &code[..2] {
            b"XR" => "XRGB",
            b"AR" => "ARGB",
            b"XB" => "XBGR",
            b"AB" => "ABGR",
            b"RX" => "RGBX",
            b"RA" => "RGBA",
            b"BX" => "BGRX",
            b"BA" => "BGRA",
            b"RG" => "RGB",
            b"BG" => "BGR",
            other => panic!("{other:?}"),
        };
        let sizes = match &code[2..] {
            b"24" => vec![8; 4],
            b"30" => vec![2, 10, 10, 10],
            b"16" => vec![5, 6, 5],
            b"15" if components.starts_with(['X', 'A']) => vec![1, 5, 5, 5],
            b"15" => vec![5, 5, 5, 1],
            b"12" => vec![4; 4],
            b"48" | b"4H" => vec![16; 4],
            other => panic!("{other:?}"),
        };
        components
            .bytes()
            .map(char::from)
            .zip(sizes)
            .rev()
            .collect()
    }

    fn layout_of_vk(format: vk::Format) -> Vec<(char, u32)> {
        let name = format!("{format:?}");
        let components = name.split('_').next().unwrap();
        let mut layout = Vec::new();
        let mut rest = components;
        while let Some(component) = rest.chars().next() {
            rest = &rest[1..];
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            layout.push((component, rest[..digits].parse().unwrap()));
            rest = &rest[digits..];
        }
        if name.contains("_PACK") {
            layout.reverse();
        }
        layout
    }

    #[test]
    fn both_names_of_a_format_mean_the_same_bits() {
        for entry in all() {
            let expected = layout_of_vk(entry.vk);
            assert_eq!(layout_of_fourcc(entry.alpha), expected, "{entry}");
            let without_alpha: Vec<_> = expected
                .into_iter()
                .map(|(component, size)| (if component == 'A' { 'X' } else { component }, size))
                .collect();
            assert_eq!(layout_of_fourcc(entry.opaque), without_alpha, "{entry}");
        }
    }

    #[test]
    fn only_what_the_name_says_is_float() {
        for entry in all() {
            let float = |fourcc: u32| fourcc.to_le_bytes()[3] == b'H';
            let is_float = format!("{:?}", entry.vk).contains("SFLOAT");
            assert_eq!(float(entry.alpha), is_float, "{entry}");
            assert_eq!(float(entry.opaque), is_float, "{entry}");
        }
    }

    #[test]
    fn the_bits_of_a_component_are_those_of_its_name() {
        for entry in all() {
            let least = layout_of_vk(entry.vk)
                .into_iter()
                .filter(|(component, _)| *component != 'A')
                .map(|(_, size)| size)
                .min();
            assert_eq!(Some(entry.bits()), least, "{entry}");
            assert_eq!(
                entry.is_srgb(),
                entry.to_string().contains("SRGB"),
                "{entry}"
            );
        }
    }

    #[test]
    fn a_format_has_alpha_if_its_name_says_so() {
        for entry in all() {
            assert_eq!(
                entry.has_alpha(),
                entry.to_string().split('_').next().unwrap().contains('A'),
                "{entry}"
            );
        }
    }

    /// From a DRM format and the encoding, the Vulkan format follows, but for the packed twins of
    /// R8G8B8A8, which are the same bits on a little-endian machine.
    #[test]
    fn a_fourcc_and_an_encoding_name_one_format() {
        let mut seen = HashSet::new();
        for entry in all() {
            let name = entry.to_string();
            if name.starts_with("A8B8G8R8") {
                continue;
            }
            let srgb = name.contains("SRGB");
            assert!(seen.insert((entry.alpha, srgb)), "{entry}");
            assert!(
                !entry.has_alpha() || seen.insert((entry.opaque, srgb)),
                "{entry}"
            );
        }
    }

    #[test]
    fn modifiers_have_names() {
        assert_eq!(modifier_name(0), "LINEAR");
        assert_eq!(modifier_name(0x00ff_ffff_ffff_ffff), "INVALID");
        assert_eq!(modifier_name(0x0100_0000_0000_0002), "I915_Y_TILED");
        assert_eq!(
            modifier_name(0x0200_0000_1860_1b04),
            "AMD 0x0200000018601b04"
        );
        assert_eq!(modifier_name(0x7f00_0000_0000_0001), "0x7f00000000000001");
    }
}
