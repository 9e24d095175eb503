//! Whether the fences of an image have later frames in them.

use std::time::Duration;

use wayfence::dma_buf::Access;

use super::stage::{LONG, PATIENCE, Stage};
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::{Fault, Swapchain};
use crate::command::verify::wire::Way;

const ASKED: Question = Question::Later;

/// Draws a later frame that lasts, and looks at the image before.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    let swapchain = stage.swapchain()?;
    // A GPU that was idle may be slower when it is measured than when it draws.
    for time in [LONG, LONG * 4, LONG * 16] {
        let seen = look(stage, &swapchain, time)?;
        let found = if seen.is_held && seen.way == Way::Implicit {
            Finding::fail(
                ASKED,
                "the driver puts its fences on images that its work does not use",
            )
        } else if seen.is_held {
            let way = seen.way;
            Finding::pass(
                ASKED,
                format!("the driver puts them on all images, but with {way} nobody asks an image"),
            )
        } else if seen.draws {
            Finding::pass(ASKED, "none, while a later frame was drawn")
        } else {
            continue;
        };
        return Ok(vec![found]);
    }
    Ok(vec![Finding::untold(
        ASKED,
        "the later frame was drawn too soon",
    )])
}

/// What a later frame has shown.
struct Looked {
    /// The image before has a fence that is pending.
    is_held: bool,
    /// The later frame was still being drawn.
    draws: bool,
    /// How the image before was handed over.
    way: Way,
}

fn look(stage: &Stage, swapchain: &Swapchain<'_>, time: Duration) -> Result<Looked, Fault> {
    let device = &swapchain.device;
    let (first, commit) = stage.show(swapchain)?;
    let buffer = commit
        .buffer
        .as_ref()
        .ok_or_else(|| Fault("the image is no dma-buf".to_owned()))?;
    device.signals(first.done, PATIENCE)?;
    // What an acquire would wait for beyond readers.
    let own = buffer.dma_buf.export_sync_file(Access::Read)?;
    if !own.wait(Some(PATIENCE))? {
        return Err(Fault("the frame's own fence does not signal".to_owned()));
    }
    let frame = swapchain.acquire()?;
    device.signals(frame.acquired_fence, PATIENCE)?;
    swapchain.draw(&frame, &stage.work()?.lasting(time))?;
    let fences = buffer.dma_buf.export_sync_file(Access::Read)?;
    let is_held = !fences.is_signalled()?;
    let draws = !device.is_signalled(frame.done)?;
    swapchain.present(&frame)?;
    device.signals(frame.done, PATIENCE)?;
    Ok(Looked {
        is_held,
        draws,
        way: commit.way,
    })
}
