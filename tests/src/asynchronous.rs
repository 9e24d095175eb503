//! A driver whose GPU is still at work when it exports a sync_file, and one that fails.

use std::env;
use std::ffi::{CStr, c_char};
use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ash::vk;
use libloading::Library;
use wayfence::sync_file::SyncFile;

use crate::{environment, test_driver};

/// The driver of this process: the real one, changed as a test asks.
///
/// It must be made before anything in the process opens the Vulkan loader, which then finds it. One test has it
/// at a time; others in the same process (`cargo test`) wait.
pub struct AsynchronousDriver {
    library: Library,
    _alone: MutexGuard<'static, ()>,
}

/// Commands that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `vkGetSemaphoreFdKHR`
    GetSemaphoreFd,
    /// `vkImportSemaphoreFdKHR`
    ImportSemaphoreFd,
    /// `vkImportFenceFdKHR`
    ImportFenceFd,
    /// `vkQueueSubmit`
    QueueSubmit,
    /// `vkQueueWaitIdle`
    QueueWaitIdle,
    /// `vkCreateImage`
    CreateImage,
    /// `vkAllocateMemory`
    AllocateMemory,
    /// `vkGetMemoryFdKHR`
    GetMemoryFd,
}

impl AsynchronousDriver {
    /// Makes the loader of this process find it.
    ///
    /// # Panics
    /// If it was not built, if there is no real driver, or if the loader is open already.
    #[expect(clippy::new_without_default, reason = "it changes the process")]
    pub fn new() -> Self {
        Self::without(&[])
    }

    /// The same, without these extensions.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn without(hidden: &[&str]) -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        if env::var_os("WAYFENCE_TEST_DRIVER").is_none() {
            environment::set(test_driver::environment(hidden));
        }
        // SAFETY: opening it runs no code of its own. The loader opens the same file, which is then the
        // same library.
        let library = unsafe { Library::new(test_driver::library()) }
            .unwrap_or_else(|error| panic!("the test driver: {error}"));
        Self {
            library,
            _alone: alone,
        }
    }

    /// The next sync_file that the driver exports from a semaphore is a duplicate of this one: pending
    /// until its fence signals. Several are exported in the order in which they were given.
    ///
    /// The semaphore's own payload is consumed, as by every export.
    pub fn export_next(&self, sync_file: &SyncFile) {
        let duplicate: OwnedFd = sync_file.try_clone().expect("a descriptor is left").into();
        // SAFETY: the function of this name has this type, and takes ownership of the descriptor.
        unsafe {
            let queue = self
                .library
                .get::<unsafe extern "C" fn(i32)>(b"wayfence_test_driver_queue_export\0")
                .expect("it is the test driver");
            queue(duplicate.into_raw_fd());
        }
    }

    /// The next call of this command does nothing and answers `result`.
    pub fn fail_next(&self, command: Command, result: vk::Result) {
        type FailNext = unsafe extern "C" fn(*const c_char, vk::Result) -> bool;
        // SAFETY: the function of this name has this type; the name ends with a NUL.
        let known = unsafe {
            let fail_next = self
                .library
                .get::<FailNext>(b"wayfence_test_driver_fail_next\0")
                .expect("it is the test driver");
            fail_next(command.name().as_ptr(), result)
        };
        assert!(known, "{command:?}");
    }

    /// Chooses which of the driver's calls fail, of those that are [counted](Self::counting): from the `first` to the
    /// `last`, counted from 1. Of all commands that can fail, or of those alone that may find the device lost.
    pub fn fail_from(&self, first: u64, last: u64, result: vk::Result, of_device: bool) {
        type FailFrom = extern "C" fn(u64, u64, vk::Result, bool);
        // SAFETY: the function of this name has this type.
        unsafe {
            let fail_from = self
                .library
                .get::<FailFrom>(b"wayfence_test_driver_fail_from\0")
                .expect("it is the test driver");
            fail_from(first, last, result, of_device);
        }
    }

    /// Runs this, and counts the driver's calls meanwhile.
    pub fn counting<T>(&self, run: impl FnOnce() -> T) -> T {
        self.count(true);
        let answer = run();
        self.count(false);
        answer
    }

    fn count(&self, counts: bool) {
        // SAFETY: the function of this name has this type.
        unsafe {
            let count = self
                .library
                .get::<extern "C" fn(bool)>(b"wayfence_test_driver_count\0")
                .expect("it is the test driver");
            count(counts);
        }
    }

    /// How many calls were counted since [`fail_from`](Self::fail_from).
    pub fn called_count(&self) -> u64 {
        (1..)
            .find(|number| self.called(*number).is_none())
            .unwrap_or(1)
            - 1
    }

    /// The command of the call with this number, of those.
    pub fn called(&self, number: u64) -> Option<String> {
        // SAFETY: the function of this name has this type, and answers null or a string that stays.
        unsafe {
            let called = self
                .library
                .get::<extern "C" fn(u64) -> *const c_char>(b"wayfence_test_driver_called\0")
                .expect("it is the test driver");
            let name = called(number);
            (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
        }
    }

    /// How many objects of the driver's there are that are counted: instances, devices, images, memory, semaphores.
    pub fn living(&self) -> [i64; 5] {
        type Living = unsafe extern "C" fn(*const c_char) -> i64;
        // SAFETY: the function of this name has this type.
        let living = unsafe { self.library.get::<Living>(b"wayfence_test_driver_living\0") };
        let living = living.expect("it is the test driver");
        [
            c"instances",
            c"devices",
            c"images",
            c"memory",
            c"semaphores",
        ]
        // SAFETY: a C string.
        .map(|kind| unsafe { living(kind.as_ptr()) })
    }

    /// From now on the device also supports this DRM format modifier, and prefers it to its own. For instances
    /// that are made later.
    pub fn add_modifier(&self, modifier: u64) {
        // SAFETY: the function of this name has this type.
        unsafe {
            let add = self
                .library
                .get::<extern "C" fn(u64)>(b"wayfence_test_driver_add_modifier\0")
                .expect("it is the test driver");
            add(modifier);
        }
    }

    /// From now on the device has this render node. For instances that are made later.
    pub fn set_render_node(&self, major: u32, minor: u32) {
        // SAFETY: the function of this name has this type.
        unsafe {
            let set = self
                .library
                .get::<extern "C" fn(u32, u32)>(b"wayfence_test_driver_set_render_node\0")
                .expect("it is the test driver");
            set(major, minor);
        }
    }

    /// From now on the driver lists and accepts this device extension, for instances that are made later.
    pub fn add_extension(&self, name: &CStr) {
        // SAFETY: the function of this name has this type; the name ends with a NUL.
        unsafe {
            let add = self
                .library
                .get::<unsafe extern "C" fn(*const c_char)>(b"wayfence_test_driver_add_extension\0")
                .expect("it is the test driver");
            add(name.as_ptr());
        }
    }

    /// From now on the driver has `VK_GOOGLE_surfaceless_query`, for instances that are made later.
    pub fn tell_without_surface(&self) {
        // SAFETY: the function of this name has this type.
        unsafe {
            let tell = self
                .library
                .get::<extern "C" fn()>(b"wayfence_test_driver_tell_without_surface\0")
                .expect("it is the test driver");
            tell();
        }
    }

    /// From now on the device has `VK_EXT_image_compression_control`, for instances that are made later. No
    /// device may enable it.
    pub fn add_compression(&self) {
        // SAFETY: the function of this name has this type.
        unsafe {
            let add = self
                .library
                .get::<extern "C" fn()>(b"wayfence_test_driver_add_compression\0")
                .expect("it is the test driver");
            add();
        }
    }

    /// The `VkImageCompressionFlagsEXT` and the first plane's fixed rate of the last image for which such
    /// were given.
    pub fn compression(&self) -> Option<(u32, u32)> {
        // SAFETY: the function of this name has this type.
        let both = unsafe {
            let last = self
                .library
                .get::<extern "C" fn() -> u64>(b"wayfence_test_driver_compression\0")
                .expect("it is the test driver");
            last()
        };
        (both != u64::MAX).then_some((both as u32, (both >> 32) as u32))
    }

    /// How many of the sync files and failures have not been used yet.
    pub fn outstanding(&self) -> usize {
        // SAFETY: the function of this name has this type.
        unsafe {
            let outstanding = self
                .library
                .get::<extern "C" fn() -> usize>(b"wayfence_test_driver_outstanding\0")
                .expect("it is the test driver");
            outstanding()
        }
    }
}

/// A test whose sync file or failure was never used has tested something else.
impl Drop for AsynchronousDriver {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.outstanding(), 0, "asked for, and met by nobody");
        }
    }
}

impl Command {
    fn name(self) -> &'static CStr {
        match self {
            Self::GetSemaphoreFd => c"vkGetSemaphoreFdKHR",
            Self::ImportSemaphoreFd => c"vkImportSemaphoreFdKHR",
            Self::ImportFenceFd => c"vkImportFenceFdKHR",
            Self::QueueSubmit => c"vkQueueSubmit",
            Self::QueueWaitIdle => c"vkQueueWaitIdle",
            Self::CreateImage => c"vkCreateImage",
            Self::AllocateMemory => c"vkAllocateMemory",
            Self::GetMemoryFd => c"vkGetMemoryFdKHR",
        }
    }
}
