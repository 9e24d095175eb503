//! From the frame that is recorded to the file.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::super::scratch::Scratch;
use super::super::*;
use crate::kernel::sync_file::SyncFile;
use crate::synchronisation::Release as Released;

/// A sync_file as far as descriptors go: ready when it is asked.
fn stand_in() -> SyncFile {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"x").unwrap();
    SyncFile::from(OwnedFd::from(reader))
}

/// Draws a frame of image 0.
fn draw(trace: &Trace, fences: &Released, rendering: &SyncFile) {
    let mut call = trace.acquire();
    call.waits_for(Cause::Busy);
    call.waits_for(Cause::NoImage);
    call.waits_no_longer();
    call.returns(0, true, 0);
    let mut commit = trace.committing(0, Some(rendering));
    commit.waits_for_pace();
    commit.waits_no_longer();
    let frame = trace.frame(0);
    commit.commits();
    trace.presented(0, 1..2, 0);
    if let Some(frame) = frame {
        frame.shown(1, 16, 1, None);
        frame.discarded();
    }
    trace.released(0, fences, || None);
}

fn tracer(scratch: &Scratch) -> (std::sync::Arc<Tracer>, Trace) {
    let tracer = Tracer::open(&scratch.0).unwrap();
    let text = |text: &str| text.to_owned();
    let trace = tracer.swapchain(
        text("explicit"),
        text("sway"),
        (1, 2),
        3,
        text("FIFO"),
        text("SRGB_NONLINEAR"),
    );
    (tracer, trace)
}

/// Every frame is in the file without anybody's doing anything for it, as if the process were killed.
#[test]
fn what_was_recorded_is_in_the_file_soon() {
    let scratch = Scratch::new();
    let (tracer, trace) = tracer(&scratch);
    let (fences, rendering) = (Released::Fences(stand_in()), stand_in());
    for _ in 0..20 {
        draw(&trace, &fences, &rendering);
    }
    let begun = Instant::now();
    loop {
        if let Ok(timeline) = read(&scratch.0)
            && timeline.swapchains.first().is_some_and(|of| {
                of.frames.len() == 20 && of.frames.iter().all(|frame| frame.release.is_some())
            })
        {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "not written");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop((tracer, trace));
}

#[test]
fn the_end_of_a_trace_is_in_the_file() {
    let scratch = Scratch::new();
    let (tracer, trace) = tracer(&scratch);
    let (fences, rendering) = (Released::Fences(stand_in()), stand_in());
    draw(&trace, &fences, &rendering);
    tracer.finish(Duration::from_secs(10));
    let timeline = read(&scratch.0).unwrap();
    assert_eq!(timeline.swapchains[0].frames.len(), 1);
    assert!(timeline.application.starts_with("wayfence"), "{timeline:?}");
    // Too late, and harmless.
    draw(&trace, &fences, &rendering);
    tracer.finish(Duration::from_secs(10));
    assert_eq!(read(&scratch.0).unwrap(), timeline);
}

/// Counts what its own thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator, and a number that needs none.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may have lost its number.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller guarantees a valid layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller guarantees memory of this allocator, which is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[test]
fn no_frame_allocates() {
    let scratch = Scratch::new();
    let (fences, rendering) = (Released::Fences(stand_in()), stand_in());
    let (tracer, on) = tracer(&scratch);
    // More than the ring takes: dropping a record allocates nothing, either.
    for trace in [&on, &Trace::off()] {
        let before = ALLOCATIONS.get();
        for _ in 0..2000 {
            draw(trace, &fences, &rendering);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0);
    }
    assert!(ALLOCATIONS.get() > 0, "nothing is counted");
    tracer.finish(Duration::from_secs(10));
    assert!(read(&scratch.0).is_ok());
}
