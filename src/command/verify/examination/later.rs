//! Whether the fences of an image have later frames in them.

use wayfence::dma_buf::Access;

use super::stage::{LONG, PATIENCE, Stage};
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::Fault;
use crate::command::verify::wire::Way;

const ASKED: Question = Question::Later;

/// Draws a later frame that lasts, and looks at the image before.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    let work = stage.work()?;
    let swapchain = stage.swapchain()?;
    let device = &swapchain.device;
    let (first, commit) = stage.show(&swapchain)?;
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
    swapchain.draw(&frame, &work.lasting(LONG))?;
    let fences = buffer.dma_buf.export_sync_file(Access::Read)?;
    let is_held = !fences.is_signalled()?;
    let draws = !device.is_signalled(frame.done)?;
    swapchain.present(&frame)?;
    device.signals(frame.done, PATIENCE)?;
    Ok(vec![match (is_held, draws, commit.way) {
        (false, true, _) => Finding::pass(ASKED, "none, while a later frame was drawn"),
        (true, _, Way::Implicit) => Finding::fail(
            ASKED,
            "the driver puts its fences on images that its work does not use",
        ),
        (true, _, way) => Finding::pass(
            ASKED,
            format!("the driver puts them on all images, but with {way} nobody asks an image"),
        ),
        (false, false, _) => Finding::untold(ASKED, "the later frame was drawn too soon"),
    }])
}
