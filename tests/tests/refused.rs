//! Each call that the layer makes to the driver fails: for lack of memory, or because the device is lost.
//!
//! A call fails once, or it and all after it. What happens then, and what must hold: [`wayfence_tests::trial`].
//! Memory of Rust's own is not among what fails: the language ends the process without it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use ash::vk;
use wayfence_tests::{
    Device, Instance, Semaphore, Surface, Swapchain, Wanted, Window,
    asynchronous::AsynchronousDriver,
    heap::Heap,
    instance::Options,
    scripted::Way,
    stderr,
    trial::{self, Fallible, Outcome, Part, Rules, TIMEOUT, Trial, ask, present},
};

/// How often the same command of the same part is made to fail, at most.
const OCCURRENCES: usize = 2;

/// From so many allocations on an application's memory ends, at most, unless `WAYFENCE_TEST_EACH` is set: then from
/// each, which takes minutes.
const ALLOCATIONS: usize = 24;

struct FailingDriver {
    // Keeps loader, layer and drivers loaded.
    anchor: Arc<Instance>,
    driver: AsynchronousDriver,
    /// Whether what can lose the device fails, the application's own work included; otherwise what needs memory.
    of_device: bool,
    /// In which part each call was made that was counted.
    made_in: RefCell<Vec<Part>>,
    /// The number of the first call that fails.
    first: Cell<u64>,
    /// What has failed before it relented.
    failed: RefCell<Option<(Part, String)>>,
}

impl FailingDriver {
    fn new(of_device: bool) -> Self {
        let driver = AsynchronousDriver::new();
        Self {
            anchor: Instance::new(Options::default()),
            driver,
            of_device,
            made_in: RefCell::default(),
            first: Cell::default(),
            failed: RefCell::default(),
        }
    }

    fn call(&self, number: u64) -> Option<(Part, String)> {
        let part = *self.made_in.borrow().get(number.checked_sub(1)? as usize)?;
        Some((part, self.driver.called(number)?))
    }
}

/// How a call fails: with this result, and whether all after it do.
type Fault = (vk::Result, bool);

impl Fallible for FailingDriver {
    type Fault = Fault;

    fn during<T>(&self, part: Part, command: impl FnOnce() -> T) -> T {
        if part == Part::Work && !self.of_device {
            return command();
        }
        let answer = self.driver.counting(command);
        let count = self.driver.called_count() as usize;
        self.made_in.borrow_mut().resize(count, part);
        answer
    }

    fn arm(&self, number: u64, (result, lasts): Fault) {
        let last = if lasts && number > 0 {
            u64::MAX
        } else {
            number
        };
        self.first.set(number);
        self.failed.take();
        self.made_in.borrow_mut().clear();
        self.driver.fail_from(number, last, result, self.of_device);
    }

    fn disarm(&self) -> Option<(Part, String)> {
        self.relent();
        self.failed.take()
    }

    fn relent(&self) {
        let failed = self.failed.take().or_else(|| self.call(self.first.get()));
        self.arm(0, (vk::Result::SUCCESS, false));
        self.failed.replace(failed);
    }

    fn called(&self) -> Vec<(Part, String)> {
        let count = self.driver.called_count();
        (1..=count).filter_map(|number| self.call(number)).collect()
    }

    fn living(&self) -> [i64; 5] {
        self.driver.living()
    }
}

fn each_call_fails(
    title: &str,
    trial: &Trial<'_, FailingDriver>,
    faults: &[(&'static str, Fault)],
    play: impl Fn() -> Outcome,
    may_answer: &dyn Fn(Part, vk::Result) -> bool,
) {
    let rules = Rules {
        faults,
        plays: |_, occurrence| occurrence <= OCCURRENCES,
        may_answer,
        is_tried_again: |_, _| false,
        logs: false,
        steps_aside: false,
        failures: 15,
    };
    trial.each_call_fails(title, &rules, play);
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn the_driver_has_no_memory() {
    let driver = FailingDriver::new(false);
    let compositor = trial::compositor(Way::Implicit);
    let trial = Trial::new(&driver, &compositor);
    let host = vk::Result::ERROR_OUT_OF_HOST_MEMORY;
    let device = vk::Result::ERROR_OUT_OF_DEVICE_MEMORY;
    let faults = [
        ("host-memory-from-here", (host, true)),
        ("device-memory-once", (device, false)),
    ];
    each_call_fails(
        "lack of memory in the driver",
        &trial,
        &faults,
        || trial.story(),
        &|part, result| match part {
            // A present that consumed its semaphores tells of no lack of memory.
            Part::Present if result == vk::Result::ERROR_DEVICE_LOST => true,
            // The loader leaves a driver out that makes no instance.
            Part::Instance if result == vk::Result::ERROR_INCOMPATIBLE_DRIVER => true,
            _ => result == host || result == device,
        },
    );
}

/// Calls after the loss answer, and end; and everything can be destroyed.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn the_device_is_lost() {
    let driver = FailingDriver::new(true);
    let compositor = trial::compositor(Way::Implicit);
    let trial = Trial::new(&driver, &compositor);
    let instance = Instance::new(Options::default());
    let play = || {
        let device = Device::new(&instance);
        let window = Window::open_at(trial.compositor.connect());
        let surface = Surface::of_window(&instance, window);
        let outcome = until_lost(&trial, &device, &surface);
        driver.during(Part::DestroySurface, || drop(surface));
        driver.during(Part::DestroyDevice, || drop(device));
        outcome
    };
    let lost = vk::Result::ERROR_DEVICE_LOST;
    each_call_fails(
        "a lost device",
        &trial,
        &[("device-lost", (lost, true))],
        play,
        &|_, result| result == lost,
    );
}

/// Draws with a swapchain until the device is lost, and then does what an application may still do.
fn until_lost(
    trial: &Trial<'_, FailingDriver>,
    device: &Arc<Device>,
    surface: &Arc<Surface>,
) -> Outcome {
    let wanted = Wanted {
        extent: (32, 32),
        ..Wanted::mailbox()
    };
    let mut first = Swapchain::new(device, surface, wanted).expect("a swapchain");
    // What an application holds that waits without end is what it has not presented.
    let ended = trial.frames(&mut first);
    if ended.is_err() {
        after_the_loss(trial, &mut first);
    }
    trial.faulty.during(Part::Destroy, || drop(first));
    ended
}

fn after_the_loss(trial: &Trial<'_, FailingDriver>, swapchain: &mut Swapchain) {
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
        // Without a semaphore no import of the driver's tells of the loss, as on most drivers.
        let semaphore = match timeout {
            u64::MAX => vk::Semaphore::null(),
            _ => acquired.raw,
        };
        let begun = Instant::now();
        let answer = trial.faulty.during(Part::Acquire, || {
            swapchain.acquire(timeout, semaphore, none)
        });
        let took = begun.elapsed();
        match answer {
            Ok(index) => {
                let presented = trial
                    .faulty
                    .during(Part::Present, || present(swapchain, index, &[]));
                assert_eq!(presented, Err(lost));
            }
            Err(vk::Result::NOT_READY) => assert_eq!(timeout, 0),
            Err(vk::Result::TIMEOUT) => assert_eq!(timeout, 50_000_000),
            Err(error) => assert_eq!(error, lost),
        }
        assert!(took < Duration::from_secs(3), "{took:?} for {timeout}");
    }
    trial
        .faulty
        .during(Part::Queries, || ask(&device, &swapchain.surface))
        .expect("what the surface can do is no matter of the device's");
    // Without work of the device's there may be another swapchain, which is as lost.
    let another = trial
        .faulty
        .during(Part::Create, || swapchain.replaced_by(swapchain.wanted));
    match another {
        Ok(another) => {
            let answer = trial.faulty.during(Part::Acquire, || {
                another.acquire(TIMEOUT, acquired.raw, none)
            });
            if let Ok(index) = answer {
                let presented = trial
                    .faulty
                    .during(Part::Present, || present(&another, index, &[]));
                assert_eq!(presented, Err(lost));
            }
            trial.faulty.during(Part::Destroy, || drop(another));
        }
        Err(error) => assert_eq!(error, lost),
    }
}

/// An application's callbacks fail, from each allocation on. What the layer makes of its own it does not ask of them.
#[test]
#[ignore = "needs a driver: scripts/test"]
fn the_application_gives_no_memory() {
    let driver = FailingDriver::new(false);
    let compositor = trial::compositor(Way::Implicit);
    let trial = Trial::new(&driver, &compositor);
    let instance = &driver.anchor;
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
    fails_well(&trial, "vkCreateDevice", device);
    fails_well(&trial, "vkCreateInstance", new_instance);
}

fn fails_well(
    trial: &Trial<'_, FailingDriver>,
    command: &str,
    run: impl Fn(&vk::AllocationCallbacks<'_>) -> Result<(), vk::Result>,
) {
    let heap = Heap::default();
    run(&heap.callbacks()).expect("there is memory");
    heap.assert_empty();
    let asked = heap.asked();
    let before = trial.settled(None);
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
        let after = trial.settled(Some(before));
        if let Some(fault) = after.fault(before) {
            wrong.push(format!("allocation {first} of {asked}: {fault}"));
        }
    }
    println!("{command}: fails from allocations on, of {asked} each {step}th: {told:?}");
    assert!(wrong.is_empty(), "{command}: {}", wrong.join("\n"));
}
