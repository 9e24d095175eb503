//! A compositor that composes on another device than the driver's: it gets images that it can read, or the
//! driver keeps the swapchains.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ash::{khr, vk};
use rustix::fs::makedev;
use wayfence_test_compositor::{Behaviour, Compositor, Imports, Offer};
use wayfence_tests::asynchronous::AsynchronousDriver;
use wayfence_tests::footprint::dma_bufs;
use wayfence_tests::instance::{Instance, Options};
use wayfence_tests::stderr::captured;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Device, Surface, Swapchain, Wanted, Window, layers};

/// What is logged when a surface is left to the driver.
const ASIDE: &str = "Wayfence steps aside";
/// A width at which rows of four-byte pixels are no multiple of 256 bytes, nor of 64.
const ODD: u32 = 1366;

/// A driver on one device, a surface on a compositor on another.
struct Play {
    compositor: Arc<Compositor>,
    device: Arc<Device>,
    surface: Arc<Surface>,
    _driver: AsynchronousDriver,
}

impl Play {
    fn new(imports: Imports) -> Self {
        let driver = AsynchronousDriver::new();
        driver.set_render_node(226, 128);
        layers::set_up();
        let compositor = Arc::new(Compositor::new(Offer {
            main_device: makedev(226, 129),
            behaviour: Behaviour::Automatic {
                refresh: Duration::from_millis(20),
            },
            ..Offer::default()
        }));
        compositor.import(imports);
        let instance = Instance::new(Options {
            settings: &[(c"log", c"info")],
            ..Options::default()
        });
        let window = Window::open_at(compositor.connect());
        Self {
            surface: Surface::of_window(&instance, window),
            device: Device::with_extensions(&instance, &[khr::swapchain::NAME]),
            compositor,
            _driver: driver,
        }
    }

    fn try_swapchain(&self, wanted: Wanted) -> Result<Swapchain, vk::Result> {
        Swapchain::new(&self.device, &self.surface, wanted)
    }

    /// Draws some frames; answers whether the images are the layer's.
    fn draws(&self, wanted: Wanted) -> bool {
        let before = dma_bufs().len();
        let mut swapchain = self.try_swapchain(wanted).expect("a swapchain");
        for _ in 0..5 {
            swapchain.frame().expect("a frame");
        }
        dma_bufs().len() > before
    }

    fn end(self) {
        let errors = self.compositor.protocol_errors();
        assert!(errors.is_empty(), "{errors:?}");
        self.surface.window().assert_alive();
    }
}

fn watchdog(scenario: &'static str) -> Watchdog {
    Watchdog::new(Duration::from_secs(100), scenario)
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn images_that_the_compositor_cannot_read_leave_the_surface_to_the_driver() {
    let _watchdog = watchdog("imports fail");
    let play = Play::new(Imports::Refused);
    let (ours, log) = captured(|| [play.draws(Wanted::default()), play.draws(Wanted::default())]);
    assert_eq!(ours, [false, false], "the layer's images are shown");
    assert_eq!(log.matches(ASIDE).count(), 1, "{log}");
    assert!(log.contains("cannot read its images"), "{log}");
    play.end();
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_compositor_that_never_says_whether_it_can_read_an_image_is_not_waited_for_for_ever() {
    let _watchdog = watchdog("imports have no answer");
    let play = Play::new(Imports::Unanswered);
    let begun = Instant::now();
    let (ours, log) = captured(|| play.draws(Wanted::default()));
    let took = begun.elapsed();
    assert!(!ours, "the layer's images are shown");
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert!(log.contains("does not say whether"), "{log}");
    // It is not asked again.
    let begun = Instant::now();
    assert!(!play.draws(Wanted::default()));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    play.end();
}

/// The compositor may answer a question that nobody waits for any more, with a new object, and then make another.
/// Objects of which libwayland has not heard are a protocol error.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn an_answer_that_comes_too_late_ends_no_connection() {
    let _watchdog = watchdog("imports have late answers");
    let play = Play::new(Imports::Later);
    drop(play.try_swapchain(Wanted::default()));
    assert_eq!(play.compositor.answer_imports(), 1);
    play.surface.window().assert_alive();
    // Another window's surface is asked for anew, on the same connection.
    play.compositor.import(Imports::Proper);
    let window = play.surface.window().open_beside();
    let surface = Surface::of_window(&play.device.instance, window);
    let before = dma_bufs().len();
    let mut swapchain = Swapchain::new(&play.device, &surface, Wanted::default()).unwrap();
    swapchain.frame().expect("a frame");
    assert!(dma_bufs().len() > before, "the layer steps aside");
    drop(swapchain);
    play.end();
}

/// Until it is destroyed, the old swapchain's objects on the `wl_surface` may conflict with the driver's.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn the_driver_has_the_surface_once_our_last_swapchain_is_gone() {
    let _watchdog = watchdog("the second import fails");
    let play = Play::new(Imports::Proper);
    let mut first = play.try_swapchain(Wanted::default()).expect("a swapchain");
    first.frame().expect("a frame");
    // Such images were accepted before, so nothing is asked.
    play.compositor.import(Imports::Unanswered);
    let begun = Instant::now();
    let again = first.replaced_by(Wanted::default()).expect("a swapchain");
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop(first);
    // The compositor has handled the requests for these.
    play.surface.window().assert_alive();
    play.compositor.import(Imports::Refused);
    // Another format is asked about again.
    let transparent = |info: &mut vk::SwapchainCreateInfoKHR<'_>| {
        info.composite_alpha = vk::CompositeAlphaFlagsKHR::PRE_MULTIPLIED;
        info.old_swapchain = again.raw;
    };
    // The second time the surface is the driver's already, which does not know the old swapchain.
    for _ in 0..2 {
        let answer =
            Swapchain::changed(&play.device, &play.surface, Wanted::default(), transparent);
        assert_eq!(
            answer.map(drop),
            Err(vk::Result::ERROR_INITIALIZATION_FAILED)
        );
    }
    drop(again);
    assert!(!play.draws(Wanted::default()));
    play.end();
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn rows_begin_where_other_devices_can_read_them() {
    let _watchdog = watchdog("a pitch that others cannot read");
    let play = Play::new(Imports::PitchOf(256));
    let wanted = Wanted {
        extent: (ODD, 30),
        ..Wanted::default()
    };
    let before = dma_bufs().len();
    let mut swapchain = play.try_swapchain(wanted).expect("a swapchain");
    swapchain.frame().expect("a frame");
    assert!(dma_bufs().len() > before, "the layer steps aside");
    let commit = play.compositor.next_commit();
    let stride = commit.buffer().image().map(|image| image.planes[0].stride);
    assert_eq!(stride, Some(5632));
    drop(swapchain);
    play.end();
}
