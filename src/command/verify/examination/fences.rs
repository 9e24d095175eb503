//! Whether the driver gives out the fence of work that still runs.

use std::time::Instant;

use super::stage::{DriverFences, LONG, Stage};
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::{Exported, Fault};

const ASKED: Question = Question::Fences;

/// Asks a device without a window.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    let (device, work) = match &stage.plain {
        Ok(plain) => plain,
        Err(why) => return Err(Fault(why.clone())),
    };
    // A GPU that was idle may be slower when it is measured than when it draws.
    for time in [LONG, LONG * 4, LONG * 16] {
        let semaphore = device.semaphore(true)?;
        let done = device.fence()?;
        device.submit(&[], &work.lasting(time), &[semaphore], done)?;
        let begun = Instant::now();
        let exported = device.export(semaphore)?;
        let took = begun.elapsed();
        let is_over = device.is_signalled(done)?;
        let is_pending = match &exported {
            Exported::Fence(fence) => !fence.is_signalled()?,
            Exported::Over => false,
        };
        device.idle();
        let (fences, found) = if is_pending {
            let why = format!("{} ms for the fence of pending work", took.as_millis());
            (DriverFences::Pending, Finding::pass(ASKED, why))
        } else if !is_over {
            let why = "the driver gave out a fence that does not wait for the work";
            (DriverFences::Wrong, Finding::fail(ASKED, why))
        } else if took >= LONG / 4 {
            let why = format!(
                "vkGetSemaphoreFdKHR returned after {} ms, when the work was over",
                took.as_millis()
            );
            let found = match stage.gpu.is_software(stage.device.physical) {
                true => Finding::untold(ASKED, format!("the device computes on the CPU: {why}")),
                false => Finding::fail(ASKED, why),
            };
            (DriverFences::Late, found)
        } else {
            continue;
        };
        stage.fences.set(fences);
        return Ok(vec![found.with("export", took)]);
    }
    Err(Fault("the work was over before anybody asked".to_owned()))
}
