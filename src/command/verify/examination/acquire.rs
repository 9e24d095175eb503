//! Whether an acquire is held while the compositor reads.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::stage::{LONG, PATIENCE, SOON, Stage};
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::{Fault, Frame, Reader, Swapchain};

const ASKED: Question = Question::Acquire;

/// Lets a released image bear a reader, and acquires it.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    stage.seen.mirror(true);
    let found = released(stage);
    stage.seen.mirror(false);
    Ok(vec![found?])
}

fn released(stage: &Stage) -> Result<Finding, Fault> {
    let swapchain = stage.swapchain()?;
    for _ in 0..2 {
        swapchain.show()?;
    }
    // It is there that a reader can be had at all.
    drop(stage.readers.begin()?);
    let (first, commit) = stage.show(&swapchain)?;
    swapchain.device.idle();
    let (begun, reader) = mpsc::channel();
    let readers = stage.readers.clone();
    stage.seen.read_at_release(
        commit.number,
        Box::new(move || {
            let reader = readers.begin().ok()?;
            let fence = reader.share().ok();
            // Nobody may wait any more.
            let _ = begun.send(reader);
            fence
        }),
    );
    // Until the image comes back the window shows others. Then it keeps them, so that this one is left.
    let since = Instant::now();
    let (mut reads, mut kept) = (None, Vec::new());
    while since.elapsed() < PATIENCE {
        let frame = swapchain.acquire()?;
        reads = reads.or_else(|| reader.try_recv().ok());
        match &reads {
            Some(reader) if frame.index == first.index => {
                let found = acquired(&swapchain, &frame, reader)?;
                for frame in kept {
                    swapchain.draw(&frame, &[])?;
                    swapchain.present(&frame)?;
                }
                return Ok(found);
            }
            None if frame.index == first.index => {
                return Ok(Finding::untold(
                    ASKED,
                    "the image came back without a release",
                ));
            }
            Some(_) => kept.push(frame),
            None => {
                swapchain.draw(&frame, &[])?;
                swapchain.present(&frame)?;
                // What the acquire waits for is the reader, and nothing of ours.
                swapchain.device.idle();
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
    Ok(Finding::untold(
        ASKED,
        format!(
            "the compositor released no image in {} s",
            PATIENCE.as_secs()
        ),
    ))
}

/// What the acquire of the image has shown on which the reader is.
fn acquired(swapchain: &Swapchain<'_>, frame: &Frame, reader: &Reader) -> Result<Finding, Fault> {
    let device = &swapchain.device;
    if !reader.is_reading()? {
        return Ok(match frame.took >= LONG {
            true => Finding::pass(ASKED, "by a wait on the CPU, inside of the acquire"),
            false => Finding::untold(ASKED, "the reader had ended before the acquire"),
        }
        .with("acquire", frame.took));
    }
    let fence_is_early = device.is_signalled(frame.acquired_fence)? && reader.is_reading()?;
    swapchain.draw(frame, &[])?;
    let since = Instant::now();
    let work_is_early = device.signals(frame.done, LONG)? && reader.is_reading()?;
    if !reader.ends(PATIENCE)? {
        return Err(Fault("the reader's fence never signalled".to_owned()));
    }
    let held = since.elapsed();
    let fence_signals = device.signals(frame.acquired_fence, SOON)?;
    let work_runs = device.signals(frame.done, PATIENCE)?;
    swapchain.present(frame)?;
    Ok(if fence_is_early {
        Finding::fail(
            ASKED,
            "the acquire's fence signalled while the compositor read",
        )
    } else if work_is_early {
        Finding::fail(
            ASKED,
            "work that waits for the acquire's semaphore ran while the compositor read",
        )
    } else if !fence_signals || !work_runs {
        Finding::fail(
            ASKED,
            "the acquire did not signal when the compositor had read",
        )
    } else {
        Finding::pass(
            ASKED,
            "its semaphore and its fence signalled with the reader",
        )
    }
    .with("held", held))
}
