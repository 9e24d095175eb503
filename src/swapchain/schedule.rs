//! When the frames of a swapchain are committed: after the frames before them where the present mode says so,
//! and at the time that the application has asked for.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use super::{
    pacing,
    present_mode::PresentMode,
    presentations::{Presentations, Report, Target, Time},
};
use crate::{
    deadline::Deadline,
    error::Result,
    lock::lock,
    observe::trace::{self, CommitRecord, FrameTrace},
    wayland::{FifoSurface, Lease, Meant, Pace, Surface, TearingSurface, TimerSurface, Watched},
};

/// The order and the times of one swapchain's commits.
pub(super) struct Schedule {
    /// How the last image was presented.
    mode: Mutex<PresentMode>,
    /// Where FIFO is kept by the compositor.
    fifo: Option<Lease<FifoSurface>>,
    /// Where an image may tear. Kept for [`Surface::commit`].
    _tearing: Option<Lease<TearingSurface>>,
    /// Where an image may be meant for a time.
    timer: Option<Lease<TimerSurface>>,
    presentations: Arc<Mutex<Presentations>>,
    /// Goes after the objects above, which are on it.
    surface: Arc<Surface>,
}

impl Schedule {
    /// The schedule of a swapchain with these modes, which begins with `mode`. `timed`: its frames may have
    /// target times.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::error::Error::Unsupported) if a mode needs what the compositor does not
    /// offer.
    pub(super) fn new(
        surface: &Arc<Surface>,
        mode: PresentMode,
        modes: &[PresentMode],
        timed: bool,
    ) -> Result<Self> {
        let fifo = match modes.iter().any(|mode| mode.is_queued()) {
            true => surface.fifo(),
            false => None,
        };
        let tearing = match modes.iter().any(|mode| mode.tears()) {
            true => Some(surface.tearing()?),
            false => None,
        };
        Ok(Schedule {
            mode: Mutex::new(mode),
            fifo,
            _tearing: tearing,
            timer: timed.then(|| surface.timer()).flatten(),
            presentations: Arc::default(),
            surface: Arc::clone(surface),
        })
    }

    /// The mode that is in force from now on.
    pub(super) fn set_mode(&self, mode: PresentMode) {
        *lock(&self.mode) = mode;
    }

    /// The record of what became of the frames.
    pub(super) fn presentations(&self) -> MutexGuard<'_, Presentations> {
        lock(&self.presentations)
    }

    /// The listener for the presentation of a frame that is committed now, if one is needed: with this serial,
    /// if the frame is in the record, and this place in the trace.
    pub(super) fn watched(
        &self,
        serial: Option<u64>,
        traced: Option<FrameTrace>,
    ) -> Option<Watched> {
        let recorded = serial.map(|serial| (Arc::clone(&self.presentations), serial));
        self.surface.watched(self.pace(), recorded, traced)
    }

    /// The mode in force.
    pub(super) fn mode(&self) -> PresentMode {
        *lock(&self.mode)
    }

    /// How the next commit follows the one before it.
    pub(super) fn pace(&self) -> Pace<'_> {
        match (self.mode(), &self.fifo) {
            (PresentMode::FifoLatestReady, Some(fifo)) => Pace::Latest(fifo),
            (mode, Some(fifo)) if mode.is_paced() => Pace::Queue(fifo),
            (mode, None) if mode.is_paced() => Pace::Callbacks,
            _ => Pace::Free,
        }
    }

    /// Waits until the next frame may be committed. Returns whether nobody sees the surface, so that a queue in
    /// the compositor could wait for ever, and the time for which the compositor should keep the frame.
    ///
    /// A compositor need not keep to the target time where nobody sees the surface: then this waits for it, for
    /// a second at most. Where no display has driven the surface's refreshes yet this waits, too, however long
    /// that is: Mutter measures nothing on a virtual monitor, and then shows such a frame only when something
    /// else is drawn.
    ///
    /// In FIFO_LATEST_READY nothing but a target time is waited for.
    pub(super) fn keep(
        &self,
        target: Option<Target>,
        record: &mut CommitRecord<'_>,
    ) -> Result<(bool, Option<Meant<'_>>)> {
        match (self.pace(), target) {
            (Pace::Free, _) | (Pace::Latest(_), None) => return Ok((false, None)),
            (Pace::Latest(_), Some(_)) | (Pace::Callbacks | Pace::Queue(_), _) => {}
        }
        let latest = target.map(|_| Instant::now() + pacing::SHORTEST_PATIENCE);
        loop {
            if self.paced_until().is_some() {
                record.waits_for_pace();
            }
            let unseen = self.surface.is_unseen()?;
            // The frame before may have been shown by now, from when a relative time counts.
            let meant = target.and_then(|target| self.meant(target));
            let is_told = !unseen && self.surface.refresh().is_driven();
            let before = target
                .filter(|_| !is_told && !unseen)
                .and_then(|target| self.unheard_before(target));
            let held = meant
                .filter(|_| !is_told)
                .map(|meant| {
                    let latest = latest.filter(|_| unseen);
                    latest.map_or(meant.instant, |latest| meant.instant.min(latest))
                })
                .filter(|instant| *instant > Instant::now());
            let Some(due) = self.paced_until().or(before).or(held) else {
                record.waits_no_longer();
                return Ok((unseen, meant.filter(|_| is_told)));
            };
            record.waits_for_pace();
            self.surface.display().wait(Deadline::At(due), || {
                let is_seen_again = unseen && !self.surface.is_known_unseen();
                let is_over = match (before, target) {
                    (Some(_), Some(target)) => self.unheard_before(target).is_none(),
                    _ => held.is_none() || is_seen_again,
                };
                (self.paced_until().is_none() && is_over).then_some(())
            })?;
        }
    }

    /// Records that a frame is committed, with this number, if it has one. Returns its serial in the record.
    pub(super) fn committed(
        &self,
        id: Option<u64>,
        mut report: Option<Report>,
        target: Option<Target>,
        meant: Option<Meant<'_>>,
    ) -> u64 {
        let refresh = self.surface.refresh().duration();
        let now = Instant::now();
        let since = meant.map_or(now, |meant| meant.instant.max(now));
        let mut presentations = self.presentations();
        if let Some(report) = &mut report {
            let target = target.filter(|_| self.timer.is_some() && self.mode().is_queued());
            report.target = target.and_then(|target| presentations.not_before(target, refresh));
            report.committed = trace::now();
        }
        // After the frame before, and not in the past.
        let newest = presentations.newest();
        let next = newest.map_or(0, |newest| newest.saturating_add(refresh));
        let expected = meant.map_or(0, |meant| meant.at).max(trace::now());
        let serial = presentations.committed(id, report, now, since);
        presentations.expect(match self.surface.is_known_unseen() {
            true => expected,
            false => expected.max(next),
        });
        serial
    }

    /// The target time, if the compositor can be told of it, and if it is still to come.
    fn meant(&self, target: Target) -> Option<Meant<'_>> {
        let timer = self.timer.as_deref().filter(|_| self.mode().is_queued())?;
        let refresh = self.surface.refresh().duration();
        let at = self.presentations().not_before(target, refresh)?;
        let ahead = at.checked_sub(trace::now()).filter(|ahead| *ahead > 0)?;
        let instant = Instant::now().checked_add(Duration::from_nanos(ahead))?;
        Some(Meant { timer, at, instant })
    }

    /// Until when feedback for the frame before may still come, where the target counts from when that frame
    /// was shown.
    fn unheard_before(&self, target: Target) -> Option<Instant> {
        let (Time::After(_), Some(_), true) = (target.time, &self.timer, self.mode().is_queued())
        else {
            return None;
        };
        let until = self.presentations().newest_unheard_until()?;
        (until > Instant::now()).then_some(until)
    }

    fn paced_until(&self) -> Option<Instant> {
        self.surface.not_before(self.pace(), Instant::now())
    }
}
