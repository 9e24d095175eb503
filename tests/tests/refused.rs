//! Each call that the layer makes to the driver fails: for lack of memory, or because the device is lost.
//!
//! The application makes instance and device, a surface and a swapchain, draws frames, makes another swapchain in its
//! place, draws more, and destroys everything. A call of the driver's fails, once, or it and all after it. Whatever
//! fails: the application is told so by a result of the specification's, or nothing comes of it; no object of the
//! driver's and no descriptor is left; nobody panics or hangs; and afterwards the same application draws as if nothing
//! had happened.
//!
//! Memory of Rust's own is not among what fails: the language ends the process without it.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use ash::vk;
use wayfence_test_compositor::{Behaviour, Compositor, Offer};
use wayfence_tests::{
    Device, Instance, Semaphore, Surface, Swapchain, Wanted, Window,
    asynchronous::AsynchronousDriver, footprint::descriptors, heap::Heap, instance::Options,
    outcomes::Outcomes, scripted::Way, stderr, watchdog::Watchdog,
};

/// Frames with each swapchain: more than it has images, so that some come back.
const FRAMES: u32 = 6;

/// How often the same command of the same part is made to fail, at most.
const OCCURRENCES: usize = 2;

/// A call of a living compositor's, in nanoseconds.
const TIMEOUT: u64 = 5_000_000_000;

/// From so many allocations on an application's memory ends, at most, unless `WAYFENCE_TEST_EACH` is set: then from
/// each, which takes minutes.
const ALLOCATIONS: usize = 24;

/// The parts of the story.
const PARTS: [&str; 12] = [
    "vkCreateInstance",
    "vkCreateDevice",
    "vkCreateWaylandSurfaceKHR",
    "the surface's queries",
    "vkCreateSwapchainKHR",
    "vkCreateSemaphore",
    "vkAcquireNextImageKHR",
    "vkQueuePresentKHR",
    "vkDestroySwapchainKHR",
    "vkDestroySurfaceKHR",
    "vkDestroyDevice",
    "the application's own work",
];
const INSTANCE: usize = 1;
const DEVICE: usize = 2;
const SURFACE: usize = 3;
const QUERIES: usize = 4;
const CREATE: usize = 5;
const SEMAPHORE: usize = 6;
const ACQUIRE: usize = 7;
const PRESENT: usize = 8;
const DESTROY: usize = 9;
const DESTROY_SURFACE: usize = 10;
const DESTROY_DEVICE: usize = 11;
const WORK: usize = 12;

/// What came of it: the part that failed, if one did, and its result.
type Outcome = Result<(), (usize, vk::Result)>;

struct Stage {
    // Keeps loader, layer and drivers loaded.
    anchor: Arc<Instance>,
    compositor: Compositor,
    driver: AsynchronousDriver,
    /// In which part each call was made that was counted.
    made_in: RefCell<Vec<usize>>,
}

impl Stage {
    fn new(way: Way) -> Self {
        let driver = AsynchronousDriver::new();
        let compositor = Compositor::new(Offer {
            behaviour: Behaviour::Automatic {
                refresh: Duration::from_millis(2),
            },
            ..way.offer()
        });
        Self {
            anchor: Instance::new(Options::default()),
            compositor,
            driver,
            made_in: RefCell::default(),
        }
    }

    /// From now on these calls of the driver's fail, counted from 1.
    fn arm(&self, first: u64, last: u64, result: vk::Result, of_device: bool) {
        self.made_in.borrow_mut().clear();
        self.driver.fail_from(first, last, result, of_device);
    }

    /// The call with this number: the part in which it was made, and its command.
    fn called(&self, number: u64) -> Option<(usize, String)> {
        let part = *self.made_in.borrow().get(number as usize - 1)?;
        Some((part, self.driver.called(number)?))
    }

    fn during<T>(&self, part: usize, command: impl FnOnce() -> T) -> T {
        let answer = self.driver.counting(command);
        let count = self.driver.called_count() as usize;
        self.made_in.borrow_mut().resize(count, part);
        answer
    }

    fn story(&self) -> Outcome {
        let instance = self
            .during(INSTANCE, || Instance::try_new(Options::default()))
            .map_err(|error| (INSTANCE, error))?;
        let device = self
            .during(DEVICE, || Device::try_new(&instance))
            .map_err(|error| (DEVICE, error))?;
        let outcome = self.window(&device);
        self.during(DESTROY_DEVICE, || drop(device));
        outcome
    }

    fn window(&self, device: &Arc<Device>) -> Outcome {
        let window = Window::open_at(self.compositor.connect());
        let surface = self
            .during(SURFACE, || Surface::try_of_window(&device.instance, window))
            .map_err(|error| (SURFACE, error))?;
        let outcome = self.frames(device, &surface);
        self.during(DESTROY_SURFACE, || drop(surface));
        outcome
    }

    fn frames(&self, device: &Arc<Device>, surface: &Arc<Surface>) -> Outcome {
        let wanted = Wanted {
            extent: (32, 32),
            ..Wanted::mailbox()
        };
        self.during(QUERIES, || ask(device, surface))
            .map_err(|error| (QUERIES, error))?;
        let made = self.during(CREATE, || Swapchain::new(device, surface, wanted));
        let mut first = made.map_err(|error| (CREATE, error))?;
        let mut outcome = (0..FRAMES).try_for_each(|number| self.frame(&mut first, number));
        if outcome.is_ok() {
            let wanted = Wanted {
                extent: (48, 32),
                ..wanted
            };
            let made = self.during(CREATE, || first.replaced_by(wanted));
            outcome = made
                .map_err(|error| (CREATE, error))
                .and_then(|mut second| {
                    let outcome =
                        (0..FRAMES).try_for_each(|number| self.frame(&mut second, number));
                    self.during(DESTROY, || drop(second));
                    outcome
                });
        }
        self.during(DESTROY, || drop(first));
        outcome
    }

    /// By turns with a fence and with a semaphore, and presented after one semaphore, or after two.
    fn frame(&self, swapchain: &mut Swapchain, number: u32) -> Outcome {
        swapchain.surface.dispatch();
        let device = Arc::clone(&swapchain.device);
        let semaphores = self.during(SEMAPHORE, || {
            Ok((Semaphore::new(&device)?, Semaphore::new(&device)?))
        });
        let (acquired, second) = semaphores.map_err(|error| (SEMAPHORE, error))?;
        let index = self.during(ACQUIRE, || match number % 2 {
            0 => swapchain.acquire_and_wait(TIMEOUT),
            _ => swapchain.acquire(TIMEOUT, acquired.raw, vk::Fence::null()),
        });
        let index = index.map_err(|error| (ACQUIRE, error))?;
        let work = |swapchain: &mut Swapchain| {
            match number % 2 {
                0 => swapchain.draw_now(index),
                _ => swapchain.draw_after(index, acquired.raw),
            }?;
            signal(&device, second.raw)
        };
        let worked = work(swapchain);
        let waits = [swapchain.drawn(index), second.raw];
        let waits = &waits[..1 + (number / 2 % 2) as usize];
        let shown = worked.map_err(|error| (WORK, error)).and_then(|()| {
            self.during(PRESENT, || present(swapchain, index, waits))
                .map_err(|error| (PRESENT, error))
        });
        // The semaphores are in use until then.
        let _ = device.wait_idle();
        let commits = self.compositor.take_commits();
        let shown_by_driver = commits
            .iter()
            .any(|commit| commit.has_buffer() && commit.buffer().image().is_none());
        assert!(!shown_by_driver, "the swapchain is the driver's");
        shown
    }

    /// What is there when the compositor has seen everybody go.
    fn settled(&self, before: Option<([i64; 5], usize)>) -> ([i64; 5], usize) {
        let begin = Instant::now();
        loop {
            // The compositor is in this process: what it keeps for the test is open, too.
            drop(self.compositor.take_commits());
            let now = (self.driver.living(), descriptors().len());
            let is_settled = before.is_none_or(|before| now.1 <= before.1);
            if is_settled || begin.elapsed() > Duration::from_secs(2) {
                return now;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn ask(device: &Device, surface: &Surface) -> Result<(), vk::Result> {
    let physical = device.physical;
    surface.is_supported(physical, device.queue_family)?;
    surface.formats(physical)?;
    surface.present_modes(physical)?;
    surface.capabilities(physical).map(drop)
}

/// Submits nothing that signals a semaphore.
fn signal(device: &Device, semaphore: vk::Semaphore) -> Result<(), vk::Result> {
    let signals = [semaphore];
    let submit = vk::SubmitInfo::default().signal_semaphores(&signals);
    // SAFETY: both are the device's, and the semaphore is new.
    device
        .with_queue(|queue| unsafe { device.raw.queue_submit(queue, &[submit], vk::Fence::null()) })
}

/// `vkQueuePresentKHR` after these semaphores.
fn present(swapchain: &Swapchain, index: u32, waits: &[vk::Semaphore]) -> Result<(), vk::Result> {
    let swapchains = [swapchain.raw];
    let indices = [index];
    let info = vk::PresentInfoKHR::default()
        .wait_semaphores(waits)
        .swapchains(&swapchains)
        .image_indices(&indices);
    let device = &swapchain.device;
    // SAFETY: queue, swapchain and semaphores are the device's; the image is held, and the semaphores have a signal
    // pending, by the caller's word.
    let shown = device.with_queue(|queue| unsafe { device.swapchain.queue_present(queue, &info) });
    shown.map(drop)
}

/// Which calls are to fail: of each command in each part the first few.
fn numbers(stage: &Stage) -> Vec<u64> {
    let mut seen: BTreeMap<(usize, String), usize> = BTreeMap::new();
    (1..=stage.driver.called_count())
        .filter(|number| {
            let seen = seen
                .entry(stage.called(*number).expect("it was called"))
                .or_default();
            *seen += 1;
            *seen <= OCCURRENCES
        })
        .collect()
}

/// Plays it with each of these faults, and holds it to what must always hold.
fn each_call_fails(
    title: &str,
    stage: &Stage,
    faults: &[(&'static str, vk::Result, bool)],
    of_device: bool,
    play: impl Fn() -> Outcome,
    is_allowed: impl Fn(usize, vk::Result) -> bool,
) {
    for _ in 0..2 {
        play().expect("nothing fails yet");
    }
    let mut before = {
        thread::sleep(Duration::from_millis(200));
        stage.settled(None)
    };
    stage.arm(0, 0, vk::Result::SUCCESS, of_device);
    play().expect("nothing fails yet");
    let numbers = numbers(stage);
    let mut table = Outcomes::new(&PARTS);
    let mut wrong = Vec::new();
    let mut failures = 0;
    for &(fault, result, lasts) in faults {
        for &number in &numbers {
            let _watchdog = Watchdog::new(Duration::from_secs(30), "a call of the driver's failed");
            let last = if lasts { u64::MAX } else { number };
            stage.arm(number, last, result, of_device);
            let (told, log) = stderr::captured(|| catch_unwind(AssertUnwindSafe(&play)));
            let Some((part, call)) = stage.called(number) else {
                // This time it took fewer calls.
                assert!(matches!(told, Ok(Ok(()))), "without a failure: {told:?}");
                continue;
            };
            stage.arm(0, 0, vk::Result::SUCCESS, of_device);
            failures += 1;
            let what = format!("{}: {call} {fault}", PARTS[part - 1]);
            let told = match told {
                Err(_) => {
                    wrong.push(format!("{what}: the test fails: {log}"));
                    "the test fails".to_owned()
                }
                Ok(Ok(())) => "goes on".to_owned(),
                Ok(Err((at, result))) => {
                    if !is_allowed(at, result) {
                        wrong.push(format!("{what}: {} answers {result:?}", PARTS[at - 1]));
                    }
                    match at == part {
                        true => format!("{result:?}"),
                        false => format!("{result:?} from {}", PARTS[at - 1]),
                    }
                }
            };
            if log.contains("panicked") || log.contains("a bug in Wayfence") {
                wrong.push(format!("{what}: {log}"));
            }
            table.add(part, &call, fault, told);
            let after = stage.settled(Some(before));
            if after.0 != before.0 || after.1 > before.1 {
                wrong.push(format!(
                    "{what}: objects {:?} and then {:?}, {} descriptors and then {}",
                    before.0, after.0, before.1, after.1
                ));
                before = after;
            }
            if let Err(error) = play() {
                wrong.push(format!("{what}: and then {error:?}"));
            }
        }
    }
    table.print(title);
    println!("{title}: {failures} failures, {} wrong", wrong.len());
    let protocol = stage.compositor.protocol_errors();
    assert!(protocol.is_empty(), "{protocol:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(failures > 15, "the story makes few calls: {failures}");
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn the_driver_has_no_memory() {
    let stage = Stage::new(Way::Implicit);
    let host = vk::Result::ERROR_OUT_OF_HOST_MEMORY;
    let device = vk::Result::ERROR_OUT_OF_DEVICE_MEMORY;
    let faults = [
        ("host-memory-from-here", host, true),
        ("device-memory-once", device, false),
    ];
    each_call_fails(
        "lack of memory in the driver",
        &stage,
        &faults,
        false,
        || stage.story(),
        |part, result| match part {
            // A present that consumed its semaphores tells of no lack of memory.
            PRESENT if result == vk::Result::ERROR_DEVICE_LOST => true,
            // The loader leaves a driver out that makes no instance.
            INSTANCE if result == vk::Result::ERROR_INCOMPATIBLE_DRIVER => true,
            _ => result == host || result == device,
        },
    );
}

/// Calls after the loss answer, and end; and everything can be destroyed.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn the_device_is_lost() {
    let stage = Stage::new(Way::Implicit);
    let instance = Instance::new(Options::default());
    let play = || {
        let device = Device::new(&instance);
        let window = Window::open_at(stage.compositor.connect());
        let surface = Surface::of_window(&instance, window);
        let outcome = until_lost(&stage, &device, &surface);
        stage.during(DESTROY_SURFACE, || drop(surface));
        stage.during(DESTROY_DEVICE, || drop(device));
        outcome
    };
    let lost = vk::Result::ERROR_DEVICE_LOST;
    each_call_fails(
        "a lost device",
        &stage,
        &[("device-lost", lost, true)],
        true,
        play,
        |_, result| result == lost,
    );
}

/// Draws with a swapchain until the device is lost, and then does what an application may still do.
fn until_lost(stage: &Stage, device: &Arc<Device>, surface: &Arc<Surface>) -> Outcome {
    let wanted = Wanted {
        extent: (32, 32),
        ..Wanted::mailbox()
    };
    let mut first = Swapchain::new(device, surface, wanted).expect("a swapchain");
    // What an application holds that waits without end is what it has not presented.
    let ended = (0..FRAMES).try_for_each(|number| frame_of_lost(stage, &mut first, number));
    if ended.is_err() {
        after_the_loss(stage, &mut first);
    }
    stage.during(DESTROY, || drop(first));
    ended
}

/// As [`Stage::frame`], where the work of the application's own counts, too.
fn frame_of_lost(stage: &Stage, swapchain: &mut Swapchain, number: u32) -> Outcome {
    swapchain.surface.dispatch();
    let device = Arc::clone(&swapchain.device);
    let acquired = Semaphore::new(&device).expect("a semaphore");
    let second = Semaphore::new(&device).expect("a semaphore");
    let index = stage
        .during(ACQUIRE, || match number % 2 {
            0 => swapchain.acquire_and_wait(TIMEOUT),
            _ => swapchain.acquire(TIMEOUT, acquired.raw, vk::Fence::null()),
        })
        .map_err(|error| (ACQUIRE, error))?;
    let waits = [swapchain.drawn(index), second.raw];
    let waits = &waits[..1 + (number / 2 % 2) as usize];
    let shown = stage
        .during(WORK, || {
            match number % 2 {
                0 => swapchain.draw_now(index),
                _ => swapchain.draw_after(index, acquired.raw),
            }?;
            signal(&device, second.raw)
        })
        .map_err(|error| (WORK, error))
        .and_then(|()| {
            stage
                .during(PRESENT, || present(swapchain, index, waits))
                .map_err(|error| (PRESENT, error))
        });
    let idle = stage.during(WORK, || device.wait_idle());
    shown.and(idle.map_err(|error| (WORK, error)))
}

fn after_the_loss(stage: &Stage, swapchain: &mut Swapchain) {
    let lost = vk::Result::ERROR_DEVICE_LOST;
    let device = Arc::clone(&swapchain.device);
    let none = vk::Fence::null();
    let acquired = Semaphore::new(&device).expect("a semaphore");
    // Until it has no images any more, and longer.
    for timeout in [
        0,
        50_000_000,
        u64::MAX,
        u64::MAX,
        u64::MAX,
        u64::MAX,
        u64::MAX,
        0,
    ] {
        let begun = Instant::now();
        let answer = stage.during(ACQUIRE, || swapchain.acquire(timeout, acquired.raw, none));
        let took = begun.elapsed();
        match answer {
            Ok(index) => {
                let presented = stage.during(PRESENT, || present(swapchain, index, &[]));
                assert_eq!(presented, Err(lost));
            }
            Err(vk::Result::NOT_READY) => assert_eq!(timeout, 0),
            Err(vk::Result::TIMEOUT) => assert_eq!(timeout, 50_000_000),
            Err(error) => assert_eq!(error, lost),
        }
        assert!(took < Duration::from_secs(3), "{took:?} for {timeout}");
    }
    stage
        .during(QUERIES, || ask(&device, &swapchain.surface))
        .expect("what the surface can do is no matter of the device's");
    // Without work of the device's there may be another swapchain, which is as lost.
    let another = stage.during(CREATE, || swapchain.replaced_by(swapchain.wanted));
    match another {
        Ok(another) => {
            let answer = stage.during(ACQUIRE, || another.acquire(TIMEOUT, acquired.raw, none));
            if let Ok(index) = answer {
                let presented = stage.during(PRESENT, || present(&another, index, &[]));
                assert_eq!(presented, Err(lost));
            }
            stage.during(DESTROY, || drop(another));
        }
        Err(error) => assert_eq!(error, lost),
    }
}

/// An application's callbacks fail, from each allocation on. What the layer makes of its own it does not ask of them.
#[test]
#[ignore = "needs a driver: scripts/test"]
fn the_application_gives_no_memory() {
    let stage = Stage::new(Way::Implicit);
    let instance = &stage.anchor;
    let physical = instance.physical_device();
    let priorities = [1.0];
    let queues = [vk::DeviceQueueCreateInfo::default()
        .queue_family_index(0)
        .queue_priorities(&priorities)];
    let extensions = [ash::khr::swapchain::NAME.as_ptr()];
    let device = |callbacks: &vk::AllocationCallbacks<'_>| {
        let info = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions);
        // SAFETY: all that the create info points to outlives the call; nothing was made from the device.
        unsafe {
            let device = instance
                .raw
                .create_device(physical, &info, Some(callbacks))?;
            device.destroy_device(Some(callbacks));
        }
        Ok(())
    };
    let names: Vec<_> = wayfence_tests::instance::WAYLAND
        .iter()
        .map(|name| name.as_ptr())
        .collect();
    let new_instance = |callbacks: &vk::AllocationCallbacks<'_>| {
        let info = vk::InstanceCreateInfo::default().enabled_extension_names(&names);
        // SAFETY: as above.
        unsafe {
            let made = instance.entry.create_instance(&info, Some(callbacks))?;
            made.destroy_instance(Some(callbacks));
        }
        Ok(())
    };
    fails_well(&stage, "vkCreateDevice", device);
    fails_well(&stage, "vkCreateInstance", new_instance);
}

fn fails_well(
    stage: &Stage,
    command: &str,
    run: impl Fn(&vk::AllocationCallbacks<'_>) -> Result<(), vk::Result>,
) {
    let heap = Heap::default();
    run(&heap.callbacks()).expect("there is memory");
    heap.assert_empty();
    let asked = heap.asked();
    let before = stage.settled(None);
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let step = match std::env::var_os("WAYFENCE_TEST_EACH") {
        Some(_) => 1,
        None => asked.div_ceil(ALLOCATIONS).max(1),
    };
    // The last one is beyond what is asked for.
    for first in (0..asked).step_by(step).chain([asked]) {
        let heap = Heap::failing_from(first);
        let (answer, log) = stderr::captured(|| run(&heap.callbacks()));
        let what = match answer {
            Ok(()) => "goes on".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        if !matches!(answer, Ok(()) | Err(vk::Result::ERROR_OUT_OF_HOST_MEMORY)) {
            wrong.push(format!("allocation {first} of {asked}: {what}"));
        }
        *told.entry(what).or_default() += 1;
        for mistake in heap.mistakes() {
            wrong.push(format!("allocation {first} of {asked}: {mistake}"));
        }
        if log.contains("panicked") || log.contains("a bug in Wayfence") {
            wrong.push(format!("allocation {first} of {asked}: {log}"));
        }
        let after = stage.settled(Some(before));
        if after.0 != before.0 || after.1 > before.1 {
            wrong.push(format!(
                "allocation {first} of {asked}: objects {:?} and then {:?}, {} descriptors and then {}",
                before.0, after.0, before.1, after.1
            ));
        }
    }
    println!("{command}: fails from allocations on, of {asked} each {step}th: {told:?}");
    assert!(wrong.is_empty(), "{command}: {}", wrong.join("\n"));
}
