//! Frames of the layer's, on a compositor that does anything.

use std::ffi::c_void;
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use ash::{ext, khr, vk};
use wayfence::syncobj::Node;
use wayfence_test_compositor::{Compositor, Feedback, Imports, Offer, Syncobj};
use wayfence_tests::footprint::descriptors;
use wayfence_tests::instance::{Instance, Options, WAYLAND};
use wayfence_tests::present_wait::{self, Generation, chained, feature};
use wayfence_tests::{Device, Surface, Swapchain, Wanted, Window, layers};

use crate::compositor::{Whimsical, offer};
use crate::source::Source;

/// As many steps tell any story.
const STEPS: usize = 100;

/// Frames that may have to wait for one before them: each may take a second.
const PACED: u32 = 2;

/// For an image that is there, in nanoseconds.
const AT_ONCE: u64 = 5_000_000_000;

/// A device on the layer.
pub struct Layer {
    device: Arc<Device>,
    node: Node,
}

impl Layer {
    /// # Panics
    /// If this machine lacks a driver, or a DRM node with timelines: scripts/test has both.
    #[expect(clippy::new_without_default, reason = "it changes the process")]
    pub fn new() -> Self {
        layers::set_up();
        assert!(layers::wayfence_is_on(), "this is about the layer");
        let instance = Instance::new(Options {
            extensions: &[WAYLAND, &[ext::surface_maintenance1::NAME]].concat(),
            ..Options::default()
        });
        // The device is made before any surface.
        let compositor = Compositor::new(Offer::default());
        assert!(instance.presents_on(&Window::open_at(compositor.connect())));
        drop(compositor);
        let extensions = [
            khr::swapchain::NAME,
            khr::present_id::NAME,
            khr::present_wait::NAME,
            ext::swapchain_maintenance1::NAME,
        ];
        let maintenance = vk::StructureType::PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT;
        let mut features: Vec<_> = present_wait::FEATURES[..2]
            .iter()
            .chain([&maintenance])
            .map(|structure| feature(*structure))
            .collect();
        let device = Device::with_features(&instance, &extensions, &mut chained(&mut features));
        let this = Self {
            device,
            node: Node::any().expect("a DRM node with timelines"),
        };
        // What is opened once and kept, is opened by now.
        this.tell(&[0; 64], &mut Vec::new());
        this
    }

    /// An application draws frames on a compositor that breaks every rule but that of the wire. After that, nothing is
    /// left of it, and a client that comes later is served.
    ///
    /// # Panics
    /// If any of that does not hold.
    pub fn play(&self, bytes: &[u8]) {
        let before = open();
        let mut story = Story(Vec::new());
        self.tell(bytes, &mut story.0);
        assert_eq!(open(), before, "what is open");
        story.0.clear();
    }

    fn tell(&self, bytes: &[u8], story: &mut Vec<String>) {
        let mut source = Source::new(bytes);
        let mut offer = offer(&mut source);
        if source.byte().is_multiple_of(4) {
            offer.syncobj = Syncobj::On(self.node.clone());
        }
        story.push(format!("{offer:?}"));
        let compositor = Compositor::new(offer);
        let (client, socket) = compositor.connect_as();
        {
            let mut whimsical = Whimsical::new(&compositor, client);
            let window = Window::open_at(socket);
            let surface = Surface::of_window(&self.device.instance, window);
            let mut application = Application {
                device: &self.device,
                surface,
                swapchain: None,
                old: None,
                paced: 0,
                id: 0,
            };
            // Before anything is said that would have the layer step aside: it decides that once, and what the driver's own
            // swapchains do on such a compositor is not its affair.
            story.push(application.renew(source.one_in(4), &Unknown::any(&mut source)));
            for _ in 0..STEPS {
                if source.is_over() {
                    break;
                }
                let did = match source.flag() {
                    true => application.act(&mut source),
                    false => {
                        compositor.settled();
                        whimsical.act(&mut source)
                    }
                };
                story.push(did);
            }
        }
        story.push("the end".to_owned());
        compositor.import(Imports::Proper);
        let plain = Offer::default();
        compositor.send_feedback(Feedback::of(plain.main_device, &plain.formats));
        compositor.take_commits();
        let window = Window::open_at(compositor.connect());
        let surface = Surface::of_window(&self.device.instance, window);
        let mut swapchain = Swapchain::new(&self.device, &surface, wanted(false))
            .expect("a surface of which nobody knows yet");
        swapchain.frame_within(AT_ONCE).expect("a frame");
        let shown = compositor.commit_within(Duration::from_secs(10), |commit| commit.has_buffer());
        assert!(shown.is_some(), "the frame does not arrive");
        surface.window().assert_alive();
    }
}

/// What this process has open, but for what Mesa's threads write of its shaders.
fn open() -> Vec<PathBuf> {
    let mut open = descriptors();
    open.retain(|path| !path.to_string_lossy().contains("mesa_shader_cache"));
    open
}

/// What was done, for whoever finds a panic.
struct Story(Vec<String>);

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("so far:\n  {}", self.0.join("\n  "));
        }
    }
}

fn wanted(paced: bool) -> Wanted {
    Wanted {
        extent: (32, 32),
        present_mode: match paced {
            true => vk::PresentModeKHR::FIFO,
            false => vk::PresentModeKHR::MAILBOX,
        },
        ..Wanted::mailbox()
    }
}

struct Application<'a> {
    device: &'a Arc<Device>,
    surface: Arc<Surface>,
    swapchain: Option<(Swapchain, Vec<u32>)>,
    /// Retired.
    old: Option<Swapchain>,
    paced: u32,
    id: u64,
}

impl Application<'_> {
    fn act(&mut self, source: &mut Source<'_>) -> String {
        let unknown = Unknown::any(source);
        let what = source.byte() % 12;
        let Some((swapchain, held)) = &mut self.swapchain else {
            return self.renew(source.one_in(4), &unknown);
        };
        let waits = swapchain.wanted.present_mode == vk::PresentModeKHR::FIFO;
        let mut is_broken = false;
        let mut judge = |name: &str, result: Result<(), vk::Result>| {
            match result {
                Ok(()) | Err(vk::Result::NOT_READY | vk::Result::TIMEOUT) => {}
                Err(error) => {
                    expected(name, error);
                    is_broken = true;
                }
            }
            format!("{name}: {result:?}")
        };
        let told = match what {
            0..=3 if waits && self.paced == PACED => "no more waits".to_owned(),
            0..=3 => {
                self.paced += u32::from(waits);
                let timeout = match source.flag() {
                    true => 0,
                    false => 1_000_000,
                };
                judge("a frame", swapchain.frame_within(timeout))
            }
            4 => {
                let acquired = swapchain.acquire_and_wait(0);
                if let Ok(index) = acquired {
                    assert!(!held.contains(&index), "an image twice");
                    held.push(index);
                }
                judge("acquire", acquired.map(drop))
            }
            5 | 6 => match held.pop() {
                None => "nothing to present".to_owned(),
                Some(index) if waits && self.paced == PACED => {
                    held.push(index);
                    "no more waits".to_owned()
                }
                Some(index) => {
                    self.paced += u32::from(waits);
                    self.id += 1;
                    let id = vk::PresentIdKHR {
                        p_next: unknown.first(),
                        ..vk::PresentIdKHR::default()
                    }
                    .present_ids(std::slice::from_ref(&self.id));
                    let twice = vk::PresentIdKHR {
                        p_next: (&raw const id).cast(),
                        ..id
                    };
                    let drawn = swapchain.draw_now(index);
                    let presented = drawn
                        .and_then(|()| swapchain.present_with(index, (&raw const twice).cast()));
                    judge("present", presented)
                }
            },
            7 => {
                let id = self.id.saturating_sub(source.byte().into());
                if id == 0 {
                    return "no frame to wait for".to_owned();
                }
                judge(
                    "wait for present",
                    Generation::One.wait(swapchain, id, 0).result(),
                )
            }
            8 | 9 => self.ask(&unknown),
            10 => {
                self.old = None;
                "the old swapchain is destroyed".to_owned()
            }
            _ => self.renew(source.one_in(4), &unknown),
        };
        if is_broken {
            // As an application does that cannot go on with it.
            self.swapchain = None;
        }
        unknown.is_untouched();
        told
    }

    /// A new swapchain in the place of the last.
    fn renew(&mut self, paced: bool, unknown: &Unknown) -> String {
        let formats = self.surface.formats(self.device.physical);
        match &formats {
            Ok(formats) if formats.is_empty() => return "no format".to_owned(),
            Ok(_) => {}
            Err(error) => {
                expected("formats", *error);
                return format!("{error}");
            }
        }
        let old = self.swapchain.take().map(|(swapchain, _)| swapchain);
        let wanted = Wanted {
            old: old.as_ref().map_or(vk::SwapchainKHR::null(), |old| old.raw),
            ..wanted(paced)
        };
        let made = Swapchain::changed(self.device, &self.surface, wanted, |info| {
            assert!(info.p_next.is_null(), "nothing else was wanted");
            info.p_next = unknown.first();
        });
        if old.is_some() {
            self.old = old;
        }
        match made {
            Ok(swapchain) => {
                self.swapchain = Some((swapchain, Vec::new()));
                "a swapchain".to_owned()
            }
            Err(error) => {
                expected("a swapchain", error);
                // It has the surface no longer, nor has another.
                self.old = None;
                format!("no swapchain: {error}")
            }
        }
    }

    fn ask(&self, unknown: &Unknown) -> String {
        let physical = self.device.physical;
        let mut protected = vk::SurfaceProtectedCapabilitiesKHR {
            p_next: unknown.first().cast_mut(),
            ..Default::default()
        };
        let mut shared = vk::SharedPresentSurfaceCapabilitiesKHR {
            p_next: (&raw mut protected).cast(),
            ..Default::default()
        };
        let mut capabilities = vk::SurfaceCapabilities2KHR {
            p_next: (&raw mut shared).cast(),
            ..Default::default()
        };
        let info = vk::PhysicalDeviceSurfaceInfo2KHR {
            surface: self.surface.raw,
            p_next: unknown.first(),
            ..Default::default()
        };
        let functions = &self.device.instance.capabilities2;
        // SAFETY: surface and device are of one instance; the chains are valid and live.
        let asked = unsafe {
            functions.get_physical_device_surface_capabilities2(physical, &info, &mut capabilities)
        };
        let modes = self.surface.present_modes(physical);
        let formats = self.surface.formats(physical).map(|formats| formats.len());
        for result in [
            asked,
            modes.as_ref().map(drop).map_err(|e| *e),
            formats.map(drop),
        ] {
            if let Err(error) = result {
                expected("a query", error);
            }
        }
        format!("queries: {asked:?}, {modes:?}, {formats:?} formats")
    }
}

/// What a command may answer on such a compositor.
fn expected(name: &str, error: vk::Result) {
    let may = [
        vk::Result::ERROR_SURFACE_LOST_KHR,
        vk::Result::ERROR_OUT_OF_DATE_KHR,
        // With a file in place of a fence.
        vk::Result::ERROR_UNKNOWN,
        // Without a layout that both can do.
        vk::Result::ERROR_INITIALIZATION_FAILED,
    ];
    assert!(may.contains(&error), "{name}: {error}");
}

/// Structures of extensions that nobody has written.
struct Unknown(Vec<[u64; 8]>);

impl Unknown {
    fn any(source: &mut Source<'_>) -> Self {
        let mut structures: Vec<_> = (0..source.index(4))
            .map(|_| {
                let mut words = [0xa5a5_a5a5_a5a5_a5a5; 8];
                words[0] = 1_900_000_000 + u64::from(source.byte() % 8);
                words[1] = 0;
                words
            })
            .collect();
        let mut next: *const c_void = ptr::null();
        for words in structures.iter_mut().rev() {
            words[1] = next.expose_provenance() as u64;
            next = words.as_ptr().cast();
        }
        Self(structures)
    }

    fn first(&self) -> *const c_void {
        self.0
            .first()
            .map_or(ptr::null(), |words| words.as_ptr().cast())
    }

    /// Nobody who does not know them has written to them.
    fn is_untouched(&self) {
        let is_pattern = |word: &u64| *word == 0xa5a5_a5a5_a5a5_a5a5;
        assert!(self.0.iter().all(|words| words[2..].iter().all(is_pattern)));
    }
}
