//! Whether an acquire is held while the compositor reads.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::awake;
use super::stage::{LONG, PATIENCE, SOON, Stage};
use crate::command::verify::finding::{Finding, Verdict};
use crate::command::verify::question::Question;
use crate::command::verify::scene::{Fault, Frame, Reader, Swapchain};

const ASKED: Question = Question::Acquire;
/// How often is asked whose reader may end before the acquire, as on a machine that stands still for a moment.
const TRIES: usize = 3;

/// What an acquire has shown.
struct Shown {
    finding: Finding,
    /// The reader read as long as was looked, so that another acquire shows nothing else.
    is_certain: bool,
}

impl From<Finding> for Shown {
    fn from(finding: Finding) -> Self {
        Self {
            finding,
            is_certain: true,
        }
    }
}

/// Lets a released image bear a reader, and acquires it.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    stage.seen.mirror(true);
    let found = last(|| released(stage));
    stage.seen.mirror(false);
    Ok(vec![found?])
}

/// What is found with certainty, or by the last try.
fn last(mut shown: impl FnMut() -> Result<Shown, Fault>) -> Result<Finding, Fault> {
    let mut last = shown()?;
    for _ in 1..TRIES {
        if last.is_certain {
            break;
        }
        last = shown()?;
    }
    Ok(last.finding)
}

fn released(stage: &Stage) -> Result<Shown, Fault> {
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
                let shown = acquired(stage, &swapchain, &frame, reader)?;
                for frame in kept {
                    swapchain.draw(&frame, &[])?;
                    swapchain.present(&frame)?;
                }
                return Ok(shown);
            }
            None if frame.index == first.index => {
                return Ok(Finding::untold(ASKED, "the image came back without a release").into());
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
    )
    .into())
}

/// What the acquire of the image has shown on which the reader is.
fn acquired(
    stage: &Stage,
    swapchain: &Swapchain<'_>,
    frame: &Frame,
    reader: &Reader,
) -> Result<Shown, Fault> {
    let device = &swapchain.device;
    if !reader.is_reading()? {
        return Ok(ended(frame.took, stage.readers.occupy()));
    }
    let fence_is_early = device.is_signalled(frame.acquired_fence)? && reader.is_reading()?;
    swapchain.draw(frame, &[])?;
    let since = Instant::now();
    let work_is_done = awake::signals(device, frame.done, LONG)?;
    let still_reads = reader.is_reading()?;
    let work_is_early = work_is_done && still_reads;
    if !reader.ends(PATIENCE)? {
        return Err(Fault("the reader's fence never signalled".to_owned()));
    }
    let held = since.elapsed();
    let fence_signals = awake::signals(device, frame.acquired_fence, SOON)?;
    let work_runs = device.signals(frame.done, PATIENCE)?;
    swapchain.present(frame)?;
    let finding = if fence_is_early {
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
    .with("held", held);
    Ok(Shown {
        // What ran may have run early if the reader ended by itself meanwhile.
        is_certain: finding.verdict == Verdict::Fail || still_reads,
        finding,
    })
}

/// Of a reader that had ended when the acquire returned, which took so long. One that keeps a GPU busy may end within
/// a stall, which then looks like a wait.
fn ended(took: Duration, occupies: bool) -> Shown {
    let waited = took >= LONG;
    let finding = match waited {
        true => Finding::pass(ASKED, "by a wait on the CPU, inside of the acquire"),
        false => Finding::untold(ASKED, "the reader had ended before the acquire"),
    };
    Shown {
        finding: finding.with("acquire", took),
        is_certain: waited && !occupies,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOONER: Duration = Duration::from_millis(1);

    #[test]
    fn an_acquire_that_waited_for_a_patient_reader_is_certain() {
        let shown = ended(LONG * 9, false);
        assert_eq!(
            (shown.finding.verdict, shown.is_certain),
            (Verdict::Pass, true)
        );
        assert!(!ended(LONG * 2, true).is_certain);
        let shown = ended(SOONER, false);
        assert_eq!(
            (shown.finding.verdict, shown.is_certain),
            (Verdict::Untold, false)
        );
    }

    #[test]
    fn whoever_missed_the_reader_asks_again_but_not_without_end() {
        let mut tries = 0;
        let found = last(|| {
            tries += 1;
            Ok(match tries {
                1 => ended(SOONER, false),
                _ => Finding::pass(ASKED, "").into(),
            })
        });
        assert_eq!((found.unwrap().verdict, tries), (Verdict::Pass, 2));
        let mut tries = 0;
        let found = last(|| {
            tries += 1;
            Ok(ended(SOONER, false))
        });
        assert_eq!((found.unwrap().verdict, tries), (Verdict::Untold, TRIES));
    }
}
