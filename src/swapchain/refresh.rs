//! The shortest time between two refreshes of the display, and whether it is fixed: from what `wp_presentation`
//! says of shown frames, or before the first of them from the compositor's outputs.
//!
//! A compositor with version 1 gives a time to the next refresh only where that is constant. Since version 2 it
//! may give one where it is not: "an appropriate rate picked by the compositor (e.g. fastest rate)". Then the
//! shown frames decide. A fixed display also refreshes when there is nothing new, so that the time between two
//! frames is a whole number of refreshes, which the counter gives. A display that waits for its frames shows
//! them off that grid.

/// What `wp_presentation_feedback.presented` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shown {
    /// When, in nanoseconds of `CLOCK_MONOTONIC`; `None` if the compositor's clock cannot be read.
    pub at: Option<u64>,
    /// The time to the next refresh in nanoseconds; 0 if it is not known.
    pub refresh: u32,
    /// The number of the refresh; 0 if they are not counted.
    pub sequence: u64,
    /// It was shown from the start of a refresh: no tearing.
    pub in_step: bool,
    /// The time is the hardware's.
    pub by_hardware: bool,
    /// The hardware reported that it has begun to use the image.
    pub is_complete: bool,
    /// The version of `wp_presentation` of this event.
    pub version: u32,
}

impl Shown {
    /// When its first pixel was visible, if the hardware has reported both that it has begun to use the image
    /// and when. Either alone is not enough: with a clock of the compositor the time is when it heard of that,
    /// and Mutter claims for virtual monitors, where nothing is visible, that the hardware has reported the
    /// image, but not when.
    pub fn seen_at(&self) -> Option<u64> {
        self.at.filter(|_| self.is_complete && self.by_hardware)
    }
}

/// Whether the time from one refresh to the next is always the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rate {
    /// Nobody knows.
    #[default]
    Unknown,
    /// It is.
    Fixed,
    /// A refresh may be longer.
    Variable,
}

/// How many frames in a row must agree.
const EVIDENCE: i8 = 3;

/// A frame counts as on the grid if it is off by no more than this part of a refresh.
const TOLERANCE: u64 = 8;

/// The refresh of the display on which a surface is shown. Pure.
#[derive(Debug, Default)]
pub struct Refresh {
    duration: u64,
    rate: Rate,
    changes: u64,
    driven: bool,
    last: Option<(u64, u64)>,
    /// How many frames in a row say that it is fixed, or, below 0, that it is variable.
    evidence: i8,
}

impl Refresh {
    /// The least time from one refresh to the next in nanoseconds; 0 if it is not known.
    pub fn duration(&self) -> u64 {
        self.duration
    }

    /// Whether that is always the same.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Whether nothing is known of it.
    pub fn is_untold(&self) -> bool {
        self.changes == 0
    }

    /// Assumes this time until a shown frame gives another one. No output says whether it is fixed.
    pub fn assume(&mut self, duration: u64) {
        if self.is_untold() {
            self.duration = duration;
            self.changes += 1;
        }
    }

    /// How often either has changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether a display drives it, by the last shown frame: that was shown in step with the display, or at a
    /// time that its hardware gave. Else a timer of the compositor drives it, as where there is no display. The
    /// flag for hardware completion does not count: Mutter sets it for virtual monitors. `false` before a frame
    /// was shown.
    pub fn is_driven(&self) -> bool {
        self.driven
    }

    /// A frame was shown.
    pub fn shown(&mut self, shown: &Shown) {
        let duration = u64::from(shown.refresh);
        self.driven = shown.in_step || shown.by_hardware;
        let mut rate = self.rate;
        if duration != self.duration {
            // Another mode, or another display.
            rate = Rate::Unknown;
            self.evidence = 0;
            self.last = None;
        }
        if shown.version < 2 {
            rate = match duration {
                0 => Rate::Unknown,
                _ => Rate::Fixed,
            };
        } else {
            self.weigh(shown);
            if self.evidence >= EVIDENCE {
                rate = Rate::Fixed;
            } else if self.evidence <= -EVIDENCE {
                rate = Rate::Variable;
            }
        }
        if (duration, rate) != (self.duration, self.rate) {
            (self.duration, self.rate) = (duration, rate);
            self.changes += 1;
        }
    }

    fn weigh(&mut self, shown: &Shown) {
        let refresh = u64::from(shown.refresh);
        let Some(at) = shown.at.filter(|_| shown.in_step && refresh > 0) else {
            self.last = None;
            return;
        };
        let Some((before, sequence)) = self.last.replace((at, shown.sequence)) else {
            return;
        };
        let Some(passed) = at.checked_sub(before) else {
            return;
        };
        let refreshes = match shown.sequence.checked_sub(sequence) {
            Some(counted) if counted > 0 && sequence > 0 => counted,
            _ => passed.saturating_add(refresh / 2) / refresh,
        };
        let off = passed.abs_diff(refreshes.saturating_mul(refresh));
        // The longer the time, the further off are clocks other than the hardware's.
        if off <= refresh / TOLERANCE {
            // A frame at each refresh is on the grid of any display that is fast enough.
            if refreshes > 1 {
                self.evidence = self.evidence.max(0).saturating_add(1);
            }
        } else if shown.by_hardware {
            self.evidence = self.evidence.min(0).saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: u32 = 16_666_667;

    fn shown(at: u64, sequence: u64) -> Shown {
        Shown {
            at: Some(at),
            refresh: REFRESH,
            sequence,
            in_step: true,
            by_hardware: true,
            is_complete: true,
            version: 2,
        }
    }

    #[test]
    fn a_pixel_is_seen_when_the_hardware_says_that_and_when() {
        for (is_complete, by_hardware) in [(true, true), (true, false), (false, true)] {
            let shown = Shown {
                is_complete,
                by_hardware,
                ..shown(7, 0)
            };
            let seen = is_complete && by_hardware;
            assert_eq!(shown.seen_at(), seen.then_some(7));
        }
    }

    #[test]
    fn nothing_is_known_before_a_frame_is_shown() {
        let refresh = Refresh::default();
        assert_eq!((refresh.duration(), refresh.rate()), (0, Rate::Unknown));
    }

    #[test]
    fn what_was_assumed_counts_until_a_frame_tells() {
        for told in [REFRESH, REFRESH / 2, 0] {
            let mut refresh = Refresh::default();
            refresh.assume(REFRESH.into());
            refresh.assume(7);
            assert_eq!(refresh.duration(), u64::from(REFRESH));
            assert_eq!((refresh.rate(), refresh.changes()), (Rate::Unknown, 1));
            refresh.shown(&Shown {
                refresh: told,
                ..shown(7, 0)
            });
            assert_eq!(refresh.duration(), u64::from(told));
            refresh.assume(REFRESH.into());
            assert_eq!(refresh.duration(), u64::from(told));
        }
    }

    #[test]
    fn the_first_version_tells_of_fixed_displays_only() {
        for (told, rate) in [(REFRESH, Rate::Fixed), (0, Rate::Unknown)] {
            let mut refresh = Refresh::default();
            refresh.shown(&Shown {
                refresh: told,
                version: 1,
                ..shown(7, 0)
            });
            assert_eq!(
                (refresh.duration(), refresh.rate()),
                (u64::from(told), rate)
            );
        }
    }

    #[test]
    fn a_display_that_refreshes_without_a_frame_is_fixed() {
        for counted in [true, false] {
            let mut refresh = Refresh::default();
            for frame in 0..=EVIDENCE as u64 {
                assert_eq!(refresh.rate(), Rate::Unknown, "{frame}");
                let sequence = if counted { 100 + 2 * frame } else { 0 };
                // Somewhat off, as clocks are.
                let jitter = frame % 2 * 1_000_000;
                refresh.shown(&shown(2 * frame * u64::from(REFRESH) + jitter, sequence));
            }
            assert_eq!(refresh.rate(), Rate::Fixed);
            assert_eq!(refresh.changes(), 2);
        }
    }

    #[test]
    fn a_display_that_waits_for_its_frames_is_variable() {
        let mut refresh = Refresh::default();
        for frame in 0..=EVIDENCE as u64 {
            refresh.shown(&shown(frame * 23_000_000, 100 + frame));
        }
        assert_eq!(refresh.rate(), Rate::Variable);
    }

    #[test]
    fn a_frame_at_each_refresh_tells_nothing() {
        let mut refresh = Refresh::default();
        for frame in 0..100 {
            refresh.shown(&shown(frame * u64::from(REFRESH), 100 + frame));
        }
        assert_eq!(refresh.rate(), Rate::Unknown);
        assert_eq!(refresh.changes(), 1);
    }

    #[test]
    fn frames_that_tear_and_clocks_of_software_say_not_that_a_display_waits() {
        for (in_step, by_hardware) in [(false, true), (true, false)] {
            let mut refresh = Refresh::default();
            for frame in 0..100 {
                refresh.shown(&Shown {
                    in_step,
                    by_hardware,
                    ..shown(frame * 23_000_000, 100 + frame)
                });
            }
            assert_eq!(refresh.rate(), Rate::Unknown);
        }
    }

    /// A compositor may say anything.
    #[test]
    fn no_time_is_too_late() {
        let mut refresh = Refresh::default();
        for (at, sequence) in [(0, 0), (u64::MAX, 0), (0, u64::MAX), (u64::MAX, 1)] {
            refresh.shown(&Shown {
                refresh: u32::MAX,
                ..shown(at, sequence)
            });
        }
        assert_eq!(refresh.duration(), u64::from(u32::MAX));
    }

    #[test]
    fn a_display_drives_what_is_in_step_with_it_or_has_its_time() {
        let mut refresh = Refresh::default();
        assert!(!refresh.is_driven());
        for (in_step, by_hardware) in [(true, false), (false, true), (false, false)] {
            refresh.shown(&Shown {
                in_step,
                by_hardware,
                ..shown(7, 0)
            });
            assert_eq!(refresh.is_driven(), in_step || by_hardware);
        }
    }

    #[test]
    fn another_mode_is_a_change_of_which_nothing_else_is_known() {
        let mut refresh = Refresh::default();
        for frame in 0..=EVIDENCE as u64 {
            refresh.shown(&shown(2 * frame * u64::from(REFRESH), 100 + 2 * frame));
        }
        let changes = refresh.changes();
        refresh.shown(&Shown {
            refresh: REFRESH / 2,
            ..shown(1 << 40, 1000)
        });
        assert_eq!(refresh.duration(), u64::from(REFRESH / 2));
        assert_eq!(refresh.rate(), Rate::Unknown);
        assert_eq!(refresh.changes(), changes + 1);
    }
}
