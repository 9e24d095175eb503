//! Verbs that no compositor should have.
//!
//! What needs no verb: never to release is not to call
//! [`release`](crate::Compositor::release), a broken format table is a
//! [`Table`](crate::Table) of [`send_feedback`](crate::Compositor::send_feedback).

use std::os::fd::AsFd;

use crate::buffer::Buffer;
use crate::commit::{Commit, Synchronisation};
use crate::compositor::Compositor;
use crate::feedback::FeedbackEvent;
use crate::frame::ReleaseBy;
use crate::ids::SurfaceId;
use crate::presentation::Presented;
use crate::state::State;

/// Breaks rules for a test.
pub struct Misbehave<'a>(pub(crate) &'a Compositor);

impl Compositor {
    /// Verbs that no compositor should have.
    pub fn misbehave(&self) -> Misbehave<'_> {
        Misbehave(self)
    }
}

impl Misbehave<'_> {
    /// Sends `wl_buffer.release`, and nothing else, whether the buffer was released, is held, or was never
    /// committed. Answers whether its `wl_buffer` exists.
    pub fn release_event(&self, buffer: &Buffer) -> bool {
        self.0.act(|state| match state.buffers.get(&buffer.id) {
            Some(resource) => {
                resource.release();
                true
            }
            None => false,
        })
    }

    /// Answers the commit's release request with a `fenced_release` of this descriptor, which may be
    /// anything.
    ///
    /// # Panics
    /// If it has no release request any more.
    #[track_caller]
    pub fn fenced_release(&self, commit: &Commit, fence: impl AsFd) {
        let done = self.try_fenced_release(commit, fence);
        assert!(
            done,
            "a commit with a zwp_linux_buffer_release_v1 that is not released"
        );
    }

    /// The same, for whoever does not know whether it has one. Answers whether it had.
    pub fn try_fenced_release(&self, commit: &Commit, fence: impl AsFd) -> bool {
        self.0.act(|state| {
            let Some(frame) = state.frames.get_mut(&commit.serial) else {
                return false;
            };
            match &frame.release {
                ReleaseBy::Explicit(release) if !frame.released => {
                    release.fenced_release(fence.as_fd());
                }
                _ => return false,
            }
            frame.released = true;
            state.forget_settled(commit.serial);
            true
        })
    }

    /// Answers a commit's presentation feedbacks, if it has any that are not answered. Answers how many.
    pub fn presented(&self, commit: &Commit, presented: Presented) -> usize {
        self.0
            .act(|state| state.presented(commit.serial, presented))
    }

    /// The same: it was never shown.
    pub fn discarded(&self, commit: &Commit) -> usize {
        self.0.act(|state| state.discard(commit.serial))
    }

    /// Sends these events of dma-buf feedback, in this order, to whoever listens to that of a surface. What new
    /// objects hear stays as it was.
    pub fn feedback(&self, surface: SurfaceId, events: &[FeedbackEvent]) {
        self.0
            .act(|state| state.send_feedback_events(surface, events));
    }

    /// Signals the commit's release point, and nothing else: the compositor still holds the buffer.
    ///
    /// # Panics
    /// If it has none, or it cannot be signalled.
    #[track_caller]
    pub fn signal_release_point(&self, commit: &Commit) {
        match &commit.fences().synchronisation {
            Synchronisation::Syncobj { release, .. } => {
                release.release(None).expect("the point can be signalled");
            }
            other => panic!("commit {} has no points: {other:?}", commit.serial),
        }
    }

    /// Takes `wp_color_manager_v1` out of the registry, which a compositor "should never" do. What clients
    /// have made of it stays.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn withdraw_color_manager(&self) {
        let withdrawn = self.0.act(|state| {
            let global = state.color_manager.take()?;
            state.display.disable_global::<State>(global);
            Some(())
        });
        withdrawn.expect("a wp_color_manager_v1");
    }

    /// Hides the surface ([`hide`](Compositor::hide)), and keeps its fifo barriers until it is shown again:
    /// commits that wait for one are stuck, with those behind them.
    pub fn hide_and_keep_barriers(&self, surface: SurfaceId) {
        self.0.act(|state| {
            if let Some(surface) = state.surfaces.get_mut(&surface) {
                surface.barriers_stay = true;
            }
        });
        self.0.hide(surface);
    }

    /// Closes the compositor's ends of the commit's timelines. Nothing signals its points any more, a release
    /// neither.
    ///
    /// # Panics
    /// If it has none.
    #[track_caller]
    pub fn close_timelines(&self, commit: &Commit) {
        match &commit.fences().synchronisation {
            Synchronisation::Syncobj {
                acquire, release, ..
            } => {
                acquire.close();
                release.close();
            }
            other => panic!("commit {} has no points: {other:?}", commit.serial),
        }
    }
}
