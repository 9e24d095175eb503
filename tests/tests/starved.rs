//! Each call that the layer makes to the kernel fails once, with each error that a kernel may answer.
//!
//! What happens then, and what must hold: [`wayfence_tests::trial`]. The device is one device throughout.

#![cfg(target_arch = "x86_64")]

use ash::vk;
use rustix::io::Errno;
use wayfence_tests::{
    Device, Instance,
    failing_calls::FailingCalls,
    instance, layers,
    scripted::Way,
    trial::{self, Part, Rules, Trial},
};

const ERRORS: [(&str, Errno); 8] = [
    ("ENOTTY", Errno::NOTTY),
    ("EMFILE", Errno::MFILE),
    ("ENFILE", Errno::NFILE),
    ("ENOMEM", Errno::NOMEM),
    ("EBADF", Errno::BADF),
    ("EINVAL", Errno::INVAL),
    ("EINTR", Errno::INTR),
    ("EAGAIN", Errno::AGAIN),
];

/// What no signal's handler interrupts.
const UNINTERRUPTED: [&str; 11] = [
    "eventfd2",
    "mmap",
    "openat",
    "fcntl",
    "dup",
    "fstat",
    "newfstatat",
    "statx",
    "lseek",
    "memfd_create",
    "fallocate",
];

/// How often the same call of the same part is made to fail, at most: the first time with each error, since that may
/// be special, and then with one.
const OCCURRENCES: usize = 5;

/// What a command may answer by the specification; VK_ERROR_UNKNOWN any of them.
fn may_answer(part: Part, result: vk::Result) -> bool {
    use vk::Result as R;
    let of_part: &[vk::Result] = match part {
        Part::Surface => &[],
        Part::Queries => &[R::ERROR_SURFACE_LOST_KHR],
        Part::Create => &[
            R::ERROR_DEVICE_LOST,
            R::ERROR_SURFACE_LOST_KHR,
            R::ERROR_INITIALIZATION_FAILED,
        ],
        Part::Acquire | Part::Present => &[
            R::ERROR_DEVICE_LOST,
            R::ERROR_OUT_OF_DATE_KHR,
            R::ERROR_SURFACE_LOST_KHR,
        ],
        _ => return false,
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

fn every_call_fails_once(way: Way) {
    layers::set_up();
    let compositor = trial::compositor(way);
    let device = Device::new(&Instance::new(instance::Options::default()));
    // The instance has loaded the layer, and the device's threads are not concerned.
    let kernel = FailingCalls::new();
    let trial = Trial::new(&kernel, &compositor);
    let rules = Rules {
        faults: &ERRORS,
        plays: |error, occurrence| {
            occurrence == 1 || occurrence <= OCCURRENCES && occurrence % ERRORS.len() == error
        },
        may_answer: &may_answer,
        // A signal's handler ran meanwhile, which these do not wait for.
        is_tried_again: |call, error| error == Errno::INTR && !UNINTERRUPTED.contains(&call),
        logs: true,
        steps_aside: true,
        failures: 100,
    };
    trial.each_call_fails(&way.to_string(), &rules, || trial.window(&device));
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
