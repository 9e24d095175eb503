//! Whether a present returns before its rendering ends, and whether the rendering's fence is there at the
//! commit.

use std::thread;
use std::time::{Duration, Instant};

use super::stage::{DriverFences, LONG, SOON, Stage};
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::{Device, Exported, Fault, Frame};
use crate::command::verify::wire::{Commit, Way};

/// No work is pending for longer.
const LIMIT: Duration = Duration::from_secs(12);

/// The longest work.
const LONGEST: Duration = Duration::from_secs(3);

/// Presents a frame whose rendering lasts.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    let work = stage.work()?;
    let swapchain = stage.swapchain()?;
    let device = &swapchain.device;
    for _ in 0..3 {
        swapchain.show()?;
    }
    // A GPU that was idle may be slower when it is measured than when it draws.
    for time in [LONG, LONG * 4, LONGEST] {
        let frame = swapchain.acquire()?;
        let number = stage.commits()?;
        swapchain.draw(&frame, &work.lasting(time))?;
        let draws_before = !device.is_signalled(frame.done)?;
        let took = swapchain.present(&frame)?;
        let draws_after = !device.is_signalled(frame.done)?;
        let commit = stage.commit(number)?;
        let is_awaited = commit.is_pending();
        if !draws_before {
            continue;
        }
        let seen = Looked {
            took,
            draws_after,
            is_awaited,
        };
        // A machine that is busy returns late, too, but not from work that lasts much longer.
        let waited = !draws_after && !is_awaited;
        let of_driver = matches!(
            stage.fences.get(),
            DriverFences::Late | DriverFences::Unknown
        );
        if waited && !of_driver && time < LONGEST {
            continue;
        }
        return Ok(vec![
            returned(stage, &seen),
            handed_over(device, &frame, &commit, &seen)?,
        ]);
    }
    let why = "the rendering was over before the present";
    Ok(vec![
        Finding::untold(Question::Present, why),
        Finding::untold(Question::Commit, why),
    ])
}

/// What a present has shown.
struct Looked {
    /// How long it took.
    took: Duration,
    /// The rendering had not ended when it returned, to the device.
    draws_after: bool,
    /// The same, to the compositor.
    is_awaited: bool,
}

fn returned(stage: &Stage, seen: &Looked) -> Finding {
    const ASKED: Question = Question::Present;
    let took = seen.took.as_millis();
    let found = if seen.draws_after || seen.is_awaited {
        Finding::pass(
            ASKED,
            format!("it returned after {took} ms, while the GPU drew"),
        )
    } else if stage.fences.get() == DriverFences::Late {
        Finding::untold(
            ASKED,
            "the driver waits for its work when it gives a fence out",
        )
    } else if stage.fences.get() == DriverFences::Unknown {
        Finding::untold(
            ASKED,
            format!("it waited {took} ms, and whether for the driver is not known"),
        )
    } else {
        Finding::fail(
            ASKED,
            format!("it returned after {took} ms, when the rendering was over"),
        )
    };
    found.with("present", seen.took)
}

fn handed_over(
    device: &Device,
    frame: &Frame,
    commit: &Commit,
    seen: &Looked,
) -> Result<Finding, Fault> {
    const ASKED: Question = Question::Commit;
    if let Err(why) = &commit.fence {
        return Ok(match commit.way {
            // Kernels before 6.0 do not tell the fences of a dma-buf.
            Way::Implicit => Finding::untold(ASKED, why),
            Way::Explicit | Way::Syncobj => Finding::fail(ASKED, why),
        });
    }
    if !commit.was_pending {
        return Ok(match seen.draws_after {
            true => Finding::fail(
                ASKED,
                "the compositor had nothing to wait for, and the GPU still drew",
            ),
            false => Finding::untold(ASKED, "the rendering was over at the commit"),
        });
    }
    // All three are looked at in turn: the compositor's fence, the device's own, and the one that the driver
    // gives out for the same work.
    let reference = match device.export(frame.reference)? {
        Exported::Fence(fence) => Some(fence),
        Exported::Over => None,
    };
    let begun = Instant::now();
    let (mut compositor, mut own, mut other) = (None, None, None);
    while begun.elapsed() < LIMIT && (compositor.is_none() || own.is_none() || other.is_none()) {
        let now = begun.elapsed();
        if compositor.is_none() && !commit.is_pending() {
            compositor = Some(now);
        }
        if own.is_none() && device.is_signalled(frame.done)? {
            own = Some(now);
        }
        let is_over = match &reference {
            Some(fence) => fence.is_signalled()?,
            None => true,
        };
        if other.is_none() && is_over {
            other = Some(now);
        }
        thread::sleep(Duration::from_micros(200));
    }
    let (Some(compositor), Some(own), Some(other)) = (compositor, own, other) else {
        return Ok(Finding::fail(
            ASKED,
            format!("a fence was pending for more than {} s", LIMIT.as_secs()),
        ));
    };
    Ok(judged(commit.way, compositor, own, other))
}

/// When the compositor's fence has signalled, when the device's own, and when another of the same work: those two are
/// one moment, unless a driver's sync_files signal when it gets round to it.
fn judged(way: Way, compositor: Duration, own: Duration, other: Duration) -> Finding {
    const ASKED: Question = Question::Commit;
    let found = if compositor + SOON < own {
        Finding::fail(
            ASKED,
            "the compositor's fence signalled before the rendering ended",
        )
    } else if compositor > own.max(other) + SOON {
        Finding::fail(
            ASKED,
            "the compositor's fence signalled long after the rendering",
        )
    } else {
        Finding::pass(
            ASKED,
            format!("{way}, pending, and signalled with the rendering"),
        )
    };
    found
        .with("compositor's fence", compositor)
        .with("rendering", own.max(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::verify::finding::Verdict;

    #[test]
    fn the_compositors_fence_signals_with_the_rendering() {
        let verdict = |times: [u64; 3]| {
            let [compositor, own, other] = times.map(Duration::from_millis);
            judged(Way::Implicit, compositor, own, other).verdict
        };
        assert_eq!(verdict([200, 200, 200]), Verdict::Pass);
        assert_eq!(verdict([190, 200, 200]), Verdict::Pass);
        assert_eq!(verdict([50, 200, 200]), Verdict::Fail);
        assert_eq!(verdict([500, 200, 200]), Verdict::Fail);
        // All sync_files of this driver are late.
        assert_eq!(verdict([500, 200, 500]), Verdict::Pass);
    }
}
