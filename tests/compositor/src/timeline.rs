//! The timelines that clients import.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wayfence::syncobj::Timeline;

/// A timeline that a client has imported; `None` for a blind one ([`Syncobj::Blind`]), and once the
/// compositor has closed its end.
#[derive(Debug)]
pub(crate) struct ClientTimeline(Mutex<Option<Timeline>>);

impl ClientTimeline {
    pub fn new(timeline: Option<Timeline>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(timeline)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Option<Timeline>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
