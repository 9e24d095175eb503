//! Frames of the library's own, on a compositor that does anything.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wayfence::colour::{Chromaticity, Metadata, from_vk};
use wayfence::deadline::Deadline;
use wayfence::dma_buf::DmaBuf;
use wayfence::error::{Error, Result};
use wayfence::present_mode::PresentMode;
use wayfence::presentations::{Reader, Stages, Target, Time, Wanted};
use wayfence::swapchain::{Description, Memory, Presentation, Swapchain, Timing};
use wayfence::synchronisation::{Choice, Inherited};
use wayfence::trace::Trace;
use wayfence::wayland::{Plane, Rectangle, Surface};
use wayfence_test_compositor::{ClientId, Compositor, Format, Imports, Kind, Offer, Presented};
use wayfence_tests::{Footprint, Window};

use crate::compositor::{Whimsical, offer};
use crate::source::{Source, memory};

/// Small, as nobody looks.
const EXTENT: (u32, u32) = (16, 16);
const STRIDE: u32 = 64;

/// As many steps tell any story.
const STEPS: usize = 200;

/// Frames that may have to wait for one before them: each may take a second.
const PACED: u32 = 2;

/// What was done, for whoever finds a panic.
#[derive(Default)]
struct Story(Vec<String>);

impl Story {
    fn tell(&mut self, what: impl FnOnce() -> String) {
        let what = what();
        if std::env::var_os("WAYFENCE_FUZZ_TELL").is_some() {
            eprintln!("{what}");
        }
        self.0.push(what);
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("so far:\n  {}", self.0.join("\n  "));
        }
    }
}

/// An application draws frames on a compositor that breaks every rule but that of the wire. After that, nothing is
/// left of it, and a client that comes later is served.
pub(crate) fn play(bytes: &[u8]) {
    static WARM: std::sync::Once = std::sync::Once::new();
    // What is opened once and kept, is opened by now.
    WARM.call_once(|| tell(&[]));
    let before = Footprint::now().descriptors;
    tell(bytes);
    let after = Footprint::now().descriptors;
    assert_eq!(after, before, "descriptors are left open");
}

fn tell(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut story = Story::default();
    let offer = offer(&mut source);
    story.tell(|| format!("{offer:?}"));
    let compositor = Compositor::new(offer);
    let (client, socket) = connect(&compositor, source.one_in(4));
    let window = Window::open_at(socket);
    {
        let mut whimsical = Whimsical::new(&compositor, client);
        let application = Application::new(&window, &mut source);
        story.tell(|| match &application {
            Ok(_) => "an application".to_owned(),
            Err(error) => error.to_string(),
        });
        if let Ok(mut application) = application {
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
                story.tell(|| did);
            }
        }
    }
    story.tell(|| "the end".to_owned());
    drop(window);
    // What the compositor was told to do to others, it does no longer.
    compositor.import(Imports::Proper);
    let window = Window::open_at(compositor.connect());
    serves(&compositor, &window);
    assert_eq!(window.protocol_error(), None);
}

/// A client that came through a socket in the file system can be asked where it leads.
fn connect(compositor: &Compositor, by_name: bool) -> (ClientId, UnixStream) {
    if !by_name {
        return compositor.connect_as();
    }
    let path = compositor.listen();
    let socket = UnixStream::connect(path).expect("somebody listens");
    loop {
        compositor.settled();
        if let Some(client) = compositor.clients().first() {
            return (*client, socket);
        }
    }
}

/// A frame goes to the compositor.
fn serves(compositor: &Compositor, window: &Window) {
    // SAFETY: display and surface are the window's, which outlives this.
    let surface = unsafe { Surface::of(window.display_ptr(), window.surface_ptr()) }
        .expect("a compositor that answers");
    compositor.take_commits();
    let swapchain = swapchain(&surface, &[PresentMode::Mailbox], false, false)
        .expect("a surface of which nobody knows yet")
        .expect("a surface that nobody has");
    let acquired = swapchain
        .acquire(Deadline::Now, &mut Trace::off().acquire())
        .expect("a living compositor")
        .expect("a new image");
    swapchain
        .present(acquired.index, None, Presentation::default())
        .expect("a living compositor");
    assert!(
        compositor
            .commit_within(Duration::from_secs(10), |commit| commit.has_buffer())
            .is_some(),
        "the frame does not arrive"
    );
}

/// `None` if another swapchain has the surface.
fn swapchain(
    surface: &Arc<Surface>,
    modes: &[PresentMode],
    timed: bool,
    coloured: bool,
) -> Result<Option<Swapchain>> {
    let Some(claim) = surface.claim() else {
        return Ok(None);
    };
    let plain = ash::vk::ColorSpaceKHR::SRGB_NONLINEAR;
    let wide = ash::vk::ColorSpaceKHR::HDR10_ST2084_EXT;
    let support = surface.display().capabilities().colours.as_ref();
    let space = from_vk(wide)
        .filter(|space| coloured && space.is_offered(support))
        .or(from_vk(plain))
        .expect("every swapchain knows sRGB");
    let description = Description {
        extent: EXTENT,
        fourcc: u32::from_le_bytes(*b"XR24"),
        modifier: Format::LINEAR,
        space,
        modes: modes.to_vec(),
        choice: Choice::Auto,
        timed,
        observed: timed,
        tracer: None,
    };
    let size = u64::from(STRIDE * EXTENT.1);
    let images = (0..3).map(|_| Memory {
        dma_buf: Arc::new(DmaBuf::from(memory(&[], size, false))),
        planes: vec![Plane {
            offset: 0,
            stride: STRIDE,
        }],
        inherited: Inherited::default(),
    });
    Swapchain::new(claim, &description, images.collect()).map(Some)
}

/// A compositor tells of a frame that it will be shown in so long, and on no display that it has. Answers how long the
/// next frame takes, which is to be shown a moment after that one.
///
/// # Panics
/// If a frame fails, or does not arrive.
pub fn after_a_frame_of_the_future(ahead: Duration) -> Duration {
    let compositor = Compositor::new(Offer {
        fifo: true,
        commit_timing: true,
        ..Offer::default()
    });
    let window = Window::open_at(compositor.connect());
    // SAFETY: display and surface are the window's, which outlives this.
    let surface = unsafe { Surface::of(window.display_ptr(), window.surface_ptr()) }
        .expect("a compositor that answers");
    let swapchain = swapchain(&surface, &[PresentMode::Fifo], true, false)
        .expect("a plain surface")
        .expect("a surface that nobody has");
    let frame = || {
        let acquired = swapchain
            .acquire(Deadline::Now, &mut Trace::off().acquire())
            .expect("a living compositor")
            .expect("a new image");
        let how = Presentation {
            timing: Some(Timing {
                stages: Stages::that(|_| true),
                reader: Reader::History,
                target: Some(Target {
                    time: Time::After(1),
                    nearest: false,
                }),
                said: [0; 2],
            }),
            ..Presentation::default()
        };
        swapchain
            .present(acquired.index, None, how)
            .expect("a living compositor");
        compositor.next_commit()
    };
    let first = frame();
    compositor.presented(
        &first,
        Presented {
            at: Presented::default().at + ahead,
            flags: Kind::empty(),
            ..Presented::default()
        },
    );
    compositor.frame_done(first.surface);
    let begin = Instant::now();
    frame();
    begin.elapsed()
}

struct Application {
    surface: Arc<Surface>,
    modes: Vec<PresentMode>,
    timed: bool,
    coloured: bool,
    /// The last of them is not retired.
    swapchains: Vec<(Swapchain, Vec<u32>)>,
    paced: u32,
    id: u64,
}

impl Application {
    fn new(window: &Window, source: &mut Source<'_>) -> Result<Self> {
        // SAFETY: display and surface are the window's, which outlives this.
        let surface = unsafe { Surface::of(window.display_ptr(), window.surface_ptr()) }?;
        let capabilities = surface.display().capabilities();
        // With the others the compositor may have to be waited for.
        let mut modes = vec![PresentMode::Mailbox];
        modes.extend(
            PresentMode::ALL
                .into_iter()
                .filter(|mode| mode.is_offered(capabilities) && source.flag()),
        );
        Ok(Self {
            modes,
            timed: source.flag(),
            coloured: source.flag(),
            surface,
            swapchains: Vec::new(),
            paced: 0,
            id: 0,
        })
    }

    fn act(&mut self, source: &mut Source<'_>) -> String {
        let what = source.byte() % 16;
        let at = match self.swapchains.len() {
            0 => return self.renew(),
            some => source.index(some),
        };
        let is_last = at + 1 == self.swapchains.len();
        if what == 10 && !is_last {
            drop(self.swapchains.remove(0));
            return "the oldest swapchain is destroyed".to_owned();
        }
        let (swapchain, held) = &mut self.swapchains[at];
        match what {
            0..=2 => {
                let acquired = swapchain.acquire(Deadline::Now, &mut Trace::off().acquire());
                let told = format!("acquire {acquired:?}");
                match acquired {
                    Ok(Some(acquired)) => {
                        assert!(!held.contains(&acquired.index), "an image twice");
                        assert!(is_last, "a retired swapchain gives images");
                        held.push(acquired.index);
                    }
                    Ok(None) => {}
                    Err(error) => expected(&error),
                }
                told
            }
            3..=6 => {
                let Some(index) = held.pop() else {
                    return "nothing to present".to_owned();
                };
                let mode = *source.of(&self.modes).expect("it has some");
                let may_wait = !matches!(mode, PresentMode::Mailbox | PresentMode::Immediate);
                if may_wait && self.paced == PACED {
                    held.push(index);
                    return "no more waits".to_owned();
                }
                self.paced += u32::from(may_wait);
                self.id += 1;
                let damage = Rectangle {
                    x: source.u32() as i32,
                    y: source.u32() as i32,
                    width: source.u32() as i32,
                    height: source.u32() as i32,
                };
                let timing = (self.timed && source.flag()).then(|| Timing {
                    stages: {
                        let stages = source.byte();
                        Stages::that(|stage| stages & 1 << stage as u8 != 0)
                    },
                    reader: Reader::History,
                    target: source.flag().then(|| Target {
                        // A target of the application's own may be as far as it likes: it waits for that.
                        time: match source.flag() {
                            true => Time::At(0),
                            false => Time::After((source.byte()).into()),
                        },
                        nearest: source.flag(),
                    }),
                    said: [0; 2],
                });
                let how = Presentation {
                    damage: std::slice::from_ref(&damage),
                    mode: Some(mode),
                    id: source.flag().then_some(self.id),
                    timing,
                    called: None,
                };
                let presented = swapchain.present(index, None, how);
                if let Err(error) = &presented {
                    expected(error);
                }
                format!("present {index} as {mode:?}, {timing:?}: {presented:?}")
            }
            7 => match held.pop() {
                Some(index) => {
                    swapchain.release(index).expect("a held image");
                    format!("{index} is given back")
                }
                None => "nothing to give back".to_owned(),
            },
            8 => {
                let id = self.id.saturating_sub(source.byte().into());
                let over = swapchain.wait_for_present(id, Deadline::Now);
                if let Err(error) = &over {
                    expected(error);
                }
                format!("wait for present {id}: {over:?}")
            }
            9 => self.renew(),
            10 | 11 => {
                let mut point = || Chromaticity {
                    x: source.f32(),
                    y: source.f32(),
                };
                let metadata = Metadata {
                    red: point(),
                    green: point(),
                    blue: point(),
                    white: point(),
                    max_luminance: source.f32(),
                    min_luminance: source.f32(),
                    max_cll: source.f32(),
                    max_fall: source.f32(),
                };
                let set = swapchain.set_metadata(&metadata);
                if let Err(error) = &set {
                    expected(error);
                }
                format!("{metadata:?}: {set:?}")
            }
            12 => {
                let past = swapchain.past(
                    Reader::History,
                    Wanted {
                        partial: source.flag(),
                        out_of_order: source.flag(),
                    },
                    source.flag().then_some(2),
                );
                for past in &past.0 {
                    assert!(past.known().count() <= 3);
                }
                format!("{past:?}, {:?}", swapchain.latencies())
            }
            13 => format!("{:?}", swapchain.refresh_or_outputs()),
            14 => {
                let looked = swapchain.look();
                if let Err(error) = &looked {
                    expected(error);
                }
                let feedback = self.surface.feedback();
                format!("look {looked:?}: {} tranches", feedback.tranches.len())
            }
            _ => {
                self.surface.sweep();
                "sweep".to_owned()
            }
        }
    }

    /// A new swapchain in the place of the last.
    fn renew(&mut self) -> String {
        if let Some((last, _)) = self.swapchains.last() {
            last.retire();
        }
        match swapchain(&self.surface, &self.modes, self.timed, self.coloured) {
            Ok(swapchain) => {
                let swapchain = swapchain.expect("the last was retired");
                let told = format!("a swapchain, {}, {}", swapchain.way(), swapchain.space());
                self.swapchains.push((swapchain, Vec::new()));
                told
            }
            Err(error) => {
                expected(&error);
                // There is no last one now.
                self.swapchains.clear();
                format!("no swapchain: {error}")
            }
        }
    }
}

/// What may be answered where the compositor is gone, or has handed over something that is no fence.
fn expected(error: &Error) {
    match error {
        Error::CompositorGone(_)
        | Error::Retired
        | Error::Unsupported(_)
        | Error::Kernel { .. }
        | Error::Protocol(_) => {}
        other => panic!("{other}"),
    }
}
