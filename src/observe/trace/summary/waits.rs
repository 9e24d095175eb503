//! What the application waited for.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::slice;

use serde::Serialize;

use crate::observe::trace::timeline::{Acquire, Frame, SwapchainTimeline};

/// What the application waited for, all together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// For the compositor to start showing the frame before.
    pub pace_ns: u64,
    /// For an image, while the compositor held some.
    pub compositor_ns: u64,
    /// For an image, while the application held all of them.
    pub application_ns: u64,
    /// For fences of images that the compositor had released.
    pub fences_ns: u64,
    /// The rest of acquire and present: in the driver, or on the way to it.
    pub driver_ns: u64,
}

impl Waits {
    /// The waits of these swapchains, with so many nanoseconds for fences after an acquire.
    pub(super) fn of(swapchains: &[SwapchainTimeline], fences_after_acquire: u64) -> Self {
        let mut waits = Waits {
            fences_ns: fences_after_acquire,
            ..Waits::default()
        };
        let add = |sum: &mut u64, ns: u64| *sum = sum.saturating_add(ns);
        for swapchain in swapchains {
            let acquires = swapchain.frames.iter().filter_map(|f| f.acquire.as_ref());
            let mut acquires: Vec<&Acquire> = acquires.chain(&swapchain.fruitless).collect();
            acquires.sort_by_key(|acquire| acquire.call.from);
            let mut holders = Holders::of(swapchain);
            for acquire in acquires {
                let waited = acquire.waited;
                add(&mut waits.fences_ns, waited.busy_ns);
                let holder = match holders.is_compositor_at(acquire.call.from) {
                    true => &mut waits.compositor_ns,
                    false => &mut waits.application_ns,
                };
                add(holder, waited.no_image_ns);
                let known = total([waited.no_image_ns, waited.busy_ns]);
                add(
                    &mut waits.driver_ns,
                    acquire.call.length().saturating_sub(known),
                );
            }
            for frame in &swapchain.frames {
                if let Some(present) = frame.present {
                    add(&mut waits.pace_ns, frame.paced_ns);
                    add(
                        &mut waits.driver_ns,
                        present.length().saturating_sub(frame.paced_ns),
                    );
                }
            }
        }
        waits
    }
}

/// Who held the images of a swapchain over time.
struct Holders<'a> {
    /// Those that have not begun.
    frames: Peekable<slice::Iter<'a, Frame>>,
    /// The last frame of each image.
    last: BTreeMap<u32, &'a Frame>,
}

impl<'a> Holders<'a> {
    fn of(swapchain: &'a SwapchainTimeline) -> Self {
        Holders {
            frames: swapchain.frames.iter().peekable(),
            last: BTreeMap::new(),
        }
    }

    /// Whether the compositor held one then. To be called with times in ascending order.
    fn is_compositor_at(&mut self, at: u64) -> bool {
        let begun = |frame: &&Frame| {
            let acquired = frame.acquire.map(|acquire| acquire.call.to);
            acquired.or(frame.commit).is_none_or(|begun| begun <= at)
        };
        while let Some(frame) = self.frames.next_if(begun) {
            self.last.insert(frame.image, frame);
        }
        self.last.values().any(|frame| {
            frame.commit.is_some_and(|commit| commit <= at)
                && frame.release.as_ref().is_none_or(|release| release.at > at)
        })
    }
}

/// A sum that stops at the end: a file may say anything.
pub(super) fn total(all: impl IntoIterator<Item = u64>) -> u64 {
    all.into_iter().fold(0, u64::saturating_add)
}
