//! From a timeline to its numbers.

use std::collections::BTreeMap;

use super::{
    fences::sums,
    numbers::{Culprit, Summary},
    percentiles::Percentiles,
    waits::{Waits, total},
};
use crate::observe::{
    latency::Latencies,
    trace::timeline::{Frame, Outcome, Shown, SwapchainTimeline, Timeline},
};

impl Summary {
    /// What the timeline says.
    pub fn of(timeline: &Timeline) -> Self {
        let swapchains = &timeline.swapchains;
        let frames = || swapchains.iter().flat_map(|swapchain| &swapchain.frames);
        let presented = frames().filter(|frame| frame.commit.is_some());
        let (mut shown, mut discarded, mut unknown) = (0, 0, 0);
        for frame in presented {
            *match frame.outcome {
                Outcome::Shown(_) => &mut shown,
                Outcome::Discarded(_) => &mut discarded,
                Outcome::Unknown => &mut unknown,
            } += 1;
        }
        let acquires = || frames().filter_map(|frame| frame.acquire.as_ref());
        let spans = acquires()
            .map(|acquire| acquire.call)
            .chain(frames().filter_map(|frame| frame.present));
        let begin = spans.clone().map(|span| span.from).min().unwrap_or(0);
        let end = spans.map(|span| span.to).max().unwrap_or(0);
        let reuses = || swapchains.iter().flat_map(reuses);
        let fences_after_acquire = reuses().filter_map(|(before, next)| {
            let returned = next.acquire?.call.to;
            let until = before.release.as_ref()?.fenced_until(end)?;
            until.checked_sub(returned).filter(|after| *after > 0)
        });
        let mut summary = Summary {
            application: timeline.application.clone(),
            pid: timeline.pid,
            compositor: once_each(swapchains, |of| of.compositor.clone()).join(", "),
            synchronisation: once_each(swapchains, |of| of.synchronisation.clone()),
            modes: once_each(swapchains, |of| of.mode.clone()),
            colours: once_each(swapchains, colours),
            swapchains: swapchains.len(),
            duration_ns: end - begin,
            presented: shown + discarded + unknown,
            shown,
            discarded,
            unknown,
            acquire: Percentiles::of(acquires().map(|acquire| acquire.call.length())),
            present: Percentiles::of(frames().filter_map(|f| Some(f.present?.length()))),
            release_to_acquire: Percentiles::of(reuses().filter_map(|(before, next)| {
                let released = before.release.as_ref()?.at;
                Some(next.acquire?.call.to.saturating_sub(released))
            })),
            held_by_compositor: Percentiles::of(
                frames().filter_map(|f| Some(f.let_go()?.saturating_sub(f.commit?))),
            ),
            commit_to_shown: Percentiles::of(frames().filter_map(|f| match f.outcome {
                Outcome::Shown(shown) => Some(shown.at.saturating_sub(f.commit?)),
                _ => None,
            })),
            present_to_shown: Percentiles::of(frames().filter_map(|f| match f.outcome {
                Outcome::Shown(shown) => Some(shown.at.saturating_sub(f.present?.from)),
                _ => None,
            })),
            late: late(frames()),
            fences_after_acquire: Percentiles::of(fences_after_acquire.clone()),
            drawn_after_commit: Percentiles::of(frames().filter_map(|frame| {
                let signalled = frame.rendering.iter().map(|fence| fence.signalled);
                let drawn = signalled.map(|at| at.unwrap_or(end)).max()?;
                drawn.checked_sub(frame.commit?).filter(|after| *after > 0)
            })),
            refresh_ns: refresh(frames()),
            missed_refreshes: total(swapchains.iter().map(missed_refreshes)),
            cpu_waits: total(swapchains.iter().map(|of| of.cpu_waits)),
            fences: sums(
                frames()
                    .filter_map(|frame| frame.release.as_ref())
                    .map(|release| (release.at, release.fences.as_slice())),
                end,
            ),
            renderings: sums(
                frames().filter_map(|frame| Some((frame.commit?, frame.rendering.as_slice()))),
                end,
            ),
            own_writes_ns: 0,
            dropped_events: timeline.dropped_events,
            unwatched_sync_files: timeline.unwatched_sync_files,
            waits: Waits::default(),
            culprit: Culprit::Nobody,
            verdict: String::new(),
        };
        summary.own_writes_ns = total(summary.fences.iter().map(|fence| fence.own_ns));
        summary.waits = Waits::of(swapchains, total(fences_after_acquire));
        summary.culprit = summary.blame();
        summary.verdict = summary.sentence();
        summary
    }
}

/// Each two frames that followed one another in an image.
fn reuses(swapchain: &SwapchainTimeline) -> impl Iterator<Item = (&Frame, &Frame)> + Clone {
    swapchain
        .frames
        .iter()
        .enumerate()
        .filter_map(|(at, next)| {
            let before = swapchain.frames[..at]
                .iter()
                .rfind(|frame| frame.image == next.image)?;
            Some((before, next))
        })
}

fn once_each(
    swapchains: &[SwapchainTimeline],
    what: impl Fn(&SwapchainTimeline) -> String,
) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in swapchains.iter().map(what) {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// The colour space of a swapchain, with its last HDR metadata.
fn colours(of: &SwapchainTimeline) -> String {
    match of.hdr_metadata {
        Some(metadata) => format!("{}, {metadata}", of.color_space),
        None => of.color_space.clone(),
    }
}

fn shown(frame: &Frame) -> Option<Shown> {
    match frame.outcome {
        Outcome::Shown(shown) => Some(shown),
        _ => None,
    }
}

fn late<'a>(frames: impl Iterator<Item = &'a Frame>) -> Latencies {
    let mut late = Latencies::default();
    for latency in frames.filter_map(|frame| shown(frame)?.latency) {
        late.add(&latency);
    }
    late
}

/// The time between refreshes as it was told most often.
fn refresh<'a>(frames: impl Iterator<Item = &'a Frame>) -> u64 {
    let mut told: BTreeMap<u32, u64> = BTreeMap::new();
    for shown in frames
        .filter_map(shown)
        .filter(|shown| shown.refresh_ns > 0)
    {
        *told.entry(shown.refresh_ns).or_default() += 1;
    }
    let most = told.into_iter().max_by_key(|(_, times)| *times);
    most.map_or(0, |(refresh, _)| refresh.into())
}

/// Refreshes between two frames that were shown: by their numbers, where the compositor counts them,
/// else by the time.
fn missed_refreshes(swapchain: &SwapchainTimeline) -> u64 {
    let mut all: Vec<Shown> = swapchain.frames.iter().filter_map(shown).collect();
    all.sort_by_key(|shown| shown.at);
    total(all.windows(2).map(|pair| {
        let refreshes = match (pair[0].sequence, pair[1].sequence, pair[1].refresh_ns) {
            (before @ 1.., after @ 1.., _) if after >= before => after - before,
            (_, _, 0) => 0,
            (_, _, refresh) => {
                let apart = pair[1].at - pair[0].at;
                (apart as f64 / f64::from(refresh)).round() as u64
            }
        };
        refreshes.saturating_sub(1)
    }))
}
