//! Memory by allocation callbacks ("Host Memory"), which can run out.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

use ash::vk;

/// Memory that an implementation has got from the application.
#[derive(Default)]
pub struct Heap(Mutex<State>);

#[derive(Default)]
struct State {
    live: HashMap<usize, Layout>,
    /// Allocations so far.
    asked: usize,
    /// The first allocation that fails, and all after it.
    fails_from: Option<usize>,
    /// What was done that the specification forbids.
    mistakes: Vec<String>,
}

impl Heap {
    /// One of which this allocation fails, counted from 0, and all after it.
    pub fn failing_from(first: usize) -> Self {
        Self(Mutex::new(State {
            fails_from: Some(first),
            ..State::default()
        }))
    }

    /// Valid for as long as the heap stays where it is.
    pub fn callbacks(&self) -> vk::AllocationCallbacks<'_> {
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

    /// How often memory was asked for.
    pub fn asked(&self) -> usize {
        self.with(|state| state.asked)
    }

    /// What is wrong with how it was used: what the specification forbids, and what is not freed.
    pub fn mistakes(&self) -> Vec<String> {
        self.with(|state| {
            let mut mistakes = state.mistakes.clone();
            if !state.live.is_empty() {
                mistakes.push(format!("{} allocations are not freed", state.live.len()));
            }
            mistakes
        })
    }

    /// # Panics
    /// If something is wrong with how it was used.
    pub fn assert_empty(&self) {
        let mistakes = self.mistakes();
        assert!(mistakes.is_empty(), "{mistakes:?}");
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
