//! `wayfence trace`: what a trace says, in words and as a drawing.

mod plot;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use wayfence::trace::{self, Summary, SwapchainTimeline, Timeline};

use super::arguments::{FrameRange, TraceVerb};
use super::terminal::{self, complain};

/// The trace has no such frame.
const EMPTY: u8 = 1;
/// A file could not be read, or written.
const FAILED: u8 = 2;

/// Runs the command line's verb.
pub fn run(verb: &TraceVerb) -> ExitCode {
    match verb {
        TraceVerb::Summary { json, file } => with(file, |timeline| summary(timeline, *json)),
        TraceVerb::Plot {
            frames,
            output,
            file,
        } => with(file, |timeline| draw(timeline, *frames, output)),
    }
}

/// Reads a trace that has frames.
fn with(file: &Path, act: impl FnOnce(&Timeline) -> ExitCode) -> ExitCode {
    let timeline = match trace::read(file) {
        Ok(timeline) => timeline,
        Err(error) => return failed(&error),
    };
    if timeline.swapchains.iter().all(|of| of.frames.is_empty()) {
        complain(format_args!("{}: there is no frame in it", file.display()));
        return ExitCode::from(EMPTY);
    }
    act(&timeline)
}

fn summary(timeline: &Timeline, json: bool) -> ExitCode {
    let summary = Summary::of(timeline);
    let text = match json {
        true => terminal::json(&summary),
        false => summary.to_string(),
    };
    match terminal::print(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn draw(timeline: &Timeline, frames: Option<FrameRange>, output: &Path) -> ExitCode {
    let Some(swapchain) = largest(timeline) else {
        return ExitCode::from(EMPTY);
    };
    let Some(drawing) = plot::draw(timeline, swapchain, frames) else {
        complain(format_args!(
            "swapchain {} has none of these frames",
            swapchain.number
        ));
        return ExitCode::from(EMPTY);
    };
    match fs::write(output, drawing) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("{}: {error}", output.display()));
            ExitCode::from(FAILED)
        }
    }
}

/// The swapchain with the most frames, the last of them.
fn largest(timeline: &Timeline) -> Option<&SwapchainTimeline> {
    timeline.swapchains.iter().max_by_key(|of| of.frames.len())
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    complain(error);
    ExitCode::from(FAILED)
}
