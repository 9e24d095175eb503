//! Which layout images get from the compositor's dma-buf feedback, when a swapchain is no longer optimal, and
//! what happens with malformed feedback.

use std::sync::Arc;
use std::time::Duration;

use ash::{khr, vk};
use rustix::fs::makedev;
use wayfence::wayland::{self, Nodes};
use wayfence_test_compositor::{
    Compositor, Dmabuf, Feedback, Format, Offer, SurfaceId, Table, Tranche, With,
};
use wayfence_tests::asynchronous::AsynchronousDriver;
use wayfence_tests::instance::{Instance, Options};
use wayfence_tests::stderr::captured;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Device, Fence, Surface, Swapchain, Wanted, Window, layers};

const LINEAR: u64 = Format::LINEAR;
/// One that the test driver can be made to support, and prefers to its own.
const TILED: u64 = 0x0100_0000_0000_0002;
/// One that it does not support.
const UNKNOWN: u64 = 0x0200_0000_0000_0001;
/// What is logged for feedback that cannot be read.
const COMPLAINT: &str = "dma-buf formats cannot all be read";
/// What is logged for a compositor on another device.
const FOREIGN: &str = "composes on another device";

fn formats(modifiers: &[u64]) -> Vec<Format> {
    let names = [b"AR24", b"XR24", b"AB24", b"XB24"];
    names
        .iter()
        .flat_map(|name| {
            modifiers.iter().map(|modifier| Format {
                fourcc: u32::from_le_bytes(**name),
                modifier: *modifier,
            })
        })
        .collect()
}

fn feedback(main_device: u64, tranches: &[(bool, &[u64])]) -> Feedback {
    Feedback {
        main_device,
        tranches: tranches
            .iter()
            .map(|(scanout, modifiers)| Tranche {
                target_device: main_device,
                scanout: *scanout,
                formats: formats(modifiers),
                ..Tranche::default()
            })
            .collect(),
        table: Table::Proper,
    }
}

/// A device, with the log at `info`.
fn device() -> Arc<Device> {
    layers::set_up();
    let instance = Instance::new(Options {
        settings: &[(c"log", c"info")],
        ..Options::default()
    });
    Device::with_extensions(&instance, &[khr::swapchain::NAME])
}

/// A window on a compositor of its own.
struct Play {
    compositor: Arc<Compositor>,
    device: Arc<Device>,
    surface: Arc<Surface>,
}

impl Play {
    fn new(device: &Arc<Device>, offer: Offer) -> Self {
        let compositor = Arc::new(Compositor::new(offer));
        let window = Window::open_at(compositor.connect());
        Self {
            compositor,
            device: Arc::clone(device),
            surface: Surface::of_window(&device.instance, window),
        }
    }

    fn swapchain(&self) -> Swapchain {
        Swapchain::new(&self.device, &self.surface, Wanted::default()).expect("a swapchain")
    }

    fn surface(&self) -> SurfaceId {
        self.compositor.surfaces(self.compositor.clients()[0])[0]
    }

    fn send(&self, feedback: Feedback) {
        let surface = self.surface();
        self.compositor.send_surface_feedback(surface, feedback);
    }

    /// One frame, shown at once. Answers whether acquire and present found the swapchain suboptimal, and
    /// the modifier.
    fn frame(&self, swapchain: &mut Swapchain) -> (bool, bool, Option<u64>) {
        let ready = Fence::new(&self.device).unwrap();
        let (index, acquired) = swapchain
            .acquire_or_suboptimal(u64::MAX, vk::Semaphore::null(), ready.raw)
            .unwrap();
        ready.wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        let presented = swapchain
            .present_or_suboptimal(index, std::ptr::null())
            .unwrap();
        let commit = self.compositor.next_commit();
        let modifier = commit.buffer().image().map(|image| image.modifier);
        self.compositor.release(&commit, With::nothing());
        self.compositor.frame_done(commit.surface);
        (acquired, presented, modifier)
    }

    /// Draws frames until all events sent before have certainly been read, and one more: in FIFO an acquire
    /// reads the frame callback of the frame before, which was sent later.
    fn frames(&self, swapchain: &mut Swapchain) -> (bool, bool, Option<u64>) {
        self.frame(swapchain);
        self.frame(swapchain);
        self.frame(swapchain)
    }

    fn end(self, swapchain: Swapchain) {
        drop(swapchain);
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

fn both() -> Offer {
    Offer {
        formats: formats(&[LINEAR, TILED]),
        ..Offer::default()
    }
}

/// Without Vulkan: how the library reads the events.
#[test]
fn the_newest_whole_feedback_counts_and_a_repeated_one_is_no_change() {
    let compositor = Compositor::new(both());
    let window = Window::open_at(compositor.connect());
    // SAFETY: the window outlives both.
    let surface = unsafe { wayland::Surface::of(window.display_ptr(), window.surface_ptr()) };
    let surface = surface.unwrap();
    let main = Offer::default().main_device;
    let fourcc = formats(&[LINEAR])[0].fourcc;
    let preferred = || {
        surface.await_feedback().unwrap();
        let able = [TILED, LINEAR];
        let best = surface
            .feedback()
            .preferred(fourcc, &able, &Nodes::default());
        (best.unwrap().modifiers, surface.preference())
    };
    let (modifiers, first) = preferred();
    assert_eq!(modifiers, [TILED, LINEAR]);
    let id = compositor.surfaces(compositor.clients()[0])[0];
    let send = |told: Feedback| {
        compositor.send_surface_feedback(id, told);
        compositor.settled();
    };
    send(feedback(main, &[(false, &[LINEAR, TILED])]));
    assert_eq!(preferred(), (vec![TILED, LINEAR], first), "the same");
    send(feedback(main, &[(true, &[LINEAR]), (false, &[TILED])]));
    let (modifiers, second) = preferred();
    assert_eq!(modifiers, [LINEAR]);
    assert_ne!(second, first);
    assert!(surface.feedback().tranches[0].scanout);
    assert_eq!(surface.feedback().main_device, Some(main));

    // A malformed part does not affect the rest.
    for table in [
        Table::Claims(8 * 16 + 8),
        Table::Claims(1 << 20),
        Table::Claims(u32::MAX),
        Table::Huge(1 << 26),
        Table::Replaced,
        Table::Missing,
    ] {
        send(Feedback {
            table,
            ..feedback(main, &[(true, &[LINEAR]), (false, &[TILED])])
        });
        assert_eq!(preferred(), (vec![LINEAR], second), "{table:?}");
    }
    send(Feedback {
        table: Table::Unmappable,
        ..feedback(main, &[(false, &[LINEAR])])
    });
    surface.await_feedback().unwrap();
    let told = surface.feedback();
    assert!(told.tranches[0].formats.is_empty());
    assert!(compositor.protocol_errors().is_empty());
}

/// And `VK_SUBOPTIMAL_KHR`: "A swapchain no longer matches the surface properties exactly, but can still be
/// used to present to the surface successfully."
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn the_surfaces_tranches_decide_the_layout_and_a_better_one_is_suboptimal() {
    let _watchdog = Watchdog::new(Duration::from_secs(100), "frames on a scripted compositor");
    let driver = AsynchronousDriver::new();
    driver.add_modifier(TILED);
    let device = device();
    let play = Play::new(&device, both());
    let main = Offer::default().main_device;
    let plain = |modifiers| feedback(main, &[(false, modifiers)]);
    let mut swapchain = play.swapchain();
    // Within a tranche the driver chooses.
    assert_eq!(
        play.frames(&mut swapchain),
        (false, false, Some(TILED)),
        "what the driver likes"
    );

    for (what, told, suboptimal) in [
        ("the same again", plain(&[LINEAR, TILED]), false),
        (
            "the same, and one that the driver cannot do",
            feedback(main, &[(true, &[UNKNOWN]), (false, &[LINEAR, TILED])]),
            false,
        ),
        ("the modifier alone", plain(&[TILED]), false),
        ("none that the driver can do", plain(&[UNKNOWN]), false),
        (
            "another for scanout",
            feedback(main, &[(true, &[LINEAR]), (false, &[TILED])]),
            true,
        ),
        (
            "the same, for scanout",
            feedback(main, &[(true, &[TILED]), (false, &[LINEAR])]),
            false,
        ),
        ("another", plain(&[LINEAR]), true),
    ] {
        play.send(told);
        assert_eq!(
            play.frames(&mut swapchain),
            (suboptimal, suboptimal, Some(TILED)),
            "{what}"
        );
    }

    // The new one follows the feedback, and is optimal.
    let mut next = swapchain.replaced_by(Wanted::default()).unwrap();
    drop(swapchain);
    assert_eq!(play.frames(&mut next), (false, false, Some(LINEAR)));
    play.send(plain(&[LINEAR, TILED]));
    assert_eq!(play.frames(&mut next), (false, false, Some(LINEAR)));

    // What is known already is asked of nobody, and a resize asks nothing else.
    play.send(plain(&[TILED]));
    play.compositor.settled();
    let frozen = play.compositor.freeze();
    play.surface.formats(device.physical).unwrap();
    let capabilities = play.surface.capabilities2(device.physical).unwrap();
    assert_eq!(capabilities.min_image_count, 3);
    play.surface.present_modes(device.physical).unwrap();
    let mut tiled = next.replaced_by(Wanted::default()).unwrap();
    drop(frozen);
    drop(next);
    assert_eq!(play.frames(&mut tiled), (false, false, Some(TILED)));
    play.end(tiled);

    // Before version 4 there are no preferences.
    let old = Offer {
        dmabuf: Dmabuf::Modifiers(3),
        ..both()
    };
    let play = Play::new(&device, old);
    let mut swapchain = play.swapchain();
    assert_eq!(
        play.frames(&mut swapchain),
        (false, false, Some(TILED)),
        "version 3"
    );
    play.end(swapchain);
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn images_for_a_compositor_on_another_device_are_linear_and_logged_once() {
    let _watchdog = Watchdog::new(Duration::from_secs(100), "frames on a scripted compositor");
    let driver = AsynchronousDriver::new();
    driver.add_modifier(TILED);
    driver.set_render_node(226, 128);
    let device = device();
    for (what, main_device, modifiers, expected, told) in [
        (
            "the same device",
            makedev(226, 128),
            &[LINEAR, TILED][..],
            TILED,
            0,
        ),
        (
            "another device",
            makedev(226, 129),
            &[LINEAR, TILED],
            LINEAR,
            1,
        ),
        (
            "another device, and nothing linear",
            makedev(226, 129),
            &[TILED],
            TILED,
            1,
        ),
    ] {
        let ((), log) = captured(|| {
            let offer = Offer {
                formats: formats(modifiers),
                main_device,
                ..Offer::default()
            };
            let play = Play::new(&device, offer);
            let swapchain = play.swapchain();
            let mut next = swapchain.replaced_by(Wanted::default()).unwrap();
            drop(swapchain);
            assert_eq!(
                play.frames(&mut next),
                (false, false, Some(expected)),
                "{what}"
            );
            play.end(next);
        });
        assert_eq!(log.matches(FOREIGN).count(), told, "{what}: {log}");
    }
}

/// Whatever a compositor sends as its format table, frames are shown, and the log has one line.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn malformed_format_tables_are_survived_with_one_line() {
    let _watchdog = Watchdog::new(Duration::from_secs(200), "frames on a scripted compositor");
    let device = device();
    let main = Offer::default().main_device;
    let all = || feedback(main, &[(false, &[LINEAR])]);
    let broken = |table| Feedback { table, ..all() };
    let stray = |bytes: &[u8]| {
        let mut told = all();
        told.tranches[0].stray_indices = bytes.to_vec();
        told
    };
    // Whether the layer can own the swapchains, and how many complaints are logged.
    for (what, told, owned, complaints) in [
        ("not sent", broken(Table::Missing), false, 1),
        (
            "half an entry more",
            broken(Table::Claims(4 * 16 + 8)),
            true,
            1,
        ),
        (
            "half an entry less",
            broken(Table::Claims(4 * 16 - 8)),
            true,
            1,
        ),
        (
            "longer than its file",
            broken(Table::Claims(1 << 20)),
            true,
            1,
        ),
        ("the largest size", broken(Table::Claims(u32::MAX)), true, 1),
        ("empty", broken(Table::Claims(0)), false, 1),
        ("huge", broken(Table::Huge(1 << 26)), true, 1),
        ("large", broken(Table::Huge(1 << 19)), true, 0),
        ("a pipe", broken(Table::Unmappable), false, 1),
        ("sent twice", broken(Table::Replaced), true, 0),
        ("an index beyond the table", stray(&[0xff, 0xff]), true, 1),
        ("half an index", stray(&[0]), true, 1),
    ] {
        let ((), log) = captured(|| {
            let offer = Offer {
                feedback: Some(told.clone()),
                ..Offer::default()
            };
            let play = Play::new(&device, offer);
            let mut swapchain = play.swapchain();
            let expected = owned.then_some(LINEAR);
            assert_eq!(
                play.frames(&mut swapchain),
                (false, false, expected),
                "{what}"
            );
            play.end(swapchain);
        });
        assert_eq!(log.matches(COMPLAINT).count(), complaints, "{what}: {log}");

        // While the swapchain is in use, and when it is replaced. A table that is not sent again stays in
        // force.
        let complaints = match what {
            "not sent" => 0,
            _ => complaints,
        };
        let ((), log) = captured(|| {
            let play = Play::new(&device, Offer::default());
            let mut swapchain = play.swapchain();
            play.frame(&mut swapchain);
            for _ in 0..3 {
                play.send(told.clone());
                let shown = play.frames(&mut swapchain);
                assert_eq!(shown, (false, false, Some(LINEAR)), "{what}");
                swapchain = swapchain.replaced_by(Wanted::default()).unwrap();
            }
            play.end(swapchain);
        });
        assert_eq!(log.matches(COMPLAINT).count(), complaints, "{what}: {log}");
    }
}

/// A driver may have a layout only for images of one queue family: it is not chosen for images that several
/// share, even where the compositor prefers it.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn images_that_queue_families_share_have_a_layout_for_that() {
    let driver = AsynchronousDriver::new();
    driver.add_modifier(TILED);
    let device = device();
    let play = Play::new(
        &device,
        Offer {
            feedback: Some(feedback(0, &[(false, &[TILED]), (false, &[LINEAR])])),
            ..Offer::default()
        },
    );
    let families = [device.queue_family, device.queue_family];
    for (sharing, expected) in [
        (vk::SharingMode::EXCLUSIVE, TILED),
        (vk::SharingMode::CONCURRENT, LINEAR),
    ] {
        let wanted = Wanted::default();
        let mut swapchain = Swapchain::changed(&play.device, &play.surface, wanted, |info| {
            info.image_sharing_mode = sharing;
            info.queue_family_index_count = families.len() as u32;
            info.p_queue_family_indices = families.as_ptr();
        })
        .unwrap_or_else(|error| panic!("{sharing:?}: {error}"));
        assert_eq!(play.frame(&mut swapchain).2, Some(expected), "{sharing:?}");
    }
}
