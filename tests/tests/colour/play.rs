//! A window on a compositor with colour management, and what the compositor is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ash::{ext, khr, vk};
use wayfence_test_compositor::{
    Colour, Commit, Compositor, Encoding, Format, Gamut, Offer, Parameters, Primaries,
    RenderIntent, SurfaceId, Transfer, TransferFunction, With,
};
use wayfence_tests::instance::{Instance, Options, WAYLAND};
use wayfence_tests::stalls::Stalls;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Device, Surface, Swapchain, Wanted, Window, layers, machine};

/// The object of which a surface may have only one.
pub(crate) const OBJECT: &str = "wp_color_management_surface_v1";

/// How long the layer waits for the compositor to accept new metadata.
const PATIENCE: Duration = Duration::from_millis(100);

pub(crate) const HDR10: vk::ColorSpaceKHR = vk::ColorSpaceKHR::HDR10_ST2084_EXT;
pub(crate) const SCRGB: vk::ColorSpaceKHR = vk::ColorSpaceKHR::EXTENDED_SRGB_LINEAR_EXT;
pub(crate) const SRGB: vk::ColorSpaceKHR = vk::ColorSpaceKHR::SRGB_NONLINEAR;
pub(crate) const PASS_THROUGH: vk::ColorSpaceKHR = vk::ColorSpaceKHR::PASS_THROUGH_EXT;

/// A device with the extensions for colours, and the log at `info`.
pub(crate) fn device() -> Arc<Device> {
    layers::set_up();
    let instance = Instance::new(Options {
        extensions: &[WAYLAND, &[ext::swapchain_colorspace::NAME]].concat(),
        settings: &[(c"log", c"info")],
        ..Options::default()
    });
    Device::with_extensions(&instance, &[khr::swapchain::NAME, ext::hdr_metadata::NAME])
}

pub(crate) fn offer(colour: Option<Colour>) -> Offer {
    let formats = [b"AR24", b"XR24", b"AB30", b"XB30", b"AB4H", b"XB4H"];
    Offer {
        formats: formats
            .map(|name| Format {
                fourcc: u32::from_le_bytes(*name),
                modifier: Format::LINEAR,
            })
            .to_vec(),
        colour,
        ..Offer::default()
    }
}

/// A window on a compositor of its own.
pub(crate) struct Play {
    pub(crate) compositor: Compositor,
    pub(crate) device: Arc<Device>,
    pub(crate) surface: Arc<Surface>,
    pub(crate) stalls: Stalls,
}

impl Play {
    pub(crate) fn new(device: &Arc<Device>, colour: Option<Colour>) -> Self {
        let compositor = Compositor::new(offer(colour));
        let window = Window::open_at(compositor.connect());
        Self {
            compositor,
            device: Arc::clone(device),
            surface: Surface::of_window(&device.instance, window),
            stalls: Stalls::watch(),
        }
    }

    pub(crate) fn formats(&self) -> Vec<vk::SurfaceFormatKHR> {
        self.surface.formats(self.device.physical).unwrap()
    }

    /// Which spaces are offered, each once.
    pub(crate) fn spaces(&self) -> Vec<vk::ColorSpaceKHR> {
        let mut spaces: Vec<_> = self.formats().iter().map(|one| one.color_space).collect();
        spaces.dedup();
        spaces
    }

    /// The properties of a swapchain in this space, with the first format in it.
    pub(crate) fn wanted(&self, space: vk::ColorSpaceKHR) -> Wanted {
        let formats = self.formats();
        let format = formats.iter().find(|format| format.color_space == space);
        Wanted {
            format: Some(*format.unwrap_or_else(|| panic!("{space:?} is not offered"))),
            ..Wanted::mailbox()
        }
    }

    pub(crate) fn swapchain(&self, space: vk::ColorSpaceKHR) -> Swapchain {
        Swapchain::new(&self.device, &self.surface, self.wanted(space)).expect("a swapchain")
    }

    /// The same in place of another.
    pub(crate) fn replace(&self, old: &Swapchain, space: vk::ColorSpaceKHR) -> Swapchain {
        old.replaced_by(self.wanted(space)).expect("a swapchain")
    }

    pub(crate) fn surface(&self) -> SurfaceId {
        self.compositor.surfaces(self.compositor.clients()[0])[0]
    }

    /// How many colour objects the surface has.
    pub(crate) fn objects(&self) -> usize {
        self.count(OBJECT)
    }

    /// How many objects of this interface the application has.
    pub(crate) fn count(&self, interface: &str) -> usize {
        self.compositor.settled();
        let objects = self.compositor.objects(self.compositor.clients()[0]);
        objects.get(interface).copied().unwrap_or_default()
    }

    /// One frame, shown at once.
    pub(crate) fn frame(&self, swapchain: &mut Swapchain) -> Commit {
        swapchain.frame().expect("a frame");
        let commit = self.compositor.next_commit();
        self.compositor.release(&commit, With::nothing());
        commit
    }

    /// What the next frame's colours are.
    pub(crate) fn colours(&self, swapchain: &mut Swapchain) -> Option<Encoding> {
        let colour = self.frame(swapchain).colour?;
        assert_eq!(colour.intent, RenderIntent::Perceptual);
        Some(colour.description.encoding)
    }

    /// Sets the metadata of swapchains.
    pub(crate) fn set(&self, all: &[(&Swapchain, vk::HdrMetadataEXT<'_>)]) {
        let swapchains: Vec<_> = all.iter().map(|(swapchain, _)| swapchain.raw).collect();
        let metadata: Vec<_> = all.iter().map(|(_, metadata)| *metadata).collect();
        let raw = &self.device.instance.raw;
        let functions = ext::hdr_metadata::Device::new(raw, &self.device.raw);
        let begun = Instant::now();
        // SAFETY: swapchains of the device, with as many structures.
        unsafe { functions.set_hdr_metadata(&swapchains, &metadata) };
        // On a machine that stands still, or is emulated, the answer may come after the layer has waited for it.
        let is_slow = machine::is_emulated() || !self.stalls.since(begun).is_zero();
        if is_slow && begun.elapsed() >= PATIENCE {
            for (swapchain, _) in all {
                // Frames tell of a dead compositor.
                let _ = swapchain.surface.window().roundtrip();
            }
        }
    }

    pub(crate) fn end(self) {
        self.device.wait_idle().expect("an idle device");
        let Play {
            compositor,
            surface,
            ..
        } = self;
        drop(surface);
        let errors = compositor.protocol_errors();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

pub(crate) fn named(primaries: Primaries, transfer: TransferFunction) -> Parameters {
    Parameters {
        primaries: Some(Gamut::Named(primaries)),
        transfer: Some(Transfer::Named(transfer)),
        ..Parameters::default()
    }
}

pub(crate) fn hdr10() -> Parameters {
    named(Primaries::Bt2020, TransferFunction::St2084Pq)
}

pub(crate) fn metadata(
    max_luminance: f32,
    max_cll: f32,
    max_fall: f32,
) -> vk::HdrMetadataEXT<'static> {
    vk::HdrMetadataEXT::default()
        .max_luminance(max_luminance)
        .min_luminance(0.005)
        .max_content_light_level(max_cll)
        .max_frame_average_light_level(max_fall)
}

/// What the compositor is told of [`metadata`].
pub(crate) fn told(max_luminance: u32, max_cll: u32, max_fall: u32) -> Encoding {
    Encoding::Parametric(Parameters {
        mastering_luminance: Some((50, max_luminance)),
        max_cll: Some(max_cll),
        max_fall: Some(max_fall),
        ..hdr10()
    })
}

pub(crate) fn watch() -> Watchdog {
    Watchdog::new(Duration::from_secs(100), "frames on a scripted compositor")
}
