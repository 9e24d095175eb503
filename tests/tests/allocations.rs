//! No allocation grows with the number of frames: events for the layer's queue are dispatched even where no
//! acquire ever waits.
//!
//! It counts live allocations of the whole process, mallocs minus frees: resident memory includes what malloc
//! keeps, and hides a leak for long.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ash::vk;
use wayfence_test_compositor::{Behaviour, Compositor};
use wayfence_tests::footprint::Footprint;
use wayfence_tests::refusing_kernel::RefusingKernel;
use wayfence_tests::scripted::Way;
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{
    Device, Instance, Semaphore, Surface, Swapchain, Wanted, Window, instance, layers,
};

/// By how many allocations driver, compositor and test may differ between two moments: caches, and events on
/// their way. A leak of one allocation in a hundred frames is more.
const SLACK: i64 = 200;

/// Live allocations.
static LIVE: AtomicI64 = AtomicI64::new(0);

#[test]
#[ignore = "needs a driver and a DRM node with timelines: scripts/test"]
fn three_thousand_frames_of_mailbox_leave_nothing_behind() {
    let _watchdog = Watchdog::new(Duration::from_secs(560), "3,000 frames in three ways");
    for way in [Way::Syncobj, Way::Explicit, Way::Implicit] {
        frames(way, 3_000);
    }
}

/// The ring `endurance`: each of these takes many minutes.
mod endurance {
    use super::*;

    const HOURS: Duration = Duration::from_secs(4 * 3600);

    fn a_million_frames(way: Way) {
        let _watchdog = Watchdog::new(HOURS, "a million frames");
        kernel_of(way).run(|| frames(way, 1_000_000));
    }

    fn ten_thousand_recreations(way: Way) {
        let _watchdog = Watchdog::new(HOURS, "ten thousand recreations");
        kernel_of(way).run(|| recreations(way, 10_000));
    }

    fn kernel_of(way: Way) -> RefusingKernel {
        match way {
            Way::Cpu => RefusingKernel::without_sync_files_of_dma_bufs(),
            _ => RefusingKernel::default(),
        }
    }

    macro_rules! in_each_way {
        ($($test:ident: $work:ident($way:ident)),* $(,)?) => {$(
            #[test]
            #[ignore = "takes many minutes: scripts/test --guest endurance"]
            fn $test() {
                $work(Way::$way);
            }
        )*};
    }

    in_each_way! {
        a_million_frames_by_syncobj: a_million_frames(Syncobj),
        a_million_frames_by_explicit: a_million_frames(Explicit),
        a_million_frames_by_implicit: a_million_frames(Implicit),
        a_million_frames_by_cpu: a_million_frames(Cpu),
        ten_thousand_recreations_by_syncobj: ten_thousand_recreations(Syncobj),
        ten_thousand_recreations_by_explicit: ten_thousand_recreations(Explicit),
        ten_thousand_recreations_by_implicit: ten_thousand_recreations(Implicit),
        ten_thousand_recreations_by_cpu: ten_thousand_recreations(Cpu),
    }
}

/// Some applications leave all reading to their swapchain. A compositor ends a client that does not read.
#[test]
#[ignore = "needs a driver and a DRM node with timelines: scripts/test"]
fn an_application_that_never_reads_events_keeps_its_connection() {
    let _watchdog = Watchdog::new(Duration::from_secs(300), "3,000 frames that nobody reads");
    layers::set_up();
    let mut offer = Way::Syncobj.offer();
    offer.behaviour = Behaviour::Automatic {
        refresh: Duration::from_millis(10),
    };
    let compositor = Compositor::new(offer);
    let device = Device::new(&Instance::new(instance::Options::default()));
    let surface = Surface::of_window(&device.instance, Window::open_at(compositor.connect()));
    let wanted = Wanted {
        extent: (16, 16),
        ..Wanted::mailbox()
    };
    let swapchain = Swapchain::new(&device, &surface, wanted).unwrap();
    let acquired = Semaphore::new(&device).unwrap();
    for frame in 0..3_000 {
        let index = swapchain
            .acquire(0, acquired.raw, vk::Fence::null())
            .unwrap_or_else(|error| panic!("acquire of frame {frame}: {error}"));
        swapchain
            .present_after(index, acquired.raw)
            .unwrap_or_else(|error| panic!("present of frame {frame}: {error}"));
        device.wait_idle().unwrap();
        // The compositor has released the image before by now.
        compositor.next_commit();
    }
    drop(swapchain);
    assert!(compositor.protocol_errors().is_empty());
}

/// A compositor that releases an image in that way when the next is committed, and sends `wl_buffer.release`
/// for it.
fn compositor(way: Way) -> Compositor {
    layers::set_up();
    assert!(layers::wayfence_is_on(), "this is about the layer");
    let mut offer = way.offer();
    assert!(offer.release_event_with_syncobj);
    // Without it a registry stays in the compositor, which is in this process, for as long as the connection.
    offer.fixes = true;
    offer.behaviour = Behaviour::Automatic {
        refresh: Duration::from_millis(10),
    };
    Compositor::new(offer)
}

/// What the process holds when nothing is pending.
#[derive(Debug, Clone, Copy)]
struct Holding {
    allocations: i64,
    descriptors: usize,
}

impl Holding {
    fn at_rest(device: &Device, surface: &Surface) -> Self {
        device.wait_idle().unwrap();
        surface.window().roundtrip().unwrap();
        Holding {
            allocations: LIVE.load(Ordering::SeqCst),
            descriptors: Footprint::now().descriptors,
        }
    }

    /// # Panics
    /// If this is more than what was held before.
    fn is_no_more_than(self, early: Self) {
        assert!(
            self.allocations <= early.allocations + SLACK && self.descriptors <= early.descriptors,
            "{early:?} and then {self:?}"
        );
    }
}

/// Frames in MAILBOX. The application reads the display's events itself before each frame. So an image is free
/// whenever it acquires one, and the layer never has to read events itself.
fn frames(way: Way, count: u32) {
    let compositor = compositor(way);
    let device = Device::new(&Instance::new(instance::Options::default()));
    let surface = Surface::of_window(&device.instance, Window::open_at(compositor.connect()));
    let wanted = Wanted {
        extent: (16, 16),
        ..Wanted::mailbox()
    };
    let swapchain = Swapchain::new(&device, &surface, wanted).unwrap();
    // Images are shown as they are: drawing would only test the driver.
    let mut next = Semaphore::new(&device).unwrap();
    let mut acquired: Vec<_> = swapchain
        .images
        .iter()
        .map(|_| Semaphore::new(&device).unwrap())
        .collect();
    let mut early = None;
    for frame in 1..=count {
        surface.window().roundtrip().unwrap();
        // An image is free, but in the way `cpu` the CPU waits for its fences.
        let index = swapchain
            .acquire(u64::MAX, next.raw, vk::Fence::null())
            .unwrap();
        swapchain.present_after(index, next.raw).unwrap();
        // The semaphore of the image's last present is free again.
        next = std::mem::replace(&mut acquired[index as usize], next);
        if frame == 1000 || frame % 100_000 == 0 || frame == count {
            let holding = Holding::at_rest(&device, &surface);
            println!("{way}: {holding:?} after {frame} frames");
            holding.is_no_more_than(*early.get_or_insert(holding));
        }
    }
    device.wait_idle().unwrap();
    assert!(compositor.protocol_errors().is_empty());
}

/// Swapchains of different sizes, each made from the one before, and a frame of each. What they have left is counted
/// while there is none: how much memory one keeps for the next depends on what the compositor has just released.
fn recreations(way: Way, count: u32) {
    let compositor = compositor(way);
    let device = Device::new(&Instance::new(instance::Options::default()));
    let surface = Surface::of_window(&device.instance, Window::open_at(compositor.connect()));
    let wanted = |turn: u32| Wanted {
        extent: (16 + turn % 7 * 16, 16 + turn % 5 * 16),
        ..Wanted::mailbox()
    };
    let mut swapchain = Swapchain::new(&device, &surface, wanted(0)).unwrap();
    let mut early = None;
    for turn in 1..=count {
        swapchain = swapchain.replaced_by(wanted(turn)).unwrap();
        swapchain.frame().unwrap();
        if turn == 100 || turn % 1000 == 0 {
            drop(swapchain);
            let holding = Holding::at_rest(&device, &surface);
            println!("{way}: {holding:?} after {turn} swapchains");
            holding.is_no_more_than(*early.get_or_insert(holding));
            swapchain = Swapchain::new(&device, &surface, wanted(turn)).unwrap();
        }
    }
    assert!(compositor.protocol_errors().is_empty());
}

// The C library's allocator with a counter before it: a program's own symbols take precedence over the C
// library's in every library of the process.

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    fn __libc_free(pointer: *mut c_void);
}

/// Counts an allocation, if it succeeded.
fn counted(allocation: *mut c_void) -> *mut c_void {
    if !allocation.is_null() {
        LIVE.fetch_add(1, Ordering::Relaxed);
    }
    allocation
}

/// `malloc(3)`.
///
/// # Safety
/// None beyond its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: the caller's own parameter; so for all of them.
    counted(unsafe { __libc_malloc(size) })
}

/// `calloc(3)`.
///
/// # Safety
/// None beyond its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    counted(unsafe { __libc_calloc(count, size) })
}

/// `realloc(3)`.
///
/// # Safety
/// As of `realloc(3)`: `pointer` is null or an allocation that is not used after it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    if pointer.is_null() {
        // SAFETY: see `malloc`.
        return unsafe { malloc(size) };
    }
    // SAFETY: see `malloc`.
    let moved = unsafe { __libc_realloc(pointer, size) };
    if moved.is_null() && size == 0 {
        // The C library has freed it.
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
    moved
}

/// `free(3)`.
///
/// # Safety
/// As of `free(3)`: `pointer` is null or an allocation that is not used after it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(pointer: *mut c_void) {
    if !pointer.is_null() {
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
    // SAFETY: see `malloc`.
    unsafe { __libc_free(pointer) }
}

/// `memalign(3)`.
///
/// # Safety
/// None beyond its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    counted(unsafe { __libc_memalign(alignment, size) })
}

/// `aligned_alloc(3)`.
///
/// # Safety
/// None beyond its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    unsafe { memalign(alignment, size) }
}

/// `posix_memalign(3)`.
///
/// # Safety
/// As of `posix_memalign(3)`: `pointer` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(
    pointer: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> c_int {
    if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<*mut c_void>()) {
        return libc::EINVAL;
    }
    // SAFETY: see `malloc`.
    let allocation = unsafe { memalign(alignment, size) };
    if allocation.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller guarantees room.
    unsafe { *pointer = allocation };
    0
}
