//! Whether a present returns before its rendering ends, and whether the rendering's fence is there at the
//! commit.

use std::thread;
use std::time::{Duration, Instant};

use super::awake::Clock;
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
    let of_driver = matches!(
        stage.fences.get(),
        DriverFences::Late | DriverFences::Unknown
    );
    let (mut present, mut handed, mut waits) = (None, None, 0);
    let mut why = "the rendering was over before the present";
    // A GPU that was idle may be slower when it is measured than when it draws.
    for time in [LONG, LONG * 4, LONGEST, LONGEST] {
        let frame = swapchain.acquire()?;
        let number = stage.commits()?;
        swapchain.draw(&frame, &work.lasting(time))?;
        let draws_before = !device.is_signalled(frame.done)?;
        let took = swapchain.present(&frame)?;
        let draws_after = !device.is_signalled(frame.done)?;
        let commit = stage.commit(number)?;
        let is_awaited = commit.is_pending();
        // The commit was looked at before.
        let draws_still = !device.is_signalled(frame.done)?;
        if !draws_before {
            continue;
        }
        why = "the rendering was over at the commit";
        let seen = Looked {
            took,
            draws_after,
            is_awaited,
            draws_still,
        };
        waits += usize::from(seen.waited());
        if present.is_none() && (!seen.waited() || of_driver || is_long_waited(waits, time)) {
            present = Some(returned(stage, &seen));
        }
        if handed.is_none() {
            handed = handed_over(device, &frame, &commit, &seen)?;
        }
        // A driver that waits for its work does so again.
        if of_driver || present.is_some() && handed.is_some() {
            break;
        }
    }
    Ok(vec![
        present.unwrap_or_else(|| Finding::untold(Question::Present, why)),
        handed.unwrap_or_else(|| Finding::untold(Question::Commit, why)),
    ])
}

/// Whether presents waited for their rendering that did so `waits` times, the last of work that lasts for `time`. A
/// machine that is busy, or stands still, returns late, too, but not again and again, or from work that lasts much
/// longer.
fn is_long_waited(waits: usize, time: Duration) -> bool {
    waits > 1 && time >= LONGEST
}

/// What a present has shown.
struct Looked {
    /// How long it took.
    took: Duration,
    /// The rendering had not ended when it returned, to the device.
    draws_after: bool,
    /// The same, to the compositor.
    is_awaited: bool,
    /// The rendering had not ended when the commit had been looked at, to the device.
    draws_still: bool,
}

impl Looked {
    /// The rendering had ended when the present returned.
    fn waited(&self) -> bool {
        !self.draws_after && !self.is_awaited
    }
}

fn returned(stage: &Stage, seen: &Looked) -> Finding {
    const ASKED: Question = Question::Present;
    let took = seen.took.as_millis();
    let found = if !seen.waited() {
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

/// What the commit has shown; `None` if the rendering was over before anybody looked at it.
fn handed_over(
    device: &Device,
    frame: &Frame,
    commit: &Commit,
    seen: &Looked,
) -> Result<Option<Finding>, Fault> {
    const ASKED: Question = Question::Commit;
    if let Err(why) = &commit.fence {
        return Ok(Some(match commit.way {
            // Kernels before 6.0 do not tell the fences of a dma-buf.
            Way::Implicit => Finding::untold(ASKED, why),
            Way::Explicit | Way::Syncobj => Finding::fail(ASKED, why),
        }));
    }
    if !commit.was_pending {
        return Ok(bare(seen));
    }
    // All three are looked at in turn: the compositor's fence, the device's own, and the one that the driver
    // gives out for the same work.
    let reference = match device.export(frame.reference)? {
        Exported::Fence(fence) => Some(fence),
        Exported::Over => None,
    };
    let begun = Instant::now();
    let mut watched = Watched::default();
    while begun.elapsed() < LIMIT {
        let now = begun.elapsed();
        let compositor = !commit.is_pending();
        let own = device.is_signalled(frame.done)?;
        let other = match &reference {
            Some(fence) => fence.is_signalled()?,
            None => true,
        };
        watched.look(now, [compositor, own, other]);
        if let [Some(compositor), Some(own), Some(other)] = watched.first {
            return Ok(Some(judged(commit.way, compositor, own, other)));
        }
        thread::sleep(Duration::from_micros(200));
    }
    let why = format!("a fence was pending for more than {} s", LIMIT.as_secs());
    Ok(Some(Finding::fail(ASKED, why)))
}

/// Of a commit with nothing to wait for.
fn bare(seen: &Looked) -> Option<Finding> {
    seen.draws_still.then(|| {
        Finding::fail(
            Question::Commit,
            "the compositor had nothing to wait for, and the GPU still drew",
        )
    })
}

/// When the compositor's fence was first seen signalled, the device's own, and another of the same work.
#[derive(Default)]
struct Watched {
    clock: Clock,
    first: [Option<Duration>; 3],
}

impl Watched {
    /// These were looked at in turn, from this moment on. By the clock a machine that stands still has them signal at
    /// most a step apart.
    fn look(&mut self, now: Duration, signalled: [bool; 3]) {
        let now = self.clock.at(now);
        for (first, signalled) in self.first.iter_mut().zip(signalled) {
            if signalled {
                first.get_or_insert(now);
            }
        }
    }
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

    /// The verdict where these were seen, each in milliseconds: compositor's, own, other.
    fn watched(looks: &[(u64, [bool; 3])]) -> Verdict {
        let mut watched = Watched::default();
        for (at, signalled) in looks {
            watched.look(Duration::from_millis(*at), *signalled);
        }
        let [compositor, own, other] = watched.first.map(Option::unwrap);
        judged(Way::Implicit, compositor, own, other).verdict
    }

    /// Looks every millisecond, of fences that signal at these times.
    fn signal_at(times: [u64; 3]) -> Vec<(u64, [bool; 3])> {
        (0..=*times.iter().max().unwrap())
            .map(|at| (at, times.map(|time| time <= at)))
            .collect()
    }

    #[test]
    fn fences_are_watched_until_each_has_signalled() {
        assert_eq!(watched(&signal_at([240, 200, 200])), Verdict::Pass);
        assert_eq!(watched(&signal_at([500, 200, 200])), Verdict::Fail);
        assert_eq!(watched(&signal_at([50, 200, 200])), Verdict::Fail);
    }

    #[test]
    fn a_stall_between_looks_is_no_time_between_fences() {
        // Between the look at the compositor's fence and the others, and before that.
        let late = [
            (0, [false, false, false]),
            (1, [false, true, true]),
            (501, [true, true, true]),
        ];
        assert_eq!(watched(&late), Verdict::Pass);
        // Who signals stands still, too.
        let late = [
            (0, [false, true, true]),
            (500, [false, true, true]),
            (501, [true, true, true]),
        ];
        assert_eq!(watched(&late), Verdict::Pass);
        let early = [
            (0, [true, false, false]),
            (500, [true, false, false]),
            (501, [true, true, true]),
        ];
        assert_eq!(watched(&early), Verdict::Pass);
    }

    #[test]
    fn a_commit_is_bare_if_the_gpu_draws_after_the_look_at_it() {
        let verdict = |draws_after, draws_still| {
            let seen = Looked {
                took: Duration::ZERO,
                draws_after,
                is_awaited: false,
                draws_still,
            };
            bare(&seen).map(|found| found.verdict)
        };
        assert_eq!(verdict(true, true), Some(Verdict::Fail));
        // The rendering ended on the way from the present to the look.
        assert_eq!(verdict(true, false), None);
        assert_eq!(verdict(false, false), None);
    }

    #[test]
    fn a_present_waits_that_does_so_again_and_for_long() {
        assert!(is_long_waited(3, LONGEST));
        assert!(is_long_waited(2, LONGEST));
        assert!(!is_long_waited(2, LONG));
        assert!(!is_long_waited(1, LONGEST));
    }
}
