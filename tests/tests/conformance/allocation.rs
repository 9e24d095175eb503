//! Allocation callbacks ("Host Memory"): they free what they have allocated, and where they fail, the command
//! says so or does without.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

use ash::vk;
use wayfence_tests::Fence;
use wayfence_tests::swapchain::plain;

use crate::case::cases;
use crate::outcome::Outcome;
use crate::stage::Stage;

cases![
    a_surface_frees_what_it_has_allocated,
    a_swapchain_frees_what_it_has_allocated,
    a_surface_without_host_memory_says_so_or_does_without,
    a_swapchain_without_host_memory_says_so_or_does_without,
];

/// Memory that the implementation has allocated from the application.
#[derive(Default)]
struct Heap(Mutex<State>);

#[derive(Default)]
struct State {
    live: HashMap<usize, Layout>,
    /// Allocations so far.
    asked: usize,
    /// The first allocation that fails, and all after it.
    fails_from: Option<usize>,
    /// Violations of the specification.
    mistakes: Vec<String>,
}

impl Heap {
    fn failing_from(first: usize) -> Self {
        Self(Mutex::new(State {
            fails_from: Some(first),
            ..State::default()
        }))
    }

    /// Valid for as long as the heap stays where it is.
    fn callbacks(&self) -> vk::AllocationCallbacks<'_> {
        vk::AllocationCallbacks {
            p_user_data: std::ptr::from_ref(self).cast_mut().cast(),
            pfn_allocation: Some(allocate),
            pfn_reallocation: Some(reallocate),
            pfn_free: Some(free),
            ..Default::default()
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn assert_empty(&self) {
        self.with(|state| {
            assert!(state.mistakes.is_empty(), "{:?}", state.mistakes);
            assert_eq!(state.live.len(), 0, "allocations are not freed");
        });
    }
}

impl State {
    fn allocate(&mut self, size: usize, alignment: usize) -> *mut c_void {
        let at = self.asked;
        self.asked += 1;
        if size == 0 || self.fails_from.is_some_and(|first| at >= first) {
            return std::ptr::null_mut();
        }
        let Ok(layout) = Layout::from_size_align(size, alignment) else {
            self.mistakes
                .push(format!("{size} bytes aligned to {alignment}"));
            return std::ptr::null_mut();
        };
        // SAFETY: its size is not 0.
        let memory = unsafe { alloc(layout) };
        self.live.insert(memory as usize, layout);
        memory.cast()
    }

    fn free(&mut self, memory: *mut c_void) {
        if memory.is_null() {
            return;
        }
        match self.live.remove(&(memory as usize)) {
            // SAFETY: allocated by `allocate` with this layout, and not freed since.
            Some(layout) => unsafe { dealloc(memory.cast(), layout) },
            None => self.mistakes.push("freed what is not ours".to_owned()),
        }
    }
}

/// # Safety
/// The user data is that of [`Heap::callbacks`].
unsafe fn heap<'a>(user_data: *mut c_void) -> &'a Heap {
    // SAFETY: the caller guarantees it; the heap is only ever shared.
    unsafe { &*user_data.cast::<Heap>() }
}

unsafe extern "system" fn allocate(
    user_data: *mut c_void,
    size: usize,
    alignment: usize,
    _: vk::SystemAllocationScope,
) -> *mut c_void {
    // SAFETY: Vulkan passes the user data.
    unsafe { heap(user_data) }.with(|state| state.allocate(size, alignment))
}

unsafe extern "system" fn reallocate(
    user_data: *mut c_void,
    original: *mut c_void,
    size: usize,
    alignment: usize,
    _: vk::SystemAllocationScope,
) -> *mut c_void {
    // SAFETY: Vulkan passes the user data.
    unsafe { heap(user_data) }.with(|state| {
        if size == 0 {
            state.free(original);
            return std::ptr::null_mut();
        }
        let new = state.allocate(size, alignment);
        let old = state.live.get(&(original as usize)).map(Layout::size);
        if let Some(old) = old.filter(|_| !new.is_null()) {
            // SAFETY: both are allocations of at least that size, and not the same.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    original.cast::<u8>(),
                    new.cast::<u8>(),
                    old.min(size),
                );
            }
            state.free(original);
        }
        new
    })
}

unsafe extern "system" fn free(user_data: *mut c_void, memory: *mut c_void) {
    // SAFETY: Vulkan passes the user data.
    unsafe { heap(user_data) }.with(|state| state.free(memory));
}

/// Makes a surface with these callbacks, queries it, and destroys it.
fn surface(stage: &Stage, callbacks: &vk::AllocationCallbacks<'_>) -> Result<(), vk::Result> {
    let window = stage.window();
    let instance = stage.instance();
    let create_info = vk::WaylandSurfaceCreateInfoKHR::default()
        .display(window.display_ptr())
        .surface(window.surface_ptr());
    // SAFETY: display and surface outlive the surface, which goes here.
    unsafe {
        let surface = instance
            .wayland_surface
            .create_wayland_surface(&create_info, Some(callbacks))?;
        let answer = instance
            .surface
            .get_physical_device_surface_capabilities(stage.device().physical, surface);
        instance.surface.destroy_surface(surface, Some(callbacks));
        // A query may allocate for the surface, too.
        answer.map(drop)
    }
}

/// Makes a swapchain with these callbacks, acquires an image of it, and destroys it.
fn swapchain(stage: &Stage, callbacks: &vk::AllocationCallbacks<'_>) -> Result<(), vk::Result> {
    let app = stage.app();
    let device = &app.device;
    assert!(
        app.surface
            .is_supported(device.physical, device.queue_family)?
    );
    let format = app.surface.formats(device.physical)?[0];
    let told = app.surface.capabilities(device.physical)?;
    let create_info = plain(app.surface.raw, format, &told);
    // SAFETY: all is the device's; the fence is waited for before it goes, and nothing uses the image.
    unsafe {
        let swapchain = device
            .swapchain
            .create_swapchain(&create_info, Some(callbacks))?;
        let ready = Fence::new(device)?;
        device
            .swapchain
            .acquire_next_image(swapchain, u64::MAX, vk::Semaphore::null(), ready.raw)
            .unwrap();
        ready.wait(u64::MAX).unwrap();
        device
            .swapchain
            .destroy_swapchain(swapchain, Some(callbacks));
    }
    app.surface.window().assert_alive();
    Ok(())
}

/// How many allocations are made to fail at most, for drivers that allocate a lot.
const MOST: usize = 40;

fn fails_well(run: impl Fn(&vk::AllocationCallbacks<'_>) -> Result<(), vk::Result>) {
    let heap = Heap::default();
    run(&heap.callbacks()).unwrap();
    let asked = heap.with(|state| state.asked);
    for first in 0..=asked.min(MOST) {
        let heap = Heap::failing_from(first);
        match run(&heap.callbacks()) {
            Ok(()) | Err(vk::Result::ERROR_OUT_OF_HOST_MEMORY) => {}
            Err(error) => panic!("allocation {first} of {asked} fails: {error}"),
        }
        heap.assert_empty();
    }
}

/// What was allocated for an object by pfnAllocation is given to pfnFree of the same callbacks (VkAllocationCallbacks).
fn a_surface_frees_what_it_has_allocated(stage: &Stage) -> Outcome {
    let heap = Heap::default();
    surface(stage, &heap.callbacks()).unwrap();
    heap.assert_empty();
    Ok(())
}

/// The same, with images.
fn a_swapchain_frees_what_it_has_allocated(stage: &Stage) -> Outcome {
    let heap = Heap::default();
    swapchain(stage, &heap.callbacks()).unwrap();
    heap.assert_empty();
    Ok(())
}

/// "If pfnAllocation is unable to allocate the requested memory, it must return NULL", and the command answers
/// VK_ERROR_OUT_OF_HOST_MEMORY.
fn a_surface_without_host_memory_says_so_or_does_without(stage: &Stage) -> Outcome {
    fails_well(|callbacks| surface(stage, callbacks));
    Ok(())
}

/// The same, with images.
fn a_swapchain_without_host_memory_says_so_or_does_without(stage: &Stage) -> Outcome {
    fails_well(|callbacks| swapchain(stage, callbacks));
    Ok(())
}
