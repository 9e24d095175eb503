//! Whether other work runs while the compositor reads an image.

use std::time::{Duration, Instant};

use wayfence::dma_buf::Access;

use super::stage::{LONG, PATIENCE, Stage};
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::{Fault, Frame, Swapchain, little};

const ASKED: Question = Question::Unrelated;

/// Puts a reader on one image, and draws on another.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    let swapchain = stage.swapchain()?;
    let device = &swapchain.device;
    let (held, commit) = stage.show(&swapchain)?;
    let buffer = commit
        .buffer
        .as_ref()
        .ok_or_else(|| Fault("the image is no dma-buf".to_owned()))?;
    device.signals(held.done, PATIENCE)?;
    let bound = match stage.readers.occupy() {
        true => LONG,
        false => LONG * 3,
    };
    // First without the image: the machine may be too busy, and a reader that works on the same GPU may keep
    // it from everything else. Both may be so for a moment.
    if !runs(stage, &swapchain, bound)? && !runs(stage, &swapchain, bound)? {
        return Err(Fault(match stage.readers.occupy() {
            true => "the only reader that could be had keeps the whole GPU busy".to_owned(),
            false => "the machine is too busy".to_owned(),
        }));
    }
    // A busy machine may be late once.
    for last in [false, true] {
        let frame = ready(&swapchain)?;
        let reader = stage.readers.begin()?;
        buffer
            .dma_buf
            .import_sync_file(reader.share()?, Access::Read)?;
        let took = work(&swapchain, &frame, bound)?;
        let still_reads = reader.is_reading()?;
        reader.ends(PATIENCE)?;
        let ends = device.signals(frame.done, PATIENCE)?;
        swapchain.present(&frame)?;
        match took {
            Some(took) if still_reads => {
                let why = "another image was drawn, and a buffer filled";
                return Ok(vec![Finding::pass(ASKED, why).with("work", took)]);
            }
            // Also if the submission itself did not return before.
            None if ends && last => {
                let why =
                    "work on another image and on a buffer ran only when the compositor had read";
                return Ok(vec![Finding::fail(ASKED, why)]);
            }
            _ => {}
        }
    }
    Err(Fault("the reader had ended too early".to_owned()))
}

/// Whether work runs in this time while nobody reads, or while a reader that keeps the GPU busy reads nothing of ours.
fn runs(stage: &Stage, swapchain: &Swapchain<'_>, bound: Duration) -> Result<bool, Fault> {
    let reader = match stage.readers.occupy() {
        true => Some(stage.readers.begin()?),
        false => None,
    };
    let frame = ready(swapchain)?;
    let ran = work(swapchain, &frame, bound)?.is_some();
    let told = match &reader {
        Some(reader) => reader.is_reading()?,
        None => true,
    };
    if let Some(reader) = reader {
        reader.ends(PATIENCE)?;
    }
    swapchain.device.signals(frame.done, PATIENCE)?;
    swapchain.present(&frame)?;
    Ok(ran && told)
}

/// An image that nobody uses.
fn ready(swapchain: &Swapchain<'_>) -> Result<Frame, Fault> {
    let frame = swapchain.acquire()?;
    match swapchain.device.signals(frame.acquired_fence, PATIENCE)? {
        true => Ok(frame),
        false => Err(Fault("the compositor reads without end".to_owned())),
    }
}

/// Fills a buffer, and draws on this image. Answers how long both took, if that was no longer than this.
fn work(
    swapchain: &Swapchain<'_>,
    frame: &Frame,
    bound: Duration,
) -> Result<Option<Duration>, Fault> {
    let device = &swapchain.device;
    let commands = little(device)?;
    let filled = device.fence()?;
    let begun = Instant::now();
    device.submit(&[], &[commands], &[], filled)?;
    swapchain.draw(frame, &[])?;
    let done = device.signals(filled, bound)? && device.signals(frame.done, bound)?;
    let took = begun.elapsed();
    // A submission may have waited for the reader itself.
    Ok((done && took <= bound).then_some(took))
}
