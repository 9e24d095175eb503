//! Who is to blame for most of the waiting, in a sentence.

use super::{
    numbers::{Culprit, Summary},
    waits::{Waits, total},
};
use crate::text::{milliseconds, printable};

/// Waits that are a smaller part of the time than this are nobody's fault.
const NEGLIGIBLE: f64 = 0.02;
/// A display that shows at least this part of what it could keeps its pace.
const KEEPS_PACE: f64 = 0.95;

impl Summary {
    /// Who is to blame.
    pub(super) fn blame(&self) -> Culprit {
        let Waits {
            pace_ns,
            compositor_ns,
            application_ns,
            fences_ns,
            driver_ns,
        } = self.waits;
        let all = [pace_ns, compositor_ns, application_ns, fences_ns, driver_ns];
        let most = all.into_iter().max().unwrap_or(0);
        if total(all) as f64 <= self.duration_ns as f64 * NEGLIGIBLE {
            return Culprit::Nobody;
        }
        let refreshes = self.shown.saturating_add(self.missed_refreshes);
        let keeps_pace = self.refresh_ns > 0
            && self.shown > 1
            && self.shown as f64 >= refreshes as f64 * KEEPS_PACE;
        let is_paced = self.modes.iter().all(|mode| mode.starts_with("FIFO"));
        match () {
            () if most == fences_ns => Culprit::Fences,
            () if most == driver_ns => Culprit::Driver,
            () if most == application_ns => Culprit::Application,
            // A queue that is full of frames is how the display's pace reaches an application.
            () if keeps_pace && (most == pace_ns || is_paced) => Culprit::Display,
            () if most == pace_ns => Culprit::CompositorPace,
            () => Culprit::Compositor,
        }
    }

    /// The same, as a sentence or two.
    pub(super) fn sentence(&self) -> String {
        let compositor = printable(&self.compositor);
        let Waits {
            pace_ns,
            compositor_ns,
            application_ns,
            fences_ns,
            driver_ns,
        } = self.waits;
        let cause = match self.culprit {
            Culprit::Nobody => "Nothing held you up.".to_owned(),
            Culprit::Display => format!(
                "Nothing held you up but the pace of the display: you waited {} in all for it, and \
                 it showed {} frames in {} refreshes.",
                milliseconds(total([pace_ns, compositor_ns])),
                self.shown,
                self.shown.saturating_add(self.missed_refreshes),
            ),
            Culprit::CompositorPace => format!(
                "The compositor ({compositor}) held you up: you waited {} in all for it to begin \
                 with the frame before{}.",
                milliseconds(pace_ns),
                self.slow_pace(),
            ),
            Culprit::Compositor => format!(
                "The compositor ({compositor}) held your images, for {}{} at the median and {} at \
                 worst: you waited {} in all for one to come free.",
                milliseconds(self.held_by_compositor.p50_ns),
                self.in_refreshes(self.held_by_compositor.p50_ns),
                milliseconds(self.held_by_compositor.max_ns),
                milliseconds(compositor_ns),
            ),
            Culprit::Application => format!(
                "You held all images yourself: acquires waited {} in all while none was the \
                 compositor's.",
                milliseconds(application_ns),
            ),
            Culprit::Fences => self.fences_sentence(fences_ns),
            Culprit::Driver => format!(
                "No window system held you up: {} in all passed inside of acquire and present in the \
                 driver, {} of a present at the median.",
                milliseconds(driver_ns),
                milliseconds(self.present.p50_ns),
            ),
        };
        format!("{cause} {}", self.own_writes())
    }

    fn fences_sentence(&self, fences_ns: u64) -> String {
        let longest = self.fences.iter().max_by_key(|fence| fence.pending_ns);
        match longest.filter(|fence| fence.pending > 0) {
            Some(fence) => format!(
                "The fence of {} {} held your images after the compositor ({}) had released them, \
                 {} of them, for {}{} at worst: you waited {} in all for it.",
                printable(&fence.driver),
                printable(&fence.timeline),
                printable(&self.compositor),
                fence.pending,
                milliseconds(fence.longest_ns),
                self.in_refreshes(fence.longest_ns),
                milliseconds(fences_ns),
            ),
            None => format!(
                "Fences that the kernel could not name held your images after the compositor ({}) had \
                 released them: the CPU waited {} in all for them.",
                printable(&self.compositor),
                milliseconds(fences_ns),
            ),
        }
    }

    fn own_writes(&self) -> String {
        match self.own_writes_ns {
            0 => "No image came back with an unfinished write of your own driver's.".to_owned(),
            ns => format!(
                "Images came back with unfinished writes of your own driver's, for {} in all.",
                milliseconds(ns)
            ),
        }
    }

    fn slow_pace(&self) -> String {
        match self.refresh_ns {
            0 => String::new(),
            _ => format!(
                "; {} refreshes of {} showed nothing new",
                self.missed_refreshes,
                self.shown.saturating_add(self.missed_refreshes)
            ),
        }
    }

    fn in_refreshes(&self, ns: u64) -> String {
        match self.refresh_ns {
            0 => String::new(),
            refresh => format!(" ({:.1} refreshes)", ns as f64 / refresh as f64),
        }
    }
}
