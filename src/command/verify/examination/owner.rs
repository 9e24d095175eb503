//! Whether the layer owns the window's swapchain.

use std::path::Path;

use wayfence::format::modifier_name;
use wayfence::report;

use super::stage::{PATIENCE, Stage};
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::Fault;

/// Shows three frames.
pub fn ask(stage: &Stage, file: &Path) -> Result<Finding, Fault> {
    const ASKED: Question = Question::Owner;
    let first = stage.commits()?;
    let swapchain = match stage.swapchain() {
        Ok(swapchain) => swapchain,
        Err(Fault(why)) => return Ok(Finding::fail(ASKED, why)),
    };
    for _ in 0..3 {
        swapchain.show()?;
    }
    drop(swapchain);
    // The layer tells of a swapchain when it is gone; a file that is not there has nothing to tell.
    let told = report::read(file).unwrap_or_default();
    let commit = stage.seen.commit(first, PATIENCE);
    Ok(match (commit, told.first()) {
        (None, _) => Finding::fail(ASKED, "no frame was seen on its way to the compositor"),
        (Some(_), None) => Finding::fail(
            ASKED,
            "the driver's own swapchain has shown the frames: the layer stepped aside",
        ),
        (Some(commit), Some(_)) => match &commit.buffer {
            None => Finding::fail(ASKED, "the frames were no dma-bufs"),
            Some(buffer) => Finding::pass(
                ASKED,
                format!(
                    "dma-bufs, {}; synchronisation: {}",
                    modifier_name(buffer.modifier),
                    commit.way
                ),
            ),
        },
    })
}
