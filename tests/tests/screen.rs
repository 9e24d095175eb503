//! What a compositor shows for one colour, encoded in each space that it offers: the same pixels on the screen,
//! as computed here.
//!
//! The colour is within sRGB, below the white of the user interface, and HDR metadata says that nothing is
//! brighter, so that the limits of the display do not matter. Without metadata a compositor must leave
//! headroom. How much is its choice, but it must be the same in every space. The encodings are computed from
//! the standards: IEC 61966-2-1, BT.2020, BT.1886, ST 2084, and the luminances that `wp_color_manager_v1`
//! implies for each.
//!
//! And for one colour in each format: every component in its place, with the format's precision.

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use ash::{ext, khr, vk};
use wayfence::colour::{self, Encoding, Feature, Primaries, Support, TransferFunction};
use wayfence::format;
use wayfence::wayland::Display;
use wayfence_tests::instance::{Instance, Options, WAYLAND};
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Device, Surface, Swapchain, Wanted, Window, layers};

/// The colour: linear, of sRGB's primaries, 1.0 being the reference white.
const COLOUR: [f64; 3] = [0.6, 0.3, 0.2];
/// How far a byte on the screen may be off: quantisation to eight bits twice, and black levels.
const TOLERANCE: u8 = 3;
const SIDE: u32 = 200;

/// Rows of a matrix.
type Matrix = [[f64; 3]; 3];

/// From linear values of primaries to CIE 1931 XYZ.
fn to_xyz(primaries: Primaries) -> Matrix {
    let [red, green, blue] = match primaries {
        Primaries::Srgb => [(0.640, 0.330), (0.300, 0.600), (0.150, 0.060)],
        Primaries::Bt2020 => [(0.708, 0.292), (0.170, 0.797), (0.131, 0.046)],
        Primaries::DisplayP3 => [(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)],
        Primaries::AdobeRgb => [(0.640, 0.330), (0.210, 0.710), (0.150, 0.060)],
        other => panic!("{other:?}"),
    };
    let xyz = |(x, y): (f64, f64)| [x / y, 1.0, (1.0 - x - y) / y];
    let columns = [red, green, blue].map(xyz);
    let unscaled: Matrix =
        std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row]));
    // Scaled so that equal parts are D65.
    let scale = apply(&inverse(&unscaled), xyz((0.3127, 0.3290)));
    std::array::from_fn(|row| std::array::from_fn(|column| unscaled[row][column] * scale[column]))
}

fn apply(matrix: &Matrix, vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// By Cramer's rule.
fn inverse(of: &Matrix) -> Matrix {
    let cofactor = |row: usize, column: usize| {
        let at = |down: usize, right: usize| of[(row + down) % 3][(column + right) % 3];
        at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1)
    };
    let determinant: f64 = (0..3)
        .map(|column| of[0][column] * cofactor(0, column))
        .sum();
    std::array::from_fn(|row| std::array::from_fn(|column| cofactor(column, row) / determinant))
}

/// The colour as a space encodes it.
fn encode(encoding: Encoding) -> [f64; 3] {
    let (primaries, transfer) = match encoding {
        // 1.0 is 80 cd/m², the reference white 203 cd/m².
        Encoding::WindowsScrgb => return COLOUR.map(|part| part * 203.0 / 80.0),
        Encoding::Parametric {
            primaries,
            transfer,
            luminances: None,
        } => (primaries, transfer),
        other => panic!("{other:?}"),
    };
    let xyz = apply(&to_xyz(Primaries::Srgb), COLOUR);
    let linear = apply(&inverse(&to_xyz(primaries)), xyz);
    linear.map(|part| match transfer {
        TransferFunction::ExtLinear => part,
        TransferFunction::Gamma22 => part.powf(1.0 / 2.2),
        TransferFunction::Srgb | TransferFunction::CompoundPower24 => {
            1.055 * part.powf(1.0 / 2.4) - 0.055
        }
        // From 0.01 to 100 cd/m², which is the reference white.
        TransferFunction::Bt1886 => {
            let root = |luminance: f64| luminance.powf(1.0 / 2.4);
            (root(part * 100.0) - root(0.01)) / (root(100.0) - root(0.01))
        }
        // The reference white is 203 cd/m².
        TransferFunction::St2084Pq => {
            let power = (part * 203.0 / 10_000.0).powf(2610.0 / 16_384.0);
            let (c1, c2, c3) = (0.835_937_5, 18.851_562_5, 18.6875);
            ((c1 + c2 * power) / (1.0 + c3 * power)).powf(2523.0 / 4096.0 * 128.0)
        }
        other => panic!("{other:?}"),
    })
}

/// The colour on a display with sRGB's primaries and a gamma of 2.2, for which the compositors here draw.
fn expected() -> [u8; 3] {
    COLOUR.map(|part| (part.powf(1.0 / 2.2) * 255.0).round() as u8)
}

/// A screenshot.
struct Picture {
    bytes: Vec<u8>,
    channels: usize,
}

impl Picture {
    /// Takes it while the application draws: some compositors only report changes.
    fn take(name: &str, mut frame: impl FnMut()) -> Self {
        let results = env::var_os("WAYFENCE_RESULTS").unwrap_or_else(|| "/results".into());
        let compositor = env::var("WAYFENCE_COMPOSITOR").expect("a session");
        let file = PathBuf::from(results).join(format!("screen-{compositor}-{name}.png"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/guest/screenshot");
        for _ in 0..4 {
            frame();
        }
        let mut taking = Command::new(script).arg(&file).spawn().expect("the script");
        let status = loop {
            frame();
            if let Some(status) = taking.try_wait().expect("a child") {
                break status;
            }
            // Who takes it needs the processor, too.
            thread::sleep(Duration::from_millis(100));
        };
        assert!(status.success(), "{status}");
        let file = BufReader::new(File::open(file).expect("the picture"));
        let mut decoder = png::Decoder::new(file);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().expect("a PNG picture");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a picture of a screen")];
        let info = reader.next_frame(&mut bytes).expect("its pixels");
        Self {
            bytes,
            channels: info.color_type.samples(),
        }
    }

    /// The colour of an area as large as the window.
    fn patch(&self) -> [u8; 3] {
        let mut counts = BTreeMap::<[u8; 3], u32>::new();
        for pixel in self.bytes.chunks_exact(self.channels) {
            *counts.entry([pixel[0], pixel[1], pixel[2]]).or_default() += 1;
        }
        let nearest = counts
            .into_iter()
            .min_by_key(|(_, count)| count.abs_diff(SIDE * SIDE));
        let (colour, count) = nearest.expect("pixels");
        assert!(
            count.abs_diff(SIDE * SIDE) < SIDE * SIDE / 10,
            "no window of one colour: {count} pixels of {colour:?}"
        );
        colour
    }
}

/// Metadata for a colour that is no brighter than the reference white of HDR.
fn set_metadata(device: &Device, swapchain: vk::SwapchainKHR) {
    let metadata = vk::HdrMetadataEXT::default()
        .max_luminance(203.0)
        .max_content_light_level(203.0)
        .max_frame_average_light_level(203.0);
    let functions = ext::hdr_metadata::Device::new(&device.instance.raw, &device.raw);
    // SAFETY: the swapchain is the device's.
    unsafe { functions.set_hdr_metadata(&[swapchain], &[metadata]) };
}

fn is_near(one: [u8; 3], other: [u8; 3]) -> bool {
    let mut parts = one.into_iter().zip(other);
    parts.all(|(one, other)| one.abs_diff(other) <= TOLERANCE)
}

#[test]
#[ignore = "needs a compositor with colour management, and its screen: scripts/test"]
fn a_colour_looks_the_same_in_every_space() {
    let _watchdog = Watchdog::new(Duration::from_secs(300), "frames and pictures");
    layers::set_up();
    let instance = Instance::new(Options {
        extensions: &[WAYLAND, &[ext::swapchain_colorspace::NAME]].concat(),
        ..Options::default()
    });
    let device =
        Device::with_extensions(&instance, &[khr::swapchain::NAME, ext::hdr_metadata::NAME]);
    let window = Window::open();
    // SAFETY: the window outlives the display.
    let display = unsafe { Display::of(window.display_ptr()) }.expect("a display");
    let support: Support = display.capabilities().colours.clone().expect("colours");
    drop(display);
    let surface = Surface::of_window(&instance, window);
    let formats = surface.formats(device.physical).unwrap();
    let mut seen = Vec::new();
    let mut wrong = Vec::new();
    let mut unmastered = Vec::new();
    let masters = Feature::SetMasteringDisplayPrimaries;
    for format in &formats {
        // A format that encodes when it is written would differ from what is computed here.
        let encodes = format::from_vk(format.format).is_none_or(|known| known.is_srgb());
        if encodes || seen.contains(&format.color_space) {
            continue;
        }
        seen.push(format.color_space);
        let space = colour::from_vk(format.color_space).expect("a space that we know");
        let values = match space.describe(&support) {
            Some(description) => encode(description.encoding),
            None => COLOUR.map(|part| part.powf(1.0 / 2.2)),
        };
        let wanted = Wanted {
            extent: (SIDE, SIDE),
            format: Some(*format),
            ..Wanted::default()
        };
        let mut swapchain = Swapchain::new(&device, &surface, wanted).unwrap();
        let raw = swapchain.raw;
        let [red, green, blue] = values.map(|value| value as f32);
        swapchain.colour = Some([red, green, blue, 1.0]);
        let mut look = |name: &str| {
            let picture = Picture::take(name, || {
                swapchain.frame().unwrap();
                surface.dispatch();
            });
            picture.patch()
        };
        if space.takes_metadata {
            let patch = look(&format!("{space}-unmastered"));
            println!("{space}, unmastered: {patch:?}");
            unmastered.push(patch);
            set_metadata(&device, raw);
        }
        let patch = look(&space.to_string());
        println!("{space}: {:?} of {values:.4?} is {patch:?}", format.format);
        // A compositor that accepts no mastering luminance leaves headroom anyway.
        let is_exact = !space.takes_metadata || support.has(masters);
        if is_exact && !is_near(patch, expected()) {
            wrong.push((space.to_string(), patch));
        }
        surface.window().assert_alive();
    }
    assert!(seen.len() > 2, "{seen:?}");
    assert!(wrong.is_empty(), "{:?} is {wrong:?}", expected());
    for patch in &unmastered {
        assert!(is_near(*patch, unmastered[0]), "{unmastered:?}");
    }
}

/// A colour that changes if components are swapped, and is exact in four bits.
const PARTS: [f32; 3] = [12.0 / 15.0, 6.0 / 15.0, 3.0 / 15.0];

#[test]
#[ignore = "needs a compositor and its screen: scripts/test"]
fn a_colour_looks_the_same_in_every_format() {
    let _watchdog = Watchdog::new(Duration::from_secs(300), "frames and pictures");
    layers::set_up();
    let instance = Instance::new(Options::default());
    let device = Device::with_extensions(&instance, &[khr::swapchain::NAME]);
    let surface = Surface::of_window(&instance, Window::open());
    let formats = surface.formats(device.physical).unwrap();
    let mut wrong = Vec::new();
    for format in formats {
        let known = format::from_vk(format.format).expect("a format that we know");
        // These formats encode when they are written.
        let values = match known.is_srgb() {
            true => PARTS.map(|part| ((part + 0.055) / 1.055).powf(2.4)),
            false => PARTS,
        };
        // Quantised in the format, to eight bits on the screen, and once in between.
        let tolerance = 127.5 / ((1u32 << known.bits().min(8)) - 1) as f32 + 1.5;
        for alpha in [
            vk::CompositeAlphaFlagsKHR::OPAQUE,
            vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED,
        ] {
            let wanted = Wanted {
                extent: (SIDE, SIDE),
                format: Some(format),
                alpha,
                ..Wanted::default()
            };
            let mut swapchain = Swapchain::new(&device, &surface, wanted).unwrap();
            let [red, green, blue] = values;
            swapchain.colour = Some([red, green, blue, 1.0]);
            let name = format!("{known}-{alpha:?}");
            let picture = Picture::take(&name, || {
                swapchain.frame().unwrap();
                surface.dispatch();
            });
            let patch = picture.patch();
            println!("{name}: {patch:?}");
            let mut parts = PARTS.into_iter().zip(patch);
            if parts.any(|(part, byte)| (part * 255.0 - f32::from(byte)).abs() > tolerance) {
                wrong.push((name, patch));
            }
            surface.window().assert_alive();
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
