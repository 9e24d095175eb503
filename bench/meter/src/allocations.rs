//! Heap allocations of the measured calls, counted where the meter is preloaded: the C library's
//! allocator with a counter before it.
//!
//! Only the thread that is in a measured call is counted: what the driver's own threads do meanwhile is not
//! counted. `malloc`, `calloc`, `realloc` and the aligned ones count; `free` does not. Each is remembered with
//! its stack, from which the benchmark tells whose it is.

use std::{
    cell::Cell,
    ffi::{c_int, c_void},
    sync::{Mutex, MutexGuard, PoisonError},
};

use wayfence_bench::measurement::{Allocations, Place};

/// Frames of a stack that are kept, from the allocator outwards.
const DEPTH: usize = 48;
/// How many different stacks fit without reallocation.
const STACKS: usize = 1024;

#[derive(Clone, Copy)]
struct Stack {
    count: u64,
    depth: usize,
    frames: [usize; DEPTH],
}

static TAKEN: Mutex<Vec<Stack>> = Mutex::new(Vec::new());

thread_local! {
    /// In a preloaded library and without a destructor, so using it allocates nothing.
    static COUNTING: Cell<bool> = const { Cell::new(false) };
}

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    /// Of the unwinder, which Rust's panics use, too.
    fn _Unwind_Backtrace(
        each: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        of: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}

/// Makes room for the stacks.
pub fn prepare() {
    taken_so_far().reserve(STACKS);
}

/// Counts this thread's allocations from now on, or no longer.
pub fn count(on: bool) {
    COUNTING.set(on);
}

/// What was counted, with each address named by `place`.
pub fn taken(place: impl Fn(usize) -> Place) -> Vec<Allocations> {
    taken_so_far()
        .iter()
        .map(|stack| Allocations {
            count: stack.count,
            stack: stack.frames[..stack.depth]
                .iter()
                .map(|frame| place(*frame))
                .collect(),
        })
        .collect()
}

fn taken_so_far() -> MutexGuard<'static, Vec<Stack>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts one allocation of this thread, if it is to be counted.
fn counted() {
    if !COUNTING.get() {
        return;
    }
    // Allocations of the unwinder do not count.
    COUNTING.set(false);
    let mut stack = Stack {
        count: 1,
        depth: 0,
        frames: [0; DEPTH],
    };
    // SAFETY: the callback gets the structure that goes with it, which outlives the call.
    unsafe { _Unwind_Backtrace(frame, (&raw mut stack).cast()) };
    let mut taken = taken_so_far();
    match taken.iter().position(|known| known.frames == stack.frames) {
        Some(known) => taken[known].count += 1,
        None => taken.push(stack),
    }
    drop(taken);
    COUNTING.set(true);
}

extern "C" fn frame(context: *mut c_void, stack: *mut c_void) -> c_int {
    const CONTINUE: c_int = 0;
    const STOP: c_int = 5;
    // SAFETY: the structure that `counted` gave, which nobody else uses meanwhile.
    let stack = unsafe { &mut *stack.cast::<Stack>() };
    if stack.depth == DEPTH {
        return STOP;
    }
    // SAFETY: the context that the unwinder gave to this callback.
    stack.frames[stack.depth] = unsafe { _Unwind_GetIP(context) };
    stack.depth += 1;
    CONTINUE
}

/// `malloc(3)`.
///
/// # Safety
/// None beyond its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    counted();
    // SAFETY: the caller's own parameter; so for all of them.
    unsafe { __libc_malloc(size) }
}

/// `calloc(3)`.
///
/// # Safety
/// None beyond its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    counted();
    // SAFETY: see `malloc`.
    unsafe { __libc_calloc(count, size) }
}

/// `realloc(3)`.
///
/// # Safety
/// As of `realloc(3)`: `pointer` is null or an allocation that is not used after it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    counted();
    // SAFETY: see `malloc`.
    unsafe { __libc_realloc(pointer, size) }
}

/// `memalign(3)`.
///
/// # Safety
/// None beyond its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    counted();
    // SAFETY: see `malloc`.
    unsafe { __libc_memalign(alignment, size) }
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
