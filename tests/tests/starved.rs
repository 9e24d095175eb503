//! Each call that the layer makes to the kernel fails once, with each error that a kernel may answer.
//!
//! The application makes a surface, asks what it can do, makes a swapchain, draws frames, makes another swapchain in
//! its place, draws more, and destroys everything. Whatever fails: it is told so by a result of the specification's,
//! with a line in the log; no descriptor stays open; nobody panics, hangs or breaks the protocol; and afterwards the
//! same application on the same device draws in another window as if nothing had happened.

#![cfg(target_arch = "x86_64")]

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use ash::vk;
use rustix::io::Errno;
use wayfence_test_compositor::{Behaviour, Compositor, Offer};
use wayfence_tests::{
    Device, Instance, Semaphore, Surface, Swapchain, Wanted, Window,
    failing_calls::{FailingCalls, Hit},
    footprint::descriptors,
    instance, layers,
    outcomes::Outcomes,
    scripted::Way,
    stderr,
    watchdog::Watchdog,
};

const ERRORS: [(Errno, &str); 8] = [
    (Errno::NOTTY, "ENOTTY"),
    (Errno::MFILE, "EMFILE"),
    (Errno::NFILE, "ENFILE"),
    (Errno::NOMEM, "ENOMEM"),
    (Errno::BADF, "EBADF"),
    (Errno::INVAL, "EINVAL"),
    (Errno::INTR, "EINTR"),
    (Errno::AGAIN, "EAGAIN"),
];

/// Frames with each swapchain: more than it has images, so that some come back.
const FRAMES: u32 = 8;

/// How often the same call of the same part is made to fail, at most: the first time with each error, since that may
/// be special, and then with one.
const OCCURRENCES: usize = 5;

/// The parts of the story, in order.
const PARTS: [&str; 7] = [
    "vkCreateWaylandSurfaceKHR",
    "the surface's queries",
    "vkCreateSwapchainKHR",
    "vkAcquireNextImageKHR",
    "vkQueuePresentKHR",
    "vkDestroySwapchainKHR",
    "vkDestroySurfaceKHR",
];
const SURFACE: usize = 1;
const QUERIES: usize = 2;
const CREATE: usize = 3;
const ACQUIRE: usize = 4;
const PRESENT: usize = 5;
const DESTROY: usize = 6;
const DESTROY_SURFACE: usize = 7;

/// What came of it: the part that failed, if one did, and its result.
type Outcome = Result<(), (usize, vk::Result)>;

/// What a command may answer by the specification; VK_ERROR_UNKNOWN any of them.
fn is_allowed(part: usize, result: vk::Result) -> bool {
    use vk::Result as R;
    let of_part: &[vk::Result] = match part {
        SURFACE => &[],
        QUERIES => &[R::ERROR_SURFACE_LOST_KHR],
        CREATE => &[
            R::ERROR_DEVICE_LOST,
            R::ERROR_SURFACE_LOST_KHR,
            R::ERROR_INITIALIZATION_FAILED,
        ],
        ACQUIRE | PRESENT => &[
            R::ERROR_DEVICE_LOST,
            R::ERROR_OUT_OF_DATE_KHR,
            R::ERROR_SURFACE_LOST_KHR,
        ],
        _ => panic!("{part} answers nothing"),
    };
    [
        R::ERROR_UNKNOWN,
        R::ERROR_OUT_OF_HOST_MEMORY,
        R::ERROR_OUT_OF_DEVICE_MEMORY,
    ]
    .iter()
    .chain(of_part)
    .any(|allowed| *allowed == result)
}

struct Stage {
    kernel: FailingCalls,
    compositor: Compositor,
    device: Arc<Device>,
}

impl Stage {
    fn story(&self) -> Outcome {
        let window = Window::open_at(self.compositor.connect());
        let instance = &self.device.instance;
        let surface = self
            .kernel
            .during(SURFACE, || Surface::try_of_window(instance, window))
            .map_err(|error| (SURFACE, error))?;
        let outcome = self.frames(&surface);
        self.kernel.during(DESTROY_SURFACE, || drop(surface));
        outcome
    }

    fn frames(&self, surface: &Arc<Surface>) -> Outcome {
        let wanted = Wanted {
            extent: (32, 32),
            ..Wanted::mailbox()
        };
        let physical = self.device.physical;
        let queries = || {
            surface.is_supported(physical, self.device.queue_family)?;
            surface.formats(physical)?;
            surface.present_modes(physical)?;
            surface.capabilities(physical).map(drop)
        };
        self.kernel
            .during(QUERIES, queries)
            .map_err(|error| (QUERIES, error))?;
        let made = self.kernel.during(CREATE, || {
            Swapchain::new(&self.device, surface, wanted).map_err(|error| (CREATE, error))
        });
        let mut first = made?;
        let mut outcome = (0..FRAMES).try_for_each(|number| self.frame(&mut first, number));
        if outcome.is_ok() {
            let wanted = Wanted {
                extent: (48, 32),
                ..wanted
            };
            let made = self.kernel.during(CREATE, || {
                first.replaced_by(wanted).map_err(|error| (CREATE, error))
            });
            outcome = made.and_then(|mut second| {
                let outcome = (0..FRAMES).try_for_each(|number| self.frame(&mut second, number));
                self.kernel.during(DESTROY, || drop(second));
                outcome
            });
        }
        self.kernel.during(DESTROY, || drop(first));
        outcome
    }

    /// By turns with a fence and with a semaphore.
    fn frame(&self, swapchain: &mut Swapchain, number: u32) -> Outcome {
        const TIMEOUT: u64 = 5_000_000_000;
        swapchain.surface.dispatch();
        let acquired = Semaphore::new(&self.device).expect("a semaphore");
        let index = self.kernel.during(ACQUIRE, || match number % 2 {
            0 => swapchain.acquire_and_wait(TIMEOUT),
            _ => swapchain.acquire(TIMEOUT, acquired.raw, vk::Fence::null()),
        });
        let index = index.map_err(|error| (ACQUIRE, error))?;
        let drawn = match number % 2 {
            0 => swapchain.draw_now(index),
            _ => swapchain.draw_after(index, acquired.raw),
        };
        drawn.expect("the driver draws");
        let shown = self.kernel.during(PRESENT, || swapchain.present(index));
        // The semaphore is in use until then.
        self.device.wait_idle().expect("an idle device");
        shown.map_err(|error| (PRESENT, error))
    }

    /// What is open when the compositor has seen everybody go.
    fn settled(&self, before: Option<usize>) -> usize {
        self.device.wait_idle().expect("an idle device");
        let begin = Instant::now();
        loop {
            // The compositor is in this process: what it keeps for the test is open, too.
            drop(self.compositor.take_commits());
            let now = descriptors().len();
            if before.is_none_or(|before| now <= before) || begin.elapsed() > Duration::from_secs(2)
            {
                return now;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn every_call_fails_once(way: Way) {
    layers::set_up();
    let offer = Offer {
        behaviour: Behaviour::Automatic {
            refresh: Duration::from_millis(2),
        },
        ..way.offer()
    };
    let compositor = Compositor::new(offer);
    let device = Device::new(&Instance::new(instance::Options::default()));
    let stage = Stage {
        // The instance has loaded the layer, and the device's threads are not concerned.
        kernel: FailingCalls::new(),
        compositor,
        device,
    };
    for _ in 0..2 {
        stage.story().expect("nothing fails yet");
    }
    let mut before = {
        thread::sleep(Duration::from_millis(200));
        stage.settled(None)
    };
    let mut table = Outcomes::new(&PARTS);
    let mut wrong = Vec::new();
    let mut failures = 0;
    stage.kernel.arm(0, Errno::INVAL);
    stage.story().expect("nothing fails yet");
    let numbers = numbers(stage.kernel.called());
    for (round, (errno, error)) in ERRORS.into_iter().enumerate() {
        for &(number, occurrence) in &numbers {
            if occurrence > 1 && occurrence % ERRORS.len() != round {
                continue;
            }
            let _watchdog = Watchdog::new(Duration::from_secs(60), "a call that failed");
            stage.kernel.arm(number, errno);
            let (told, log) = stderr::captured(|| catch_unwind(AssertUnwindSafe(|| stage.story())));
            let Some(hit) = stage.kernel.disarm() else {
                // This time it took fewer calls.
                assert!(matches!(told, Ok(Ok(()))), "without a failure: {told:?}");
                continue;
            };
            failures += 1;
            let what = format!("{way}: {} {} {error}", PARTS[hit.part - 1], hit.call);
            let told = match told {
                Err(_) => {
                    wrong.push(format!("{what}: the test fails: {log}"));
                    "the test fails".to_owned()
                }
                Ok(Ok(())) => "goes on".to_owned(),
                Ok(Err((part, result))) => {
                    if !is_allowed(part, result) {
                        wrong.push(format!("{what}: {} answers {result:?}", PARTS[part - 1]));
                    }
                    if !log.contains("ERROR") {
                        wrong.push(format!("{what}: {result:?} without a line in the log"));
                    }
                    match part == hit.part {
                        true => format!("{result:?}"),
                        false => format!("{result:?} from {}", PARTS[part - 1]),
                    }
                }
            };
            if log.contains("panicked") {
                wrong.push(format!("{what}: {log}"));
            }
            table.add(hit.part, &hit.call, error, told);
            let after = stage.settled(Some(before));
            if after > before {
                wrong.push(format!(
                    "{what}: {} descriptors stay open: {:?}",
                    after - before,
                    descriptors()
                ));
                before = after;
            }
            let healthy = stage.story();
            if healthy.is_err() {
                wrong.push(format!("{what}: and the next window fails: {healthy:?}"));
            }
        }
    }
    table.print(&way.to_string());
    println!("{way}: {failures} failures, {} wrong", wrong.len());
    let protocol = stage.compositor.protocol_errors();
    assert!(protocol.is_empty(), "{protocol:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(failures > 100, "the story makes few calls: {failures}");
}

/// Which calls are to fail, and the how manieth of its kind each is; both counted from 1.
fn numbers(called: impl Iterator<Item = Hit>) -> Vec<(u64, usize)> {
    let mut seen: BTreeMap<Hit, usize> = BTreeMap::new();
    called
        .zip(1..)
        .filter_map(|(call, number)| {
            let seen = seen.entry(call).or_default();
            *seen += 1;
            (*seen <= OCCURRENCES).then_some((number, *seen))
        })
        .collect()
}

macro_rules! in_each_way {
    ($($test:ident: $way:ident),* $(,)?) => {$(
        #[test]
        #[ignore = "needs a driver and a DRM node with timelines: scripts/test"]
        fn $test() {
            every_call_fails_once(Way::$way);
        }
    )*};
}

in_each_way! {
    every_call_fails_once_by_syncobj: Syncobj,
    every_call_fails_once_by_explicit: Explicit,
    every_call_fails_once_by_implicit: Implicit,
}
