//! Whether the driver gives out the fence of work that still runs.

use std::time::{Duration, Instant};

use super::stage::{DriverFences, LONG, Stage};
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::{Device, Exported, Fault, Work};

const ASKED: Question = Question::Fences;

/// Asks a device without a window.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    let (device, work) = match &stage.plain {
        Ok(plain) => plain,
        Err(why) => return Err(Fault(why.clone())),
    };
    let mut tries = Vec::new();
    // A GPU that was idle may be slower when it is measured than when it draws.
    for time in [LONG, LONG * 4, LONG * 16, LONG * 16] {
        let seen = look(device, work, time)?;
        let took = seen.took;
        tries.push(seen);
        let Some(fences) = judged(&tries) else {
            continue;
        };
        let found = match fences {
            DriverFences::Wrong => Finding::fail(
                ASKED,
                "the driver gave out a fence that does not wait for the work",
            ),
            DriverFences::Late => {
                let why = format!(
                    "vkGetSemaphoreFdKHR returned after {} ms, when the work was over",
                    took.as_millis()
                );
                match stage.gpu.is_software(stage.device.physical) {
                    true => {
                        Finding::untold(ASKED, format!("the device computes on the CPU: {why}"))
                    }
                    false => Finding::fail(ASKED, why),
                }
            }
            DriverFences::Pending | DriverFences::Unknown => Finding::pass(
                ASKED,
                format!("{} ms for the fence of pending work", took.as_millis()),
            ),
        };
        stage.fences.set(fences);
        return Ok(vec![found.with("export", took)]);
    }
    Err(Fault("the work was over before anybody asked".to_owned()))
}

/// What an export has shown.
struct Looked {
    /// How long it took.
    took: Duration,
    /// The fence was pending.
    is_pending: bool,
    /// The work was over, after the look at the fence.
    is_over: bool,
}

fn look(device: &Device, work: &Work, time: Duration) -> Result<Looked, Fault> {
    let semaphore = device.semaphore(true)?;
    let done = device.fence()?;
    device.submit(&[], &work.lasting(time), &[semaphore], done)?;
    let begun = Instant::now();
    let exported = device.export(semaphore)?;
    let took = begun.elapsed();
    let is_pending = match &exported {
        Exported::Fence(fence) => !fence.is_signalled()?,
        Exported::Over => false,
    };
    // Last: work that runs now has run when the fence did not wait.
    let is_over = device.is_signalled(done)?;
    device.idle();
    Ok(Looked {
        took,
        is_pending,
        is_over,
    })
}

/// What the tries say; `None` if it takes another. A machine that stands still during one of them returns late, too, and
/// is not late again.
fn judged(tries: &[Looked]) -> Option<DriverFences> {
    let last = tries.last()?;
    let is_late = |seen: &Looked| !seen.is_pending && seen.took >= LONG / 4;
    if last.is_pending {
        Some(DriverFences::Pending)
    } else if !last.is_over {
        Some(DriverFences::Wrong)
    } else if is_late(last) && tries.iter().filter(|seen| is_late(seen)).count() > 1 {
        Some(DriverFences::Late)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PENDING: (u64, bool, bool) = (0, true, false);
    const LATE: (u64, bool, bool) = (200, false, true);

    fn judge(tries: &[(u64, bool, bool)]) -> Option<DriverFences> {
        let tries: Vec<_> = tries
            .iter()
            .map(|(took, is_pending, is_over)| Looked {
                took: Duration::from_millis(*took),
                is_pending: *is_pending,
                is_over: *is_over,
            })
            .collect();
        judged(&tries)
    }

    #[test]
    fn a_fence_is_pending_while_the_work_runs() {
        assert_eq!(judge(&[PENDING]), Some(DriverFences::Pending));
        assert_eq!(judge(&[(0, false, false)]), Some(DriverFences::Wrong));
        assert_eq!(judge(&[(200, false, false)]), Some(DriverFences::Wrong));
        // The work ended between the looks at the fence and at itself.
        assert_eq!(judge(&[(0, true, true)]), Some(DriverFences::Pending));
    }

    #[test]
    fn an_export_waits_that_is_late_again() {
        assert_eq!(judge(&[LATE, LATE]), Some(DriverFences::Late));
        assert_eq!(
            judge(&[(0, false, true), LATE, LATE]),
            Some(DriverFences::Late)
        );
        // A stall before the look, or in the export.
        assert_eq!(judge(&[(0, false, true)]), None);
        assert_eq!(judge(&[LATE]), None);
        assert_eq!(judge(&[LATE, PENDING]), Some(DriverFences::Pending));
        assert_eq!(judge(&[LATE, (0, false, true)]), None);
    }
}
