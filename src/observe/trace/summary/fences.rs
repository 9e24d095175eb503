//! The fences of a trace, by timeline.

use std::fmt;

use serde::Serialize;

use crate::{
    observe::trace::timeline::{DETACHED, Fence},
    text::{milliseconds, printable},
};

/// The fences of one timeline, in released images or of renderings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FenceSum {
    /// The driver that signals them.
    pub driver: String,
    /// Their timeline.
    pub timeline: String,
    /// How many had signalled when the image came back, or was committed.
    pub signalled: u64,
    /// How many had not.
    pub pending: u64,
    /// For how long these were pending after that, all together.
    pub pending_ns: u64,
    /// The longest of them.
    pub longest_ns: u64,
    /// How much of that was the client's own rendering.
    pub own_ns: u64,
}

impl fmt::Display for FenceSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_named() {
            true => write!(
                f,
                "{} {}",
                printable(&self.driver),
                printable(&self.timeline)
            )?,
            // The kernel forgets it.
            false => f.write_str("no name any more")?,
        }
        let Self {
            signalled, pending, ..
        } = self;
        write!(f, ": {signalled} had signalled, {pending} had not")?;
        match self.longest_ns {
            0 => Ok(()),
            longest => write!(f, " for up to {}", milliseconds(longest)),
        }
    }
}

impl FenceSum {
    /// Whether the names are known: the kernel forgets them when a fence signals.
    pub fn is_named(&self) -> bool {
        self.driver != DETACHED
    }
}

/// Fences by timeline, each with those that it was handed over with, and when; those that were pending for
/// longest first.
pub(super) fn sums<'a>(
    handed: impl Iterator<Item = (u64, &'a [Fence])>,
    end: u64,
) -> Vec<FenceSum> {
    let mut sums: Vec<FenceSum> = Vec::new();
    for (handed_at, fences) in handed {
        for fence in fences {
            let known = sums
                .iter()
                .position(|sum| sum.driver == fence.driver && sum.timeline == fence.timeline);
            let at = known.unwrap_or_else(|| {
                sums.push(FenceSum {
                    driver: fence.driver.clone(),
                    timeline: fence.timeline.clone(),
                    signalled: 0,
                    pending: 0,
                    pending_ns: 0,
                    longest_ns: 0,
                    own_ns: 0,
                });
                sums.len() - 1
            });
            let sum = &mut sums[at];
            match fence.signalled.unwrap_or(end).saturating_sub(handed_at) {
                0 => sum.signalled += 1,
                after => {
                    sum.pending += 1;
                    sum.pending_ns = sum.pending_ns.saturating_add(after);
                    sum.longest_ns = sum.longest_ns.max(after);
                    sum.own_ns = sum.own_ns.saturating_add(if fence.own { after } else { 0 });
                }
            }
        }
    }
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.pending_ns));
    sums
}
