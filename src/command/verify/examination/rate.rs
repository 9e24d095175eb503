//! Whether FIFO keeps the display's rate with CPU and GPU at work.

use std::collections::VecDeque;
use std::hint;
use std::time::{Duration, Instant};

use ash::vk;

use super::stage::{PATIENCE, Stage};
use crate::command::verify::finding::{Finding, Verdict};
use crate::command::verify::question::Question;
use crate::command::verify::scene::{Fault, Swapchain, Work};

const ASKED: Question = Question::Rate;
/// Of a refresh, what CPU and GPU work each.
const SHARE: f64 = 0.6;
/// Frames that are not counted, until the pace is steady.
const FIRST: usize = 15;
/// Frames that are.
const FRAMES: usize = 60;
/// Frames of which the GPU has not finished with the last, as applications have them.
const AHEAD: usize = 2;
/// What takes longer is no display's rate.
const LONGEST: Duration = Duration::from_millis(60);
/// What takes less is no display's rate either.
const SHORTEST: Duration = Duration::from_millis(2);

/// Measures the pace without work, the work without a window, and both.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    if stage.gpu.is_software(stage.device.physical) {
        return Err(Fault("the device computes on the CPU".to_owned()));
    }
    let work = stage.work()?;
    let swapchain = Swapchain::new(&stage.device, &stage.surface, vk::PresentModeKHR::FIFO, 3)?;
    let mut found = measure(stage, &swapchain, work)?;
    // Another program may have been busy for a moment.
    if found.verdict == Verdict::Fail {
        found = measure(stage, &swapchain, work)?;
    }
    Ok(vec![found])
}

fn measure(stage: &Stage, swapchain: &Swapchain<'_>, work: &Work) -> Result<Finding, Fault> {
    let empty = frames(swapchain, Duration::ZERO, &[])?;
    let time = empty.mul_f64(SHARE);
    let commands = work.lasting(time);
    let mut pace = Pace {
        display: stage.seen.refresh(),
        empty,
        draws: work.takes * commands.len() as u32,
        alone: None,
        both: None,
    };
    if pace.judged().is_none() {
        pace.alone = Some(without_window(swapchain, time, &commands)?);
    }
    if pace.judged().is_none() {
        pace.both = Some(frames(swapchain, time, &commands)?);
    }
    let (verdict, why) = pace
        .judged()
        .unwrap_or((Verdict::Untold, "it was not measured".to_owned()));
    let mut found = Finding::new(ASKED, verdict, why).with("without work", empty);
    for (name, time) in [
        ("the display's refresh", pace.display),
        ("without a window", pace.alone),
        ("in FIFO", pace.both),
    ] {
        if let Some(time) = time {
            found = found.with(name, time);
        }
    }
    Ok(found)
}

/// What was measured, of one frame each.
struct Pace {
    /// The display's refresh, if the compositor tells it.
    display: Option<Duration>,
    /// In FIFO, without work.
    empty: Duration,
    /// What the GPU works.
    draws: Duration,
    /// CPU and GPU, without a window.
    alone: Option<Duration>,
    /// Both, in FIFO.
    both: Option<Duration>,
}

impl Pace {
    /// What can be said of it; `None` if more has to be measured.
    fn judged(&self) -> Option<(Verdict, String)> {
        let untold = |why: &str| Some((Verdict::Untold, why.to_owned()));
        let milliseconds = self.empty.as_secs_f64() * 1e3;
        if !(SHORTEST..=LONGEST).contains(&self.empty) {
            return untold(&format!(
                "a frame without work takes {milliseconds:.1} ms: the window may be hidden"
            ));
        }
        if self
            .display
            .is_some_and(|display| self.empty > display.mul_f64(1.15))
        {
            return untold(&format!(
                "a frame without work takes {milliseconds:.1} ms, longer than the display's refresh: the machine is busy"
            ));
        }
        if self.draws > self.empty.mul_f64(0.8) {
            return untold("the least work of the GPU takes more than its part of a refresh");
        }
        if self.alone? > self.empty.mul_f64(1.1) {
            return untold("CPU and GPU do not keep the rate without a window either");
        }
        let both = self.both?;
        let text = format!(
            "{:.1} frames a second, of {:.1}",
            both.as_secs_f64().recip(),
            self.empty.as_secs_f64().recip()
        );
        Some(match both > self.empty.mul_f64(1.25) {
            true => (Verdict::Fail, text),
            false => (Verdict::Pass, text),
        })
    }
}

/// How long a frame takes.
fn frames(
    swapchain: &Swapchain<'_>,
    cpu: Duration,
    gpu: &[vk::CommandBuffer],
) -> Result<Duration, Fault> {
    time_of_one(swapchain, || {
        let frame = swapchain.acquire()?;
        compute(cpu);
        swapchain.draw(&frame, gpu)?;
        swapchain.present(&frame)?;
        Ok(frame.done)
    })
}

/// How long the same work takes that nobody shows.
fn without_window(
    swapchain: &Swapchain<'_>,
    cpu: Duration,
    gpu: &[vk::CommandBuffer],
) -> Result<Duration, Fault> {
    let device = &swapchain.device;
    let took = time_of_one(swapchain, || {
        compute(cpu);
        let done = device.fence()?;
        device.submit(&[], gpu, &[], done)?;
        Ok(done)
    })?;
    device.idle();
    Ok(took)
}

/// The mean time of a frame, of which `frame` does the work and answers the fence of the GPU's part.
fn time_of_one(
    swapchain: &Swapchain<'_>,
    mut frame: impl FnMut() -> Result<vk::Fence, Fault>,
) -> Result<Duration, Fault> {
    let mut ahead = VecDeque::new();
    let mut since = Instant::now();
    for number in 0..FIRST + FRAMES {
        if number == FIRST {
            since = Instant::now();
        }
        ahead.push_back(frame()?);
        finish(swapchain, &mut ahead)?;
        // A hidden window has nothing to show.
        if number < FIRST && since.elapsed() > PATIENCE {
            return Ok(since.elapsed() / (number as u32 + 1));
        }
    }
    Ok(since.elapsed() / FRAMES as u32)
}

/// Waits until the GPU is no more than two frames behind.
fn finish(swapchain: &Swapchain<'_>, ahead: &mut VecDeque<vk::Fence>) -> Result<(), Fault> {
    if ahead.len() > AHEAD
        && let Some(done) = ahead.pop_front()
    {
        swapchain.device.signals(done, PATIENCE)?;
    }
    Ok(())
}

/// Keeps the CPU busy.
fn compute(time: Duration) {
    let since = Instant::now();
    while since.elapsed() < time {
        hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(of: [u64; 4]) -> Option<Verdict> {
        let [empty, draws, alone, both] = of.map(Duration::from_micros);
        let pace = Pace {
            display: Some(Duration::from_micros(16_667)),
            empty,
            draws,
            alone: Some(alone).filter(|alone| !alone.is_zero()),
            both: Some(both).filter(|both| !both.is_zero()),
        };
        pace.judged().map(|(verdict, _)| verdict)
    }

    #[test]
    fn the_rate_is_kept_or_not_where_it_can_be_kept_at_all() {
        assert_eq!(
            verdict([16_667, 10_000, 11_000, 16_700]),
            Some(Verdict::Pass)
        );
        // One after the other: every second refresh is missed.
        assert_eq!(
            verdict([16_667, 10_000, 11_000, 33_333]),
            Some(Verdict::Fail)
        );
        assert_eq!(
            verdict([16_667, 10_000, 20_000, 33_333]),
            Some(Verdict::Untold)
        );
        assert_eq!(verdict([16_667, 16_000, 0, 0]), Some(Verdict::Untold));
        assert_eq!(verdict([100_000, 10_000, 0, 0]), Some(Verdict::Untold));
        // The display is faster than frames without work are.
        assert_eq!(
            verdict([20_000, 10_000, 11_000, 33_333]),
            Some(Verdict::Untold)
        );
        assert_eq!(verdict([16_667, 10_000, 0, 0]), None);
        assert_eq!(verdict([16_667, 10_000, 11_000, 0]), None);
    }
}
