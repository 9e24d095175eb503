//! What threads do to each other here, in every order that a model checker tries: the files that share something,
//! compiled anew with the locks of `shuttle`, which lets one thread run at a time and switches at each of them.
//!
//! Each check runs as many schedules as take a second; `WAYFENCE_MODEL_SCHEDULES` says how many instead.

#![allow(clippy::duplicate_mod, reason = "that is how they get other locks")]

mod sync {
    pub(super) use shuttle::sync::{Arc, Condvar, Mutex, Weak};
    pub(super) use std::sync::PoisonError;

    pub(super) fn lock<T>(mutex: &Mutex<T>) -> shuttle::sync::MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[path = "../registry.rs"]
mod registry;
#[path = "../shared.rs"]
mod shared;
#[path = "../turns.rs"]
mod turns;

mod objects;
mod reading;

/// Checks this in schedules at random, and in others that switch as seldom as a fault needs (`PCT`): half each.
pub(crate) fn check(usual: usize, what: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("WAYFENCE_MODEL_SCHEDULES")
        .ok()
        .and_then(|schedules| schedules.parse().ok())
        .unwrap_or(usual);
    let what = std::sync::Arc::new(what);
    let at_random = std::sync::Arc::clone(&what);
    shuttle::check_random(move || at_random(), schedules / 2);
    shuttle::check_pct(move || what(), schedules / 2, 3);
}
