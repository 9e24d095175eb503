//! Many swapchains in one process: hundreds that live at once, until there are no descriptors left, and dozens of
//! windows that several threads draw on one connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ash::vk;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use wayfence_tests::footprint::descriptors;
use wayfence_tests::instance::Options;
use wayfence_tests::layers::{self, VALIDATION, WAYFENCE};
use wayfence_tests::stderr;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Swapchain, Wanted};

/// So many swapchains at once, unless `WAYFENCE_TEST_SWAPCHAINS` says otherwise: 500 take a minute.
const SWAPCHAINS: usize = 120;

/// What an application may have open unless somebody says otherwise: the usual limit.
const USUAL_LIMIT: u64 = 1024;

/// Threads, and windows of each.
const THREADS: u32 = 8;
const WINDOWS: u32 = 8;
/// Swapchains that each window has, one in the place of the other.
const GENERATIONS: u32 = 2;
/// Frames of each.
const FRAMES: u32 = 3;

fn small() -> Wanted {
    Wanted {
        extent: (16, 16),
        ..Wanted::mailbox()
    }
}

/// Lets this process have so many descriptors, or another one, as far as it may say so.
fn limit(process: Option<Pid>, descriptors: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: Some(descriptors),
        maximum: maximum.map(|maximum| maximum.max(descriptors)),
    };
    match process {
        None => setrlimit(Resource::Nofile, limit),
        some => prlimit(some, Resource::Nofile, limit).map(drop),
    }
    .expect("the limit can be set");
}

/// The compositor has as many buffers as the application.
fn let_the_compositor_have_many() {
    let pid = std::env::var("WAYFENCE_COMPOSITOR_PID").expect("scripts/guest/session sets it");
    limit(Pid::from_raw(pid.parse().expect("a number")), 65_536);
}

/// Destroys all but the first of them, and reads meanwhile what the compositor says to that: it ends who does not.
fn leave(app: &Application, all: &mut Vec<Swapchain>, count: usize) {
    while all.len() > count {
        all.truncate(count.max(all.len() - 10));
        app.surface.window().roundtrip().unwrap();
    }
}

/// How many descriptors there are of each kind, without those that few have.
fn kinds() -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for path in descriptors() {
        let name = path.to_string_lossy().into_owned();
        let kind = name.split([':', '(', ' ']).next().unwrap_or_default();
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    kinds.retain(|_, count| *count > 10);
    kinds
}

/// A window on the application's connection, with a swapchain.
fn window(app: &Application) -> Result<Swapchain, vk::Result> {
    app.second_window().try_swapchain(small())
}

#[test]
#[ignore = "needs a Wayland compositor whose process is known: scripts/test"]
fn more_than_a_hundred_swapchains_live_at_once() {
    let _watchdog = Watchdog::new(Duration::from_secs(300), "hundreds of swapchains");
    let count = std::env::var("WAYFENCE_TEST_SWAPCHAINS").ok();
    let count = count.map_or(SWAPCHAINS, |count| count.parse().expect("a number"));
    limit(None, 65_536);
    let_the_compositor_have_many();
    let app = Application::new();
    let mut all = vec![window(&app).unwrap()];
    all[0].frame().unwrap();
    let first = descriptors().len();
    while all.len() < count {
        let mut swapchain = window(&app).unwrap();
        swapchain.frame().unwrap();
        all.push(swapchain);
    }
    app.device.wait_idle().unwrap();
    let last = descriptors().len();
    let (more, images) = (count - 1, all[0].images.len());
    println!(
        "{count} swapchains of {images} images: {last} descriptors, {:.2} for each swapchain: {:?}",
        (last - first) as f64 / more as f64,
        kinds()
    );
    // Of each image one is the layer's, its memory, and one may be: the fence of a frame that is not drawn. The others
    // are the driver's.
    assert!(last - first <= more * 5 * images, "{first} and then {last}");
    leave(&app, &mut all, 1);
    app.surface.window().assert_alive();
    all[0].frame().unwrap();
    app.device.wait_idle().unwrap();
    let after = descriptors().len();
    assert!(after <= first + images, "{first} and then {after}");
}

/// Where there are no descriptors left the application is told so, and loses nothing of what it has.
#[test]
#[ignore = "needs a Wayland compositor whose process is known: scripts/test"]
fn without_descriptors_there_is_no_more_swapchain_and_nothing_is_lost() {
    let _watchdog = Watchdog::new(Duration::from_secs(300), "swapchains up to the limit");
    limit(None, USUAL_LIMIT);
    let_the_compositor_have_many();
    let app = Application::new();
    let mut all = vec![window(&app).unwrap()];
    all[0].frame().unwrap();
    // The windows first: what a connection needs of descriptors for itself is not the layer's.
    let windows: Vec<Application> = (0..USUAL_LIMIT / 4).map(|_| app.second_window()).collect();
    let mut windows = windows.into_iter();
    let (error, said, before) = loop {
        let next = windows.next().expect("the limit comes before");
        let before = descriptors().len();
        let (made, said) = stderr::captured(|| next.try_swapchain(small()));
        match made {
            Ok(swapchain) => all.push(swapchain),
            Err(error) => break (error, said, before),
        }
    };
    println!(
        "{} swapchains with {before} of {USUAL_LIMIT} descriptors, and then {error:?}: {said}",
        all.len()
    );
    assert!(
        [
            vk::Result::ERROR_OUT_OF_HOST_MEMORY,
            vk::Result::ERROR_OUT_OF_DEVICE_MEMORY,
            // A driver that says success and gives no descriptor.
            vk::Result::ERROR_INITIALIZATION_FAILED,
        ]
        .contains(&error),
        "{error:?}"
    );
    assert!(said.contains("ERROR"), "nothing is said of {error:?}");
    app.surface.window().assert_alive();
    let after = descriptors().len();
    assert!(after <= before, "{before} and then {after}");
    // To the last descriptor: each fails on its way at another place.
    let mut fillers = Vec::new();
    let next = windows.next().expect("there is another window");
    while let Ok(filler) = std::fs::File::open("/dev/null") {
        fillers.push(filler);
    }
    for left in 0..24 {
        let made = next.try_swapchain(small()).map(drop);
        let told = made.map_or_else(|error| format!("{error:?}"), |()| "a swapchain".to_owned());
        println!("with {left} descriptors left: {told}");
        fillers.pop();
        app.surface.window().assert_alive();
    }
    // Where something goes there is room again, and what is left goes on.
    drop(fillers);
    for unused in windows {
        drop(unused);
        app.surface.window().roundtrip().unwrap();
    }
    let half = all.len() / 2;
    leave(&app, &mut all, half);
    for swapchain in &mut all {
        swapchain.frame().unwrap();
    }
    app.device.wait_idle().unwrap();
    app.surface.window().roundtrip().unwrap();
    let mut again = window(&app).unwrap();
    for _ in 0..10 {
        again.frame().unwrap();
    }
    app.surface.window().assert_alive();
}

/// Each thread has windows of its own; connection, device and queue are everybody's.
fn windows_in_threads(messages: bool) {
    let _watchdog = Watchdog::new(Duration::from_secs(300), "64 windows in 8 threads");
    limit(None, 65_536);
    let_the_compositor_have_many();
    let app = Application::with(Options {
        messages,
        ..Options::default()
    });
    let extents = AtomicU32::new(0);
    // Before anybody draws: who opens one asks the compositor, and gives up where its socket is full.
    let mut windows: Vec<Vec<Application>> = (0..THREADS)
        .map(|_| (0..WINDOWS).map(|_| app.second_window()).collect())
        .collect();
    std::thread::scope(|scope| {
        for (thread, windows) in (0..).zip(windows.drain(..)) {
            let extents = &extents;
            scope.spawn(move || draw_windows(&windows, thread, extents));
        }
    });
    app.device.wait_idle().unwrap();
    app.surface.window().assert_alive();
    for number in 0..extents.load(Ordering::Relaxed) {
        let report = layers::report_of(extent(number));
        let counters = &report.counters;
        assert_eq!(counters.presents, u64::from(FRAMES), "{report:?}");
        assert_eq!(counters.acquires(), u64::from(FRAMES), "{report:?}");
    }
    assert_eq!(
        extents.load(Ordering::Relaxed),
        THREADS * WINDOWS * GENERATIONS
    );
    let messages = app.device.instance.messages();
    let messages: Vec<_> = messages
        .iter()
        .filter(|line| !line.contains("GENERAL: env var 'VK_INSTANCE_LAYERS' defined"))
        .collect();
    assert!(messages.is_empty(), "{messages:?}");
}

/// A size that no other swapchain has, by which its report is found.
fn extent(number: u32) -> (u32, u32) {
    (16 + number % 64, 16 + number / 64)
}

fn draw_windows(windows: &[Application], thread: u32, extents: &AtomicU32) {
    let wanted = || Wanted {
        extent: extent(extents.fetch_add(1, Ordering::Relaxed)),
        // Some wait in their presents.
        ..match thread {
            0 => Wanted::default(),
            _ => Wanted::mailbox(),
        }
    };
    let mut all: Vec<Swapchain> = windows
        .iter()
        .map(|window| window.swapchain_with(wanted()))
        .collect();
    for generation in 0..GENERATIONS {
        if generation > 0 {
            for swapchain in &mut all {
                *swapchain = swapchain.replaced_by(wanted()).unwrap();
            }
        }
        for _ in 0..FRAMES {
            for swapchain in &mut all {
                swapchain.frame().unwrap();
            }
        }
    }
}

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn eight_threads_draw_sixty_four_windows_on_one_connection() {
    windows_in_threads(false);
}

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs and VK_LAYER_KHRONOS_validation: scripts/test"]
fn the_validation_layer_has_nothing_to_say_of_eight_threads() {
    layers::choose(&[VALIDATION, WAYFENCE]);
    windows_in_threads(true);
}
